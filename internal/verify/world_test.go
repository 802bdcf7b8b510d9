package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// world is a cluster and an account that say what they are told to.
type world struct {
	t *testing.T
	account

	mu        sync.Mutex
	objects   []*unstructured.Unstructured
	refused   map[string]bool // kinds that may not be followed
	changed   []func()
	followed  []string
	annotated []string
	onAsked   func() // called for each annotation that is written
}

// newWorld has the objects of a YAML text.
func newWorld(t *testing.T, text string) *world {
	w := &world{t: t, refused: map[string]bool{}}
	w.objects = parse(t, text)
	return w
}

func parse(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		var text json.RawMessage
		if err := d.Decode(&text); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		var u unstructured.Unstructured
		if err := u.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		u.SetLabels(merged(u.GetLabels(), map[string]string{v1alpha1.LabelEnvironment: "production"}))
		all = append(all, &u)
	}
}

func merged(a, b map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// set replaces an object, or adds it, and tells whoever follows.
func (w *world) set(text string) {
	for _, o := range parse(w.t, text) {
		w.mu.Lock()
		w.objects = append(slices.DeleteFunc(slices.Clone(w.objects), func(x *unstructured.Unstructured) bool {
			return x.GetKind() == o.GetKind() && x.GetName() == o.GetName()
		}), o)
		tell := slices.Clone(w.changed)
		w.mu.Unlock()
		for _, f := range tell {
			f()
		}
	}
}

func (w *world) Follow(_ context.Context, s kube.Selection, changed func()) (func() []*unstructured.Unstructured, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.followed = append(w.followed, s.Kind)
	if w.refused[s.Kind] {
		return nil, fmt.Errorf("following %s: forbidden", s.Kind)
	}
	w.changed = append(w.changed, changed)
	byLabel, err := labels.Parse(s.Labels)
	if err != nil {
		w.t.Error(err)
	}
	byField, err := fields.ParseSelector(s.Fields)
	if err != nil {
		w.t.Error(err)
	}
	return func() []*unstructured.Unstructured {
		w.mu.Lock()
		defer w.mu.Unlock()
		var all []*unstructured.Unstructured
		for _, o := range w.objects {
			kind, _, _ := unstructured.NestedString(o.Object, "involvedObject", "kind")
			if o.GroupVersionKind() == s.GroupVersionKind && (s.Namespace == "" || s.Namespace == o.GetNamespace()) &&
				byLabel.Matches(labels.Set(o.GetLabels())) && byField.Matches(fields.Set{"metadata.name": o.GetName(), "involvedObject.kind": kind}) {
				all = append(all, o)
			}
		}
		return all
	}, nil
}

func (w *world) Annotate(_ context.Context, id kube.ID, version, serviceAccount, key, value string) error {
	w.mu.Lock()
	w.annotated = append(w.annotated, fmt.Sprintf("%s %s %s: %s", id, version, serviceAccount, key))
	for _, o := range w.objects {
		if o.GetKind() == id.Kind && o.GetName() == id.Name {
			o.SetAnnotations(merged(o.GetAnnotations(), map[string]string{key: value}))
		}
	}
	asked := w.onAsked
	w.mu.Unlock()
	if asked != nil {
		asked()
	}
	return nil
}

// request is for the ExternalSecrets and Ingresses of the world.
func (w *world) request() Request {
	r := Request{Cluster: w, ServiceAccount: "shop:deployer", Region: "eu-west-1", Interval: time.Second}
	r.Account = func(_ context.Context, region string) (Account, error) {
		w.account.region = region
		return &w.account, nil
	}
	for _, o := range w.objects {
		gvk := o.GroupVersionKind()
		id := kube.ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		r.Objects = append(r.Objects, v1alpha1.AppliedObject{Object: id.String(), Version: gvk.Version})
	}
	return r
}

// found is how the checks stand after one look.
func (w *world) found() []string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Millisecond)
	defer cancel()
	findings, err := Run(ctx, w.request())
	var not *NotVerifiedError
	if err != nil && !errors.As(err, &not) {
		w.t.Fatal(err)
	}
	var all []string
	for _, f := range findings {
		all = append(all, fmt.Sprintf("%s %s: %s", f.Result, f.Check, f.Line))
	}
	return all
}

// finds runs cases that each change a world and say what is found then.
type finds struct {
	name   string
	change func(*world)
	want   []string
}

func run(t *testing.T, objects string, account account, cases []finds) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, objects)
				w.account = account.clone()
				if c.change != nil {
					c.change(w)
				}
				if d := cmp.Diff(c.want, w.found()); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// edit replaces a text in all objects, as YAML has it.
func (w *world) edit(before, after string) {
	w.t.Helper()
	hit := false
	for i, o := range w.objects {
		text, err := o.MarshalJSON()
		if err != nil {
			w.t.Fatal(err)
		}
		if strings.Contains(string(text), before) {
			hit = true
			w.objects[i] = parse(w.t, strings.ReplaceAll(string(text), before, after))[0]
		}
	}
	if !hit {
		w.t.Fatalf("no object has %s", before)
	}
}
