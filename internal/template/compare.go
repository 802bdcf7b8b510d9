package template

import (
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// Compare says what changing a stack from before to after does to each resource
// that changes, in an order in which it can be done: additions and
// modifications along their dependencies, then removals. before is nil for a
// stack that is to be created. What after's environment answers for resources
// is taken for those that stay; for those that are added or replaced it is not
// asked.
//
// An edit of DependsOn alone is no change. A change of a resource's type is an
// error.
func Compare(before *State, after *Bound) ([]Change, error) {
	if before == nil {
		before = &State{}
	}
	c := &comparison{before: before, bound: after, changes: map[string]*Change{}}
	c.now = after.WithResources(c.resource)
	if err := c.checkTypes(); err != nil {
		return nil, err
	}
	var out []Change
	for _, id := range after.Order() {
		desired, err := c.now.Resource(id)
		if err != nil {
			return nil, err
		}
		if ch := c.one(id, desired); ch != nil {
			c.changes[id] = ch
			out = append(out, *ch)
		}
	}
	for _, id := range c.removals() {
		old := before.Resources[id]
		out = append(out, Change{LogicalID: id, Type: old.Type, Action: Remove, Before: &old,
			PolicyAction: removal(old.DeletionPolicy), HoldsData: HoldsData(old.Type)})
	}
	return out, nil
}

type comparison struct {
	before  *State
	bound   *Bound // as given
	now     *Bound // with the answers of resource
	changes map[string]*Change
}

// resource answers for what stays, and not for what is new.
func (c *comparison) resource(id, attribute string) (any, bool, error) {
	_, existed := c.before.Resources[id]
	if ch := c.changes[id]; !existed || ch != nil && ch.Replacement == True || c.bound.env.Resource == nil {
		return nil, false, nil
	}
	return c.bound.env.Resource(id, attribute)
}

func (c *comparison) checkTypes() error {
	var changed []string
	var at Position
	for _, id := range c.bound.Order() {
		r := c.bound.Template.Resources[id]
		if old, ok := c.before.Resources[id]; ok && old.Type != r.Type {
			changed, at = append(changed, id), r.TypeAt
		}
	}
	if changed == nil {
		return nil
	}
	slices.Sort(changed)
	return &Error{Position: at, Message: "Update of resource type is not permitted. The new template modifies resource type of the following resources: [" +
		strings.Join(changed, ", ") + "]"}
}

// removals are the resources that are there no more, dependents first.
func (c *comparison) removals() []string {
	var out []string
	done := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		old, ok := c.before.Resources[id]
		if !ok || done[id] {
			return
		}
		done[id] = true
		for _, d := range old.Dependencies {
			visit(d)
		}
		if !c.bound.Active(id) {
			out = append(out, id)
		}
	}
	for _, id := range sorted(c.before.Resources) {
		visit(id)
	}
	slices.Reverse(out)
	return out
}

// removal says what a deletion policy does to a resource that goes away.
func removal(policy string) string {
	switch policy {
	case "Retain", "RetainExceptOnCreate":
		return "Retain"
	case "Snapshot":
		return "Snapshot"
	}
	return "Delete"
}

// one compares one resource; nil when nothing changes.
func (c *comparison) one(id string, desired Desired) *Change {
	ch := &Change{LogicalID: id, Type: desired.Type, Action: Add, After: &desired, HoldsData: HoldsData(desired.Type)}
	old, ok := c.before.Resources[id]
	if !ok {
		return ch
	}
	ch.Action, ch.Before = Modify, &old
	typ, known := schema.Lookup(desired.Type)
	if !known {
		typ = &schema.Type{Name: desired.Type}
	}
	for _, name := range union(old.Properties, desired.Properties) {
		ch.Details = append(ch.Details, c.property(typ, name, &old, &desired)...)
	}
	if typ.Tags != nil && !maps.Equal(c.before.StackTags, c.bound.env.StackTags) {
		ch.Details = append(ch.Details, Detail{Attribute: "Tags", Path: "/Properties/" + typ.Tags.Property, RequiresRecreation: "Never",
			Evaluation: "Static", ChangeSource: "DirectModification", ChangeType: Modify})
	}
	for _, a := range []struct {
		name          string
		before, after any
	}{
		{"Metadata", old.Metadata, desired.Metadata},
		{"CreationPolicy", old.CreationPolicy, desired.CreationPolicy},
		{"UpdatePolicy", old.UpdatePolicy, desired.UpdatePolicy},
		{"DeletionPolicy", absent(old.DeletionPolicy), absent(desired.DeletionPolicy)},
		{"UpdateReplacePolicy", absent(old.UpdateReplacePolicy), absent(desired.UpdateReplacePolicy)},
	} {
		if len(diff.Values(a.before, a.after)) > 0 {
			ch.Details = append(ch.Details, Detail{Attribute: a.name, Path: "/" + a.name, RequiresRecreation: "Never", Evaluation: "Static",
				ChangeSource: "DirectModification", ChangeType: changeType(a.before, a.after), Before: a.before, After: a.after})
		}
	}
	if len(ch.Details) == 0 {
		return nil
	}
	for _, d := range ch.Details {
		if !slices.Contains(ch.Scope, d.Attribute) {
			ch.Scope = append(ch.Scope, d.Attribute)
		}
	}
	ch.Replacement = replacement(ch.Details)
	if ch.Replacement == True {
		ch.PolicyAction = "ReplaceAnd" + removal(old.UpdateReplacePolicy)
	}
	return ch
}

func absent(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func changeType(before, after any) ChangeAction {
	switch {
	case before == nil:
		return Add
	case after == nil:
		return Remove
	}
	return Modify
}

// replacement is the strictest of what the details ask for. What only may
// change can only perhaps replace.
func replacement(details []Detail) Replacement {
	out := False
	for _, d := range details {
		switch {
		case d.RequiresRecreation == "Always" && d.Evaluation == "Static":
			return True
		case d.RequiresRecreation != "Never":
			out = Conditional
		}
	}
	return out
}

func union(a, b map[string]any) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}

// Difference compares the properties that a resource of the type has with those
// it is to have: whether they differ, and whether that replaces it. Conditional
// is for the service to decide.
func Difference(resourceType string, before, after map[string]any) (changed bool, replaces Replacement) {
	typ, ok := schema.Lookup(resourceType)
	if !ok {
		typ = &schema.Type{Name: resourceType}
	}
	replaces = False
	for _, name := range union(before, after) {
		fields := diff.Values(before[name], after[name])
		if len(fields) == 0 {
			continue
		}
		changed = true
		switch recreation(typ, name, fields) {
		case "Always":
			return true, True
		case "Conditionally":
			replaces = Conditional
		}
	}
	return changed, replaces
}

// Taggable tells whether the stack's tags go to resources of the type.
func Taggable(resourceType string) bool {
	t, ok := schema.Lookup(resourceType)
	return ok && t.Tags != nil
}
