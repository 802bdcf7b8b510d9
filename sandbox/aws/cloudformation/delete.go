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

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// deleteAll deletes the stack.
func (r *runner) deleteAll(ctx context.Context) error {
	if reason, err := r.c.stillImported(r.k, nil); err != nil {
		return err
	} else if reason != "" {
		return r.finish(r.op.From, reason) // as it was, and nothing of it is gone
	}
	failed, err := r.deleteResources(ctx, func(of *live) string { return of.DeletionPolicy })
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		return r.finish(types.StackStatusDeleteFailed,
			fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", strings.Join(failed, ", ")))
	}
	_, err = r.c.commit(func(tx *store.Tx) (key, *stack, error) {
		s, err := r.c.mustGet(tx, r.k)
		if err != nil {
			return r.k, nil, err
		}
		at := r.c.now()
		s.set(at, types.StackStatusDeleteComplete, "")
		s.Deleted, s.Operation, s.Outputs, s.Imports = &at, nil, nil, nil
		return r.k, &s, r.c.forget(tx, r.k.Scope, &s, "")
	})
	return err
}

// forget gives a deleted stack's name free and removes its change sets, but for
// the one to keep.
func (c *CloudFormation) forget(tx *store.Tx, scope store.Scope, s *stack, keep string) error {
	if s.Deleted != nil {
		if id, _, err := names.Get(tx, scope, s.Name); err != nil {
			return err
		} else if id == s.ID {
			if err := names.Delete(tx, scope, s.Name); err != nil {
				return err
			}
		}
	}
	if s.Deleted != nil {
		if err := cmpOr(dropAll(tx, drifts, scope, s.ID+"/"), dropAll(tx, signals, scope, s.ID+"/")); err != nil {
			return err
		}
	}
	sets, err := changeSetsIn(tx, scope, s.ID)
	for _, cs := range sets {
		if cs.ID != keep {
			err = cmpOr(err, c.dropTree(tx, scope, cs))
		}
	}
	return err
}

// dropAll empties the part of a table that starts with prefix.
func dropAll[T any](tx *store.Tx, table store.Table[T], scope store.Scope, prefix string) error {
	var gone []string
	err := table.Walk(tx, scope, prefix, func(key string, _ T) error {
		gone = append(gone, key)
		return nil
	})
	for _, key := range gone {
		err = cmpOr(err, table.Delete(tx, scope, key))
	}
	return err
}

// deleteResources deletes all resources of the stack, dependents first, and
// returns those that could not be.
func (r *runner) deleteResources(ctx context.Context, policy func(*live) string) (failed []string, err error) {
	s, err := r.c.load(r.k)
	if err != nil {
		return nil, err
	}
	// What an update left half done goes too.
	for _, d := range r.op.Doomed {
		if err := r.drop(ctx, d, false); err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	var mu sync.Mutex
	ids := slices.Sorted(maps.Keys(s.Resources))
	err = walk(ctx, ids, dependents(s.Resources), false, func(ctx context.Context, id string) error {
		of := s.Resources[id]
		if of.Status == types.ResourceStatusDeleteComplete || of.Status == types.ResourceStatusDeleteSkipped {
			return nil
		}
		p := policy(of)
		if slices.Contains(r.op.Skip, id) {
			p = "Retain"
		}
		err := r.deleteOne(ctx, of, p)
		var broken *brokenStore
		if err != nil && r.op.Force && ctx.Err() == nil && !errors.As(err, &broken) {
			return r.record(of, types.ResourceStatusDeleteSkipped, "The stack is deleted without it.")
		}
		if err != nil {
			mu.Lock()
			failed = append(failed, id)
			mu.Unlock()
		}
		return err
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var broken *brokenStore
	if errors.As(err, &broken) {
		return nil, err
	}
	slices.Sort(failed)
	return failed, nil
}

func (r *runner) deleteOne(ctx context.Context, of *live, policy string) error {
	next := *of
	if policy != "Retain" && policy != "RetainExceptOnCreate" && of.PhysicalID != "" {
		if err := r.record(&next, types.ResourceStatusDeleteInProgress, ""); err != nil {
			return err
		}
	}
	status, err := r.remove(ctx, &next, policy, "delete")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := ""
	if err != nil {
		reason = reasonOf(err, of)
	}
	return errors.Join(err, r.record(&next, status, reason))
}
