package kube

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

func TestPayloadSum(t *testing.T) {
	t.Parallel()
	id := ID{Kind: "Secret", Namespace: "shop", Name: "db"}
	key := []byte("key")
	sum := payload{Data: map[string]string{"a": "1", "b": "2"}}.sum(key, id)
	for name, other := range map[string]string{
		"another value":          payload{Data: map[string]string{"a": "1", "b": "3"}}.sum(key, id),
		"another name":           payload{Data: map[string]string{"a": "1", "c": "2"}}.sum(key, id),
		"the border moved":       payload{Data: map[string]string{"a": "1b2"}}.sum(key, id),
		"binary":                 payload{BinaryData: map[string]string{"a": "1", "b": "2"}}.sum(key, id),
		"another key":            payload{Data: map[string]string{"a": "1", "b": "2"}}.sum([]byte("other"), id),
		"another Secret like it": payload{Data: map[string]string{"a": "1", "b": "2"}}.sum(key, ID{Kind: "Secret", Namespace: "shop", Name: "db2"}),
	} {
		if other == sum {
			t.Errorf("%s has the same sum", name)
		}
	}
}

const reader = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: registry.invalid/web, envFrom: [{secretRef: {name: db}}, {secretRef: {name: mail}}, {configMapRef: {name: settings}}, {secretRef: {name: none, optional: true}}]}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {color: red}}
`

func (w *world) secret(name, value string) {
	w.Helper()
	secrets := w.client.CoreV1().Secrets(w.namespace)
	_, err := secrets.Patch(w.ctx, name, types.ApplyPatchType,
		[]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"`+name+`"},"stringData":{"password":"`+value+`"}}`), metav1.PatchOptions{FieldManager: "test"})
	if err != nil {
		w.Fatal(err)
	}
}

// template is the annotation of the Deployment's Pods, and how often it was rolled out.
func (w *world) template() (content string, generation int64) {
	w.Helper()
	d, err := w.client.AppsV1().Deployments(w.namespace).Get(w.ctx, "web", metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return d.Spec.Template.Annotations[v1alpha1.AnnotationContent], d.Generation
}

// A workload whose component asks for it is applied with what its Pods read, once that is
// there; when it changes, there is one Drift, and applying again is one rollout.
func TestRestartOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.contentKey = []byte("a key for the test")
	says := make(chan Progress, 20)
	o := ApplyOptions{DefaultNamespace: w.namespace, RestartOn: []string{"Secret"}, Waiting: func(p Progress) { says <- p }}
	apply := func(w *world) Applied {
		t.Helper()
		a, err := w.Apply(w.ctx, w.owner, objects(t, reader), o)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	w.secret("mail", "one")
	done := make(chan Applied, 1)
	go func() { done <- apply(w) }()
	if p := <-says; p.Object.Name != "db" || p.Message != "does not exist yet" {
		t.Error(p)
	}
	if w.deployed() {
		t.Error("applied without its Secret")
	}
	w.secret("db", "hunter2")
	a := <-done
	first, generation := w.template()
	reads := a.Objects[0].Reads
	if first == "" || generation != 1 || len(reads) != 3 || reads[2].Sum != "" || first != stamp(reads) {
		t.Errorf("%q in generation %d, of %+v", first, generation, reads)
	}

	// The same again is the same.
	if a := apply(w); !strings.HasPrefix(actions(a.Changes)[0], "no-op") {
		t.Error(actions(a.Changes))
	}

	// Two that change together are one Drift; what is written anew as it was is none, nor
	// is what is not followed.
	w.secret("db", "hunter2")
	if _, err := w.client.CoreV1().ConfigMaps(w.namespace).Patch(w.ctx, "settings", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}},"data":{"other":"1"}}`), metav1.PatchOptions{FieldManager: "test"}); err != nil {
		t.Fatal(err)
	}
	w.secret("mail", "two")
	w.secret("db", "hunter3")
	d := w.drift()
	names := func(ids []ID) (all []string) {
		for _, id := range ids {
			all = append(all, id.Name)
		}
		return all
	}
	if diff := cmp.Diff([]string{"db", "mail"}, names(d.Contents)); diff != "" || d.Object.Name != "web" || d.Deleted {
		t.Errorf("%+v", d)
	}
	a = apply(w)
	second, generation := w.template()
	if second == first || generation != 2 {
		t.Errorf("%q in generation %d", second, generation)
	}
	if f := a.Changes[0].Fields; len(f) != 1 || !strings.Contains(f[0].Path, v1alpha1.AnnotationContent) {
		t.Errorf("%+v", f)
	}
	select {
	case d := <-w.Drifts():
		t.Errorf("another Drift: %+v", d)
	case <-time.After(2 * quiet): // that nothing happens has no event
	}

	// Another process with the same key sees what changed while nobody ran, and no more.
	w.Forget(w.owner)
	other := w.another()
	other.contentKey = w.contentKey
	w.secret("db", "hunter4")
	if err := other.Expect(w.ctx, w.owner, a.Objects); err != nil {
		t.Fatal(err)
	}
	if d := other.drift(); !slices.Equal(names(d.Contents), []string{"db"}) {
		t.Errorf("%+v", d)
	}
	apply(other)
	if third, generation := w.template(); third == second || generation != 3 {
		t.Errorf("%q in generation %d", third, generation)
	}

	// What is gone is not new; and nothing that was read is kept but its hash.
	if err := w.client.CoreV1().Secrets(w.namespace).Delete(w.ctx, "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.secret("db", "hunter4")
	select {
	case d := <-other.Drifts():
		t.Errorf("another Drift: %+v", d)
	case <-time.After(2 * quiet):
	}
	other.Forget(w.owner)
	other.seen.mu.Lock()
	defer other.seen.mu.Unlock()
	if len(other.seen.contents) > 0 {
		t.Errorf("%d contents are watched for nobody", len(other.seen.contents))
	}
}

func TestRestartOnNeedsTheRightToRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.secret("db", "hunter2")
	if _, err := w.client.CoreV1().Secrets(w.namespace).Create(w.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mail"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	o := ApplyOptions{DefaultNamespace: w.namespace, RestartOn: []string{"Secret"}}
	if _, err := w.Apply(w.ctx, w.owner, objects(t, reader), o); err == nil || !strings.Contains(err.Error(), "ContentKey") {
		t.Error(err)
	}
	w.contentKey = []byte("a key for the test")
	nobody, err := w.writer(w.namespace + ":nobody")
	if err != nil {
		t.Fatal(err)
	}
	w.own = nobody
	if _, err = w.Apply(w.ctx, w.owner, objects(t, reader)[:1], o); err == nil || !strings.Contains(err.Error(), "app.yaml:1: apps/Deployment "+w.namespace+"/web is restarted when Secret "+w.namespace+"/db changes, which: the controller may not read: it needs get, list and watch on it") {
		t.Error(err)
	}
}
