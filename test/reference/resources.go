package reference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// order of the kinds on the page; others follow by name.
var order = []string{"Environment", "Change", "Component"}

// Resources is the page of custom resources. Of each, the newest version is
// described.
func Resources(definitions []*apiextensionsv1.CustomResourceDefinition) string {
	rank := func(d *apiextensionsv1.CustomResourceDefinition) int {
		if i := slices.Index(order, d.Spec.Names.Kind); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(definitions, func(a, b *apiextensionsv1.CustomResourceDefinition) int { return rank(a) - rank(b) })
	var b strings.Builder
	fmt.Fprintf(&b, "%s# The custom resources\n", notice)
	for _, d := range definitions {
		resource(&b, d)
	}
	return b.String()
}

func resource(b *strings.Builder, d *apiextensionsv1.CustomResourceDefinition) {
	names, version := d.Spec.Names, d.Spec.Versions[len(d.Spec.Versions)-1]
	schema := version.Schema.OpenAPIV3Schema
	fmt.Fprintf(b, "\n## %s\n\n`%s/%s`; `kubectl get %s`", names.Kind, d.Spec.Group, version.Name, names.Plural)
	if len(names.ShortNames) > 0 {
		fmt.Fprintf(b, ", or `%s`", strings.Join(names.ShortNames, "`, `"))
	}
	fmt.Fprintf(b, ".\n\n%s\n", strings.TrimSpace(schema.Description))
	for _, part := range []string{"spec", "status"} {
		p, ok := schema.Properties[part]
		if !ok {
			continue
		}
		fmt.Fprintf(b, "\n### %s %s\n\n", names.Kind, part)
		if p.Description != "" {
			fmt.Fprintf(b, "%s\n\n", p.Description)
		}
		for _, v := range p.XValidations {
			fmt.Fprintf(b, "Refused unless `%s`: %s.\n\n", v.Rule, v.Message)
		}
		fmt.Fprint(b, "| Field | Type | Meaning |\n| --- | --- | --- |\n")
		fields(b, "", p)
	}
}

// fields writes a row for each field, and for those inside it.
func fields(b *strings.Builder, prefix string, p apiextensionsv1.JSONSchemaProps) {
	for _, name := range slices.Sorted(maps.Keys(p.Properties)) {
		f := p.Properties[name]
		path := prefix + name
		required := ""
		if slices.Contains(p.Required, name) {
			required = " (required)"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", code(path), kindOf(f)+required, meaning(f))
		if known(f) {
			continue
		}
		switch {
		case f.Type == "object" && len(f.Properties) > 0:
			fields(b, path+".", f)
		case f.Type == "array" && f.Items != nil && f.Items.Schema != nil:
			fields(b, path+"[].", *f.Items.Schema)
		}
	}
}

// known tells of fields that every Kubernetes object has alike, which the page
// need not take apart: a list of conditions.
func known(f apiextensionsv1.JSONSchemaProps) bool {
	if f.Items == nil || f.Items.Schema == nil {
		return false
	}
	_, transition := f.Items.Schema.Properties["lastTransitionTime"]
	return transition
}

func kindOf(f apiextensionsv1.JSONSchemaProps) string {
	switch {
	case known(f):
		return "list of conditions"
	case f.Type == "array" && f.Items != nil && f.Items.Schema != nil:
		return "list of " + kindOf(*f.Items.Schema)
	case f.AdditionalProperties != nil && f.AdditionalProperties.Schema != nil:
		return "map of " + kindOf(*f.AdditionalProperties.Schema)
	case f.Format == "date-time":
		return "time"
	}
	return f.Type
}

// meaning is the description and what the server checks.
func meaning(f apiextensionsv1.JSONSchemaProps) string {
	text := cell(f.Description)
	add := func(s string) { text = strings.TrimSpace(text + " " + s) }
	if f.Default != nil {
		add("Default: " + code(string(f.Default.Raw)) + ".")
	}
	if len(f.Enum) > 0 {
		var values []string
		for _, v := range f.Enum {
			values = append(values, code(strings.Trim(string(v.Raw), `"`)))
		}
		add("One of " + strings.Join(values, ", ") + ".")
	}
	if f.Pattern != "" {
		add("Matches " + code(f.Pattern) + ".")
	}
	return text
}
