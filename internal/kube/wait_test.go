package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

const (
	available = `{"status":{"observedGeneration":%d,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1,"conditions":[{"type":"Available","status":"True"},{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]}}`
	rolling   = `{"status":{"observedGeneration":%d,"replicas":1,"updatedReplicas":1,"unavailableReplicas":1}}`
	stuck     = `{"status":{"observedGeneration":%d,"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}`
)

// report sets a Deployment's status, as its controller would.
func (w *world) report(status string, generation int64) {
	w.Helper()
	_, err := w.client.AppsV1().Deployments(w.namespace).Patch(w.ctx, "web", types.MergePatchType,
		fmt.Appendf(nil, status, generation), metav1.PatchOptions{}, "status")
	if err != nil {
		w.Error(err)
	}
}

func TestWaitForDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	progress := make(chan Progress, 20)
	done := make(chan error, 1)
	go func() { done <- w.Wait(w.ctx, a.Objects, func(p Progress) { progress <- p }) }()
	for p := range progress {
		if p.Object.Kind == "Deployment" {
			if p.Ready {
				t.Error("ready before its controller said so")
			}
			break
		}
	}
	w.report(available, 1)
	if err := <-done; err != nil {
		t.Error(err)
	}

	// What was seen of the generation before must not count for the next one.
	a = w.apply(fmt.Sprintf(web, "red", 1, "2"))
	progress = make(chan Progress, 20)
	short, cancel := context.WithCancel(w.ctx)
	go func() { done <- w.Wait(short, a.Objects, func(p Progress) { progress <- p }) }()
	for p := range progress {
		if p.Object.Kind == "Deployment" {
			if p.Ready {
				t.Error("ready by what was seen of the generation before")
			}
			break
		}
	}
	cancel()
	var not *NotReadyError
	if err := <-done; !errors.As(err, &not) || !errors.Is(err, context.Canceled) || len(not.Objects) != 1 || not.Objects[0].Object.Name != "web" {
		t.Errorf("%#v", err)
	}
	w.report(stuck, 2)
	if err := w.Wait(w.ctx, a.Objects, nil); !errors.As(err, &not) || not.Err != nil {
		t.Errorf("a Deployment that gave up: %v", err)
	}
}

// The reason that Pods do not start is named, though the Deployment has it in
// none of its fields.
func TestWaitNamesWhatKeepsPods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	w.report(rolling, 1)
	pods := w.client.CoreV1().Pods(w.namespace)
	_, err := pods.Create(w.ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "registry.invalid/web:1"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	done := make(chan error, 1)
	progress := make(chan Progress, 20)
	go func() { done <- w.Wait(ctx, a.Objects, func(p Progress) { progress <- p }) }()
	_, err = pods.Patch(w.ctx, "web-1", types.MergePatchType, []byte(`{"status":{"containerStatuses":[{"name":"web","image":"","imageID":"","ready":false,"restartCount":0,
		"state":{"waiting":{"reason":"CreateContainerConfigError","message":"secret \"db\" not found"}}}]}}`), metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	for p := range progress {
		if strings.Contains(p.Message, `Pod web-1: container web: CreateContainerConfigError: secret "db" not found`) {
			break
		}
	}
	cancel()
	if err := <-done; !strings.Contains(err.Error(), `secret "db" not found`) {
		t.Error(err)
	}
}

func TestJobIsReadyWhenComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: registry.invalid/m}]}}}
`)
	jobs := w.client.BatchV1().Jobs(w.namespace)
	set := func(status string) {
		t.Helper()
		if _, err := jobs.Patch(w.ctx, "migrate", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
	}
	set(`{"status":{"startTime":"2026-01-01T00:00:00Z","active":1,"ready":0,"terminating":0}}`)
	done := make(chan error, 1)
	progress := make(chan Progress, 20)
	go func() { done <- w.Wait(w.ctx, a.Objects, func(p Progress) { progress <- p }) }()
	for p := range progress {
		if p.Ready {
			t.Error("ready while it runs")
		}
		if strings.Contains(p.Message, "active: 1") {
			break
		}
	}
	set(`{"status":{"active":0,"failed":1,"conditions":[
		{"type":"FailureTarget","status":"True","lastTransitionTime":"2026-01-01T00:00:01Z"},
		{"type":"Failed","status":"True","lastTransitionTime":"2026-01-01T00:00:01Z"}]}}`)
	var not *NotReadyError
	if err := <-done; !errors.As(err, &not) {
		t.Error(err)
	}
}

// The API server goes away in the middle of an apply and of a wait; both go on
// when it is back, at the same address, and so do the watches.
func TestAPIServerRestarts(t *testing.T) {
	t.Parallel()
	p := controlplane.Own(t, controlplane.Options{})
	w := worldIn(t, p)
	first := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	waited := make(chan error, 1)
	waiting := make(chan struct{}, 20)
	go func() { waited <- w.Wait(w.ctx, first.Objects, func(Progress) { waiting <- struct{}{} }) }()
	<-waiting
	if err := p.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	other := w.owner
	other.Component = "other"
	applied := make(chan error, 1)
	go func() {
		_, err := w.Apply(w.ctx, other, objects(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"), ApplyOptions{DefaultNamespace: w.namespace})
		applied <- err
	}()
	if err := p.StartAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := <-applied; err != nil {
		t.Error(err)
	}
	w.report(available, 1)
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if err := w.client.CoreV1().ConfigMaps(w.namespace).Delete(w.ctx, "settings", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if d := w.drift(); !d.Deleted || d.Object.Name != "settings" {
		t.Errorf("%+v", d)
	}
}
