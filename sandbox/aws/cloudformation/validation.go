package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// The validations of a change set, as the events name them.
const (
	propertyCheck = "PROPERTY_VALIDATION"
	nameCheck     = "NAME_CONFLICT_VALIDATION"
)

// validations are their names in the reason of a change set that fails.
var validations = map[string]string{
	propertyCheck: "AWS::EarlyValidation::PropertyValidation", nameCheck: "AWS::EarlyValidation::ResourceExistenceCheck",
}

// lateMistakes are the properties that do not fit the schemas of their types, as
// the template gives them and as they are evaluated.
func lateMistakes(t *template.Template, evaluated []template.Desired) []mistake {
	var found []mistake
	add := func(err error) {
		for _, e := range template.All(err) {
			known := slices.ContainsFunc(found, func(m mistake) bool { return m.Message == e.Message })
			if e.Late && !known {
				found = append(found, mistake{propertyCheck, e.Resource, t.Resources[e.Resource].Type, e.Path, e.Message})
			}
		}
	}
	add(t.Validate())
	for _, d := range evaluated {
		add(d.Check())
	}
	return found
}

// taken are the resources to make, by logical ID with their properties, whose names
// are those of others.
func (c *CloudFormation) taken(ctx context.Context, scope store.Scope, t *template.Template, made map[string]map[string]any) (found []mistake, err error) {
	for _, id := range slices.Sorted(maps.Keys(made)) {
		typeName := t.Resources[id].Type
		typ, _ := schema.Lookup(typeName)
		if typ == nil || len(typ.PrimaryIdentifier) == 0 {
			continue
		}
		ids := make([]string, len(typ.PrimaryIdentifier))
		for i, name := range typ.PrimaryIdentifier {
			ids[i], _ = made[id][name].(string)
		}
		if slices.Contains(ids, "") {
			continue
		}
		_, there, err := c.read(ctx, scope, typeName, strings.Join(ids, "|"))
		if err != nil {
			return nil, err
		}
		if there {
			found = append(found, mistake{nameCheck, id, typeName, "/Resources/" + id, fmt.Sprintf(
				"Resource of type '%s' with identifier '%s' already exists.", typeName, strings.Join(ids, "|"))})
		}
	}
	return found, nil
}

// validate finds what is wrong with the target before its first resource is
// touched; "" is nothing. The findings are kept for DescribeEvents.
func (r *runner) validate(ctx context.Context, bound *template.Bound, now *stack) (string, error) {
	for _, of := range now.Resources {
		if of.Operation == r.op.ID {
			return "", nil // the run before this one did
		}
	}
	if !r.op.Target.Validate {
		return "", nil
	}
	var evaluated []template.Desired
	made := map[string]map[string]any{}
	desired, err := bound.State()
	if err != nil {
		return "", nil // its own resource will say so
	}
	for _, id := range bound.Order() {
		evaluated = append(evaluated, desired.Resources[id])
		if now.Resources[id] == nil && r.op.Imports[id] == "" {
			made[id] = desired.Resources[id].Properties
		}
	}
	taken, err := r.c.taken(ctx, r.scope(), bound.Template, made)
	if err != nil {
		return "", err
	}
	found := append(lateMistakes(bound.Template, evaluated), taken...)
	if found == nil {
		return "", nil
	}
	err = r.change(func(s *stack) {
		for _, m := range found {
			s.emit(event{LogicalID: m.LogicalID, Type: m.Type, Mistake: &m, Time: r.c.now()})
		}
	})
	return earlyValidation(found) + ". ", err
}

// expanded refuses templates that somebody has to expand.
func expanded(t *template.Template) error {
	for _, name := range t.Transforms {
		if name != "AWS::LanguageExtensions" {
			return invalid("Transform %s can't be applied: the sandbox has no functions to call for macros and transforms; deploy the template that it expands to", name)
		}
	}
	return nil
}

// feasible refuses resources that could only seem to be made here.
func (c *CloudFormation) feasible(bound *template.Bound) error {
	for _, id := range bound.Order() {
		r := bound.Template.Resources[id]
		switch {
		case c.Resources.Has(r.Type):
		case strings.HasPrefix(r.Type, "Custom::"), r.Type == "AWS::CloudFormation::CustomResource":
			return invalid("Resource %s (%s) can't be made: it is a custom resource, and the sandbox has no functions to call", id, r.Type)
		case r.Type == "AWS::CloudFormation::Macro":
			return invalid("Resource %s (%s) can't be made: the sandbox has no functions to call for macros", id, r.Type)
		case r.Type == "AWS::CloudFormation::WaitCondition" && r.CreationPolicy == nil:
			return invalid("Resource %s (%s) can't be made: the sandbox has no URL to signal to; give it a CreationPolicy and signal with SignalResource", id, r.Type)
		}
	}
	return nil
}

// initiated is the reason of the event that a resource is being made. It says so
// where the resource does nothing: the CDK takes a reason on the last event for a
// resource that is not ready.
func (c *CloudFormation) initiated(typeName string) string {
	const initiated = "Resource creation Initiated"
	if typeName == stackType || c.Resources.Has(typeName) {
		return initiated
	}
	return initiated + " (generic: created from its schema, with no behaviour behind it)"
}

// earlyValidation is the reason of a change set that its validation failed. The
// findings stand in DescribeEvents; CloudFormation does not repeat them here, as
// is done for those who only read the reason.
func earlyValidation(found []mistake) string {
	var checks, messages []string
	for _, m := range found {
		if name := validations[m.Check]; !slices.Contains(checks, name) {
			checks = append(checks, name)
		}
		messages = append(messages, m.Message)
	}
	return fmt.Sprintf("The following hook(s)/validation failed: [%s]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information. %s",
		strings.Join(checks, ", "), strings.Join(messages, "; "))
}
