package document

import (
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what one document may grow to when its aliases are written
// out: a few lines of them can stand for billions of values.
const maxNodes = 1 << 20

// Value returns what the node stands for: map[string]any, []any, string, int64,
// float64, bool or nil. A key that stands twice in a mapping, a number that JSON
// can't hold, a key that is no scalar, and an alias within itself are errors,
// each an *Error.
func Value(file string, n *yaml.Node) (any, error) {
	c := converter{file: file, open: map[*yaml.Node]bool{}}
	return c.value(n)
}

type converter struct {
	file  string
	nodes int
	open  map[*yaml.Node]bool // aliases' targets that are being written out
}

func (c *converter) fail(n *yaml.Node, format string, args ...any) error {
	return Errorf(Position{c.file, n.Line}, format, args...)
}

func (c *converter) value(n *yaml.Node) (any, error) {
	if c.nodes++; c.nodes > maxNodes {
		return nil, c.fail(n, "the document has more than %d values when its aliases are written out", maxNodes)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return c.scalar(n)
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		return m, c.mapping(n, m)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, err := c.value(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.AliasNode:
		if c.open[n.Alias] {
			return nil, c.fail(n, "the anchor %q contains itself", n.Value)
		}
		c.open[n.Alias] = true
		defer delete(c.open, n.Alias)
		return c.value(n.Alias)
	}
	return nil, c.fail(n, "unexpected content")
}

func (c *converter) mapping(n *yaml.Node, into map[string]any) error {
	lines := make(map[string]int, len(n.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := Target(n.Content[i]), n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			return c.fail(k, "a key must be a plain value")
		}
		if k.ShortTag() == "!!merge" {
			merges = append(merges, v)
			continue
		}
		if first, ok := lines[k.Value]; ok {
			return c.fail(k, "the key %q is already set on line %d", k.Value, first)
		}
		lines[k.Value] = k.Line
		value, err := c.value(v)
		if err != nil {
			return err
		}
		into[k.Value] = value
	}
	for _, v := range merges {
		if err := c.merge(v, into); err != nil {
			return err
		}
	}
	return nil
}

// merge takes over the fields that "<<" names and that the mapping lacks.
func (c *converter) merge(n *yaml.Node, into map[string]any) error {
	v, err := c.value(n)
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return c.fail(n, "<< takes a mapping, or a list of them")
		}
		for k, v := range m {
			if _, ok := into[k]; !ok {
				into[k] = v
			}
		}
	}
	return nil
}

func (c *converter) scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		if b, ok := oldBooleans[n.Value]; ok && n.Style == 0 && n.Tag != "!!timestamp" {
			return b, nil
		}
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, c.fail(n, "%q is no boolean", n.Value)
		}
		return b, nil
	case "!!int":
		var i int64
		if n.Decode(&i) == nil {
			return i, nil
		}
		fallthrough
	case "!!float":
		var f float64
		if err := n.Decode(&f); err != nil {
			return nil, c.fail(n, "%q is no number", n.Value)
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, c.fail(n, "%s can't be written as JSON; quote it if text is meant", n.Value)
		}
		return f, nil
	case "!!binary":
		var s string
		if err := n.Decode(&s); err != nil {
			return nil, c.fail(n, "the value is not base64")
		}
		return s, nil
	}
	return nil, c.fail(n, "the tag %s is not supported", n.Tag)
}

// oldBooleans are YAML 1.1's, which kubectl still reads as booleans.
var oldBooleans = map[string]bool{
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

// Plain gives a scalar node the value v and lets it take the type that v would
// have if it were written there without quotes. It fails when v has no such
// form on one line; then the node must stay a string.
func Plain(n *yaml.Node, v string) error {
	var d yaml.Node
	if err := yaml.Unmarshal([]byte(v), &d); err != nil || len(d.Content) != 1 {
		return fmt.Errorf("%s is no plain value", strconv.Quote(v))
	}
	s := d.Content[0]
	if s.Kind != yaml.ScalarNode || s.Style != 0 || s.Value != v || s.Anchor != "" {
		return fmt.Errorf("%s is no plain value", strconv.Quote(v))
	}
	n.SetString(v)
	n.Style, n.Tag = 0, s.Tag
	return nil
}
