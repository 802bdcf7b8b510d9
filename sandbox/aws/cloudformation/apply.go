package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// apply brings all resources of the target template to what it says, then works
// out the outputs. What goes away is left to the cleanup.
func (r *runner) apply(ctx context.Context) error {
	text, err := r.c.text(r.scope(), r.op.Target.Template)
	if err != nil {
		return err
	}
	t, err := template.Parse([]byte(text), "template")
	if err != nil {
		return err // it was parsed before it was accepted
	}
	if denied := r.removalsDenied(t); denied != nil {
		return r.deny(denied)
	}
	bound, now, err := r.bind(ctx, t)
	if err != nil {
		return r.fail(nil, err.Error())
	}
	if invalid, err := r.validate(ctx, bound, now); err != nil || invalid != "" {
		return cmpOr(err, r.fail(nil, invalid))
	}
	ctx, stop := r.timed(ctx)
	defer stop()
	var mu sync.Mutex
	var failed []string
	err = walk(ctx, bound.Order(), t.Dependencies, true, func(ctx context.Context, id string) error {
		err := r.one(ctx, bound, id)
		if err != nil {
			mu.Lock()
			failed = append(failed, id)
			mu.Unlock()
		}
		return err
	})
	if r.c.ctx.Err() != nil {
		return r.c.ctx.Err()
	}
	var broken *brokenStore
	switch {
	case errors.As(err, &broken):
		return err
	case errors.Is(context.Cause(ctx), errTimedOut):
		return r.fail(failed, fmt.Sprintf("Stack creation time exceeded the specified timeout of %d minutes. ", r.op.Target.Timeout))
	case ctx.Err() != nil: // cancelled by the client
		return r.fail(failed, "User Initiated")
	case err != nil:
		return r.fail(failed, "")
	}
	return r.conclude(ctx, t)
}

// bind evaluates the target's parameters against the stack as it is now.
func (r *runner) bind(ctx context.Context, t *template.Template) (*template.Bound, *stack, error) {
	s, err := r.c.load(r.k)
	if err != nil {
		return nil, nil, &brokenStore{err}
	}
	s.Imports = nil
	b, err := t.Bind(r.c.environment(ctx, r.k.Scope, &s, r.op.Target))
	return b, &s, err
}

// conclude works out outputs and exports, and goes on to the cleanup.
func (r *runner) conclude(ctx context.Context, t *template.Template) error {
	bound, now, err := r.bind(ctx, t)
	if err != nil {
		return r.fail(nil, err.Error())
	}
	// Everything once more, for the imports that resources use.
	if _, err := bound.State(); err != nil {
		return r.fail(nil, err.Error())
	}
	values, err := bound.Outputs()
	if err != nil {
		return r.fail(nil, err.Error())
	}
	var outputs []output
	for _, v := range values {
		text, ok := v.Value.(string)
		if !ok {
			return r.fail(nil, fmt.Sprintf("Output %s has no value: %v", v.Name, v.Value))
		}
		outputs = append(outputs, output{v.Name, text, v.Description, v.Export})
	}
	if reason, err := r.c.conflict(r.k, outputs); err != nil || reason != "" {
		if err != nil {
			return err
		}
		return r.fail(nil, reason)
	}
	return r.change(func(s *stack) {
		if s.Operation.ID != r.op.ID {
			return // a deletion has taken its place
		}
		if s.Operation.Nested && s.Operation.Undo == nil {
			s.Operation.Undo = &undo{s.Deployed, s.Outputs, s.Imports}
		}
		s.Outputs, s.Imports, s.Deployed = outputs, now.Imports, r.op.Target
		if s.Operation.Kind == "create" {
			s.set(r.c.now(), types.StackStatusCreateComplete, "")
			s.Operation = nil
			return
		}
		if s.Operation.Kind == "import" {
			s.set(r.c.now(), types.StackStatusImportComplete, "")
			s.Operation = nil
			return
		}
		for id, old := range r.op.Before {
			if !bound.Active(id) {
				s.Operation.Doomed = append(s.Operation.Doomed, old)
				delete(s.Resources, id)
			}
		}
		s.Operation.Phase, s.Operation.Held = cleaning, s.Operation.Nested
		s.set(r.c.now(), types.StackStatusUpdateCompleteCleanupInProgress, "")
	})
}

// brokenStore is a failure of the sandbox itself: the operation stops where it
// is, and is no failed update.
type brokenStore struct{ error }

func (e *brokenStore) Unwrap() error { return e.error }

