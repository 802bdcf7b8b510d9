package component

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema is the JSON schema of drawbridge.yaml, from the same types that read it.
// A test writes it to docs/drawbridge.schema.json.
//
//go:generate go test -run TestSchema -update .
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[file]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = "https://drawbridge.dev/schemas/v1alpha1/drawbridge.json"
	s["title"] = FileName
	s["description"] = "Names the components of a repository for Drawbridge. The file is optional."
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("component: the schema can't be written: " + err.Error())
	}
	return append(out, '\n')
}

func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[text]():
		return map[string]any{"type": "string"}
	case t == reflect.TypeFor[value]():
		return valueSchema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		return structSchema(t)
	}
	panic("component: no schema for " + t.String())
}

func structSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	required := []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-line" {
			continue
		}
		p := schemaOf(f.Type)
		p["description"] = f.Tag.Get("doc")
		// What the tags say of a list holds for its elements.
		single := p
		if items, ok := p["items"].(map[string]any); ok {
			single = items
		}
		if enum := strings.Fields(f.Tag.Get("enum")); len(enum) > 0 {
			single["enum"] = enum
		}
		if pattern := f.Tag.Get("pattern"); pattern != "" {
			single["pattern"] = pattern
		}
		if option == "required" {
			required = append(required, name)
		}
		properties[name] = p
	}
	return map[string]any{
		"type": "object", "properties": properties, "required": required, "additionalProperties": false,
	}
}

func valueSchema() map[string]any {
	literal := []any{
		map[string]any{"type": []string{"string", "number", "boolean"}},
		map[string]any{"type": "array", "items": map[string]any{"type": []string{"string", "number", "boolean"}}},
	}
	one := func(key string, s map[string]any) map[string]any {
		return map[string]any{
			"type": "object", "properties": map[string]any{key: s},
			"required": []string{key}, "additionalProperties": false,
		}
	}
	return map[string]any{"anyOf": append(literal,
		one("value", map[string]any{"description": "A literal.", "anyOf": literal}),
		one("from", map[string]any{
			"description": "An output of another component: <component>.<output>.",
			"type":        "string", "pattern": `^[a-z0-9]([-a-z0-9]*[a-z0-9])?\..+$`,
		}))}
}
