package template

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// typed gives evaluated values the kinds that a schema asks for. A value that
// can't have that kind stays as it is, for the resource's own code to refuse.
type typed struct{ typ *schema.Type }

func (t typed) properties(values map[string]any, properties map[string]schema.Property) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		if p, ok := properties[k]; ok {
			out[k] = t.value(v, p.Shape)
		} else {
			out[k] = plain(v)
		}
	}
	return out
}

func (t typed) value(v any, s schema.Shape) any {
	switch s.Kind {
	case schema.String:
		if str, ok := text(v); ok {
			return str
		}
	case schema.Boolean:
		if str, ok := v.(string); ok && (strings.EqualFold(str, "true") || strings.EqualFold(str, "false")) {
			return strings.EqualFold(str, "true")
		}
	case schema.Integer, schema.Number:
		if str, ok := text(v); ok && jsonNumber.MatchString(str) {
			return number(str)
		}
	case schema.List:
		if list, ok := v.([]any); ok {
			out := make([]any, len(list))
			for i, x := range list {
				out[i] = t.value(x, *s.Element)
			}
			return out
		}
	case schema.Map:
		if m, ok := v.(map[string]any); ok {
			out := make(map[string]any, len(m))
			for k, x := range m {
				out[k] = t.value(x, *s.Element)
			}
			return out
		}
	case schema.Object, schema.Tag:
		if m, ok := v.(map[string]any); ok {
			return t.properties(m, propertyCheck{typ: t.typ}.fieldsOf(s))
		}
	case schema.Union:
		for _, a := range s.Alternatives {
			if a.Kind != schema.JSON && kindOf(a) == valueKind(v) {
				return t.value(v, a)
			}
		}
	}
	return plain(v)
}

func valueKind(v any) NodeKind {
	switch v.(type) {
	case []any:
		return List
	case map[string]any:
		return Map
	}
	return Scalar
}

// plain turns numbers as written into int64 or float64.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	}
	return v
}

func number(s string) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s // too large for a number
	}
	return f
}
