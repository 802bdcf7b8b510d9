package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	changes, err := w.Prune(w.ctx, w.owner, ids(a), PruneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"delete ConfigMap settings", "delete apps/Deployment web"}, actions(changes)); d != "" {
		t.Error(d)
	}
	if _, err := w.client.AppsV1().Deployments(w.namespace).Get(w.ctx, "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	changes, err = w.Prune(w.ctx, w.owner, append(ids(a), "gone.example.test/Kind/x/y"), PruneOptions{})
	if err != nil || len(changes) != 0 {
		t.Error(actions(changes), err)
	}
	select {
	case d := <-w.Drifts():
		t.Errorf("our own deletions are drift: %+v", d)
	default:
	}
}

// Controllers copy labels and annotations to what they derive (a Service's to
// its Endpoints). That does not make it ours.
func TestPruneSparesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ours}\n")
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	ours, err := maps.Get(w.ctx, "ours", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = maps.Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "copy", Labels: ours.Labels, Annotations: ours.Annotations}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list := append(ids(a), strings.Replace(ids(a)[0], "ours", "copy", 1))
	other := Owner{Environment: w.owner.Environment, Component: "other"}
	if changes, err := w.another().Prune(w.ctx, other, list, PruneOptions{}); err != nil || len(changes) != 0 {
		t.Error(actions(changes), err)
	}
	changes, err := w.Prune(w.ctx, w.owner, list, PruneOptions{})
	if d := cmp.Diff([]string{"delete ConfigMap ours"}, actions(changes)); err != nil || d != "" {
		t.Error(d, err)
	}
	if _, err := maps.Get(w.ctx, "copy", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

const volume = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: %[1]s}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside, namespace: %[1]s}
`

func TestPruneGuardsData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(fmt.Sprintf(volume, w.namespace+"-data"))
	_, err := w.Prune(w.ctx, w.owner, ids(a), PruneOptions{})
	var held *HoldsDataError
	if !errors.As(err, &held) || len(held.Objects) != 2 {
		t.Fatal(err)
	}
	if _, err := w.client.CoreV1().ConfigMaps(w.namespace+"-data").Get(w.ctx, "beside", metav1.GetOptions{}); err != nil {
		t.Errorf("something was deleted although it was refused: %v", err)
	}

	// The protection finalizer stays: its controller does not run here.
	ctx, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	_, err = w.Prune(ctx, w.owner, ids(a)[:1], PruneOptions{Destructive: true})
	var stuck *StuckError
	if !errors.As(err, &stuck) || !strings.Contains(err.Error(), "PersistentVolumeClaim "+w.namespace+"-data/data: is being deleted but still there, held by finalizer kubernetes.io/pvc-protection") {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		changes, err := w.Prune(w.ctx, w.owner, ids(a), PruneOptions{Destructive: true})
		if err == nil && len(changes) != 3 {
			err = fmt.Errorf("deleted %v", actions(changes))
		}
		done <- err
	}()
	w.until(func() bool { // by then the claim was seen
		_, err := w.client.CoreV1().ConfigMaps(w.namespace+"-data").Get(w.ctx, "beside", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	_, err = w.client.CoreV1().PersistentVolumeClaims(w.namespace+"-data").Patch(w.ctx, "data", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
