package gate

import (
	"slices"
	"strings"
)

// Plan is a plan as rules see it. The names in the tags are those of CEL; values
// in it are as encoding/json decodes them, and secret ones are not there.
type Plan struct {
	// Components that the change touches.
	Components []Component `cel:"components"`
	// Resources of all of them that it touches.
	Resources []Resource `cel:"resources"`
}

// Component of a plan.
type Component struct {
	Name string `cel:"name"`
	// Kind: "cloudformation", "cdk", "kubernetes", "helm" or "build".
	Kind string `cel:"kind"`
	// Action: "create", "update" or "delete".
	Action string `cel:"action"`
}

// Resource of a plan.
type Resource struct {
	// Component that it is in.
	Component string `cel:"component"`
	// Plane: "aws" or "kubernetes".
	Plane string `cel:"plane"`
	// Type: "AWS::RDS::DBInstance", "apps/Deployment", "Service".
	Type string `cel:"type"`
	// Namespace of the object, or name of the stack.
	Namespace string `cel:"namespace"`
	// Name of the object, or logical ID.
	Name string `cel:"name"`
	// Action: "create", "update", "replace", "delete", "no-op" or "unknown".
	Action string `cel:"action"`
	// Destructive: data would be lost, or may be.
	Destructive bool `cel:"destructive"`
	// Fields that change.
	Fields []Field `cel:"fields"`
}

// Field that changes.
type Field struct {
	// Path is dotted, list elements by their name:
	// "spec.template.spec.containers[ghost].image".
	Path string `cel:"path"`
	// Before and After are null where the field is added, removed, or sensitive.
	Before any `cel:"before"`
	After  any `cel:"after"`
	// Sensitive fields have no values here.
	Sensitive bool `cel:"sensitive"`
	// Unknown says that After is known only once it is applied.
	Unknown bool `cel:"unknown"`
}

const ruleDestructive = "destructive"

// decideDestructive refuses the loss of data, where the plan is known.
func (p *Policy) decideDestructive(e Evidence) []Result {
	if e.Plan == nil {
		return nil
	}
	var lost []string
	for _, r := range e.Plan.Resources {
		if r.Destructive {
			lost = append(lost, strings.Join([]string{r.Action, r.Type, strings.TrimPrefix(r.Namespace+"/"+r.Name, "/")}, " "))
		}
	}
	slices.Sort(lost)
	r := Result{Rule: ruleDestructive, Verdict: Passed, Message: "no data is lost"}
	switch {
	case len(lost) == 0:
	case p.destructive:
		r.Message = "data may be lost, which is allowed (spec.gate.destructive): " + strings.Join(lost, ", ")
	default:
		r.Verdict, r.Message = Refused, "data would be lost by: "+strings.Join(lost, ", ")
	}
	return []Result{r}
}
