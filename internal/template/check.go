package template

import (
	"encoding/json"
	"strconv"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// Check finds properties that do not fit the schema of the type once they are
// evaluated: what [Template.Validate] can't see, as a parameter gives the value. What
// is not known yet is let through, and so is a type that the schema does not know.
// The error is an [Errors] of late mistakes; it repeats no value.
func (d Desired) Check() error {
	typ, ok := schema.Lookup(d.Type)
	if !ok {
		return nil
	}
	c := propertyCheck{typ: typ, id: d.LogicalID}
	properties := nodeOf(d.Properties, d.Source)
	if d.Properties == nil {
		properties = &Node{Position: d.Source, Kind: Map}
	}
	c.object(properties, "#", typ.Properties, typ.OpenProperties)
	for _, e := range c.errs {
		e.Resource = d.LogicalID
	}
	return c.errs.err()
}

// nodeOf is an evaluated value as a template would write it. An Unknown is a call,
// of which nobody asks what it gives.
func nodeOf(v any, at Position) *Node {
	n := &Node{Position: at}
	switch v := v.(type) {
	case map[string]any:
		n.Kind = Map
		for _, k := range sorted(v) {
			n.Fields = append(n.Fields, Field{at, k, nodeOf(v[k], at)})
		}
	case []any:
		n.Kind = List
		for _, x := range v {
			n.Items = append(n.Items, nodeOf(x, at))
		}
	case Unknown:
		n.Kind, n.Function, n.Argument = Call, "Ref", &Node{Position: at}
	case int64:
		n.Value = json.Number(strconv.FormatInt(v, 10))
	case float64:
		n.Value = json.Number(decimal(v))
	default:
		n.Value = v
	}
	return n
}
