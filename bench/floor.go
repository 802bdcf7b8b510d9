package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

const floorWorkers = 8

var resources = map[string]schema.GroupVersionResource{
	"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"},
	"Service":        {Version: "v1", Resource: "services"},
	"Deployment":     {Group: "apps", Version: "v1", Resource: "deployments"},
	"Ingress":        {Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
}

// applyBare is the floor: each object applied once by client-go's dynamic client
// and nothing else, not even waited for.
func applyBare(ctx context.Context, config *rest.Config, namespace string, components [][]render.Object) (time.Duration, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan render.Object)
	for range floorWorkers {
		g.Go(func() error {
			for o := range work {
				_, err := client.Resource(resources[o.Object.GetKind()]).Namespace(namespace).
					Apply(ctx, o.Object.GetName(), o.Object, metav1.ApplyOptions{FieldManager: "floor", Force: true})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(work)
		for _, c := range components {
			for _, o := range c {
				select {
				case work <- o:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	err = g.Wait()
	return time.Since(begin), err
}
