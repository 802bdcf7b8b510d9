package template

import (
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// block is the part of the template that an expression stands in; it decides
// which functions and names can be used.
type block string

const (
	inConditions block = "Conditions"
	inRules      block = "Rules"
	inResources  block = "Resources"
	inOutputs    block = "Outputs"
)

// logical are the functions that decide something.
var logical = []string{"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"}

// onlyRules are the functions that only rules can call.
var onlyRules = []string{"Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"}

// onlyStatic are all that conditions can call.
var onlyStatic = []string{"Ref", "Fn::FindInMap", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::If", "Fn::Length", "Fn::ToJsonString"}

// expression checks all calls in n, and the names in them.
func (v *validation) expression(n *Node, where block) {
	n.Walk(func(x *Node) bool {
		switch x.Kind {
		case Scalar:
			if s, ok := x.Value.(string); ok {
				v.dynamics(s, x.Position)
			}
			if x.Value == nil {
				v.errs.add(x.Position, "Template format error: [/%s] 'null' values are not allowed in templates", where)
			}
		case Map:
			if name, at, ok := conditionName(x); ok && where == inConditions {
				v.condition(name, at, string(where))
			}
		case Call:
			if !v.allowed(x, where) {
				return false
			}
			if problem := malformed(x); problem != "" {
				v.errs.add(x.Position, "%s", problem)
				return false
			}
			v.names(x, where)
		}
		return true
	})
}

func (v *validation) allowed(x *Node, where block) bool {
	f := x.Function
	switch {
	case f == "Fn::Transform":
		v.errs.add(x.Position, "Template error: Fn::Transform is not supported here: only AWS can expand a macro; deploy the expanded template")
	case strings.HasPrefix(f, "Fn::ForEach"):
		v.errs.add(x.Position, "Template error: Fn::ForEach is not supported here: only AWS can expand it; write its elements out")
	case (f == "Fn::Length" || f == "Fn::ToJsonString") && !v.extensions:
		v.errs.add(x.Position, "Template error: %s needs Transform: %s", f, languageExtensions)
	case slices.Contains(onlyRules, f) && where != inRules,
		slices.Contains(logical, f) && where != inConditions && where != inRules:
		v.errs.add(x.Position, "Template error: %s can't be used in the %s block of the template", f, where)
	case where == inConditions && !slices.Contains(logical, f) && !slices.Contains(onlyStatic, f):
		v.errs.add(x.Position, "Template error: %s can't be used in the Conditions block of the template: conditions are decided before there are resources", f)
	default:
		return true
	}
	return false
}

func (v *validation) dynamics(s string, at Position) {
	for _, found := range dynamic.FindAllString(s, -1) {
		if strings.Contains(found, "${") {
			continue // a variable of Fn::Sub, known only later
		}
		if _, err := ParseDynamic(found); err != nil {
			v.errs.add(at, "%s", err)
		}
	}
}

// names checks what a well-formed call names.
func (v *validation) names(x *Node, where block) {
	switch x.Function {
	case "Ref", "Fn::GetAtt", "Fn::Sub":
		for _, r := range x.own() {
			v.reference(r, where)
		}
	case "Fn::If":
		name, _ := x.Argument.Items[0].Text()
		v.condition(name, x.Argument.Items[0].Position, string(where))
	case "Condition":
		name, _ := x.Argument.Text()
		v.condition(name, x.Argument.Position, string(where))
	case "Fn::And", "Fn::Or", "Fn::Not":
		for _, item := range x.Argument.Items {
			if name, at, ok := conditionName(item); ok && item.Kind == Map && where != inConditions {
				v.condition(name, at, string(where))
			}
		}
	case "Fn::FindInMap":
		items := x.Argument.Items
		if len(items) == 4 && !v.extensions {
			v.errs.add(x.Position, "Template error: the default value of Fn::FindInMap needs Transform: %s", languageExtensions)
		}
		if name, ok := items[0].Text(); ok && v.t.Mappings[name] == nil && len(items) == 3 {
			v.errs.add(items[0].Position, "Template error: Mapping named '%s' is not present in the 'Mappings' section of template", name)
		}
	}
}

func (v *validation) reference(r Reference, where block) {
	if pseudo[r.Name] && r.Attribute == "" {
		return
	}
	_, isParameter := v.t.Parameters[r.Name]
	res, isResource := v.t.Resources[r.Name]
	if isParameter && r.Attribute == "" {
		return
	}
	if where == inConditions || where == inRules {
		v.errs.add(r.Position, "Template format error: Unresolved dependencies [%s]. Cannot reference resources in the %s block of the template", r.Name, where)
		return
	}
	candidates := append(sorted(v.t.Resources), sorted(v.t.Parameters)...)
	switch {
	case !isResource && r.Attribute != "":
		v.errs.add(r.Position, "Template error: instance of Fn::GetAtt references undefined resource %s%s", r.Name, nearest(r.Name, sorted(v.t.Resources)))
	case !isResource:
		v.errs.add(r.Position, "Template format error: Unresolved resource dependencies [%s] in the %s block of the template%s",
			r.Name, where, nearest(r.Name, candidates))
	case r.Attribute != "":
		if strings.HasPrefix(r.Attribute, "{") {
			return // a Ref in the place of the attribute's name
		}
		if typ, ok := schema.Lookup(res.Type); ok && !hasAttribute(typ, r.Attribute) {
			v.errs.add(r.Position, "Template error: resource %s does not support attribute type %s in Fn::GetAtt%s",
				r.Name, r.Attribute, nearest(r.Attribute, sorted(typ.Attributes)))
		}
	}
}

func hasAttribute(t *schema.Type, name string) bool {
	if _, ok := t.Attributes[name]; ok || t.OpenAttributes || slices.Contains(t.PrimaryIdentifier, name) {
		return true
	}
	// Inside an attribute that is an object, what it has is not listed.
	for i, c := range name {
		if _, ok := t.Attributes[name[:i]]; c == '.' && ok {
			return true
		}
	}
	return false
}
