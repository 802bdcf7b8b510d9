package controller

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// Somebody deletes the newest Change: its commit may have another one. A Change
// that is only not in the cache yet is not taken for deleted.
func TestADeletedChangeIsForgotten(t *testing.T) {
	t.Parallel()
	env := types.NamespacedName{Namespace: "team", Name: "production"}
	change := func(name string, sequence int64) *v1alpha1.Change {
		return &v1alpha1.Change{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, Labels: map[string]string{v1alpha1.LabelEnvironment: "production"}},
			Spec:       v1alpha1.ChangeSpec{Environment: "production", Sequence: sequence},
		}
	}
	first, second := change("production-1", 1), change("production-2", 2)
	cached, server := fakeCluster(t, first), fakeCluster(t, first, second)
	w := &world{client: cached, reader: server, heads: map[types.NamespacedName]*v1alpha1.Change{env: second}}
	look := func() string {
		if _, err := (&changes{w}).Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(second)}); err != nil {
			t.Fatal(err)
		}
		newest, err := w.newest(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		return newest.Name
	}
	if got := look(); got != "production-2" {
		t.Errorf("the newest is %s, want the one that the cache does not have yet", got)
	}
	if err := server.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if got := look(); got != "production-1" {
		t.Errorf("the newest is %s, which was deleted", got)
	}
}