// one brings one resource to what the template says, if an earlier run of the
// operation has not done so.
func (r *runner) one(ctx context.Context, bound *template.Bound, id string) error {
	s, err := r.c.load(r.k)
	if err != nil {
		return &brokenStore{err}
	}
	now := s.Resources[id]
	if now != nil && now.Operation == r.op.ID && complete(now.Status) {
		return nil
	}
	before := r.op.Before[id]
	if before != nil && !before.exists() {
		before = nil // an update that was not rolled back failed to make it
	}
	desired, err := bound.WithResources(s.answer).Resource(id)
	if err == nil {
		err = desired.Check()
	}
	next := &live{Desired: desired, Operation: r.op.ID}
	if now != nil && now.Operation == r.op.ID {
		next.SignalsUntil = now.SignalsUntil // the run before this one waited already
	}
	if err != nil {
		next.Desired = template.Desired{LogicalID: id, Type: bound.Template.Resources[id].Type}
		if before != nil {
			same := *before
			next = &same
			next.Operation, next.Did = r.op.ID, ""
		}
		return r.failed(next, before, err)
	}
	if before, err = r.asItIs(ctx, before); err != nil {
		return r.failed(next, before, err)
	}
	if physical := r.op.Imports[id]; before == nil && physical != "" {
		return r.adopt(ctx, next, physical)
	}
	if before == nil {
		return r.create(ctx, next, nil)
	}
	changed, replaces := template.Difference(desired.Type, before.Properties, desired.Properties)
	if template.Taggable(desired.Type) && !sameTags(s.Deployed.Tags, r.op.Target.Tags) {
		changed = true
	}
	if denied := r.op.denied(next, changed, replaces); denied != "" {
		next.PhysicalID, next.Ref, next.Attributes = before.PhysicalID, before.Ref, before.Attributes
		return r.failed(next, before, errorText(denied))
	}
	if before.Status == types.ResourceStatusUpdateFailed {
		changed = true // it is not known what it became
	}
	if r.op.Revert[id] != "" {
		changed = true // it is not what the template said
	}
	if desired.Type == stackType && r.op.Kind != "import" {
		changed = true // its template may have changed, whatever its properties say
	}
	next.PhysicalID, next.Ref, next.Attributes = before.PhysicalID, before.Ref, before.Attributes
	switch {
	case !changed:
		// Policies, metadata and dependencies may have changed; nothing is done.
		next.Status, next.Reason, next.Changed = before.Status, before.Reason, before.Changed
		if r.op.Stable != nil {
			next.Did = before.Did // by an update that has not been rolled back
		}
		return r.keep(next)
	case replaces == template.True:
		return r.create(ctx, next, before)
	}
	err = r.update(ctx, next, before)
	var refused *resource.Error
	if errors.As(err, &refused) && refused.Code == resource.NotUpdatable && replaces == template.Conditional {
		return r.create(ctx, next, before)
	}
	if err != nil {
		next.Did = "updated" // perhaps in part, so it is to be rolled back
		return r.failed(next, before, err)
	}
	return nil
}

func complete(status types.ResourceStatus) bool {
	return slices.Contains([]types.ResourceStatus{types.ResourceStatusCreateComplete, types.ResourceStatusUpdateComplete,
		types.ResourceStatusImportComplete, types.ResourceStatusRollbackComplete}, status)
}

// keep notes a resource that stays as it is. There is no need to write it now: after
// a crash it stays as it is again.
func (r *runner) keep(next *live) error {
	if err := r.c.touch(r.k, func(s *stack) { s.Resources[next.LogicalID] = next }); err != nil {
		return &brokenStore{err}
	}
	return nil
}

// failed records that work on a resource failed.
func (r *runner) failed(next, before *live, err error) error {
	var broken *brokenStore
	if errors.As(err, &broken) || r.c.ctx.Err() != nil {
		return err // not the resource's fault
	}
	status, verb := types.ResourceStatusCreateFailed, "creation"
	if before != nil {
		status, verb = types.ResourceStatusUpdateFailed, "update"
	}
	reason := reasonOf(err, next)
	if errors.Is(err, errCancelled) {
		reason = "Resource " + verb + " cancelled"
	}
	if e := r.record(next, status, reason); e != nil {
		return e
	}
	return err
}

// record changes the status of a resource, with an event.
func (r *runner) record(next *live, status types.ResourceStatus, reason string) error {
	err := r.change(func(s *stack) {
		s.Resources[next.LogicalID] = next
		s.setResource(r.c.now(), next, status, reason)
	})
	if err != nil {
		return &brokenStore{err}
	}
	return nil
}

// reasonOf is the failure as a stack event words it.
func reasonOf(err error, of *live) string {
	var refused *resource.Error
	var inTemplate *template.Error
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)",
			refused.Message, of.Operation, refused.Code)
	case errors.As(err, &inTemplate):
		return inTemplate.Message
	}
	return err.Error()
}

func sameTags(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// scope shortens the calls to the store's users.
func (r *runner) scope() store.Scope { return r.k.Scope }
