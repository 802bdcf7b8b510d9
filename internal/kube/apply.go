package kube

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// ApplyOptions of one Apply.
type ApplyOptions struct {
	// DefaultNamespace is for namespaced objects that name none. "default" when
	// empty.
	DefaultNamespace string

	// ServiceAccount, as "namespace:name", is impersonated for every write. The
	// Cluster's own identity writes when it is empty.
	ServiceAccount string

	// TakeFrom tells whether an object, named as in v1alpha1.AppliedObject, may
	// be taken from its owner, as when a commit moves it from one component to
	// another. Nil: never.
	TakeFrom func(owner Owner, object string) bool

	// RestartOn are the kinds, Secret and ConfigMap, whose content restarts Pods that read
	// it as variables or volumes: their template gets a hash of it. It is followed from
	// then on, and a Drift says when it changed. A workload waits until all is there
	// that it reads, but for what is optional.
	RestartOn []string

	// Waiting is called, if not nil, with the progress of objects that others of the same
	// apply wait for. It may be called concurrently.
	Waiting func(Progress)
}

// Applied is what an Apply did, in the order of its objects. Objects that were
// not reached, or failed, are missing.
type Applied struct {
	Changes []diff.Change
	Objects []v1alpha1.AppliedObject
}

// Apply applies the objects of an owner, each after those that it needs
// (infer.Within), and waits between the stages until CRDs are established and
// namespaces there. Nothing is sent when one of the objects does not stand Check,
// or belongs to another owner as far as was seen. An object that fails stops
// those that need it and the stages after it, but not the others of its stage;
// the error joins one for each object that failed, and Applied has what was done
// all the same.
//
// Apply returns when the server has taken the objects; Wait waits until they are
// ready.
func (c *Cluster) Apply(ctx context.Context, owner Owner, objects []render.Object, o ApplyOptions) (Applied, error) {
	if o.DefaultNamespace == "" {
		o.DefaultNamespace = "default"
	}
	w, err := c.writer(o.ServiceAccount)
	if err != nil {
		return Applied{}, err
	}
	items, err := c.resolve(ctx, objects, o.DefaultNamespace)
	if err != nil {
		return Applied{}, err
	}
	results := make([]result, len(items))
	for i := range items {
		if items[i].body, err = encode(items[i], owner); err != nil {
			return Applied{}, err
		}
	}
	turns := c.newOrder(ctx, objects, items, results, o)
	for s := range stages {
		err = c.applyStage(ctx, w, taker{owner, o.TakeFrom}, items, results, stage(s), turns, o)
		if err == nil && stage(s) == defining {
			err = c.defined(ctx, items)
		}
		if err != nil {
			break
		}
	}
	var a Applied
	for _, r := range results {
		if r.done {
			a.Changes = append(a.Changes, r.change)
			a.Objects = append(a.Objects, r.object)
		}
	}
	return a, err
}

// result of one object's apply.
type result struct {
	done   bool
	change diff.Change
	object v1alpha1.AppliedObject
}

