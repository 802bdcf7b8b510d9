package component

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// text is a string with the line that it stands on.
type text struct {
	value string
	line  int
}

// unmarshaler is a type that reads a node in its own way.
type unmarshaler interface {
	unmarshal(n *yaml.Node) error
}

// decoder reads YAML nodes into the types of file.go, strictly. It gathers the
// faults instead of ending at the first.
type decoder struct {
	file   string
	faults []error
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.faults = append(d.faults, document.Errorf(Source{File: d.file, Line: n.Line}, format, args...))
}

// decode reads the node into v, which is addressable. The path is for errors.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, at string) {
	n = document.Target(n)
	if u, ok := v.Addr().Interface().(unmarshaler); ok {
		if err := u.unmarshal(n); err != nil {
			d.fail(n, "%s: %v", at, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), at)
	case reflect.Bool:
		var b bool
		if n.Kind != yaml.ScalarNode || n.Decode(&b) != nil {
			d.fail(n, "%s: expected true or false, found %s", at, document.Describe(n))
		}
		v.SetBool(b)
	case reflect.Int: // the line of the mapping itself
		v.SetInt(int64(n.Line))
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.fail(n, "%s: expected a list, found %s", at, document.Describe(n))
			return
		}
		for i, item := range n.Content {
			e := reflect.New(v.Type().Elem()).Elem()
			d.decode(item, e, fmt.Sprintf("%s[%d]", at, i))
			v.Set(reflect.Append(v, e))
		}
	case reflect.Map:
		d.decodeMap(n, v, at)
	case reflect.Struct:
		d.decodeStruct(n, v, at)
	default:
		panic("component: no rule for " + v.Type().String())
	}
}

func (t *text) unmarshal(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return fmt.Errorf("expected text, found %s", document.Describe(n))
	}
	*t = text{n.Value, n.Line}
	return nil
}

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, at string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s: expected a mapping, found %s", at, document.Describe(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		key := reflect.ValueOf(k.Value)
		if v.MapIndex(key).IsValid() {
			d.fail(k, "%s: %q is there twice", at, k.Value)
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(n.Content[i+1], e, at+"."+k.Value)
		v.SetMapIndex(key, e)
	}
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, at string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s: expected a mapping, found %s", at, document.Describe(n))
		return
	}
	fields := map[string]int{}
	var names []string
	for i := range v.NumField() {
		switch name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); name {
		case "":
		case "-line":
			v.Field(i).SetInt(int64(n.Line))
		default:
			fields[name] = i
			names = append(names, name)
		}
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		field, ok := fields[k.Value]
		where := strings.TrimPrefix(at+"."+k.Value, ".")
		switch {
		case !ok:
			d.fail(k, "%s: unknown key %q%s", orFile(at), k.Value, document.DidYouMean(k.Value, names))
		case seen[k.Value] != 0:
			d.fail(k, "%s: already set on line %d", where, seen[k.Value])
		default:
			seen[k.Value] = k.Line
			d.decode(n.Content[i+1], v.Field(field), where)
		}
	}
	for _, name := range names {
		_, required, _ := strings.Cut(v.Type().Field(fields[name]).Tag.Get("yaml"), ",")
		if required == "required" && seen[name] == 0 {
			d.fail(n, "%s: the key %q is missing", orFile(at), name)
		}
	}
}

func orFile(at string) string {
	if at == "" {
		return "top level"
	}
	return at
}
