package template

import (
	"fmt"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// Desired is what a template says a resource should be. It has a stable JSON
// form, in which it can be kept as the state before the next comparison.
type Desired struct {
	LogicalID  string         `json:"logicalID"`
	Type       string         `json:"type"`
	Properties map[string]any `json:"properties,omitempty"`
	Metadata   any            `json:"metadata,omitempty"`
	// The policies; "" when not given.
	DeletionPolicy      string `json:"deletionPolicy,omitempty"`
	UpdateReplacePolicy string `json:"updateReplacePolicy,omitempty"`
	CreationPolicy      any    `json:"creationPolicy,omitempty"`
	UpdatePolicy        any    `json:"updatePolicy,omitempty"`
	// Dependencies are the resources that must be there first, sorted.
	Dependencies []string `json:"dependencies,omitempty"`
	// Sensitive names the properties into which a NoEcho parameter goes.
	Sensitive []string `json:"sensitive,omitempty"`
	// Source is where the resource is defined.
	Source Position `json:"source"`
}

// State is what a template says a whole stack should be.
type State struct {
	Parameters map[string]string  `json:"parameters,omitempty"`
	StackTags  map[string]string  `json:"stackTags,omitempty"`
	Resources  map[string]Desired `json:"resources,omitempty"`
}

// State evaluates all resources that their conditions let be.
func (b *Bound) State() (*State, error) {
	s := &State{Parameters: b.Parameters, StackTags: b.env.StackTags, Resources: map[string]Desired{}}
	var errs Errors
	for _, id := range b.Order() {
		d, err := b.Resource(id)
		if err != nil {
			errs.take(b.Template.Resources[id].Position, err)
			continue
		}
		s.Resources[id] = d
	}
	return s, errs.err()
}

// Order is the active resources, each after those it depends on.
func (b *Bound) Order() []string {
	return slices.DeleteFunc(b.Template.Order(), func(id string) bool { return !b.Active(id) })
}

// Active tells whether there is such a resource and its condition holds.
func (b *Bound) Active(id string) bool {
	r, ok := b.Template.Resources[id]
	return ok && (r.Condition == "" || b.Conditions[r.Condition])
}

// Resource evaluates one resource.
func (b *Bound) Resource(id string) (Desired, error) {
	r, ok := b.Template.Resources[id]
	if !ok {
		return Desired{}, fmt.Errorf("%s: there is no resource %s", b.Template.File, id)
	}
	d := Desired{LogicalID: id, Type: r.Type, Source: r.Position}
	for _, dep := range b.Template.Dependencies(id) {
		if b.Active(dep) {
			d.Dependencies = append(d.Dependencies, dep)
		}
	}
	v, err := b.orNil(r.Properties)
	if err != nil {
		return Desired{}, err
	}
	typ, known := schema.Lookup(r.Type)
	if !known {
		typ = &schema.Type{Name: r.Type, OpenProperties: true}
	}
	switch properties := v.(type) {
	case nil:
	case map[string]any:
		d.Properties = typed{typ}.properties(properties, typ.Properties)
	default:
		return Desired{}, &Error{Position: r.Properties.Position, Resource: id,
			Message: fmt.Sprintf("Template format error: [/Resources/%s/Properties] must be an object", id)}
	}
	for _, f := range fieldsOf(r.Properties) {
		if b.mentionsSecret(f.Value) {
			d.Sensitive = append(d.Sensitive, f.Key)
		}
	}
	for _, part := range []struct {
		to *any
		n  *Node
	}{{&d.Metadata, r.Metadata}, {&d.CreationPolicy, r.CreationPolicy}, {&d.UpdatePolicy, r.UpdatePolicy}} {
		v, err := b.orNil(part.n)
		if err != nil {
			return Desired{}, err
		}
		*part.to = plain(v)
	}
	for _, part := range []struct {
		to *string
		n  *Node
	}{{&d.DeletionPolicy, r.deletionPolicyAt}, {&d.UpdateReplacePolicy, r.updateReplacePolicyAt}} {
		v, err := b.orNil(part.n)
		if err != nil {
			return Desired{}, err
		}
		*part.to, _ = v.(string)
	}
	return d, nil
}

func fieldsOf(n *Node) []Field {
	if n == nil {
		return nil
	}
	return n.Fields
}

// mentionsSecret tells whether a NoEcho parameter goes into the value.
func (b *Bound) mentionsSecret(n *Node) bool {
	return slices.ContainsFunc(n.References(), func(r Reference) bool {
		p := b.Template.Parameters[r.Name]
		return p != nil && p.NoEcho
	})
}

// orNil evaluates n; what is not there, or is AWS::NoValue, is nil.
func (b *Bound) orNil(n *Node) (any, error) {
	if n == nil {
		return nil, nil
	}
	v, err := b.eval(n)
	if v == noValue {
		v = nil
	}
	return v, err
}

// OutputValue is an output with its value.
type OutputValue struct {
	Name, Description string
	// Value is a string or an [Unknown].
	Value any
	// Export is the name of the export, "" when there is none.
	Export string
}

// Outputs evaluates the outputs that their conditions let be, in the order of
// the file.
func (b *Bound) Outputs() ([]OutputValue, error) {
	var out []OutputValue
	for _, n := range b.Template.OutputNames() {
		o := b.Template.Outputs[n.Name]
		if o.Condition != "" && !b.Conditions[o.Condition] {
			continue
		}
		v, err := b.eval(o.Value)
		if err != nil {
			return nil, err
		}
		if _, unknown := v.(Unknown); !unknown {
			s, ok := text(v)
			if !ok {
				return nil, &Error{Position: o.Value.Position, Message: fmt.Sprintf(
					"Template format error: Output %s is malformed. The Value field of every Outputs member must evaluate to a String.", o.Name)}
			}
			v = s
		}
		value := OutputValue{Name: o.Name, Description: o.Description, Value: v}
		if o.Export != nil {
			if value.Export, err = b.text(o.Export); err != nil {
				return nil, err
			}
		}
		out = append(out, value)
	}
	return out, nil
}

// noValue is what AWS::NoValue gives: the field or element it stands in is left
// out.
var noValue any = new(struct{ noValue bool })

// eval returns the value of n, in which numbers are still as written.
func (b *Bound) eval(n *Node) (any, error) {
	switch n.Kind {
	case List:
		out := make([]any, 0, len(n.Items))
		for _, x := range n.Items {
			v, err := b.eval(x)
			if err != nil {
				return nil, err
			}
			if v != noValue {
				out = append(out, v)
			}
		}
		return out, nil
	case Map:
		out := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			v, err := b.eval(f.Value)
			if err != nil {
				return nil, err
			}
			if v != noValue {
				out[f.Key] = v
			}
		}
		return out, nil
	case Call:
		return b.call(n)
	}
	return n.Value, nil
}

// text evaluates n to a text that must be known by now.
func (b *Bound) text(n *Node) (string, error) {
	v, err := b.eval(n)
	if err != nil {
		return "", err
	}
	if _, ok := v.(Unknown); ok {
		return "", b.fault(n, "Template error: this must be known before the stack is changed, and is not: %s", n.source())
	}
	s, ok := text(v)
	if !ok {
		return "", b.fault(n, "Template error: expected a string here")
	}
	return s, nil
}

func (b *Bound) fault(n *Node, format string, args ...any) error {
	return &Error{Position: n.Position, Message: fmt.Sprintf(format, args...)}
}
