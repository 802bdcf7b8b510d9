package controller

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

var components = schema.GroupResource{Group: "drawbridge.dev", Resource: "components"}

func fakeCluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	s := runtime.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(s).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.Environment{}, &v1alpha1.Change{}, &v1alpha1.Component{}).Build()
}

func production() *v1alpha1.Environment {
	return &v1alpha1.Environment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "production", UID: "uid-production", Generation: 3},
		Spec:       v1alpha1.EnvironmentSpec{Source: v1alpha1.Source{URL: "https://git.example.com/shop.git", Branch: "main"}},
	}
}

func newStore(k client.WithWatch) *store {
	return &store{client: k, reader: k, env: production(), patience: 10 * time.Second, slots: make(chan struct{}, storeRequests)}
}

// faults make the requests of a verb fail, each once and in order; one that is
// lost is carried out and its answer does not arrive.
type faults struct {
	verb string
	errs []error
	lost error
	done atomic.Int32
}

func (f *faults) around(verb string, request func() error) error {
	if verb != f.verb {
		return request()
	}
	i := int(f.done.Add(1)) - 1
	if i < len(f.errs) {
		return f.errs[i]
	}
	if i == len(f.errs) && f.lost != nil {
		if err := request(); err != nil {
			return err
		}
		return f.lost
	}
	return request()
}

