package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

const web = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: %s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "registry.invalid/web:%s"}]
`

func TestApplyCreateUpdateNoOp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	if d := cmp.Diff([]string{"create ConfigMap settings", "create apps/Deployment web"}, actions(first.Changes)); d != "" {
		t.Error(d)
	}
	if s := first.Changes[1].Source; s != "app.yaml:11" {
		t.Errorf("source is %q", s)
	}
	w.seenBy(first)

	same := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	if d := cmp.Diff([]string{"no-op ConfigMap settings", "no-op apps/Deployment web"}, actions(same.Changes)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(first.Objects, same.Objects); d != "" {
		t.Errorf("the hash of the same apply differs: %s", d)
	}

	changed := w.apply(fmt.Sprintf(web, "blue", 2, "1"))
	for i, want := range [][]diff.Field{
		{{Path: "data.color", Before: "red", After: "blue"}},
		{{Path: "spec.replicas", Before: 1.0, After: 2.0}},
	} {
		if d := cmp.Diff(want, changed.Changes[i].Fields); d != "" || changed.Changes[i].Action != diff.Update {
			t.Error(changed.Changes[i].Action, d)
		}
	}
}

// After a restart the same fields must be reported, though nothing was applied
// by this process.
func TestApplyAfterRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(fmt.Sprintf(web, "red", 1, "1"))
	a := w.another().apply(fmt.Sprintf(web, "blue", 1, "2"))
	want := []diff.Field{{Path: "data.color", Before: "red", After: "blue"}}
	if d := cmp.Diff(want, a.Changes[0].Fields); d != "" {
		t.Error(d)
	}
	want = []diff.Field{{Path: "spec.template.spec.containers[web].image", Before: "registry.invalid/web:1", After: "registry.invalid/web:2"}}
	if d := cmp.Diff(want, a.Changes[1].Fields); d != "" {
		t.Error(d)
	}
}

func TestApplyRemovesFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {%s}\n"
	w.seenBy(w.apply(fmt.Sprintf(text, "a: x, b: z")))
	a := w.apply(fmt.Sprintf(text, "a: x"))
	if d := cmp.Diff([]diff.Field{{Path: "data.b", Before: "z"}}, a.Changes[0].Fields); d != "" {
		t.Error(d)
	}
	live, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(w.ctx, "c", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a": "x"}, live.Data); d != "" {
		t.Error(d)
	}
}

// What `kubectl apply` left behind goes away when it is no longer in Git.
func TestAdoptFromClientSideApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	last := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"kept":"1","gone":"1"}}`
	_, err := w.client.CoreV1().ConfigMaps(w.namespace).Create(w.ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "c", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: last}},
		Data:       map[string]string{"kept": "1", "gone": "1"},
	}, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	if err != nil {
		t.Fatal(err)
	}
	a := w.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {kept: '1'}\n")
	if c := a.Changes[0]; c.Action != diff.Update || c.Reason == "" {
		t.Errorf("the change does not say that it was adopted: %+v", c)
	}
	live, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(w.ctx, "c", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"kept": "1"}, live.Data); d != "" {
		t.Error(d)
	}
	if live.Annotations[corev1.LastAppliedConfigAnnotation] != "" {
		t.Error("kubectl's annotation is still there")
	}
	for _, m := range live.ManagedFields {
		if m.Manager != "drawbridge" {
			t.Errorf("%s still manages fields", m.Manager)
		}
	}
}

func TestApplyRefusesOthersObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: %s}\n"
	w.apply(fmt.Sprintf(text, "mine"))
	other := Owner{Environment: "test/other", Component: "db"}
	for name, c := range map[string]*Cluster{"same process": w.Cluster, "another process": w.another().Cluster} {
		_, err := c.Apply(w.ctx, other, objects(t, fmt.Sprintf(text, "theirs")), ApplyOptions{DefaultNamespace: w.namespace})
		var owned *OwnedError
		if !errors.As(err, &owned) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, part := range []string{"app.yaml:1", "ConfigMap " + w.namespace + "/c", "component web", w.owner.Environment, "component db", "test/other"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
	}
	live, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(w.ctx, "c", metav1.GetOptions{})
	if err != nil || live.Data["a"] != "mine" {
		t.Error(live, err)
	}
}

func TestApplyTakesObjectsThatWereGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: %s}\n"
	applied := w.apply(fmt.Sprintf(text, "old"))
	other := Owner{Environment: w.owner.Environment, Component: "db"}
	taken := ApplyOptions{DefaultNamespace: w.namespace, TakeFrom: func(from Owner, object string) bool {
		return from == w.owner && object == applied.Objects[0].Object
	}}
	if _, err := w.Apply(w.ctx, other, objects(t, fmt.Sprintf(text, "new")), taken); err != nil {
		t.Fatal(err)
	}
	// The old owner no longer deletes it.
	if deleted, err := w.Prune(w.ctx, w.owner, []string{applied.Objects[0].Object}, PruneOptions{}); err != nil || len(deleted) > 0 {
		t.Error(deleted, err)
	}
	live, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(w.ctx, "c", metav1.GetOptions{})
	if err != nil || live.Data["a"] != "new" {
		t.Error(live, err)
	}
}

