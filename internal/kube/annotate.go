package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// Annotate sets an annotation of an object that is there, in the name of the service
// account, "namespace:name", or of the Cluster itself when that is empty. It is no
// part of what is applied: neither a later apply nor drift touches it.
func (c *Cluster) Annotate(ctx context.Context, id ID, version, serviceAccount, key, value string) error {
	k, err := c.kinds.serve(ctx, schema.GroupVersionKind{Group: id.Group, Version: version, Kind: id.Kind})
	if err != nil {
		return fmt.Errorf("%s: %w", id.Resource(), err)
	}
	w, err := c.writer(serviceAccount)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{key: value}}})
	if err != nil {
		return err
	}
	_, err = w.do(ctx, request{
		verb: "PATCH", path: k.path(id.Namespace, id.Name), contentType: types.MergePatchType, body: body,
		query: url.Values{"fieldManager": {v1alpha1.FieldManager + "-annotate"}},
	})
	if err != nil {
		return fmt.Errorf("%s: setting the annotation %s: %w", id.Resource(), key, err)
	}
	return nil
}
