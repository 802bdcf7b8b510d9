package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	selector "k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
)

// StuckError says that an object was told to go and is still there.
type StuckError struct {
	Object     ID
	Finalizers []string
	Err        error // why the waiting ended
}

func (e *StuckError) Error() string {
	s := "is being deleted but still there"
	if len(e.Finalizers) > 0 {
		s += ", held by finalizer " + strings.Join(e.Finalizers, ", ") + ": the controller that put it there has to take it away"
	}
	return s + ": " + e.Err.Error()
}

func (e *StuckError) Unwrap() error { return e.Err }

// untilGone watches one object, from the answer to its deletion on, until it is
// gone or another one of its name took its place. It does not use the kind's
// watch: that one selects by a label which the object may have lost.
func (c *Cluster) untilGone(ctx context.Context, id ID, k kind, left metav1.PartialObjectMetadata) error {
	r := c.metadata.Resource(k.gvr()).Namespace(id.Namespace)
	only := selector.OneTermEqualSelector("metadata.name", id.Name).String()
	for attempt := 0; ; attempt++ {
		w, err := r.Watch(ctx, metav1.ListOptions{FieldSelector: only, ResourceVersion: left.ResourceVersion})
		if err == nil {
			var gone bool
			gone, err = follows(ctx, w, &left)
			w.Stop()
			if gone {
				return nil
			}
		}
		if ctx.Err() != nil {
			return &StuckError{Object: id, Finalizers: left.Finalizers, Err: ctx.Err()}
		}
		if err := c.patience.sleep(ctx, backoff(attempt, err)); err != nil {
			return &StuckError{Object: id, Finalizers: left.Finalizers, Err: err}
		}
		now, err := r.Get(ctx, id.Name, metav1.GetOptions{}) // what the watch may have missed
		switch {
		case apierrors.IsNotFound(err), err == nil && now.UID != left.UID:
			return nil
		case err == nil:
			left = *now
		case !passes(err):
			return fmt.Errorf("waiting until it is gone: %w", err)
		}
	}
}

// follows reads a watch of one object until it is gone or the watch ends.
func follows(ctx context.Context, w watch.Interface, left *metav1.PartialObjectMetadata) (gone bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case e, ok := <-w.ResultChan():
			if !ok {
				return false, errors.New("the watch ended")
			}
			if e.Type == watch.Error {
				return false, apierrors.FromObject(e.Object)
			}
			m, err := meta.Accessor(e.Object)
			if err != nil {
				continue
			}
			if e.Type == watch.Deleted || m.GetUID() != left.UID {
				return true, nil
			}
			left.Finalizers, left.ResourceVersion = m.GetFinalizers(), m.GetResourceVersion()
		}
	}
}
