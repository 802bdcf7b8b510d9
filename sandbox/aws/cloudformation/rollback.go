package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// rollBack undoes what the operation did so far.
func (r *runner) rollBack(ctx context.Context) error {
	if r.op.Kind == "create" {
		return r.undoCreate(ctx)
	}
	s, err := r.c.load(r.k)
	if err != nil {
		return err
	}
	ids := slices.AppendSeq(slices.Collect(maps.Keys(s.Resources)), maps.Keys(r.op.stable()))
	slices.Sort(ids)
	ids = slices.Compact(ids)
	after := func(id string) []string {
		if b := r.op.stable()[id]; b != nil {
			return b.Dependencies
		}
		return nil
	}
	var mu sync.Mutex
	var failed []string
	err = walk(ctx, ids, after, false, func(ctx context.Context, id string) error {
		err := r.restore(ctx, id)
		if err != nil {
			mu.Lock()
			failed = append(failed, id)
			mu.Unlock()
		}
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var broken *brokenStore
	if errors.As(err, &broken) {
		return err
	}
	if err != nil {
		slices.Sort(failed)
		return r.change(func(s *stack) {
			s.Operation.Stuck = true
			s.Operation.Failed = failed
			s.set(r.c.now(), types.StackStatusUpdateRollbackFailed,
				fmt.Sprintf("The following resource(s) failed to update: [%s]. ", strings.Join(failed, ", ")))
		})
	}
	if r.op.Kind == "import" {
		return r.finish(types.StackStatusImportRollbackComplete, "")
	}
	return r.change(func(s *stack) {
		if was := s.Operation.Undo; was != nil {
			s.Deployed, s.Outputs, s.Imports = was.Deployed, was.Outputs, was.Imports
		}
		s.Operation.Phase = cleaningRolled
		s.set(r.c.now(), types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
	})
}

// restore brings one resource back to what it was before the update.
func (r *runner) restore(ctx context.Context, id string) error {
	s, err := r.c.load(r.k)
	if err != nil {
		return &brokenStore{err}
	}
	now, before := s.Resources[id], r.op.stable()[id]
	if now == nil || !r.op.touched(now) {
		return nil // not touched, or restored already
	}
	if before == nil && (now.Did == "imported" || r.op.Kind == "import") {
		return r.letGo(now)
	}
	if before == nil {
		return r.edit(func(s *stack) {
			if now.PhysicalID != "" {
				s.Operation.Doomed = append(s.Operation.Doomed, now)
			}
			delete(s.Resources, id)
		})
	}
	old := *before
	switch {
	case now.Did != "created" && now.PhysicalID != "" && now.PhysicalID != old.PhysicalID:
		return r.edit(func(s *stack) {
			op := s.Operation
			op.Doomed = slices.DeleteFunc(op.Doomed, func(d *live) bool { return d.PhysicalID == old.PhysicalID && d.Type == old.Type })
			op.Doomed = append(op.Doomed, now)
			s.Resources[id] = &old
			s.setResource(r.c.now(), &old, types.ResourceStatusUpdateComplete, "")
		})
	case now.Did == "updated" && slices.Contains(r.op.Skip, id):
		return r.record(&old, types.ResourceStatusUpdateComplete, "Resource skipped during UpdateRollback")
	case now.Did == "created": // what was there before had been deleted by others
		return r.record(now, types.ResourceStatusUpdateComplete, "")
	case now.Did == "updated" && now.Type == stackType:
		child, err := r.c.load(key{r.k.Scope, now.PhysicalID})
		if err != nil {
			return &brokenStore{err}
		}
		// One that failed has rolled back by itself. The CDK follows a nested stack from
		// the last event that it was begun with, and must not miss why it failed.
		if child.Status != types.StackStatusUpdateRollbackComplete {
			if err := r.record(now, types.ResourceStatusUpdateInProgress, ""); err != nil {
				return err
			}
		}
		state, err := r.revert(ctx, &old)
		if err != nil {
			return r.failed(now, before, err)
		}
		old.take(state)
	case now.Did == "updated":
		if err := r.record(now, types.ResourceStatusUpdateInProgress, ""); err != nil {
			return err
		}
		state, err := r.callUpdate(ctx, fmt.Sprintf("rollback-%d", r.op.Attempt), &old, now)
		if err != nil {
			return r.failed(now, before, err)
		}
		old.take(state)
	case complete(now.Status) && now.Did == "":
		return r.edit(func(s *stack) { s.Resources[id] = &old })
	}
	return r.record(&old, types.ResourceStatusUpdateComplete, "")
}

// edit is change with its failure marked as the sandbox's own.
func (r *runner) edit(do func(*stack)) error {
	if err := r.change(do); err != nil {
		return &brokenStore{err}
	}
	return nil
}

// undoCreate deletes what a failed creation made.
func (r *runner) undoCreate(ctx context.Context) error {
	failed, err := r.deleteResources(ctx, func(of *live) string {
		if of.Did == "imported" {
			return "Retain" // it was there before
		}
		if of.DeletionPolicy == "Retain" && !r.op.Target.RetainExceptOnCreate {
			return "Retain"
		}
		return "" // a resource that never was in use leaves nothing to keep
	})
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		return r.finish(types.StackStatusRollbackFailed,
			fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", strings.Join(failed, ", ")))
	}
	return r.change(func(s *stack) {
		s.Deployed = s.Operation.Target
		s.set(r.c.now(), types.StackStatusRollbackComplete, "")
		s.Operation = nil
	})
}

// clean deletes what the update, or its rollback, left behind. What can't be
// deleted is left, and the update is complete all the same.
func (r *runner) clean(ctx context.Context) error {
	rolled := r.op.Phase == cleaningRolled
	if err := r.settle(ctx); err != nil {
		return err
	}
	ids := make([]string, len(r.op.Doomed))
	doomed := map[string]*live{}
	for i, d := range r.op.Doomed {
		ids[i] = fmt.Sprint(i)
		doomed[ids[i]] = d
	}
	after := func(id string) (out []string) {
		for other, d := range doomed {
			if other != id && slices.Contains(d.Dependencies, doomed[id].LogicalID) {
				out = append(out, other)
			}
		}
		return out
	}
	err := walk(ctx, ids, after, false, func(ctx context.Context, id string) error { return r.drop(ctx, doomed[id], rolled) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var broken *brokenStore
	if errors.As(err, &broken) {
		return err
	}
	reason := ""
	if err != nil {
		reason = "One or more resources could not be deleted."
	}
	if rolled {
		return r.finish(types.StackStatusUpdateRollbackComplete, reason)
	}
	return r.finish(types.StackStatusUpdateComplete, reason)
}

// drop deletes one resource in a cleanup.
func (r *runner) drop(ctx context.Context, d *live, rolled bool) error {
	s, err := r.c.load(r.k)
	if err != nil {
		return &brokenStore{err}
	}
	_, replaced := s.Resources[d.LogicalID]
	policy := d.DeletionPolicy
	switch {
	case replaced && rolled:
		policy = "" // the new one never came into use
	case replaced:
		policy = d.UpdateReplacePolicy
	case rolled && (policy != "Retain" || r.op.Target.RetainExceptOnCreate):
		policy = ""
	}
	tell := func(status types.ResourceStatus, reason string) error {
		return r.edit(func(s *stack) {
			shown := *d
			s.setResource(r.c.now(), &shown, status, reason)
			if status == types.ResourceStatusDeleteComplete || status == types.ResourceStatusDeleteSkipped {
				s.Operation.Doomed = slices.DeleteFunc(s.Operation.Doomed, func(x *live) bool {
					return x.PhysicalID == d.PhysicalID && x.Type == d.Type
				})
			}
		})
	}
	if policy != "Retain" && policy != "RetainExceptOnCreate" {
		if err := tell(types.ResourceStatusDeleteInProgress, ""); err != nil {
			return err
		}
	}
	status, err := r.remove(ctx, d, policy, "cleanup")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := ""
	if err != nil {
		reason = reasonOf(err, d)
	}
	return errors.Join(err, tell(status, reason))
}