func (c *Cluster) applyStage(ctx context.Context, w *client, by taker, items []item, results []result, s stage, turns order, o ApplyOptions) error {
	watches := map[kind]*watched{}
	for _, it := range items {
		if _, ok := watches[it.kind]; ok || it.stage != s {
			continue
		}
		used, release := c.use(it.kind)
		defer release()
		watches[it.kind] = used
	}
	for _, used := range watches {
		if err := c.sync(ctx, used); err != nil {
			return err
		}
	}
	for _, it := range items { // before anything is sent
		if it.stage == s {
			if err := c.seen.owned(by, watches[it.kind], it.id); err != nil {
				return withSource(err, it.at())
			}
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, len(items))
	for i, it := range items {
		if it.stage != s {
			continue
		}
		wg.Go(func() {
			defer close(turns.turns[i].over)
			ok, err := turns.await(items, results, i)
			if ok {
				it, err = c.stamped(ctx, it, by.owner, o)
			}
			if ok && err == nil {
				results[i], err = c.applyOne(ctx, w, by, it, watches[it.kind])
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// defined waits until the CRDs and namespaces among the items are there.
func (c *Cluster) defined(ctx context.Context, items []item) error {
	var ids []v1alpha1.AppliedObject
	for _, it := range items {
		if gk := it.kind.GroupKind(); it.stage == defining && (gk == crdKind || gk == namespaceKind) {
			ids = append(ids, v1alpha1.AppliedObject{Object: it.id.String(), Version: it.kind.Version})
		}
	}
	if len(ids) == 0 || slices.IndexFunc(items, func(i item) bool { return i.stage > defining }) < 0 {
		return nil
	}
	return c.Wait(ctx, ids, nil)
}

var applyQuery = url.Values{"fieldManager": {v1alpha1.FieldManager}, "force": {"true"}}

func (c *Cluster) applyOne(ctx context.Context, w *client, by taker, it item, used *watched) (result, error) {
	before, known, err := c.seen.begin(by, used, it.id)
	if err != nil {
		return result{}, withSource(err, it.at())
	}
	sent := [8]byte(hashBody(it.body))
	past, err := c.past(ctx, it, before, known, sent)
	if err != nil {
		c.seen.failed(it.id)
		return result{}, applyError(it, err)
	}
	failpoint.Hit("kube/before-apply")
	a, m, err := c.settle(ctx, w, it)
	if err != nil {
		c.seen.failed(it.id)
		return result{}, applyError(it, err)
	}
	f := m.ownFields()
	c.seen.applied(it.id, f, version(m.Metadata.ResourceVersion), sent)
	c.follow(it.id, it.reads)
	return result{
		done:   true,
		change: changeOf(it, before, known, past, a, m),
		object: v1alpha1.AppliedObject{Object: it.id.String(), Version: it.kind.Version, Fields: f.String(), Reads: it.reads},
	}, nil
}

// settle applies the object until it stands as wanted: once, and again when it
// was adopted, or when it was just being deleted and is gone.
func (c *Cluster) settle(ctx context.Context, w *client, it item) (answer, reply, error) {
	for {
		a, err := c.send(ctx, w, it)
		if err != nil {
			return a, reply{}, err
		}
		failpoint.Hit("kube/after-apply")
		m, err := readReply(a.body)
		if err != nil {
			return a, m, err
		}
		if m.Metadata.Deleted != "" {
			if err := c.outlast(ctx, it, m); err != nil {
				return a, m, err
			}
			continue
		}
		from := m.adoptable()
		if len(from) == 0 {
			return a, m, nil
		}
		if a, err = c.adopt(ctx, w, it, a, from); err == nil {
			m, err = readReply(a.body)
		}
		return a, m, err
	}
}

// outlast waits, for the Cluster's patience, until an object is gone that was
// being deleted when it was applied: it would go all the same.
func (c *Cluster) outlast(ctx context.Context, it item, m reply) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience.limit)
	defer cancel()
	left := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		UID: types.UID(m.Metadata.UID), ResourceVersion: m.Metadata.ResourceVersion, Finalizers: m.Metadata.Finalizers,
	}}
	return c.untilGone(ctx, it.id, it.kind, left)
}

// send is the server-side apply itself. A kind that was defined a moment ago
// may not be served yet by every API server; a conflict without a version of
// ours is the server losing a race against itself.
func (c *Cluster) send(ctx context.Context, w *client, it item) (answer, error) {
	return w.do(ctx, request{
		verb: "PATCH", path: it.kind.path(it.id.Namespace, it.id.Name),
		query: applyQuery, contentType: types.ApplyPatchType, body: it.body,
		again: func(err error) bool {
			return it.defined && apierrors.IsNotFound(err) || apierrors.IsConflict(err)
		},
	})
}

// encode returns the object as it is sent: with labels, annotation and
// namespace, without what only the server may set.
func encode(it item, owner Owner) ([]byte, error) {
	object := maps.Clone(it.Object.Object.Object)
	delete(object, "status")
	metadata, _ := object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	for _, k := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink", "deletionTimestamp"} {
		delete(metadata, k)
	}
	if it.id.Namespace == "" {
		delete(metadata, "namespace")
	} else {
		metadata["namespace"] = it.id.Namespace
	}
	labels, _ := metadata["labels"].(map[string]any)
	if labels = maps.Clone(labels); labels == nil {
		labels = map[string]any{}
	}
	for k, v := range owner.labels() {
		labels[k] = v
	}
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations = maps.Clone(annotations); annotations == nil {
		annotations = map[string]any{}
	}
	annotations[v1alpha1.AnnotationOwner] = owner.annotation(it.id)
	metadata["labels"], metadata["annotations"] = labels, annotations
	object["metadata"] = metadata
	b, err := json.Marshal(object)
	if err != nil {
		return nil, applyError(it, err)
	}
	return b, nil
}

func hashBody(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:8]
}
