package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// settled waits until the stack's operation is over, or waits itself.
func (c *CloudFormation) settled(ctx context.Context, k key) (stack, error) {
	for last := ""; ; {
		s, err := c.load(k)
		if err != nil || s.Operation == nil || s.Operation.waits() {
			return s, err
		}
		// What ends without having done anything is broken, and must not be
		// begun for ever.
		at := fmt.Sprint(s.Operation.ID, s.Operation.Phase, s.LastEvent)
		if at == last {
			return s, fmt.Errorf("the operation on stack %s stopped before its end", k.ID)
		}
		last = at
		select {
		case <-c.ensure(k):
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// ensure begins the stack's operation if nobody is at it, and returns what is
// closed when it has ended.
func (c *CloudFormation) ensure(k key) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[k] == nil {
		c.begin(k)
	}
	if r := c.running[k]; r != nil {
		return r.done
	}
	return nil // the process ends
}

// cancelUpdate ends an update early, as CancelUpdateStack does.
func (c *CloudFormation) cancelUpdate(k key) {
	_, err := c.change(k, func(s *stack) error {
		if s.Status != types.StackStatusUpdateInProgress {
			return errors.New("it is not being updated")
		}
		s.Operation.Cancelled = true
		return nil
	})
	if err == nil {
		c.cancelWork(k)
	}
}

// settle lets the nested stacks that the operation updated clean up, and waits
// until they have.
func (r *runner) settle(ctx context.Context) error {
	s, err := r.c.load(r.k)
	if err != nil {
		return err
	}
	for _, of := range s.resources() {
		if of.Type != stackType || of.PhysicalID == "" {
			continue
		}
		if _, err := r.release(ctx, of.PhysicalID, func(child *stack) {}); err != nil {
			return err
		}
	}
	return nil
}

// release lets a nested stack that is held go on, after edit, and waits for the
// end of it.
func (r *runner) release(ctx context.Context, id string, edit func(*stack)) (stack, error) {
	k := key{r.k.Scope, id}
	_, err := r.c.change(k, func(child *stack) error {
		if child.Operation == nil || !child.Operation.waits() {
			return nil
		}
		if child.Operation.Held {
			child.Operation.Held = false
			edit(child)
		}
		return nil
	})
	if err != nil {
		return stack{}, err
	}
	return r.c.settled(ctx, k)
}

// revert rolls a nested stack back to what it was before the operation.
func (r *runner) revert(ctx context.Context, of *live) (resource.State, error) {
	k := key{r.k.Scope, of.PhysicalID}
	_, err := r.c.change(k, func(child *stack) error {
		if child.Status == types.StackStatusUpdateFailed && child.Unsettled != nil {
			child.rollBackUnsettled(r.c, r.op.Token)
		}
		if op := child.Operation; op != nil && op.Stuck {
			var skip []string
			for _, id := range r.op.Skip {
				if inner, ok := strings.CutPrefix(id, of.LogicalID+"."); ok {
					skip = append(skip, inner)
				}
			}
			child.goOn(r.c, skip, r.op.Token)
		}
		return nil
	})
	if err != nil {
		return resource.State{}, err
	}
	s, err := r.release(ctx, of.PhysicalID, func(child *stack) { child.turnBack(r.c) })
	if err == nil && s.Status == types.StackStatusUpdateComplete {
		// Its update was settled when the operation failed, so that there is
		// nothing to turn back: it is updated once more, to what it was.
		if _, err = r.callUpdate(ctx, fmt.Sprintf("rollback-%d", r.op.Attempt), of, nil); err == nil {
			s, err = r.release(ctx, of.PhysicalID, func(*stack) {})
		}
	}
	if err != nil {
		return resource.State{}, err
	}
	if s.Operation != nil || s.Status == types.StackStatusUpdateFailed {
		return resource.State{}, embedded(&s, "updated")
	}
	return s.asResource(), nil
}

// turnBack makes an update that was applied one that is rolled back.
func (s *stack) turnBack(c *CloudFormation) {
	op := *s.Operation
	op.Phase = rollingBack
	for id, before := range op.stable() {
		if s.Resources[id] == nil { // it was to go in the cleanup
			s.Resources[id] = before
			op.Doomed = slices.DeleteFunc(op.Doomed, func(d *live) bool { return d.PhysicalID == before.PhysicalID && d.Type == before.Type })
		}
	}
	s.Operation = &op
	s.set(c.now(), types.StackStatusUpdateRollbackInProgress, "")
}