func TestApplySecretsDoNotLeak(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: %s}\n"
	w.seenBy(w.apply(fmt.Sprintf(text, "hunter2")))
	a := w.apply(fmt.Sprintf(text, "correct-horse"))
	if d := cmp.Diff([]diff.Field{{Path: "data.password", Sensitive: true}}, a.Changes[0].Fields); d != "" {
		t.Error(d)
	}
	_, wrong := w.tryApply(fmt.Sprintf(text, "[correct-horse]"))
	_, invalid := w.tryApply("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/tls\nstringData: {password: correct-horse}\n")
	for _, err := range []error{wrong, invalid} {
		if err == nil {
			t.Fatal("no error")
		}
		if !strings.Contains(err.Error(), "app.yaml:1: Secret "+w.namespace+"/s") {
			t.Errorf("%q does not name the object", err)
		}
	}
	out, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(out), wrong.Error(), invalid.Error()} {
		if strings.Contains(s, "horse") || strings.Contains(s, "hunter") || strings.Contains(s, "Y29ycmVjdC1ob3JzZ") {
			t.Errorf("the secret is in %s", s)
		}
	}
}

// The server quotes a value that does not fit its schema.
func TestApplyErrorsDoNotQuoteSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.tryApply("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: p, image: p, env: [{name: DB_PASSWORD, value: 98765432}]}]}\n")
	if err == nil || strings.Contains(err.Error(), "98765432") || !strings.Contains(err.Error(), "DB_PASSWORD") {
		t.Errorf("%v; want the field named and its value left out", err)
	}
}

func TestApplyImmutableField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: m, image: "registry.invalid/m:%d"}]}
`
	w.apply(fmt.Sprintf(text, 1))
	_, err := w.tryApply(fmt.Sprintf(text, 2))
	var ae *ApplyError
	if !errors.As(err, &ae) || !apierrors.IsInvalid(err) {
		t.Fatal(err)
	}
	for _, part := range []string{"app.yaml:1: batch/Job " + w.namespace + "/migrate", "spec.template", "another name"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

const crontabs = `
apiVersion: example.test/v1
kind: CronTab
metadata: {name: nightly}
spec: {when: midnight}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.example.test}
spec:
  group: example.test
  names: {kind: CronTab, plural: crontabs}
  scope: Namespaced
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
          status:
            type: object
            properties: {conditions: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside, namespace: crontabs}
---
apiVersion: v1
kind: Namespace
metadata: {name: crontabs}
`

func TestApplyDefinitionsFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Check(w.ctx, objects(t, crontabs)); err != nil {
		t.Fatal(err)
	}
	a := w.apply(crontabs)
	if d := cmp.Diff([]string{"create example.test/CronTab nightly", "create apiextensions.k8s.io/CustomResourceDefinition crontabs.example.test", "create ConfigMap beside", "create Namespace crontabs"}, actions(a.Changes)); d != "" {
		t.Error(d)
	}

	// A custom resource that may have conditions is not ready before it has one.
	done := make(chan error, 1)
	unready := make(chan Progress, 10)
	go func() { done <- w.Wait(w.ctx, a.Objects, func(p Progress) { unready <- p }) }()
	for p := range unready {
		if p.Object.Kind == "CronTab" && strings.Contains(p.Message, "condition") {
			break
		}
	}
	// What its operator warns of is told beside it.
	_, err := w.client.CoreV1().Events(w.namespace).Create(w.ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "nightly"}, InvolvedObject: corev1.ObjectReference{Kind: "CronTab", Namespace: w.namespace, Name: "nightly"},
		Type: corev1.EventTypeWarning, Message: "no such schedule", LastTimestamp: metav1.Now(),
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for p := range unready {
		if strings.HasSuffix(p.Message, " (no such schedule)") {
			break
		}
	}
	_, err = w.dynamic.Resource(crontabKind.gvr()).Namespace(w.namespace).Patch(w.ctx, "nightly", types.MergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Fine","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`),
		metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}

	// The CRD stays while there is a resource that is not to go with it.
	_, err = w.Prune(w.ctx, w.owner, []string{"apiextensions.k8s.io/CustomResourceDefinition//crontabs.example.test"}, PruneOptions{})
	var held *HoldsDataError
	if !errors.As(err, &held) || !strings.Contains(err.Error(), w.namespace+"/nightly") {
		t.Errorf("deleting a CRD in use: %v", err)
	}
	changes, err := w.Prune(w.ctx, w.owner, ids(a), PruneOptions{})
	if err != nil || len(changes) != 4 {
		t.Error(actions(changes), err)
	}
}

func TestApplyConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			owner := Owner{Environment: w.owner.Environment, Component: fmt.Sprint("c", i)}
			text := strings.ReplaceAll(fmt.Sprintf(web, "red", 0, "1"), "{name: ", fmt.Sprintf("{name: c%d-", i))
			for range 3 {
				if _, err := w.Apply(w.ctx, owner, objects(t, text), ApplyOptions{DefaultNamespace: w.namespace}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := w.client.AppsV1().Deployments(w.namespace).List(w.ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) != 20 {
		t.Error(len(list.Items), err)
	}
	select {
	case d := <-w.Drifts():
		t.Errorf("our own applies are drift: %+v", d)
	default:
	}
}
