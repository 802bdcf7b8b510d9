package template

import (
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

const languageExtensions = "AWS::LanguageExtensions"

// Validate finds every mistake that shows without parameter values. The error
// is an [Errors]. [Errors.Early] are those for which CloudFormation would refuse
// the template.
func (t *Template) Validate() error {
	v := &validation{t: t, extensions: slices.Contains(t.Transforms, languageExtensions)}
	for _, name := range t.Transforms {
		if name != languageExtensions {
			v.errs.add(t.transformAt, "Transform %s is not supported here: only AWS can expand it; deploy the expanded template", name)
		}
	}
	if len(t.Resources) == 0 {
		v.errs.add(Position{File: t.File, Line: 1, Column: 1}, "Template format error: At least one Resources member must be defined.")
	}
	v.limit("Resources", len(t.Resources), 500)
	v.limit("Parameters", len(t.Parameters), 200)
	v.limit("Outputs", len(t.Outputs), 200)
	v.limit("Mappings", len(t.Mappings), 200)
	for _, name := range sorted(t.Parameters) {
		v.parameter(t.Parameters[name])
	}
	v.conditions()
	for _, name := range sorted(t.Rules) {
		rule := t.Rules[name]
		if rule.When != nil {
			v.expression(rule.When, inRules)
		}
		for _, a := range rule.Assertions {
			v.expression(a.Assert, inRules)
		}
	}
	for _, id := range sorted(t.Resources) {
		before := len(v.errs)
		v.resource(t.Resources[id])
		for _, e := range v.errs[before:] {
			e.Resource = id
		}
	}
	v.outputs()
	if !v.sharedNames() { // a Ref to one would be taken for one to the other
		v.checkCycle()
	}
	return v.errs.err()
}

// validation is one run of Validate.
type validation struct {
	t          *Template
	extensions bool
	errs       Errors
}

func (v *validation) limit(section string, n, most int) {
	if n > most {
		v.errs.add(Position{File: v.t.File}, "Template format error: Number of %s, %d, is greater than maximum allowed, %d",
			strings.ToLower(section), n, most)
	}
}

// sharedNames finds names that a parameter and a resource both have, which
// CloudFormation tells all in one error (its words: aws-cloudformation/cfn-lint
// issue 1689).
func (v *validation) sharedNames() bool {
	var shared []string
	for _, name := range sorted(v.t.Parameters) {
		if v.t.Resources[name] != nil {
			shared = append(shared, name)
		}
	}
	if len(shared) == 0 {
		return false
	}
	v.errs.add(v.t.Resources[shared[0]].Position, "Template error: all resources and parameters must have unique names. Common name(s):[%s]", strings.Join(shared, ", "))
	return true
}

func (v *validation) parameter(p *Parameter) {
	if p.Default == nil {
		return
	}
	if problem := p.Check(*p.Default); problem != "" {
		v.errs.add(p.defaultAt, "Template format error: the default of parameter %s can't be used: %s", p.Name, problem)
	}
}

func (v *validation) conditions() {
	for _, name := range sorted(v.t.Conditions) {
		v.expression(v.t.Conditions[name], inConditions)
	}
	// A condition that needs itself can't be decided.
	const visiting, visited = 1, 2
	state := make(map[string]int)
	var path []string
	var visit func(name string)
	visit = func(name string) {
		n, ok := v.t.Conditions[name]
		if !ok || state[name] == visited {
			return
		}
		if state[name] == visiting {
			c := path[slices.Index(path, name):]
			v.errs.add(v.t.Conditions[name].Position, "Circular dependency between conditions: [%s]", strings.Join(c, ", "))
			return
		}
		state[name] = visiting
		path = append(path, name)
		n.Walk(func(x *Node) bool {
			if used, _, ok := conditionName(x); ok {
				visit(used)
			}
			return true
		})
		path = path[:len(path)-1]
		state[name] = visited
	}
	for _, name := range sorted(v.t.Conditions) {
		visit(name)
	}
}

// conditionName returns the name in {Condition: name}, in either form.
func conditionName(n *Node) (name string, at Position, ok bool) {
	arg := n.Argument
	if n.Kind == Map && len(n.Fields) == 1 && n.Fields[0].Key == "Condition" {
		arg = n.Fields[0].Value
	} else if n.Kind != Call || n.Function != "Condition" {
		return "", Position{}, false
	}
	name, ok = arg.Text()
	return name, arg.Position, ok
}

func (v *validation) condition(name string, at Position, block string) {
	if _, ok := v.t.Conditions[name]; !ok && name != "" {
		v.errs.add(at, "Template error: Unresolved condition dependency %s in the %s block of the template", name, block)
	}
}

func (v *validation) resource(r *Resource) {
	v.condition(r.Condition, r.conditionAt, "Resources")
	for _, n := range r.nodes() {
		if n != nil {
			v.expression(n, inResources)
		}
	}
	for _, d := range r.DependsOn {
		if _, ok := v.t.Resources[d.LogicalID]; !ok {
			v.errs.add(d.Position, "Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", d.LogicalID)
		} else if d.LogicalID == r.LogicalID {
			v.errs.add(d.Position, "Circular dependency between resources: [%s]", d.LogicalID)
		}
	}
	v.policy(r, "DeletionPolicy", r.deletionPolicyAt, "Delete", "Retain", "Snapshot", "RetainExceptOnCreate")
	v.policy(r, "UpdateReplacePolicy", r.updateReplacePolicyAt, "Delete", "Retain", "Snapshot")
	if strings.HasSuffix(r.Type, "::MODULE") {
		v.errs.add(r.TypeAt, "Template format error: module %s is not supported here: only AWS can expand it", r.Type)
		return
	}
	typ, ok := schema.Lookup(r.Type)
	if !ok {
		v.errs.add(r.TypeAt, "Template format error: Unrecognized resource types: [%s]%s", r.Type, nearest(r.Type, schema.Names()))
		return
	}
	if typ.Transform != "" && !slices.Contains(v.t.Transforms, typ.Transform) {
		v.errs.add(r.TypeAt, "Template format error: Unrecognized resource types: [%s]; it needs the transform %s", r.Type, typ.Transform)
		return
	}
	v.properties(r, typ)
}

// snapshots are the types whose data a Snapshot policy keeps.
var snapshots = []string{
	"AWS::DocDB::DBCluster", "AWS::EC2::Volume", "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup",
	"AWS::Neptune::DBCluster", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster",
}

func (v *validation) policy(r *Resource, name string, n *Node, allowed ...string) {
	if n == nil || n.Kind == Call && v.extensions {
		return
	}
	value, ok := n.Text()
	switch {
	case !ok:
		v.errs.add(n.Position, "Template format error: Every %s member must be a string.", name)
	case !slices.Contains(allowed, value):
		v.errs.add(n.Position, "Template error: Unrecognized %s %s for resource %s; it can be %s", name, value, r.LogicalID, strings.Join(allowed, ", "))
	case value == "Snapshot" && !slices.Contains(snapshots, r.Type):
		v.errs.add(n.Position, "Template error: resource type %s does not support %s Snapshot", r.Type, name)
	}
}

func (v *validation) outputs() {
	for _, name := range sorted(v.t.Outputs) {
		o := v.t.Outputs[name]
		v.condition(o.Condition, o.conditionAt, "Outputs")
		v.expression(o.Value, inOutputs)
		if o.Value.Kind == Map || o.Value.Kind == List {
			v.errs.add(o.Value.Position, "Template format error: The Value field of every Outputs member must evaluate to a String.")
		}
		if o.Export != nil {
			v.expression(o.Export, inOutputs)
		}
	}
}
