package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// properties checks a resource's properties against the schema of its type.
// What only evaluation can know is let through.
func (v *validation) properties(r *Resource, typ *schema.Type) {
	n := r.Properties
	if n == nil {
		n = &Node{Position: r.Position, Kind: Map}
	}
	if n.Kind != Map {
		if n.Kind != Call {
			v.errs.add(n.Position, "Template format error: [/Resources/%s/Properties] must be an object", r.LogicalID)
		}
		return
	}
	c := propertyCheck{typ: typ, id: r.LogicalID}
	c.object(n, "#", typ.Properties, typ.OpenProperties)
	v.errs = append(v.errs, c.errs...)
}

// propertyCheck collects where a value does not fit a shape.
type propertyCheck struct {
	typ  *schema.Type
	id   string
	errs Errors
}

func (c *propertyCheck) add(p Position, path, format string, args ...any) {
	e := c.errs.add(p, "Properties validation failed for resource %s with message: %s: %s", c.id, path, fmt.Sprintf(format, args...))
	e.Late, e.Path = true, "/Resources/"+c.id+"/Properties"+strings.TrimPrefix(path, "#")
}

func (c *propertyCheck) object(n *Node, path string, properties map[string]schema.Property, open bool) {
	for _, f := range n.Fields {
		p, ok := properties[f.Key]
		switch {
		case ok:
			c.value(f.Value, path+"/"+f.Key, p.Shape)
		case !open:
			c.add(f.Position, path, "extraneous key [%s] is not permitted%s", f.Key, nearest(f.Key, sorted(properties)))
		}
	}
	for _, name := range sorted(properties) {
		if x := n.Get(name); properties[name].Required && (x == nil || isNoValue(x)) {
			c.add(n.Position, path, "required key [%s] not found", name)
		}
	}
}

func isNoValue(n *Node) bool {
	name, _ := n.Argument.Text()
	return n.Kind == Call && n.Function == "Ref" && name == "AWS::NoValue"
}

func (c *propertyCheck) value(n *Node, path string, s schema.Shape) {
	if n.Kind == Call {
		if n.Function == "Fn::If" && n.Argument.Kind == List && len(n.Argument.Items) == 3 {
			c.value(n.Argument.Items[1], path, s)
			c.value(n.Argument.Items[2], path, s)
		}
		return
	}
	expected := func(what string) {
		c.add(n.Position, path, "expected type: %s, found: %s", what, found(n))
	}
	switch s.Kind {
	case schema.String:
		if n.Kind != Scalar {
			expected("String")
		}
	case schema.Boolean, schema.Integer, schema.Number:
		if n.Kind != Scalar || !fits(n, s.Kind) {
			expected(strings.ToUpper(string(s.Kind[:1])) + string(s.Kind[1:]))
		}
	case schema.List:
		if n.Kind != List {
			expected("JSONArray")
			return
		}
		for i, x := range n.Items {
			c.value(x, fmt.Sprintf("%s/%d", path, i), *s.Element)
		}
	case schema.Map:
		if n.Kind != Map {
			expected("JSONObject")
			return
		}
		for _, f := range n.Fields {
			c.value(f.Value, path+"/"+f.Key, *s.Element)
		}
	case schema.Object, schema.Tag:
		if n.Kind != Map {
			expected("JSONObject")
			return
		}
		c.object(n, path, c.fieldsOf(s), false)
	case schema.Union:
		c.union(n, path, s)
	}
}

var tagFields = map[string]schema.Property{
	"Key":   {Shape: schema.Shape{Kind: schema.String}, Required: true},
	"Value": {Shape: schema.Shape{Kind: schema.String}, Required: true},
}

func (c propertyCheck) fieldsOf(s schema.Shape) map[string]schema.Property {
	if s.Kind == schema.Tag {
		return tagFields
	}
	return c.typ.Definitions[s.Name]
}

// union takes a value that fits any alternative. When none fits, the alternative
// of the value's own kind tells most about what is wrong.
func (c *propertyCheck) union(n *Node, path string, s schema.Shape) {
	var best Errors
	for _, alternative := range s.Alternatives {
		one := propertyCheck{typ: c.typ, id: c.id}
		one.value(n, path, alternative)
		if len(one.errs) == 0 {
			return
		}
		if best == nil || kindOf(alternative) == n.Kind {
			best = one.errs
		}
	}
	c.errs = append(c.errs, best...)
}

func kindOf(s schema.Shape) NodeKind {
	switch s.Kind {
	case schema.List:
		return List
	case schema.Map, schema.Object, schema.Tag:
		return Map
	}
	return Scalar
}

// fits tells whether a scalar can be read as the kind, as CloudFormation does:
// "20" is a number and "true" a boolean.
func fits(n *Node, kind schema.Kind) bool {
	if s, ok := n.Value.(string); ok && strings.Contains(s, "{{resolve:") {
		return true
	}
	s, _ := n.Text()
	var err error
	switch kind {
	case schema.Boolean:
		return strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
	case schema.Integer:
		_, err = strconv.ParseInt(s, 10, 64)
	case schema.Number:
		_, err = strconv.ParseFloat(s, 64)
	}
	return err == nil
}

// found names the kind of a value as CloudFormation does.
func found(n *Node) string {
	switch n.Kind {
	case List:
		return "JSONArray"
	case Map:
		return "JSONObject"
	}
	switch n.Value.(type) {
	case string:
		return "String"
	case bool:
		return "Boolean"
	}
	return "Number"
}

// nearest is "; did you mean X?" for the candidate that is most like the name,
// or "" when none is much like it.
func nearest(name string, candidates []string) string {
	best, least := "", min(3, len(name)/2)+1
	for _, c := range candidates {
		if abs(len(c)-len(name)) < least {
			if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least {
				best, least = c, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func abs(n int) int { return max(n, -n) }

// distance counts the letters to insert, delete or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
