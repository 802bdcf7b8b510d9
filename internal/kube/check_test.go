package kube

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.Check(w.ctx, objects(t, `
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: a, namespace: shop}
---
apiVersion: apps/v2
kind: Deployment
metadata: {name: b}
---
apiVersion: nobody.example.test/v1
kind: Nothing
metadata: {name: c}
---
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata: {name: d}
---
apiVersion: v1
kind: ConfigMap
metadata: {generateName: e-}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: f}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: f, namespace: default}
`))
	want := `app.yaml:1: Ingress shop/a: the cluster does not serve extensions/v1beta1 Ingress, which Kubernetes removed in 1.22: use apiVersion networking.k8s.io/v1 (backends become service.name and service.port, each path needs a pathType)
app.yaml:11: Deployment b: the cluster does not serve apps/v2 Deployment: use apiVersion apps/v1
app.yaml:21: Nothing c: the cluster does not serve nobody.example.test/v1 Nothing, nor the kind in any other version: add its CustomResourceDefinition to the repository, install its operator, or correct the kind
app.yaml:31: PodSecurityPolicy d: the cluster does not serve policy/v1beta1 PodSecurityPolicy, which Kubernetes removed in 1.25 without a successor (use Pod Security Admission (labels on the namespace) or an admission controller)
app.yaml:41: an object needs apiVersion, kind and metadata.name (generateName can't be applied twice)
app.yaml:61: ConfigMap default/f is already defined at app.yaml:51: keep one of them`
	if err == nil {
		t.Fatal("no error")
	}
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); d != "" {
		t.Error(d)
	}
	var k *KindError
	if !errors.As(err, &k) || k.Use != "networking.k8s.io/v1" {
		t.Errorf("%#v", k)
	}
}

// Many objects of a kind that is not there cost one look.
func TestCheckAsksOnceForAKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "---\napiVersion: nobody.example.test/v1\nkind: Nothing\nmetadata: {name: n%d}\n", i)
	}
	before := w.kinds.asked
	err := w.Check(w.ctx, objects(t, text.String()))
	if err == nil || strings.Count(err.Error(), "does not serve") != 50 {
		t.Errorf("%v, want 50 errors", err)
	}
	if n := w.kinds.asked - before; n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestCheckSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.Check(w.ctx, objects(t, `
apiVersion: v1
kind: Secret
metadata: {name: a}
data: {good: aGk=, folded: "aGkg\naGk=", pending: "drawbridge-pending", bad: hunter2}
stringData: {good: hunter2, bad: 98765432, none: null}
---
apiVersion: v1
kind: Secret
metadata: {name: b}
data: hunter2
`))
	want := `app.yaml:1: Secret default/a: data.bad: expected base64: write the value as it is under stringData
app.yaml:1: Secret default/a: stringData.bad: expected text: put numbers and booleans in quotes
app.yaml:11: Secret default/b: data: expected a mapping of names to values`
	if err == nil {
		t.Fatal("no error")
	}
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); d != "" {
		t.Error(d)
	}
}

// Each replacement must be served, or the advice would lead from one error to
// the next.
func TestReplacementsAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for old, r := range removals {
		if r.use == "" {
			continue
		}
		gv, kind, _ := strings.Cut(old, " ")
		if w.serves(gv, kind) {
			t.Errorf("%s is still served", old)
		}
		if !w.serves(r.use, kind) && kind != "APIService" {
			t.Errorf("%s: %s is not served", old, r.use)
		}
	}
}

func (w *world) serves(apiVersion, kind string) bool {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		w.Fatal(err)
	}
	w.kinds.mu.Lock()
	asked := w.kinds.asked
	_, known := w.kinds.byGVK[gv.WithKind(kind)]
	w.kinds.mu.Unlock()
	if known || asked > 0 {
		return known
	}
	_, err = w.kinds.serve(w.ctx, gv.WithKind(kind))
	return err == nil
}
