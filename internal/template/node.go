package template

import "encoding/json"

// NodeKind tells the forms of a Node apart.
type NodeKind uint8

// The forms.
const (
	Scalar NodeKind = iota // Value
	List                   // Items
	Map                    // Fields
	Call                   // Function and Argument
)

// Node is a value in a template, before evaluation.
type Node struct {
	Position
	Kind NodeKind
	// Value of a scalar: nil, string, bool, or json.Number, which keeps the
	// digits as written ("8.0" stays "8.0").
	Value  any
	Items  []*Node
	Fields []Field
	// Function is the long name: "Ref", "Fn::Sub", "Condition".
	Function string
	Argument *Node
}

// Field is a key of a map and its value.
type Field struct {
	Position // of the key
	Key      string
	Value    *Node
}

// Get returns the value under key, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for _, f := range n.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return nil
}

// Text returns the scalar as text; numbers and booleans as written.
func (n *Node) Text() (string, bool) {
	if n == nil || n.Kind != Scalar {
		return "", false
	}
	return text(n.Value)
}

// Walk calls visit for the node and everything in it, parents first, until
// visit returns false for a node, whose inside is then left out.
func (n *Node) Walk(visit func(*Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	n.Argument.Walk(visit)
	for _, x := range n.Items {
		x.Walk(visit)
	}
	for _, f := range n.Fields {
		f.Value.Walk(visit)
	}
}

// Plain returns the node as JSON data, functions in their long form, numbers as
// written.
func (n *Node) Plain() any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case List:
		out := make([]any, len(n.Items))
		for i, x := range n.Items {
			out[i] = x.Plain()
		}
		return out
	case Map:
		out := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			out[f.Key] = f.Value.Plain()
		}
		return out
	case Call:
		return map[string]any{n.Function: n.Argument.Plain()}
	}
	return n.Value
}

// source is the canonical text of the node: equal for equal expressions.
func (n *Node) source() string {
	b, err := json.Marshal(n.Plain())
	if err != nil {
		return "" // only for numbers that no parser lets through
	}
	return string(b)
}
