package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// Progress is a step of an object on its way to being ready.
type Progress struct {
	Object  ID
	Ready   bool
	Message string // why it is not ready, or what it says of itself
}

// NotReadyError says which objects did not become ready.
type NotReadyError struct {
	Objects []Progress
	Err     error // why the waiting ended: the context's error, or nil when an object failed for good
}

func (e *NotReadyError) Error() string {
	parts := make([]string, len(e.Objects))
	for i, p := range e.Objects {
		parts[i] = p.Object.Resource().String() + ": " + p.Message
	}
	s := "not ready: " + strings.Join(parts, "; ")
	if e.Err != nil && !errors.Is(e.Err, context.DeadlineExceeded) { // whoever set the deadline says so
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *NotReadyError) Unwrap() error { return e.Err }

// Wait returns when all objects are ready. It returns a *NotReadyError when one
// of them failed for good (a Job failed, a Deployment exceeded its progress
// deadline, a custom resource is stalled), or ctx ended. Progress, if not nil,
// is called whenever an object's readiness or message changes, from one
// goroutine. For objects that this process applied only what was seen since
// counts.
func (c *Cluster) Wait(ctx context.Context, objects []v1alpha1.AppliedObject, progress func(Progress)) error {
	w := newWaiter()
	targets := make(map[ID]*target, len(objects))
	ids := make([]ID, 0, len(objects))
	defer func() {
		c.seen.leave(w, ids)
		for _, t := range targets {
			t.release()
		}
	}()
	for _, a := range objects {
		id, err := ParseID(a.Object)
		if err != nil {
			return err
		}
		if targets[id] != nil {
			continue
		}
		k, known := c.seen.kindOf(id) // of a CRD just now, the server may not tell of it yet
		if !known {
			if k, err = c.kinds.serve(ctx, schema.GroupVersionKind{Group: id.Group, Version: a.Version, Kind: id.Kind}); err != nil {
				return fmt.Errorf("%s: %w", id.Resource(), err)
			}
		}
		used, release := c.use(k)
		targets[id] = &target{id: id, kind: k, watch: used, release: release}
		ids = append(ids, id)
		c.seen.await(w, id)
		w.tell(id)
	}
	for _, t := range targets {
		if err := c.sync(ctx, t.watch); err != nil {
			return c.notReady(targets, err)
		}
	}
	return c.waitAll(ctx, w, targets, progress)
}

// target is an object that is waited for.
type target struct {
	id      ID
	kind    kind
	watch   *watched
	release func()
	stop    context.CancelFunc // of the watch of its Pods
	last    Progress
	blocked string // what keeps its Pods, or what its operator says

	stopOperator context.CancelFunc // of the watch of its operator
}

func (c *Cluster) waitAll(ctx context.Context, w *waiter, targets map[ID]*target, progress func(Progress)) error {
	podsCtx, stop := context.WithCancel(ctx)
	defer stop()
	blocks := make(chan block)
	pending := len(targets)
	for pending > 0 {
		select {
		case <-w.wake:
		case b := <-blocks:
			targets[b.id].blocked = b.reason
			w.tell(b.id)
			continue
		case <-ctx.Done():
			return c.notReady(targets, ctx.Err())
		}
		for id := range w.take() {
			t := targets[id]
			s, now, desired := c.seen.readiness(t)
			if now.Message != "" && t.blocked != "" && !now.Ready {
				now.Message += " (" + t.blocked + ")"
			}
			switch was := t.last.Ready; {
			case now.Ready && !was:
				pending--
			case !now.Ready && was:
				pending++ // went back before all were ready
			}
			if t.last != now && progress != nil {
				progress(now)
			}
			t.last = now
			t.followPods(podsCtx, c, desired, blocks)
			t.followOperator(podsCtx, c, blocks)
			if s == status.FailedStatus {
				return c.notReady(map[ID]*target{id: t}, nil)
			}
		}
	}
	return nil
}

// readiness of a target by what was last seen of it. Desired is set while the
// Pods that it makes are what is waited for.
func (o *observations) readiness(t *target) (status.Status, Progress, []byte) {
	p := Progress{Object: t.id}
	if t.watch == nil { // can't be watched, so the answer of its apply was all
		p.Ready = true
		return status.CurrentStatus, p, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var since uint64
	e := o.expected[t.id]
	if e != nil {
		since = e.version
	}
	if since > 0 && e.busy == 0 && onlyMetadata(t.kind.GroupKind()) && e.gone <= since {
		p.Ready = true // taken by the server is all there is to it
		return status.CurrentStatus, p, nil
	}
	ob := t.watch.entries[t.id.key()]
	switch {
	case ob == nil && e != nil && e.gone > since:
		p.Message = "was deleted, or lost its label " + v1alpha1.LabelEnvironment
	case ob == nil || ob.version < since:
		p.Message = "not seen yet"
		if t.watch.err != nil {
			p.Message += ": the watch is broken: " + t.watch.err.Error()
		}
	default:
		p.Ready, p.Message = ob.status == status.CurrentStatus, ob.message
		if ob.rolling {
			return ob.status, p, ob.desired
		}
		return ob.status, p, nil
	}
	return status.InProgressStatus, p, nil
}

// notReady is the error about those targets that are not ready, in order.
func (c *Cluster) notReady(targets map[ID]*target, err error) error {
	e := &NotReadyError{Err: err}
	ids := slices.SortedFunc(maps.Keys(targets), func(a, b ID) int { return strings.Compare(a.String(), b.String()) })
	for _, id := range ids {
		t := targets[id]
		if t.last.Object == (ID{}) {
			_, t.last, _ = c.seen.readiness(t)
		}
		if !t.last.Ready {
			e.Objects = append(e.Objects, t.last)
		}
	}
	return e
}
