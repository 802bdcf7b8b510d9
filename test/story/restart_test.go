package story

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

// The controller is started again after a Change has failed: it does not try the
// same commit again by itself, it knows what was not finished, and the next good
// commit goes through.
func TestControllerRestartedAfterAFailure(t *testing.T) {
	t.Parallel()
	c := newCastle(t)
	// Refused by the API server itself: the name of a key is not allowed.
	commit := c.push(map[string]string{
		"a/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {\"not allowed\": x}\n",
		"b/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
	})
	failed := c.await(commit, "final", func(x *v1alpha1.Change) bool { return x.Status.Phase.Final() })
	if failed.Status.Phase != v1alpha1.PhaseFailed {
		t.Fatalf("%s: %s", failed.Status.Phase, failed.Status.Message)
	}
	c.check(c.Kill(sandbox.Controller))
	c.check(c.Start(c.ctx, sandbox.Controller))
	c.synced("production")
	var changes v1alpha1.ChangeList
	c.check(c.client.List(c.ctx, &changes, client.InNamespace("default")))
	if n := len(changes.Items); n != 1 {
		t.Errorf("%d Changes after the restart, want the failed one alone", n)
	}
	for name, ready := range map[string]metav1.ConditionStatus{"production.a": metav1.ConditionFalse, "production.b": metav1.ConditionTrue} {
		var component v1alpha1.Component
		c.check(c.client.Get(c.ctx, client.ObjectKey{Namespace: "default", Name: name}, &component))
		if len(component.Status.Conditions) == 0 || component.Status.Conditions[0].Status != ready {
			t.Errorf("%s: %+v, want Ready %s", name, component.Status.Conditions, ready)
		}
	}
	change := c.live(c.push(map[string]string{"a/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {allowed: x}\n"}))
	if change.Spec.Sequence != 2 || change.Status.LedgerSequence != 2 || len(change.Status.Steps) != 1 {
		t.Errorf("Change %d in row %d with the steps %+v, want the second with component a alone", change.Spec.Sequence, change.Status.LedgerSequence, change.Status.Steps)
	}
}

// synced waits until the controller has looked at the branch again.
func (c *castle) synced(environment string) {
	c.t.Helper()
	key := client.ObjectKey{Namespace: "default", Name: environment}
	var env v1alpha1.Environment
	c.check(c.client.Get(c.ctx, key, &env))
	patch := client.MergeFrom(env.DeepCopy())
	// A sync request would try a failed Change again; this asks for a look alone.
	env.Spec.Source.Interval = &metav1.Duration{Duration: 700 * time.Millisecond}
	c.check(c.client.Patch(c.ctx, &env, patch))
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		stream, err := c.client.Watch(ctx, &v1alpha1.EnvironmentList{}, client.InNamespace("default"))
		c.check(err)
		for event := range stream.ResultChan() {
			if seen, ok := event.Object.(*v1alpha1.Environment); ok && seen.Status.ObservedGeneration == env.Generation {
				stream.Stop()
				return
			}
		}
	}
	c.t.Fatal("nobody looked at the Environment")
}
