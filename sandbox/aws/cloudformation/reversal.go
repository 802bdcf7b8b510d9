package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// planReversal adds to the changes those that bring resources back to the
// template which others have changed or deleted.
func (c *CloudFormation) planReversal(ctx context.Context, scope store.Scope, p *plan, bound *template.Bound, changes []template.Change) ([]template.Change, error) {
	p.set.Revert = map[string]types.StackResourceDriftStatus{}
	for _, id := range bound.Order() {
		of := p.stack.Resources[id]
		at := slices.IndexFunc(changes, func(ch template.Change) bool { return ch.LogicalID == id })
		if of == nil || !of.exists() || c.reader(of.Type) == nil || at >= 0 && changes[at].Replacement == template.True {
			continue
		}
		found, there, err := c.read(ctx, scope, of.Type, of.PhysicalID)
		if err != nil {
			return nil, err
		}
		if !there {
			p.set.Revert[id] = types.StackResourceDriftStatusDeleted
			changes = append(slices.DeleteFunc(changes, func(ch template.Change) bool { return ch.LogicalID == id }),
				template.Change{LogicalID: id, Type: of.Type, Action: template.Add, After: &of.Desired, HoldsData: template.HoldsData(of.Type)})
			continue
		}
		expected, actual := toCompare(of, found)
		drifted := differences("", expected, actual)
		if drifted == nil {
			continue
		}
		p.set.Revert[id] = types.StackResourceDriftStatusModified
		if at < 0 {
			changes = append(changes, revertOf(of, of.with(found), drifted))
		}
	}
	return changes, nil
}

// revertOf is the change of a resource that only others changed.
func revertOf(of, now *live, drifted []types.PropertyDifference) template.Change {
	_, replaces := template.Difference(of.Type, now.Properties, of.Properties)
	ch := template.Change{LogicalID: of.LogicalID, Type: of.Type, Action: template.Modify, Replacement: replaces,
		Before: &of.Desired, After: &of.Desired, HoldsData: template.HoldsData(of.Type)}
	typ, _ := schema.Lookup(of.Type)
	for _, d := range drifted {
		name, _, _ := strings.Cut(strings.TrimPrefix(*d.PropertyPath, "/"), "/")
		detail := template.Detail{Attribute: "Properties", Name: name, Path: "/Properties" + *d.PropertyPath, RequiresRecreation: "Never",
			Evaluation: "Static", ChangeSource: string(types.ChangeSourceNoModification), ChangeType: template.Modify,
			Before: *d.ActualValue, After: *d.ExpectedValue}
		if typ.Tags != nil && typ.Tags.Property == name {
			detail.Attribute, detail.Name = "Tags", ""
		}
		if !slices.Contains(ch.Scope, detail.Attribute) {
			ch.Scope = append(ch.Scope, detail.Attribute)
		}
		ch.Details = append(ch.Details, detail)
	}
	return ch
}

// asItIs is a resource before the update as it is by now, where the operation is
// to revert what others did to it; nil when it is there no more.
func (r *runner) asItIs(ctx context.Context, before *live) (*live, error) {
	if before == nil || r.op.Revert[before.LogicalID] == "" {
		return before, nil
	}
	found, there, err := r.c.read(ctx, r.scope(), before.Type, before.PhysicalID)
	if err != nil || !there {
		return nil, err
	}
	return before.with(found), nil
}

// with is the resource with the properties that were found.
func (r *live) with(found resource.Found) *live {
	now := *r
	now.Properties = maps.Clone(r.Properties)
	expected, actual := toCompare(r, found)
	for name := range expected {
		delete(now.Properties, name)
		if v, ok := actual[name]; ok {
			now.Properties[name] = v
		}
	}
	return &now
}
