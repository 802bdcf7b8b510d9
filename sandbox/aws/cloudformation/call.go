package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

func (c *CloudFormation) provider(of *live) (resource.Provider, error) {
	if of.Type == stackType {
		return &nested{c: c}, nil
	}
	p, ok := c.Resources.Provider(of.Type)
	if !ok {
		return nil, &resource.Error{Code: resource.InvalidRequest, Message: "the sandbox has no provider for " + of.Type}
	}
	return p, nil
}

// request prepares a call for a resource, with dynamic references resolved.
func (r *runner) request(ctx context.Context, verb string, next, before *live) (resource.Provider, resource.Request, error) {
	p, err := r.c.provider(next)
	if err != nil {
		return nil, resource.Request{}, err
	}
	s, err := r.c.load(r.k)
	if err != nil {
		return nil, resource.Request{}, &brokenStore{err}
	}
	q := resource.Request{
		Account: r.k.Account, Region: r.k.Region, StackID: s.ID, StackName: s.Name, Type: next.Type, LogicalID: next.LogicalID,
		PhysicalID: next.PhysicalID, Token: r.token(next.LogicalID, verb), Tags: stackTags(&s, r.op.Target, next.LogicalID),
	}
	if q.Properties, err = r.c.resolved(ctx, r.scope(), next.Properties); err != nil {
		return nil, q, err
	}
	if before != nil {
		// What they referred to may be gone, and is only for comparison.
		if q.Previous, err = r.c.resolved(ctx, r.scope(), before.Properties); err != nil {
			q.Previous = before.Properties
		}
	}
	return p, q, nil
}

// create makes a resource; before is the one that it replaces, or nil.
func (r *runner) create(ctx context.Context, next, before *live) error {
	started, done, did, why := types.ResourceStatusCreateInProgress, types.ResourceStatusCreateComplete, "created", ""
	if before != nil {
		started, done, did = types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, "replaced"
		why = "Requested update requires the creation of a new physical resource; hence creating one."
	}
	// Until the new one is there the resource is still the old one.
	if err := r.record(next, started, why); err != nil {
		return err
	}
	fresh := *next
	fresh.PhysicalID, fresh.Ref, fresh.Attributes, fresh.Did = "", "", nil, did
	p, q, err := r.request(ctx, "create", &fresh, nil)
	if err != nil {
		return r.failed(withOld(&fresh, before), before, err)
	}
	initiated := false
	if n, ok := p.(*nested); ok && before == nil {
		n.begun = func(id string) error {
			shown := fresh
			shown.PhysicalID, initiated = id, true
			return r.record(&shown, started, "Resource creation Initiated")
		}
	}
	state, err := p.Create(ctx, q)
	if err == nil && state.PhysicalID == "" {
		err = fmt.Errorf("the provider of %s gave no physical ID", next.Type)
	}
	fresh.PhysicalID, fresh.Ref, fresh.Attributes = state.PhysicalID, state.Ref, maps.Clone(state.Attributes)
	if fresh.Ref == "" {
		fresh.Ref = fresh.PhysicalID
	}
	if err != nil {
		if fresh.PhysicalID == "" {
			return r.failed(withOld(&fresh, before), before, stopped(ctx, err))
		}
		return r.failed(&fresh, before, stopped(ctx, err))
	}
	if initiated, err = r.await(ctx, &fresh, started, initiated); err != nil {
		return r.failed(&fresh, before, stopped(ctx, err))
	}
	err = r.change(func(s *stack) {
		s.Resources[next.LogicalID] = &fresh
		if !initiated {
			s.setResource(r.c.now(), &fresh, started, r.c.initiated(fresh.Type))
		}
		s.setResource(r.c.now(), &fresh, done, "")
		if before != nil {
			s.Operation.Doomed = append(s.Operation.Doomed, before)
		}
	})
	if err != nil {
		return &brokenStore{err}
	}
	return nil
}

// withOld is the resource after a replacement that made nothing: the old one.
func withOld(fresh, before *live) *live {
	if before != nil {
		old := *before
		old.Operation, old.Did = fresh.Operation, ""
		return &old
	}
	return fresh
}

// stopped gives an error that the end of ctx caused its cause: errCancelled
// where it was not the process that ended.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// update changes a resource in place.
func (r *runner) update(ctx context.Context, next, before *live) error {
	if err := r.record(next, types.ResourceStatusUpdateInProgress, ""); err != nil {
		return err
	}
	state, err := r.callUpdate(ctx, "update", next, before)
	if err != nil {
		return err
	}
	next.Did = "updated"
	next.take(state)
	return r.record(next, types.ResourceStatusUpdateComplete, "")
}

func (r *runner) callUpdate(ctx context.Context, verb string, next, before *live) (resource.State, error) {
	p, q, err := r.request(ctx, verb, next, before)
	if err != nil {
		return resource.State{}, err
	}
	state, err := p.Update(ctx, q)
	return state, stopped(ctx, err)
}

// take puts in what the provider says the resource is now.
func (r *live) take(state resource.State) {
	if state.PhysicalID != "" {
		r.PhysicalID = state.PhysicalID
	}
	if state.Ref != "" {
		r.Ref = state.Ref
	}
	if state.Attributes != nil {
		r.Attributes = maps.Clone(state.Attributes)
	}
}

// remove deletes a resource, or keeps it as its policy says. It returns the
// status that it ends in.
func (r *runner) remove(ctx context.Context, of *live, policy, verb string) (types.ResourceStatus, error) {
	if of.PhysicalID == "" {
		return types.ResourceStatusDeleteComplete, nil // never made
	}
	if policy == "Retain" || policy == "RetainExceptOnCreate" {
		return types.ResourceStatusDeleteSkipped, nil
	}
	p, q, err := r.request(ctx, verb, &live{Desired: template.Desired{LogicalID: of.LogicalID, Type: of.Type}, PhysicalID: of.PhysicalID}, nil)
	if err != nil {
		return types.ResourceStatusDeleteFailed, err
	}
	// The dynamic references stay as they are: no secret is needed to delete.
	q.Properties, q.Previous = of.Properties, of.Properties
	q.Token += "/" + of.PhysicalID
	if policy == "Snapshot" {
		maker, ok := p.(resource.Snapshotter)
		if !ok {
			return types.ResourceStatusDeleteFailed, fmt.Errorf("the sandbox can't make the snapshot of %s that its policy asks for", of.Type)
		}
		snapshot := q
		snapshot.Token += "/snapshot"
		if _, err := maker.Snapshot(ctx, snapshot); err != nil {
			return types.ResourceStatusDeleteFailed, err
		}
	}
	err = p.Delete(ctx, q)
	var refused *resource.Error
	if err == nil || errors.As(err, &refused) && refused.Code == resource.NotFound {
		return types.ResourceStatusDeleteComplete, nil
	}
	return types.ResourceStatusDeleteFailed, err
}
