package template

import (
	"regexp"
	"slices"
	"strings"
)

// reader turns nodes into sections and notes what has the wrong form.
type reader struct{ errs Errors }

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

func readSections(root *Node, body []byte, file string) (*Template, error) {
	t := &Template{
		File: file, Body: body,
		Parameters: map[string]*Parameter{}, Mappings: map[string]*Node{}, Conditions: map[string]*Node{},
		Rules: map[string]*Rule{}, Resources: map[string]*Resource{}, Outputs: map[string]*Output{},
	}
	r := new(reader)
	if root.Kind != Map {
		r.errs.add(root.Position, "Template format error: unsupported structure.")
		return nil, r.errs.err()
	}
	var unknown []string
	var unknownAt Position
	for _, f := range root.Fields {
		switch f.Key {
		case "AWSTemplateFormatVersion":
			t.FormatVersion = r.text(f)
			if t.FormatVersion != "2010-09-09" {
				r.errs.add(f.Value.Position, "Template format error: Template format version %s is not supported; the only one is 2010-09-09", t.FormatVersion)
			}
		case "Description":
			t.Description = r.text(f)
		case "Transform":
			t.transformAt = f.Position
			t.Transforms = r.texts(f)
		case "Metadata":
			t.Metadata = f.Value
		case "Parameters":
			r.entries(f, func(e Field) { t.Parameters[e.Key] = r.parameter(e) })
		case "Mappings":
			r.entries(f, func(e Field) { t.Mappings[e.Key] = r.mapping(e) })
		case "Conditions":
			r.entries(f, func(e Field) { t.Conditions[e.Key] = e.Value })
		case "Rules":
			r.entries(f, func(e Field) { t.Rules[e.Key] = r.rule(e) })
		case "Resources":
			r.entries(f, func(e Field) { t.Resources[e.Key] = r.resource(e) })
		case "Outputs":
			r.entries(f, func(e Field) { t.Outputs[e.Key] = r.output(e) })
		case "Hooks":
			r.errs.add(f.Position, "Template format error: Hooks are not supported here; take the section out, or deploy its blue/green update by other means")
		default:
			if unknown == nil {
				unknownAt = f.Position
			}
			unknown = append(unknown, f.Key)
		}
	}
	if unknown != nil {
		r.errs.add(unknownAt, "Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	if err := r.errs.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// entries calls read for each entry of a section whose names are logical IDs.
func (r *reader) entries(f Field, read func(Field)) {
	if f.Value.Kind == Scalar && f.Value.Value == nil {
		r.errs.add(f.Position, "Template format error: [/%s] 'null' values are not allowed in templates", f.Key)
		return
	}
	if f.Value.Kind == Call && strings.HasPrefix(f.Value.Function, "Fn::ForEach::") {
		r.forEach(f.Value.Position)
		return
	}
	if f.Value.Kind != Map {
		r.errs.add(f.Value.Position, "Template format error: [/%s] must be an object", f.Key)
		return
	}
	for _, e := range f.Value.Fields {
		switch {
		case strings.HasPrefix(e.Key, "Fn::ForEach::"):
			r.forEach(e.Position)
		case strings.HasPrefix(e.Key, "Fn::Transform"):
			r.errs.add(e.Position, "Template error: Fn::Transform is not supported here: only AWS can expand a macro; deploy the expanded template")
		case !logicalID.MatchString(e.Key) && f.Key != "Mappings":
			r.errs.add(e.Position, "Template format error: %s name '%s' is non alphanumeric.", strings.TrimSuffix(f.Key, "s"), e.Key)
		default:
			read(e)
		}
	}
}

func (r *reader) forEach(p Position) {
	r.errs.add(p, "Template error: Fn::ForEach is not supported here: only AWS can expand it; write its elements out")
}

// object returns the fields of an entry, after checking that no other keys than
// allowed are there.
func (r *reader) object(e Field, what string, allowed ...string) []Field {
	if e.Value.Kind != Map {
		r.errs.add(e.Value.Position, "Template format error: %s %s must be an object", what, e.Key)
		return nil
	}
	out := make([]Field, 0, len(e.Value.Fields))
	for _, f := range e.Value.Fields {
		switch {
		case !slices.Contains(allowed, f.Key):
			r.errs.add(f.Position, "Invalid template %s property '%s'", strings.ToLower(what), f.Key)
		case f.Value.Kind == Scalar && f.Value.Value == nil:
			r.errs.add(f.Position, "Template format error: [/%ss/%s/%s] 'null' values are not allowed in templates", what, e.Key, f.Key)
		default:
			out = append(out, f)
		}
	}
	return out
}

func (r *reader) text(f Field) string {
	s, ok := f.Value.Text()
	if !ok {
		r.errs.add(f.Value.Position, "Template format error: every %s member must be a string.", f.Key)
	}
	return s
}

// texts reads a string or a list of strings.
func (r *reader) texts(f Field) []string {
	if f.Value.Kind != List {
		return []string{r.text(f)}
	}
	out := make([]string, len(f.Value.Items))
	for i, x := range f.Value.Items {
		out[i] = r.text(Field{f.Position, f.Key, x})
	}
	return out
}

func (r *reader) mapping(e Field) *Node {
	for _, top := range r.object(e, "Mapping", keys(e.Value)...) {
		if top.Value.Kind != Map {
			r.errs.add(top.Value.Position, "Template format error: every Mappings attribute must be a String or a List.")
			continue
		}
		for _, second := range top.Value.Fields {
			second.Value.Walk(func(n *Node) bool {
				if n.Kind == Call || n.Kind == Map {
					r.errs.add(n.Position, "Template format error: Mappings hold strings and lists only; found another kind in %s, %s, %s", e.Key, top.Key, second.Key)
					return false
				}
				return true
			})
		}
	}
	return e.Value
}

func keys(n *Node) []string {
	var out []string
	for _, f := range n.Fields {
		out = append(out, f.Key)
	}
	return out
}

func (r *reader) rule(e Field) *Rule {
	rule := &Rule{Position: e.Position, Name: e.Key}
	for _, f := range r.object(e, "Rule", "RuleCondition", "Assertions") {
		if f.Key == "RuleCondition" {
			rule.When = f.Value
			continue
		}
		for _, item := range f.Value.Items {
			a := Assertion{Position: item.Position}
			for _, g := range r.object(Field{item.Position, e.Key, item}, "Assertion", "Assert", "AssertDescription") {
				if g.Key == "Assert" {
					a.Assert = g.Value
				} else {
					a.Description = r.text(g)
				}
			}
			if a.Assert == nil {
				r.errs.add(item.Position, "Template format error: an assertion of rule %s has no Assert", e.Key)
				continue
			}
			rule.Assertions = append(rule.Assertions, a)
		}
	}
	if len(rule.Assertions) == 0 {
		r.errs.add(e.Position, "Template format error: rule %s has no Assertions", e.Key)
	}
	return rule
}

func (r *reader) resource(e Field) *Resource {
	res := &Resource{Position: e.Position, LogicalID: e.Key, TypeAt: e.Position}
	for _, f := range r.object(e, "Resource", "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy",
		"UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy") {
		switch f.Key {
		case "Type":
			res.Type, res.TypeAt = r.text(f), f.Value.Position
		case "Properties":
			res.Properties = f.Value
		case "DependsOn":
			for _, id := range r.texts(f) {
				res.DependsOn = append(res.DependsOn, Dependency{f.Value.Position, id})
			}
			for i := range f.Value.Items {
				res.DependsOn[i].Position = f.Value.Items[i].Position
			}
		case "Condition":
			res.Condition, res.conditionAt = r.text(f), f.Value.Position
		case "Metadata":
			res.Metadata = f.Value
		case "DeletionPolicy":
			res.deletionPolicyAt = f.Value
		case "UpdateReplacePolicy":
			res.updateReplacePolicyAt = f.Value
		case "CreationPolicy":
			res.CreationPolicy = f.Value
		case "UpdatePolicy":
			res.UpdatePolicy = f.Value
		}
	}
	res.DeletionPolicy, _ = res.deletionPolicyAt.Text()
	res.UpdateReplacePolicy, _ = res.updateReplacePolicyAt.Text()
	if res.Type == "" {
		r.errs.add(e.Position, "Template format error: [/Resources/%s] Every Resources object must contain a Type member.", e.Key).Resource = e.Key
	}
	return res
}

func (r *reader) output(e Field) *Output {
	o := &Output{Position: e.Position, Name: e.Key}
	for _, f := range r.object(e, "Output", "Description", "Value", "Export", "Condition") {
		switch f.Key {
		case "Description":
			o.Description = r.text(f)
		case "Value":
			o.Value = f.Value
		case "Condition":
			o.Condition, o.conditionAt = r.text(f), f.Value.Position
		case "Export":
			for _, g := range r.object(Field{f.Position, e.Key, f.Value}, "Export", "Name") {
				o.Export = g.Value
			}
			if o.Export == nil {
				r.errs.add(f.Position, "Template format error: Output %s has an Export without a Name", e.Key)
			}
		}
	}
	if o.Value == nil {
		r.errs.add(e.Position, "Template format error: Output %s is malformed. Every Outputs member must contain a Value object", e.Key)
	}
	return o
}