func (f *faults) client(k client.WithWatch) client.WithWatch {
	return interceptor.NewClient(k, interceptor.Funcs{
		Create: func(ctx context.Context, k client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return f.around("create", func() error { return k.Create(ctx, o.DeepCopyObject().(client.Object), opts...) })
		},
		Update: func(ctx context.Context, k client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return f.around("update", func() error { return k.Update(ctx, o, opts...) })
		},
		SubResourceUpdate: func(ctx context.Context, k client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			return f.around("status", func() error { return k.SubResource(sub).Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, k client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return f.around("delete", func() error { return k.Delete(ctx, o, opts...) })
		},
		List: func(ctx context.Context, k client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
			return f.around("list", func() error { return k.List(ctx, l, opts...) })
		},
	})
}

var (
	errRefused = fmt.Errorf("post: %w", syscall.ECONNREFUSED)
	overloaded = apierrors.NewTooManyRequests("later", 0)
	conflict   = apierrors.NewConflict(components, "x", fmt.Errorf("somebody was faster"))
)

// Whatever happens to its requests, the store ends with what it was given.
func TestStoreOutlivesTheAPIServer(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*faults{
		"away at create":              {verb: "create", errs: []error{errRefused, overloaded}},
		"the answer of create lost":   {verb: "create", lost: errRefused},
		"away at update":              {verb: "update", errs: []error{errRefused}},
		"the answer of update lost":   {verb: "update", lost: errRefused},
		"conflicts at update":         {verb: "update", errs: []error{conflict, conflict}},
		"away at status":              {verb: "status", errs: []error{overloaded, errRefused}},
		"the answer of status lost":   {verb: "status", lost: errRefused},
		"conflicts at status":         {verb: "status", errs: []error{conflict, errRefused, conflict}},
		"the answer of delete lost":   {verb: "delete", lost: errRefused},
		"away at list":                {verb: "list", errs: []error{errRefused}},
		"an internal error at status": {verb: "status", errs: []error{apierrors.NewInternalError(fmt.Errorf("etcd"))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := fakeCluster(t)
			s := newStore(k)
			s.client, s.reader = f.client(k), f.client(k)
			ctx := t.Context()
			c := &v1alpha1.Component{Spec: v1alpha1.ComponentSpec{Environment: "production", Name: "blog", Kind: "kubernetes", InputDigest: "one"}}
			check(t, s.Create(ctx, c))
			c.Spec.InputDigest = "two"
			check(t, s.UpdateSpec(ctx, c))
			c.Status.Revision = "abc"
			check(t, s.UpdateStatus(ctx, c))
			list, err := s.List(ctx)
			check(t, err)
			if len(list) != 1 || list[0].Spec.InputDigest != "two" || list[0].Status.Revision != "abc" || list[0].Name != "production.blog" {
				t.Errorf("it is %+v", list)
			}
			if d := cmp.Diff(list[0].Spec, c.Spec) + cmp.Diff(list[0].Status, c.Status); d != "" {
				t.Errorf("what the caller holds differs from what is stored:\n%s", d)
			}
			if owner := metav1.GetControllerOf(&list[0]); owner == nil || owner.UID != "uid-production" {
				t.Errorf("owner %+v", owner)
			}
			check(t, s.Delete(ctx, c))
			if list, err = s.List(ctx); err != nil || len(list) > 0 {
				t.Errorf("after the deletion: %v %v", list, err)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What somebody deleted comes back: it says what must not be forgotten.
func TestStoreBringsBackWhatSomebodyDeleted(t *testing.T) {
	t.Parallel()
	for verb, write := range map[string]func(*store, *v1alpha1.Component) error{
		"spec":   func(s *store, c *v1alpha1.Component) error { return s.UpdateSpec(t.Context(), c) },
		"status": func(s *store, c *v1alpha1.Component) error { return s.UpdateStatus(t.Context(), c) },
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			k := fakeCluster(t)
			s := newStore(k)
			c := &v1alpha1.Component{Spec: v1alpha1.ComponentSpec{Environment: "production", Name: "blog", Kind: "kubernetes"}}
			check(t, s.Create(t.Context(), c))
			check(t, k.Delete(t.Context(), c.DeepCopy()))
			c.Spec.Owns, c.Status.StackID = []string{"a"}, "arn"
			check(t, write(s, c))
			list, err := s.List(t.Context())
			check(t, err)
			if len(list) != 1 || len(list[0].Spec.Owns) != 1 || list[0].Status.StackID != "arn" {
				t.Errorf("it is %+v", list)
			}
		})
	}
}

func TestStoreTakesOverWhatIsThere(t *testing.T) {
	t.Parallel()
	left := &v1alpha1.Component{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "production.blog", Labels: map[string]string{v1alpha1.LabelEnvironment: "production"}},
		Spec:       v1alpha1.ComponentSpec{Environment: "production", Name: "blog", InputDigest: "old"},
	}
	s := newStore(fakeCluster(t, left))
	c := &v1alpha1.Component{Spec: v1alpha1.ComponentSpec{Environment: "production", Name: "blog", InputDigest: "new"}}
	check(t, s.Create(t.Context(), c))
	list, err := s.List(t.Context())
	check(t, err)
	if len(list) != 1 || list[0].Spec.InputDigest != "new" {
		t.Errorf("it is %+v", list)
	}
}

func TestStoreGivesUp(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(components, "x", fmt.Errorf("no"))
	f := &faults{verb: "create", errs: []error{forbidden}}
	s := newStore(f.client(fakeCluster(t)))
	if err := s.Create(t.Context(), &v1alpha1.Component{Spec: v1alpha1.ComponentSpec{Name: "blog"}}); !apierrors.IsForbidden(err) || f.done.Load() != 1 {
		t.Errorf("%v after %d requests, want Forbidden after one", err, f.done.Load())
	}
	f = &faults{verb: "create"}
	for range 100 {
		f.errs = append(f.errs, errRefused)
	}
	s = newStore(f.client(fakeCluster(t)))
	s.patience = 200 * time.Millisecond
	if err := s.Create(t.Context(), &v1alpha1.Component{Spec: v1alpha1.ComponentSpec{Name: "blog"}}); !kube.Passes(err) {
		t.Errorf("%v, want the last error of the API server", err)
	}
}

// An API server that is upgraded, or restored, is away for longer than a few
// tries take.
func TestPatienceLastsAsLongAsItSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		away := func(d time.Duration) func() error {
			return func() error {
				if time.Since(begun) < d {
					return errRefused
				}
				return nil
			}
		}
		if err := patiently(t.Context(), 2*time.Minute, away(100*time.Second)); err != nil {
			t.Errorf("given up after %s of 2m0s: %v", time.Since(begun), err)
		}
		begun = time.Now()
		if err := patiently(t.Context(), 2*time.Minute, away(time.Hour)); !kube.Passes(err) || time.Since(begun) != 2*time.Minute {
			t.Errorf("after %s: %v, want the last error of the API server after 2m0s", time.Since(begun), err)
		}
	})
}

func TestComponentNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("e", 200)
	names := map[string]string{}
	for _, pair := range [][2]string{{"a", "b"}, {"a-b", "c"}, {"a", "b-c"}, {long, strings.Repeat("c", 63)}, {long, strings.Repeat("c", 62) + "d"}, {long, strings.Repeat("-", 62) + "x"}} {
		name := componentName(pair[0], pair[1])
		if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 && !strings.Contains(pair[1], "--") {
			t.Errorf("%q: %v", name, problems)
		}
		if first, taken := names[name]; taken {
			t.Errorf("%v and %v are both %q", first, pair, name)
		}
		names[name] = fmt.Sprint(pair)
	}
}
