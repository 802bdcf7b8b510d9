package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// watched is the watch of one kind and what it saw. Everything but the constant
// fields is guarded by the lock of observations.
type watched struct {
	kind  kind
	owner *observations
	stop  context.CancelFunc

	users   int // expectations, and calls in progress
	entries map[types.NamespacedName]*observed
	listed  uint64        // version of the last whole list
	synced  bool          // a whole list was seen
	err     error         // why the watch is broken just now
	changed chan struct{} // closed and renewed when synced or err changes
}

func (w *watched) id(key types.NamespacedName) ID {
	return ID{Group: w.kind.Group, Kind: w.kind.Kind, Namespace: key.Namespace, Name: key.Name}
}

// set records the state of the watch. The lock is held.
func (w *watched) set(synced bool, err error) {
	if w.synced == synced && w.err == nil && err == nil {
		return
	}
	w.synced, w.err = synced, err
	close(w.changed)
	w.changed = make(chan struct{})
}

// endUnused stops the watch when nothing needs it. The lock is held.
func (w *watched) endUnused() {
	if w.users > 0 {
		return
	}
	w.stop()
	if w.owner.watches[w.kind.gvr()] == w {
		delete(w.owner.watches, w.kind.gvr())
	}
}

// use starts the watch of a kind unless it runs, and keeps it until release is
// called. It returns nil for kinds that can't be watched.
func (c *Cluster) use(k kind) (w *watched, release func()) {
	if !k.watchable {
		return nil, func() {}
	}
	o := c.seen
	o.mu.Lock()
	defer o.mu.Unlock()
	w = o.watches[k.gvr()]
	if w == nil {
		ctx, cancel := context.WithCancel(c.ctx)
		w = &watched{
			kind: k, owner: o, stop: cancel,
			entries: map[types.NamespacedName]*observed{}, changed: make(chan struct{}),
		}
		o.watches[k.gvr()] = w
		go c.watch(ctx, w)
	}
	w.users++
	return w, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		w.users--
		w.endUnused()
	}
}

// sync waits until the watch has seen what there is. It fails at once when the
// watch is refused, and after the Cluster's patience when it does not come up.
func (c *Cluster) sync(ctx context.Context, w *watched) error {
	if w == nil {
		return nil
	}
	timeout := time.NewTimer(c.patience.limit)
	defer timeout.Stop()
	for {
		c.seen.mu.Lock()
		synced, err, changed := w.synced, w.err, w.changed
		c.seen.mu.Unlock()
		switch {
		case synced:
			return nil
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), apierrors.IsMethodNotSupported(err):
			return fmt.Errorf("watching %s: %w (Drawbridge needs list and watch on what it applies)", w.kind.gvr().GroupResource(), err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("watching %s did not begin within %s: %w", w.kind.gvr().GroupResource(), c.patience.limit, err)
		}
	}
}

// watchRetry is how a watch that broke begins anew.
var watchRetry = wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 8, Cap: 5 * time.Second}

// watch keeps w up to date until ctx ends. client-go's reflector lists, watches,
// and begins anew when the server no longer knows the version it stopped at.
func (c *Cluster) watch(ctx context.Context, w *watched) {
	// Broken watches are reported below, once, and not at each attempt.
	ctx = klog.NewContext(ctx, logr.Discard())
	s := &store{watched: w, full: !onlyMetadata(w.kind.GroupKind())}
	if s.full {
		s.needsCondition = c.declaresConditions(ctx, w.kind)
	}
	quiet, retry := klog.FromContext(ctx), watchRetry
	lw := c.listWatch(w.kind, s.full, Selection{Labels: v1alpha1.LabelEnvironment}, func(err error) { c.report(ctx, w, err) })
	cache.NewReflectorWithOptions(lw, nil, s, cache.ReflectorOptions{
		Name: "drawbridge " + w.kind.gvr().String(), TypeDescription: w.kind.Kind, Backoff: &retry, Logger: &quiet,
	}).RunWithContext(ctx)
}

// report makes known that a watch broke, or came back.
func (c *Cluster) report(ctx context.Context, w *watched, err error) {
	if ctx.Err() != nil || errors.Is(err, io.EOF) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return
	}
	c.seen.mu.Lock()
	was := w.err
	w.set(w.synced, err)
	c.seen.mu.Unlock()
	switch {
	case err != nil && was == nil:
		c.log.Warn("watch broken", "resource", w.kind.gvr().GroupResource().String(), "cluster", c.config.Host, "error", err)
	case err == nil && was != nil:
		c.log.Info("watch back", "resource", w.kind.gvr().GroupResource().String(), "cluster", c.config.Host)
	}
}

// listWatch is how a reflector lists and watches what is selected of a kind: whole, or
// its metadata. How each request ended is reported, also that it did well.
func (c *Cluster) listWatch(k kind, full bool, s Selection, report func(error)) *cache.ListWatch {
	list, open := c.reads(k, full, s.Namespace)
	selected := func(o *metav1.ListOptions) { o.LabelSelector, o.FieldSelector = s.Labels, s.Fields }
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			selected(&o)
			l, err := list(ctx, o)
			report(err)
			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			selected(&o)
			w, err := open(ctx, o)
			report(err)
			return w, err
		},
	}
}

type listFunc func(context.Context, metav1.ListOptions) (runtime.Object, error)
type openFunc func(context.Context, metav1.ListOptions) (watch.Interface, error)

// reads returns how a kind is listed and watched in a namespace, or in all when that is
// empty: whole, or its metadata.
func (c *Cluster) reads(k kind, full bool, namespace string) (listFunc, openFunc) {
	if full {
		r := c.dynamic.Resource(k.gvr()).Namespace(namespace)
		return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return r.List(ctx, o) }, r.Watch
	}
	r := c.metadata.Resource(k.gvr()).Namespace(namespace)
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return r.List(ctx, o) }, r.Watch
}

// store takes what the reflector reads and keeps only what is needed of it.
type store struct {
	*watched
	full           bool
	needsCondition bool
}

var _ cache.TransformingStore = (*store)(nil)

// Transformer keeps whole lists from being held while they stream in.
func (s *store) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return s.reduce(obj), nil }
}

func (s *store) reduce(obj any) *observed {
	switch o := obj.(type) {
	case *observed:
		return o
	case *unstructured.Unstructured:
		return observe(o, s.needsCondition)
	case *metav1.PartialObjectMetadata:
		return observeMetadata(o)
	}
	return nil
}

// Add and the others are cache.ReflectorStore.
func (s *store) Add(obj any) error {
	if o := s.reduce(obj); o != nil {
		s.owner.see(s.watched, o)
	}
	return nil
}

func (s *store) Update(obj any) error { return s.Add(obj) }

func (s *store) Delete(obj any) error {
	if o := s.reduce(obj); o != nil {
		s.owner.miss(s.watched, o.key(), o.version)
	}
	return nil
}

func (s *store) Replace(list []any, resourceVersion string) error {
	seen := make([]*observed, 0, len(list))
	for _, obj := range list {
		if o := s.reduce(obj); o != nil {
			seen = append(seen, o)
		}
	}
	s.owner.replace(s.watched, seen, version(resourceVersion))
	return nil
}

func (s *store) Resync() error { return nil }
