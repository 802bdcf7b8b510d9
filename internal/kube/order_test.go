package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/drawbridge-gitops/drawbridge/internal/graph/infer"
)

func TestOrderedLeavesOutCircles(t *testing.T) {
	t.Parallel()
	items := make([]item, 6)
	items[0].stage, items[5].stage = defining, acting
	for i := range 4 {
		items[1+i].stage = ordinary
	}
	wait := func(from, to int) infer.Wait { return infer.Wait{From: from, To: to, Ready: true} }
	got := ordered([]infer.Wait{
		wait(0, 1),                         // of a later stage
		wait(1, 2), wait(2, 3), wait(3, 1), // a circle
		wait(4, 1), wait(3, 0), wait(5, 4),
	}, items)
	want := [][]infer.Wait{nil, {}, {}, {wait(3, 0)}, {wait(4, 1)}, {wait(5, 4)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

const externalSecretCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: externalsecrets.external-secrets.io}
spec:
  group: external-secrets.io
  scope: Namespaced
  names: {kind: ExternalSecret, plural: externalsecrets, singular: externalsecret, listKind: ExternalSecretList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
`

const withSecret = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: registry.invalid/web, envFrom: [{secretRef: {name: db}}]}]
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: db}, spec: {data: [{secretKey: "%s"}]}}
`

// playSecrets says what External Secrets would of the ExternalSecret "db".
func (w *world) playSecrets(generation int, ready, reason string) {
	w.Helper()
	d, err := dynamic.NewForConfig(w.config)
	if err != nil {
		w.Fatal(err)
	}
	status := fmt.Sprintf(`{"status":{"syncedResourceVersion":"%d-abc","conditions":[{"type":"Ready","status":"%s","reason":"%s","message":"the store says so"}]}}`, generation, ready, reason)
	kind := schema.GroupVersionResource{Group: "external-secrets.io", Version: "v1", Resource: "externalsecrets"}
	if _, err := d.Resource(kind).Namespace(w.namespace).Patch(w.ctx, "db", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		w.Error(err)
	}
}

func (w *world) deployed() bool {
	w.Helper()
	_, err := w.client.AppsV1().Deployments(w.namespace).Get(w.ctx, "web", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
	return err == nil
}

// definesExternalSecrets has the kind in the cluster.
func (w *world) definesExternalSecrets() {
	w.Helper()
	if _, err := w.Apply(w.ctx, Owner{"test/external-secrets", "kinds"}, objects(w.T, externalSecretCRD+"---\n"+`{apiVersion: v1, kind: ConfigMap, metadata: {name: after, namespace: `+w.namespace+`}}`), ApplyOptions{}); err != nil {
		w.Fatal(err)
	}
}

// A Deployment is applied once the ExternalSecret whose Secret it reads is ready, for the
// generation that was applied with it; and what waits for nothing is applied at once.
func TestApplyWaitsForExternalSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.definesExternalSecrets()
	says := make(chan string, 20)
	apply := func(key string) (Applied, error) {
		return w.Apply(w.ctx, w.owner, objects(w.T, fmt.Sprintf(withSecret, key)), ApplyOptions{
			DefaultNamespace: w.namespace, Waiting: func(p Progress) { says <- p.Object.Resource().String() + ": " + p.Message },
		})
	}
	said := func(what string) {
		t.Helper()
		for {
			select {
			case s := <-says:
				if strings.Contains(s, what) {
					return
				}
			case <-w.ctx.Done():
				t.Fatalf("nobody said %q", what)
			}
		}
	}
	done := make(chan error, 1)
	go func() { _, err := apply("a"); done <- err }()
	said("external-secrets.io/ExternalSecret " + w.namespace + "/db: its controller has not reported a condition yet")
	w.until(func() bool {
		_, err := w.client.CoreV1().Services(w.namespace).Get(w.ctx, "web", metav1.GetOptions{})
		return err == nil
	})
	w.playSecrets(1, "False", "SecretSyncedError")
	said("the store says so")
	w.playSecrets(1, "True", "SecretDeleted")
	said("its Secret was deleted")
	if w.deployed() {
		t.Error("the Deployment was applied before its Secret is there")
	}
	w.playSecrets(1, "True", "SecretSynced")
	if err := <-done; err != nil || !w.deployed() {
		t.Fatal(err)
	}

	// The same again waits for nothing.
	a, err := apply("a")
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(actions(a.Changes), func(s string) bool { return !strings.HasPrefix(s, "no-op") }) {
		t.Error(actions(a.Changes))
	}

	// An edit counts once it was synced.
	go func() { _, err := apply("b"); done <- err }()
	said("its last edit is not synced yet")
	w.playSecrets(2, "True", "SecretSynced")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestApplySaysWhatIsNotAppliedAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.definesExternalSecrets()
	ctx, cancel := context.WithCancel(w.ctx)
	a, err := w.Apply(ctx, w.owner, objects(w.T, fmt.Sprintf(withSecret, "a")), ApplyOptions{
		DefaultNamespace: w.namespace, Waiting: func(Progress) { cancel() },
	})
	var not *NotReadyError
	want := "apps/Deployment " + w.namespace + "/web is not applied, since Deployment web reads Secret " + w.namespace + "/db (written by ExternalSecret db): not ready"
	if !errors.As(err, &not) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if w.deployed() {
		t.Errorf("applied %v", ids(a))
	}
}
