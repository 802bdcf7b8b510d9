package kube

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// Identify does what Check does and returns which objects they are, in their
// order and in the form of v1alpha1.AppliedObject. Namespace is for namespaced
// objects that name none. Crds are CustomResourceDefinitions that will have been
// applied before, and define kinds as those among the objects do.
func (c *Cluster) Identify(ctx context.Context, objects, crds []render.Object, namespace string) ([]string, error) {
	items, err := c.resolve(ctx, objects, namespace, crds...)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = it.id.String()
	}
	return ids, nil
}

// Definitions are the CustomResourceDefinitions among the objects.
func Definitions(objects []render.Object) []render.Object {
	var crds []render.Object
	for _, o := range objects {
		if o.Object.GroupVersionKind().GroupKind() == crdKind {
			crds = append(crds, o)
		}
	}
	return crds
}
