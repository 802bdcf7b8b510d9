package template

import (
	"regexp"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// property returns the details of one property: why it changes, or may change.
func (c *comparison) property(typ *schema.Type, name string, old, desired *Desired) []Detail {
	before, after := old.Properties[name], desired.Properties[name]
	fields := diff.Values(before, after)
	var node *Node
	if r := c.bound.Template.Resources[desired.LogicalID]; r.Properties != nil {
		node = r.Properties.Get(name)
	}
	base := Detail{Attribute: "Properties", Name: name, Path: "/Properties/" + name, Evaluation: "Static", ChangeSource: "DirectModification",
		ChangeType: changeType(before, after), Before: before, After: after, RequiresRecreation: recreation(typ, name, fields)}
	if typ.Tags != nil && typ.Tags.Property == name {
		base.Attribute, base.Name = "Tags", ""
	}
	if slices.Contains(old.Sensitive, name) && before != nil {
		base.Before = NoEcho
	}
	if slices.Contains(desired.Sensitive, name) && after != nil {
		base.After = NoEcho
	}
	if len(fields) == 0 {
		base.Evaluation = "Dynamic"
		return c.perhaps(node, base)
	}
	var out []Detail
	for _, r := range node.References() {
		d := base
		switch old, wasGiven := c.before.Parameters[r.Name]; {
		case c.bound.Template.Parameters[r.Name] != nil && (!wasGiven || old != c.bound.Parameters[r.Name]):
			d.ChangeSource, d.CausingEntity = "ParameterReference", r.Name
		case c.isNew(r.Name):
			d.ChangeSource, d.CausingEntity = resourceSource(r), r.String()
		default:
			continue
		}
		if !slices.ContainsFunc(out, func(e Detail) bool { return e.CausingEntity == d.CausingEntity }) {
			out = append(out, d)
		}
	}
	if len(out) == 0 {
		return []Detail{base}
	}
	// CloudFormation says besides that the property's text may have changed too.
	base.Evaluation = "Dynamic"
	return append(out, base)
}

// isNew tells whether the resource is one that this change creates.
func (c *comparison) isNew(id string) bool {
	ch := c.changes[id]
	return ch != nil && (ch.Action == Add || ch.Replacement == True)
}

// perhaps returns the details of a property whose value is the same as far as
// is known, but refers to something that changes.
func (c *comparison) perhaps(node *Node, base Detail) []Detail {
	var out []Detail
	for _, r := range node.References() {
		ch := c.changes[r.Name]
		if ch == nil || ch.Action != Modify || !slices.ContainsFunc(ch.Details, func(d Detail) bool {
			return d.Evaluation == "Static" && d.Attribute == "Properties"
		}) {
			continue
		}
		// Ref changes with the resource itself; an attribute may change with it.
		if r.Attribute == "" && ch.Replacement == False {
			continue
		}
		d := base
		d.ChangeSource, d.CausingEntity = resourceSource(r), r.String()
		if !slices.ContainsFunc(out, func(e Detail) bool { return e.CausingEntity == d.CausingEntity }) {
			out = append(out, d)
		}
	}
	return out
}

func resourceSource(r Reference) string {
	if r.Attribute == "" {
		return "ResourceReference"
	}
	return "ResourceAttribute"
}

var pathSeparator = regexp.MustCompile(`[.\[\]"]+`)

// recreation is the strictest answer of the schema for the fields that change;
// with none, for the property as a whole.
func recreation(typ *schema.Type, name string, fields []diff.Field) string {
	r := typ.ReplacementBy(name)
	for _, f := range fields {
		path := append([]string{name}, strings.Split(strings.Trim(pathSeparator.ReplaceAllString(f.Path, "."), "."), ".")...)
		if f.Path == "" {
			path = path[:1]
		}
		switch typ.ReplacementBy(path...) {
		case schema.Always:
			return "Always"
		case schema.Conditionally:
			r = schema.Conditionally
		}
	}
	switch r {
	case schema.Always:
		return "Always"
	case schema.Conditionally:
		return "Conditionally"
	}
	return "Never"
}
