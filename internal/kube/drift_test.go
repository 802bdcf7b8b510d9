package kube

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

func (w *world) merge(name, patch string) {
	w.Helper()
	_, err := w.client.AppsV1().Deployments(w.namespace).Patch(w.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "somebody"})
	if err != nil {
		w.Fatal(err)
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := fmt.Sprintf(web, "red", 1, "1")
	a := w.apply(text)
	deployment := w.id(a.Objects[1])

	// A label of their own is no drift: the first drift seen is the scaling.
	w.merge("web", `{"metadata":{"labels":{"team":"blue"}}}`)
	w.merge("web", `{"spec":{"replicas":5}}`)
	if d := cmp.Diff(Drift{Owner: w.owner, Object: deployment}, w.drift()); d != "" {
		t.Fatal(d)
	}
	again := w.apply(text)
	if d := cmp.Diff([]diff.Field{{Path: "spec.replicas", Before: 5.0, After: 1.0}}, again.Changes[1].Fields); d != "" {
		t.Error(d)
	}
	if again.Objects[1].Fields != a.Objects[1].Fields {
		t.Error("the hash after the correction is another one")
	}

	if err := w.client.CoreV1().ConfigMaps(w.namespace).Delete(w.ctx, "settings", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Drift{Owner: w.owner, Object: w.id(a.Objects[0]), Deleted: true}, w.drift()); d != "" {
		t.Fatal(d)
	}
	if got := w.apply(text).Changes[0].Action; got != diff.Create {
		t.Error(got)
	}

	// The whole life of the above, with nothing that nobody did.
	w.merge("web", `{"spec":{"replicas":5}}`)
	if d := w.drift(); d.Object != deployment {
		t.Errorf("%+v", d)
	}
}

// What changed while no controller ran is noticed by the next one.
func TestDriftWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	w.Close()
	w.merge("web", `{"spec":{"replicas":5}}`)
	if err := w.client.CoreV1().ConfigMaps(w.namespace).Delete(w.ctx, "settings", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	next := w.another()
	if err := next.Expect(w.ctx, w.owner, a.Objects); err != nil {
		t.Fatal(err)
	}
	got := map[ID]bool{}
	for range 2 {
		d := next.drift()
		got[d.Object] = d.Deleted
	}
	if d := cmp.Diff(map[ID]bool{w.id(a.Objects[0]): true, w.id(a.Objects[1]): false}, got); d != "" {
		t.Error(d)
	}

	// Watches end when nothing is expected of their kind any more.
	next.Forget(w.owner)
	next.seen.mu.Lock()
	defer next.seen.mu.Unlock()
	if n := len(next.seen.watches); n != 0 {
		t.Errorf("%d watches still run", n)
	}
}
