package cloudformation

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// planNested adds the change sets of the stacks nested in the one of p, and
// returns the changes without those of nested stacks that stay as they are.
func (c *CloudFormation) planNested(ctx context.Context, scope store.Scope, p *plan, bound *template.Bound, changes []template.Change) ([]template.Change, error) {
	now := bound.WithResources(func(id, attribute string) (any, bool, error) {
		of := p.stack.Resources[id]
		if slices.ContainsFunc(changes, func(ch template.Change) bool {
			return ch.LogicalID == id && (ch.Action == template.Add || ch.Replacement == template.True)
		}) {
			return nil, false, nil
		}
		return of.answer(attribute)
	})
	var out []template.Change
	for _, ch := range changes {
		if ch.Type != stackType || ch.Action == template.Remove {
			out = append(out, ch)
			continue
		}
		desired, err := now.Resource(ch.LogicalID)
		if err != nil {
			return nil, refused(err)
		}
		n, err := c.planOne(ctx, scope, p, ch, desired.Properties)
		if err != nil {
			return nil, err
		}
		untouched := n.set.Status == types.ChangeSetStatusFailed && n.set.Reason == noChanges
		if untouched && ch.Details[0].ChangeSource == automatic {
			continue
		}
		if !untouched {
			if p.set.Nested == nil {
				p.set.Nested = map[string]string{}
			}
			p.set.Nested[ch.LogicalID] = n.set.ID
			p.nested = append(p.nested, n)
		}
		out = append(out, ch)
	}
	return out, nil
}

// planOne works out the change set of one nested stack. What is wrong with its
// template fails that change set, and with it the one above.
func (c *CloudFormation) planOne(ctx context.Context, scope store.Scope, above *plan, ch template.Change, properties map[string]any) (*plan, error) {
	q := resource.Request{StackName: above.set.Name, LogicalID: ch.LogicalID, Token: newID()}
	set := changeSet{Name: resource.Name(q, 128), Type: types.ChangeSetTypeUpdate, IncludeNested: true, ImportExisting: above.set.ImportExisting,
		DisableValidation: above.set.DisableValidation, Parent: above.set.ID, Root: cmp.Or(above.set.Root, above.set.ID)}
	set.ID = changeSetARN(scope, set.Name)
	var s stack
	if ch.Action == template.Add {
		set.Type = types.ChangeSetTypeCreate
		q.StackName = above.stack.Name
		name := resource.Name(q, 128)
		s = stack{ID: stackARN(scope, name, newID()), Name: name, Created: c.now(), Parent: above.stack.ID, Root: cmp.Or(above.stack.Root, above.stack.ID)}
	} else {
		var err error
		if s, err = c.load(key{scope, above.stack.Resources[ch.LogicalID].PhysicalID}); err != nil {
			return nil, err
		}
	}
	set.depth = above.set.depth + 1
	err := tooDeep(set.depth)
	if err == nil && ch.Action == template.Modify {
		err = checkUpdatable(&s)
	}
	var p *plan
	if err == nil {
		p, err = c.plan(ctx, scope, &s, nestedProposal(properties, above.set.Target), set)
	}
	if err == nil {
		return p, nil
	}
	set.StackID, set.StackName, set.Created, set.Operation = s.ID, s.Name, c.now(), newID()
	set.fail(inWords(err).Error())
	return &plan{set: set, stack: &s}, nil
}

// dropTree forgets a change set and those for its nested stacks, and the stacks
// that were made for these and never came to be.
func (c *CloudFormation) dropTree(tx *store.Tx, scope store.Scope, cs changeSet) error {
	for _, id := range cs.Nested {
		of, ok, err := changeSets.Get(tx, scope, id)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := c.dropTree(tx, scope, of); err != nil {
			return err
		}
		s, err := c.mustGet(tx, key{scope, of.StackID})
		if err != nil {
			return err
		}
		if s.Status == types.StackStatusReviewInProgress {
			at := c.now()
			s.Deleted = &at
			s.set(at, types.StackStatusDeleteComplete, "")
			if err := cmpOr(names.Delete(tx, scope, s.Name), c.saveOnly(tx, scope, &s)); err != nil {
				return err
			}
		}
	}
	return dropChangeSet(tx, scope, cs)
}
