package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// dangers are what a reviewer has to see first: what can't be taken back by a revert.
func (p *Plan) dangers() []Danger {
	var all []Danger
	deleted := 0
	for _, c := range p.Components {
		for _, r := range c.Resources {
			if r.Action == diff.Delete && !r.Retained {
				deleted++
			}
			if rule, message := danger(r); rule != "" {
				all = append(all, Danger{Finding{Rule: rule, Component: c.Name, Resource: r.Resource.String(), Source: r.Source, Message: message}, r.Action})
			}
		}
	}
	if deleted > Budget {
		all = append(all, Danger{Finding{Rule: RulePrune, Message: fmt.Sprintf("%d resources are deleted, more than %d: is spec.source.path or a folder's name another one?", deleted, Budget)}, diff.Delete})
	}
	worst := []diff.Action{diff.Delete, diff.Replace, diff.Unknown}
	slices.SortStableFunc(all, func(a, b Danger) int {
		return cmp.Compare(slices.Index(worst, a.Action), slices.Index(worst, b.Action))
	})
	return all
}

// danger says why a change can't be taken back; no rule for one that can.
func danger(r diff.Change) (rule, message string) {
	why := func(text string) string {
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		return text
	}
	switch {
	case r.LosesData() && r.Action == diff.Delete:
		return RuleData, why("is deleted, and holds data")
	case r.LosesData() && r.Action == diff.Replace:
		return RuleData, why("is made anew, and holds data")
	case r.LosesData():
		return RuleData, why("holds data, and what happens to it can't be told")
	case r.Action != diff.Delete || r.Plane != diff.Kubernetes:
		return "", ""
	case r.Type == "Namespace":
		return RuleNamespace, why("is deleted, with everything that is in it")
	case r.Type == "apiextensions.k8s.io/CustomResourceDefinition":
		return RuleDefinition, why("is deleted, with every object of its kind")
	}
	return "", ""
}
