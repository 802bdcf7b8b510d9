package kube

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// adoptable are the managers that stand for a whole manifest, applied by a tool
// that is replaced by Drawbridge. Those that stand for one edit (kubectl-edit,
// kubectl-patch, kubectl-scale) and controllers keep what they set.
var adoptable = sets.New(
	"kubectl-client-side-apply", "kubectl-create", "kubectl-replace", "kubectl", "helm", "before-first-apply",
)

// adoptable are those of the managers that hold fields of the object.
func (r *reply) adoptable() sets.Set[string] {
	var from sets.Set[string]
	for _, e := range r.Metadata.ManagedFields {
		if e.Operation == string(metav1.ManagedFieldsOperationUpdate) && e.Subresource == "" && adoptable.Has(e.Manager) {
			from = from.Union(sets.New(e.Manager))
		}
	}
	return from
}

// adopt makes the fields that such a tool set before ours, and applies again,
// so that those which are no longer wanted go away. Whether there is something
// to adopt is read from the answer of every apply, and so an adoption that was
// cut short is finished by the next one.
func (c *Cluster) adopt(ctx context.Context, w *client, it item, a answer, from sets.Set[string]) (answer, error) {
	path := it.kind.path(it.id.Namespace, it.id.Name)
	for {
		var u unstructured.Unstructured
		if err := json.Unmarshal(a.body, &u.Object); err != nil {
			return a, fmt.Errorf("the server's answer: %w", err)
		}
		patch, err := csaupgrade.UpgradeManagedFieldsPatch(&u, from, v1alpha1.FieldManager)
		if err != nil {
			return a, fmt.Errorf("taking over from %v: %w", sets.List(from), err)
		}
		if patch == nil {
			break
		}
		// The patch holds the version that it was made of.
		_, err = w.do(ctx, request{verb: "PATCH", path: path, contentType: types.JSONPatchType, body: patch})
		if err == nil {
			break
		}
		if !apierrors.IsConflict(err) {
			return a, fmt.Errorf("taking over from %v: %w", sets.List(from), err)
		}
		if a, err = w.do(ctx, request{verb: "GET", path: path}); err != nil {
			return a, err
		}
	}
	again, err := c.send(ctx, w, it)
	return answer{status: a.status, body: again.body}, err
}
