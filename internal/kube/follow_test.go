package kube

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

var configMaps = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

func TestFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changed := make(chan struct{}, 1)
	wake := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	followed, end := context.WithCancel(w.ctx)
	defer end()
	all, err := w.Follow(followed, Selection{GroupVersionKind: configMaps, Namespace: w.namespace, Labels: "app in (web, db)"}, wake)
	if err != nil {
		t.Fatal(err)
	}
	until := func(want string) {
		t.Helper()
		for {
			var names []string
			for _, o := range all() {
				names = append(names, o.GetName())
				if len(o.GetManagedFields()) > 0 {
					t.Errorf("%s is kept with its managedFields", o.GetName())
				}
			}
			if strings.Join(names, " ") == want {
				return
			}
			select {
			case <-changed:
			case <-w.ctx.Done():
				t.Fatalf("saw %q, want %q", names, want)
			}
		}
	}
	until("")
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	for name, app := range map[string]string{"b": "web", "a": "db", "c": "other"} {
		if _, err := maps.Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	until("a b")
	if err := maps.Delete(w.ctx, "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until("b")

	// Another one shares the watch, and keeps it when the first one leaves.
	ctx, leave := context.WithCancel(w.ctx)
	defer leave()
	views := func() int {
		w.Cluster.mu.Lock()
		defer w.Cluster.mu.Unlock()
		return len(w.views)
	}
	again, err := w.Follow(ctx, Selection{GroupVersionKind: configMaps, Namespace: w.namespace, Labels: "app in (web, db)"}, func() {})
	if err != nil || len(again()) != 1 || views() != 1 {
		t.Errorf("%v, %d objects, %d watches", err, len(again()), views())
	}
	leave()
	if err := maps.Delete(w.ctx, "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until("")
	if n := views(); n != 1 {
		t.Errorf("%d watches with one who follows", n)
	}
	end()
	w.until(func() bool { return views() == 0 })

	none, err := w.Follow(w.ctx, Selection{GroupVersionKind: schema.GroupVersionKind{Group: "nobody.example", Version: "v1", Kind: "Thing"}}, wake)
	if err != nil || len(none()) > 0 {
		t.Errorf("a kind that is not served: %v", err)
	}
}

// Who may not look is told so at once.
func TestFollowRefused(t *testing.T) {
	t.Parallel()
	p := controlplane.Shared(t)
	config := rest.CopyConfig(p.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:default:nobody"}
	c, err := New(config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.Follow(ctx, Selection{GroupVersionKind: configMaps}, func() {}); err == nil || !strings.Contains(err.Error(), "following configmaps: ") || !strings.Contains(err.Error(), "forbidden") {
		t.Error(err)
	}
}

// An annotation of somebody else's is no drift, and stays when the object is applied
// again.
func TestAnnotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {b: c}}, data: {d: e}}"
	a := w.apply(text)
	w.seenBy(a)
	if err := w.Annotate(w.ctx, w.id(a.Objects[0]), "v1", "", "force-sync", "1"); err != nil {
		t.Fatal(err)
	}
	if again := w.apply(text); again.Objects[0].Fields != a.Objects[0].Fields {
		t.Errorf("our fields were %s and are %s", a.Objects[0].Fields, again.Objects[0].Fields)
	}
	o, err := w.client.CoreV1().ConfigMaps(w.namespace).Get(w.ctx, "a", metav1.GetOptions{})
	if err != nil || o.Annotations["force-sync"] != "1" || o.Annotations["b"] != "c" {
		t.Errorf("%v, %v", o.Annotations, err)
	}
	if err := w.Annotate(w.ctx, ID{Kind: "ConfigMap", Namespace: w.namespace, Name: "gone"}, "v1", "", "a", "b"); err == nil || !strings.Contains(err.Error(), "gone: setting the annotation a") {
		t.Error(err)
	}
}

func TestLastWarning(t *testing.T) {
	t.Parallel()
	event := func(name, kind, message, at string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"involvedObject": map[string]any{"name": name}, "type": kind, "message": message, "lastTimestamp": at,
		}}
	}
	first, second := "2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z"
	for name, c := range map[string]struct {
		events []*unstructured.Unstructured
		want   string
	}{
		"none":            {nil, ""},
		"one":             {[]*unstructured.Unstructured{event("a", "Warning", "no\nsuch key", first)}, "no such key"},
		"over":            {[]*unstructured.Unstructured{event("a", "Normal", "well", second), event("a", "Warning", "no", first)}, ""},
		"again":           {[]*unstructured.Unstructured{event("a", "Warning", "no", second), event("a", "Normal", "well", first)}, "no"},
		"of one second":   {[]*unstructured.Unstructured{event("a", "Warning", "no", first), event("a", "Normal", "well", first)}, "no"},
		"of another name": {[]*unstructured.Unstructured{event("b", "Warning", "no", first)}, ""},
	} {
		if got := LastWarning(c.events, "a"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
