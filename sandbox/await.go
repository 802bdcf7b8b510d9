package sandbox

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// await watches one object until lacks finds nothing missing in it. A watch that
// the server ends is begun anew; when ctx ends the error says what was missing.
func await(ctx context.Context, k client.WithWatch, list client.ObjectList, key client.ObjectKey, lacks func(client.Object) string) error {
	missing := "it does not exist"
	for {
		// Without a resource version the watch begins with the object as it is.
		w, err := k.Watch(ctx, list, client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name})
		if err != nil {
			return fmt.Errorf("%s: %w", missing, err)
		}
		done, err := follow(ctx, w, lacks, &missing)
		w.Stop()
		if done || err != nil {
			return err
		}
	}
}

// follow reads a watch to its end; done says that nothing is missing any more.
func follow(ctx context.Context, w watch.Interface, lacks func(client.Object) string, missing *string) (done bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%s: %w", *missing, context.Cause(ctx))
		case e, more := <-w.ResultChan():
			if !more {
				return false, nil
			}
			switch e.Type {
			case watch.Error:
				return false, apierrors.FromObject(e.Object)
			case watch.Deleted:
				*missing = "it was deleted"
			case watch.Added, watch.Modified:
				o, ok := e.Object.(client.Object)
				if !ok {
					continue
				}
				if *missing = lacks(o); *missing == "" {
					return true, nil
				}
			}
		}
	}
}
