package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// Drift says that an object is not as its last apply left it: somebody took or
// removed a field of ours, or the object.
type Drift struct {
	Owner  Owner
	Object ID
	// Deleted: the watch no longer sees the object. It was deleted, or lost the
	// label by which it is watched; applying it again mends both.
	Deleted bool
	// Contents are the Secrets and ConfigMaps with new content, when the object itself is
	// as it was, and is to be applied again so that its Pods are restarted for that
	// (ApplyOptions.RestartOn).
	Contents []ID
}

// Drifts is the channel of all Drifts of the Cluster. There is one, for one
// reader. Nothing is lost while nobody reads: a Drift waits, once an object. It
// is closed by Close.
func (c *Cluster) Drifts() <-chan Drift { return c.seen.drifts.out }

// Expect says how the objects of an owner were left by their last apply, as its
// Component's status has it, and starts watching them. A controller calls it for
// each component when it starts; Apply and Prune keep it up to date. Objects of
// the owner that are not in the list are no longer watched. What this process
// applied itself stays as it is.
//
// An object whose kind is no longer served is reported as a Drift at once.
func (c *Cluster) Expect(ctx context.Context, owner Owner, objects []v1alpha1.AppliedObject) error {
	want := make(map[ID]*expectation, len(objects))
	for _, a := range objects {
		id, err := ParseID(a.Object)
		if err != nil {
			return fmt.Errorf("component %s: %w", owner, err)
		}
		k, err := c.kinds.serve(ctx, schema.GroupVersionKind{Group: id.Group, Version: a.Version, Kind: id.Kind})
		if errors.Is(err, errNotServed) {
			c.seen.drifts.put(Drift{Owner: owner, Object: id, Deleted: true})
			continue
		}
		if err != nil {
			return fmt.Errorf("component %s: %w", owner, err)
		}
		w, release := c.use(k)
		defer release()
		want[id] = &expectation{owner: owner, watch: w, fields: parseFields(a.Fields)}
	}
	c.seen.expect(owner, want)
	for _, a := range objects {
		if id, err := ParseID(a.Object); err == nil && len(a.Reads) > 0 && !c.seen.follows(id) {
			c.follow(id, a.Reads)
		}
	}
	return nil
}

// follows tells whether contents are followed for an object already, by what this process
// knows of it.
func (o *observations) follows(id ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.expected[id]
	return e == nil || e.follows != nil || e.version > 0 || e.busy > 0
}

// expect replaces what is expected of an owner's objects.
func (o *observations) expect(owner Owner, want map[ID]*expectation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range slices.Clone(o.byOwner[owner]) {
		if _, ok := want[id]; !ok && o.expected[id].busy == 0 {
			o.drop(id)
		}
	}
	for id, e := range want {
		if old := o.expected[id]; old != nil {
			if old.version > 0 || old.busy > 0 || old.owner != owner {
				continue // this process knows better
			}
			o.drop(id)
		}
		w := e.watch
		e.watch = nil
		e.attach(w)
		o.claim(id, e, owner)
		if w != nil && w.synced && w.entries[id.key()] == nil {
			e.gone = max(w.listed, 1)
		}
		o.judge(id)
	}
}

// Forget ends the watching of an owner's objects, as when its Environment is
// deleted or suspended.
func (c *Cluster) Forget(owner Owner) { c.seen.expect(owner, nil) }

// Recheck sends the Drift of an object once more, if it is still one: a Drift is
// sent once, and its correction may have failed for a reason that passes.
func (c *Cluster) Recheck(object ID) { c.seen.recheck(object) }

// driftQueue holds Drifts until they are read, at most one an object.
type driftQueue struct {
	out  chan Drift
	more chan struct{} // holds one token
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	waiting map[ID]Drift
	order   []ID
}

func (q *driftQueue) start() {
	q.out, q.more, q.done = make(chan Drift), make(chan struct{}, 1), make(chan struct{})
	q.waiting = map[ID]Drift{}
	go q.run()
}

func (q *driftQueue) stop() { q.once.Do(func() { close(q.done) }) }

func (q *driftQueue) put(d Drift) {
	q.mu.Lock()
	if _, ok := q.waiting[d.Object]; !ok {
		q.order = append(q.order, d.Object)
	}
	q.waiting[d.Object] = d
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

func (q *driftQueue) next() (Drift, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return Drift{}, false
	}
	id := q.order[0]
	d := q.waiting[id]
	q.order = q.order[1:]
	delete(q.waiting, id)
	return d, true
}

func (q *driftQueue) run() {
	defer close(q.out)
	for {
		d, ok := q.next()
		if !ok {
			select {
			case <-q.more:
				continue
			case <-q.done:
				return
			}
		}
		select {
		case q.out <- d:
		case <-q.done:
			return
		}
	}
}
