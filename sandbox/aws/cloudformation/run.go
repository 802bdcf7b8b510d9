package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// run takes the stack's operation to its end, phase by phase. Each phase leaves
// the next one in the store, so that another process can go on from there. work
// ends earlier than ctx where an update is cancelled.
func (c *CloudFormation) run(ctx, work context.Context, k key) error {
	for first := ""; ; {
		s, err := c.load(k)
		if err != nil || s.Operation == nil || s.Operation.waits() {
			return err
		}
		// An operation that took this one's place has a run of its own.
		if first == "" {
			first = s.Operation.ID
		} else if s.Operation.ID != first {
			return nil
		}
		r := &runner{c: c, k: k, op: s.Operation}
		switch s.Operation.Phase {
		case applying:
			if s.Operation.Cancelled {
				cancelled, cancel := context.WithCancelCause(work)
				cancel(errCancelled)
				work = cancelled
			}
			err = r.apply(work)
		case rollingBack:
			err = r.rollBack(ctx)
		case cleaning, cleaningRolled:
			err = r.clean(ctx)
		case deleting:
			err = r.deleteAll(ctx)
		default:
			err = fmt.Errorf("stack %s: phase %q is not known", k.ID, s.Operation.Phase)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// runner does the phases of one operation. op is as it was when the phase began;
// what has to be kept goes through change.
type runner struct {
	c  *CloudFormation
	k  key
	op *operation
}

func (r *runner) change(edit func(*stack)) error { return r.c.amend(r.k, edit) }

// token is the token of one call for one resource.
func (r *runner) token(id, verb string) string { return r.op.ID + "/" + id + "/" + verb }

// finish ends the operation with a status.
func (r *runner) finish(status types.StackStatus, reason string) error {
	return r.change(func(s *stack) {
		s.set(r.c.now(), status, reason)
		s.Operation = nil
	})
}

// failures says which resources failed, by what was being done to them.
func failures(s *stack, failed []string) string {
	var text strings.Builder
	for _, verb := range []struct {
		words  string
		status types.ResourceStatus
	}{{"create", types.ResourceStatusCreateFailed}, {"update", types.ResourceStatusUpdateFailed}, {"import", types.ResourceStatusImportFailed}} {
		var ids []string
		for _, id := range failed {
			if r := s.Resources[id]; r != nil && r.Status == verb.status {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			fmt.Fprintf(&text, "The following resource(s) failed to %s: [%s]. ", verb.words, strings.Join(ids, ", "))
		}
	}
	return text.String()
}

// fail decides what follows a failure while applying.
func (r *runner) fail(failed []string, why string) error {
	slices.Sort(failed)
	if why == "" {
		s, err := r.c.load(r.k)
		if err != nil {
			return err
		}
		why = failures(&s, failed)
	}
	if r.op.Kind == "update" && r.op.Target.DisableRollback {
		if err := r.settle(r.c.ctx); err != nil {
			return err
		}
	}
	_, err := r.c.change(r.k, func(s *stack) error {
		at := r.c.now()
		op := s.Operation
		if op == nil || op.ID != r.op.ID {
			return nil // a deletion has taken its place
		}
		op.Failed, op.Failure, s.Failure = failed, why, why
		switch {
		case op.Kind == "import":
			op.Phase = rollingBack
			s.set(at, types.StackStatusImportRollbackInProgress, why)
		case op.Kind == "update" && op.Target.DisableRollback:
			s.set(at, types.StackStatusUpdateFailed, why)
			if op.Undo == nil {
				op.Undo = &undo{s.Deployed, s.Outputs, s.Imports}
			}
			s.Deployed, s.Unsettled, s.Operation = op.Target, op, nil
		case op.Kind == "update":
			op.Phase = rollingBack
			s.set(at, types.StackStatusUpdateRollbackInProgress, why)
		case op.Target.OnFailure == types.OnFailureDelete:
			op.Phase = deleting
			op.Kind = "delete"
			s.set(at, types.StackStatusDeleteInProgress, why+"Delete requested by user.")
		case op.Target.DisableRollback || op.Target.OnFailure == types.OnFailureDoNothing:
			s.set(at, types.StackStatusCreateFailed, why)
			s.Deployed, s.Operation = op.Target, nil
		default:
			op.Phase = rollingBack
			s.set(at, types.StackStatusRollbackInProgress, why+"Rollback requested by user.")
		}
		return nil
	})
	return err
}

// conflict checks the exports of a stack against those of the others; it returns
// the reason for which they can't be, or "".
func (c *CloudFormation) conflict(k key, outputs []output) (string, error) {
	var reason string
	err := c.Store.View(func(tx *store.Tx) error {
		for _, o := range outputs {
			theirs, taken, err := exports.Get(tx, k.Scope, o.Export)
			if err != nil {
				return err
			}
			if taken && theirs.StackID != k.ID {
				reason = fmt.Sprintf("Export with name %s is already exported by stack %s. ", o.Export, theirs.StackName)
				return nil
			}
		}
		return nil
	})
	if err != nil || reason != "" {
		return reason, err
	}
	return c.stillImported(k, outputs)
}

// stillImported finds an export that the stack has, that it is to have no more
// or with another value, and that other stacks use.
func (c *CloudFormation) stillImported(k key, outputs []output) (reason string, err error) {
	s, err := c.load(k)
	if err != nil {
		return "", err
	}
	err = c.Store.View(func(tx *store.Tx) error {
		for _, old := range s.Outputs {
			if old.Export == "" || slices.ContainsFunc(outputs, func(o output) bool { return o.Export == old.Export && o.Value == old.Value }) {
				continue
			}
			users, err := importers(tx, k.Scope, old.Export)
			if err != nil {
				return err
			}
			if len(users) == 0 {
				continue
			}
			verb := "delete"
			if slices.ContainsFunc(outputs, func(o output) bool { return o.Export == old.Export }) {
				verb = "update"
			}
			reason = fmt.Sprintf("Cannot %s export %s as it is in use by %s", verb, old.Export, strings.Join(users, ", "))
			if s.Status == types.StackStatusDeleteInProgress {
				reason = fmt.Sprintf("Export %s cannot be deleted as it is in use by %s", old.Export, strings.Join(users, ", "))
			}
			return nil
		}
		return nil
	})
	return reason, err
}
