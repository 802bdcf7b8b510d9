package template

import (
	"fmt"
	"regexp"
	"strings"
)

// Reference is a mention of a parameter, a pseudo parameter or a resource.
type Reference struct {
	Position
	// Name is a logical ID, or a pseudo parameter such as "AWS::Region".
	Name string
	// Attribute is "" for what Ref gives.
	Attribute string
}

// String is "Name" or "Name.Attribute".
func (r Reference) String() string {
	if r.Attribute == "" {
		return r.Name
	}
	return r.Name + "." + r.Attribute
}

// pseudo are the pseudo parameters.
var pseudo = map[string]bool{
	"AWS::AccountId": true, "AWS::NoValue": true, "AWS::NotificationARNs": true, "AWS::Partition": true,
	"AWS::Region": true, "AWS::StackId": true, "AWS::StackName": true, "AWS::URLSuffix": true,
}

// References returns everything that the node mentions by Ref, Fn::GetAtt and
// Fn::Sub, in the order of the text. Calls that are malformed mention nothing;
// Validate finds them.
func (n *Node) References() []Reference {
	var out []Reference
	n.Walk(func(x *Node) bool {
		out = append(out, x.own()...)
		return true
	})
	return out
}

// own returns what the call itself mentions, not what its arguments do.
func (n *Node) own() []Reference {
	if n.Kind != Call {
		return nil
	}
	switch n.Function {
	case "Ref":
		if name, ok := n.Argument.Text(); ok {
			return []Reference{{Position: n.Position, Name: name}}
		}
	case "Fn::GetAtt":
		if id, attribute, err := attributeOf(n.Argument); err == nil {
			name, ok := attribute.Text()
			if !ok {
				name = attribute.source() // known when its parameter is
			}
			return []Reference{{n.Position, id, name}}
		}
	case "Fn::Sub":
		if s, err := substitution(n.Argument); err == nil {
			return s.references(n.Position)
		}
	}
	return nil
}

// attributeOf reads the argument of Fn::GetAtt: "Name.Attribute" or
// [Name, Attribute], whose second element may be a Ref to a parameter.
func attributeOf(arg *Node) (id string, attribute *Node, err error) {
	malformed := fmt.Errorf("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
	if arg.Kind == List {
		if len(arg.Items) != 2 {
			return "", nil, malformed
		}
		id, _ = arg.Items[0].Text()
		attribute = arg.Items[1]
	} else if whole, ok := arg.Text(); ok {
		name, rest, _ := strings.Cut(whole, ".")
		id, attribute = name, &Node{Position: arg.Position, Value: rest}
	}
	if s, ok := attribute.Text(); id == "" || attribute == nil || ok && s == "" || !ok && attribute.Kind != Call {
		return "", nil, malformed
	}
	return id, attribute, nil
}

// sub is a text with variables, as Fn::Sub takes it.
type sub struct {
	parts     []subPart
	variables *Node // the map of the list form, or nil
}

// subPart is literal text, or the name of a variable.
type subPart struct{ literal, name string }

var subVariable = regexp.MustCompile(`\$\{[^}]*\}`)
var subName = regexp.MustCompile(`^[A-Za-z0-9_.:]+$`)

func substitution(arg *Node) (*sub, error) {
	s := new(sub)
	format := arg
	if arg.Kind == List {
		if len(arg.Items) != 2 || arg.Items[1].Kind != Map {
			return nil, fmt.Errorf("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
		}
		format, s.variables = arg.Items[0], arg.Items[1]
	}
	t, ok := format.Text()
	if !ok {
		return nil, fmt.Errorf("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
	}
	at := 0
	for _, m := range subVariable.FindAllStringIndex(t, -1) {
		s.parts = append(s.parts, subPart{literal: t[at:m[0]]})
		name := t[m[0]+2 : m[1]-1]
		at = m[1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			s.parts = append(s.parts, subPart{literal: "${" + literal + "}"})
			continue
		}
		name = strings.TrimSpace(name)
		if !subName.MatchString(name) {
			return nil, fmt.Errorf("Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons; found ${%s}", name)
		}
		s.parts = append(s.parts, subPart{name: name})
	}
	s.parts = append(s.parts, subPart{literal: t[at:]})
	return s, nil
}

// references leaves out the variables that the call itself defines.
func (s *sub) references(at Position) []Reference {
	var out []Reference
	for _, p := range s.parts {
		if p.name == "" || s.variables.Get(p.name) != nil {
			continue
		}
		out = append(out, subReference(p.name, at))
	}
	return out
}

func subReference(name string, at Position) Reference {
	id, attribute, _ := strings.Cut(name, ".")
	return Reference{at, id, attribute}
}

// nodes are the parts of a resource in which references count as dependencies.
func (r *Resource) nodes() []*Node {
	return []*Node{r.Properties, r.Metadata, r.CreationPolicy, r.UpdatePolicy}
}

// references returns all references in the resource.
func (r *Resource) references() []Reference {
	var out []Reference
	for _, n := range r.nodes() {
		out = append(out, n.References()...)
	}
	return out
}
