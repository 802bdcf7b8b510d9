package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"

	corev1 "k8s.io/api/core/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m)) }

// world is one test's part of the control plane.
type world struct {
	*testing.T
	*Cluster
	ctx       context.Context
	client    kubernetes.Interface
	namespace string
	owner     Owner
}

func newWorld(t *testing.T) *world { return worldIn(t, controlplane.Shared(t)) }

func worldIn(t *testing.T, p *controlplane.Plane) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	c, err := New(p.Config, Options{Patience: 60 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	if _, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return &world{T: t, Cluster: c, ctx: ctx, client: client, namespace: name, owner: Owner{Environment: "test/" + name, Component: "web"}}
}

// another is a second process with the same cluster.
func (w *world) another() *world {
	w.Helper()
	c, err := New(w.config, Options{})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(c.Close)
	o := *w
	o.Cluster = c
	return &o
}

// objects parses YAML documents as if each began at the line given by its order.
func objects(t *testing.T, text string) []render.Object {
	t.Helper()
	var all []render.Object
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		var u unstructured.Unstructured
		err := d.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, render.Object{Object: &u, Source: render.Source{File: "app.yaml", Line: 10*len(all) + 1}})
	}
}

func (w *world) apply(text string) Applied {
	w.Helper()
	a, err := w.tryApply(text)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *world) tryApply(text string) (Applied, error) {
	w.Helper()
	return w.Apply(w.ctx, w.owner, objects(w.T, text), ApplyOptions{DefaultNamespace: w.namespace})
}

// seen waits until the watch has seen what was applied.
func (w *world) seenBy(a Applied) {
	w.Helper()
	for _, o := range a.Objects {
		w.until(func() bool {
			id := w.id(o)
			w.seen.mu.Lock()
			defer w.seen.mu.Unlock()
			e := w.seen.expected[id]
			ob := e.watch.entries[id.key()]
			return ob != nil && ob.version >= e.version
		})
	}
}

func (w *world) id(o v1alpha1.AppliedObject) ID {
	w.Helper()
	id, err := ParseID(o.Object)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// until waits for something that has no event to wait for in a test.
func (w *world) until(f func() bool) {
	w.Helper()
	for tick := time.NewTicker(5 * time.Millisecond); !f(); {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.Fatal("it did not happen in time")
		}
	}
}

// drift returns the next Drift.
func (w *world) drift() Drift {
	w.Helper()
	select {
	case d := <-w.Drifts():
		return d
	case <-w.ctx.Done():
		w.Fatal("no drift was noticed")
	}
	panic("not reached")
}

func actions(changes []diff.Change) []string {
	var s []string
	for _, c := range changes {
		s = append(s, string(c.Action)+" "+c.Type+" "+c.Name)
	}
	return s
}

func ids(a Applied) []string {
	var s []string
	for _, o := range a.Objects {
		s = append(s, o.Object)
	}
	return s
}

var crontabKind = kind{
	GroupVersionKind: schema.GroupVersionKind{Group: "example.test", Version: "v1", Kind: "CronTab"},
	resource:         "crontabs", namespaced: true, watchable: true,
}
