package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// Selection is some objects of one kind, whoever's they are.
type Selection struct {
	schema.GroupVersionKind
	// Namespace; "" for all, and for kinds that are in none.
	Namespace string
	// Labels and Fields are selectors, as kubectl takes them.
	Labels, Fields string
}

// Follow watches what is selected until ctx ends. It returns when all of it was seen
// once, with a function that tells how it is now, sorted by namespace and name: objects
// without managedFields, which the caller does not change. changed is called after each
// change; it must not block. A kind that the cluster does not serve has no objects.
// Those who follow the same selection at the same time share one watch.
//
// It is for objects that are waited for and for those that say why; applied ones have
// the watch of their kind.
func (c *Cluster) Follow(ctx context.Context, s Selection, changed func()) (func() []*unstructured.Unstructured, error) {
	k, err := c.kinds.serve(ctx, s.GroupVersionKind)
	switch {
	case errors.Is(err, errNotServed):
		return func() []*unstructured.Unstructured { return nil }, nil
	case err != nil:
		return nil, fmt.Errorf("following %s: %w", s.Kind, err)
	}
	v, leave := c.view(k, s, changed)
	select {
	case <-v.synced:
		context.AfterFunc(ctx, leave)
		return v.all, nil
	case <-v.refused:
		leave()
		return nil, fmt.Errorf("following %s: %w", k.gvr().GroupResource(), v.err)
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// view is what is seen of a selection.
type view struct {
	cache.Store
	stop    context.CancelFunc
	synced  chan struct{} // closed when all was seen once
	refused chan struct{} // closed when it may not be seen, with err set
	err     error
	first   [2]sync.Once // of synced, of refused

	mu        sync.Mutex
	followers map[*func()]struct{}
}

// view joins those who follow a selection, or begins the watch. The caller leaves it
// once.
func (c *Cluster) view(k kind, s Selection, changed func()) (v *view, leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v = c.views[s]; v == nil {
		v = &view{
			Store: cache.NewStore(cache.MetaNamespaceKeyFunc), followers: map[*func()]struct{}{},
			synced: make(chan struct{}), refused: make(chan struct{}),
		}
		c.views[s] = v
		var ctx context.Context
		ctx, v.stop = context.WithCancel(klog.NewContext(c.ctx, logr.Discard()))
		go c.watchView(ctx, k, s, v)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.followers[&changed] = struct{}{}
	return v, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		v.mu.Lock()
		defer v.mu.Unlock()
		if delete(v.followers, &changed); len(v.followers) > 0 {
			return
		}
		v.stop()
		if c.views[s] == v {
			delete(c.views, s)
		}
	}
}

func (c *Cluster) watchView(ctx context.Context, k kind, s Selection, v *view) {
	quiet, retry := klog.FromContext(ctx), watchRetry
	cache.NewReflectorWithOptions(c.listWatch(k, true, s, v.report), nil, v, cache.ReflectorOptions{
		Name: "drawbridge follows " + k.gvr().String(), TypeDescription: k.Kind, Backoff: &retry, Logger: &quiet,
	}).RunWithContext(ctx)
}

// report makes known that the selection may not be seen.
func (v *view) report(err error) {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		v.first[1].Do(func() { v.err = err; close(v.refused) })
	}
}

var _ cache.TransformingStore = (*view)(nil)

// Transformer drops what only a later apply would need.
func (v *view) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return withoutManagedFields(obj), nil }
}

func withoutManagedFields(obj any) any {
	if u, ok := obj.(*unstructured.Unstructured); ok {
		u.SetManagedFields(nil)
	}
	return obj
}

func (v *view) Add(obj any) error    { return v.then(v.Store.Add(withoutManagedFields(obj))) }
func (v *view) Update(obj any) error { return v.then(v.Store.Update(withoutManagedFields(obj))) }
func (v *view) Delete(obj any) error { return v.then(v.Store.Delete(obj)) }

func (v *view) Replace(list []any, resourceVersion string) error {
	for _, obj := range list {
		withoutManagedFields(obj)
	}
	err := v.Store.Replace(list, resourceVersion)
	v.first[0].Do(func() { close(v.synced) })
	return v.then(err)
}

func (v *view) then(err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for changed := range v.followers {
		(*changed)()
	}
	return err
}

func (v *view) all() []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, obj := range v.List() {
		if u, ok := obj.(*unstructured.Unstructured); ok {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return all
}
