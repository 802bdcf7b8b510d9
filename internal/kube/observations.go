package kube

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// observations brings together what is seen of objects and what is expected of
// them. One lock guards it all: everything done under it is short.
type observations struct {
	mu       sync.Mutex
	watches  map[schema.GroupVersionResource]*watched
	expected map[ID]*expectation
	byOwner  map[Owner][]ID // the keys of expected
	waiting  map[ID]map[*waiter]struct{}
	contents map[ID]*content
	drifts   driftQueue
}

func newObservations() *observations {
	o := &observations{
		watches:  map[schema.GroupVersionResource]*watched{},
		expected: map[ID]*expectation{},
		byOwner:  map[Owner][]ID{},
		waiting:  map[ID]map[*waiter]struct{}{},
		contents: map[ID]*content{},
	}
	o.drifts.start()
	return o
}

func (o *observations) close() { o.drifts.stop() }

// expectation is how an object should be: as its last apply left it.
type expectation struct {
	owner   Owner
	watch   *watched // nil while the kind can't be watched
	fields  fields   // of the last apply; zero while there was none
	version uint64   // of the last apply's answer; zero when it was another process's
	sent    [8]byte  // hash of the body of the last apply of this process
	busy    int      // applies and deletes in flight
	gone    uint64   // newest version at which the object was seen to be absent
	drifted observation
	follows *followed // nil when no content restarts its Pods
}

// observation is how an object was when a Drift was sent, so that it is sent
// once.
type observation struct {
	sent   bool
	fields fields
	absent bool
}

// waiter is told which objects were seen anew.
type waiter struct {
	wake chan struct{} // holds one token

	mu   sync.Mutex
	seen map[ID]struct{}
}

func newWaiter() *waiter {
	return &waiter{wake: make(chan struct{}, 1), seen: map[ID]struct{}{}}
}

func (w *waiter) tell(id ID) {
	w.mu.Lock()
	w.seen[id] = struct{}{}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what was seen since the last call.
func (w *waiter) take() map[ID]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen
	w.seen = map[ID]struct{}{}
	return s
}

func (o *observations) await(w *waiter, id ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting[id] == nil {
		o.waiting[id] = map[*waiter]struct{}{}
	}
	o.waiting[id][w] = struct{}{}
}

func (o *observations) leave(w *waiter, ids []ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		delete(o.waiting[id], w)
		if len(o.waiting[id]) == 0 {
			delete(o.waiting, id)
		}
	}
}

// see records an event of a watch.
func (o *observations) see(w *watched, ob *observed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.entries[ob.key()] = ob
	o.noticed(w, ob.key())
}

// miss records that a watch saw an object go, at that version.
func (o *observations) miss(w *watched, key types.NamespacedName, version uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(w.entries, key)
	if e := o.expected[w.id(key)]; e != nil && e.watch == w {
		e.gone = max(e.gone, version)
	}
	o.noticed(w, key)
}

// replace records a whole list, at that version.
func (o *observations) replace(w *watched, list []*observed, version uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := w.entries
	w.entries = make(map[types.NamespacedName]*observed, len(list))
	for _, ob := range list {
		w.entries[ob.key()] = ob
	}
	w.listed = version
	w.set(true, nil)
	for id, e := range o.expected {
		if e.watch == w && w.entries[id.key()] == nil {
			e.gone = max(e.gone, version)
			o.noticed(w, id.key())
		}
	}
	for key := range before {
		if w.entries[key] == nil {
			o.noticed(w, key)
		}
	}
	for key := range w.entries {
		o.noticed(w, key)
	}
}

// noticed looks for drift and wakes who waits. The lock is held.
func (o *observations) noticed(w *watched, key types.NamespacedName) {
	id := w.id(key)
	for waiter := range o.waiting[id] {
		waiter.tell(id)
	}
	o.judge(id)
}

// judge sends a Drift when the object is not as expected. The lock is held.
func (o *observations) judge(id ID) {
	e := o.expected[id]
	if e == nil || e.busy > 0 || e.fields == (fields{}) || e.watch == nil || !e.watch.synced {
		return
	}
	ob := e.watch.entries[id.key()]
	what := observation{sent: true, absent: ob == nil}
	switch {
	case ob == nil && e.gone > e.version:
	case ob != nil && ob.version >= e.version && ob.fields != e.fields:
		what.fields = ob.fields
	default:
		return
	}
	if e.drifted == what {
		return
	}
	e.drifted = what
	o.drifts.put(Drift{Owner: e.owner, Object: id, Deleted: what.absent})
}

func (o *observations) recheck(id ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.expected[id]; e != nil {
		e.drifted = observation{}
		o.judge(id)
		o.retell(id, e)
	}
}

// kindOf an object of which something is expected.
func (o *observations) kindOf(id ID) (kind, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.expected[id]; e != nil && e.watch != nil {
		return e.watch.kind, true
	}
	return kind{}, false
}

// owned returns an OwnedError when the object belongs to another owner, as far
// as was seen.
func (o *observations) owned(by taker, w *watched, id ID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ownedLocked(by, w, id)
}

func (o *observations) ownedLocked(by taker, w *watched, id ID) error {
	var other Owner
	if known := o.expected[id]; known != nil {
		other = known.owner
	} else if w == nil || w.entries[id.key()] == nil {
		return nil
	} else if named, ok := ownerOf(w.entries[id.key()].owner, id); ok {
		other = named
	} else {
		return nil
	}
	if other == by.owner || by.from != nil && by.from(other, id.String()) {
		return nil
	}
	return &OwnedError{Object: id, Owner: other, Wanted: by.owner}
}

// taker is who wants an object, and whom it may be taken from; see
// ApplyOptions.TakeFrom.
type taker struct {
	owner Owner
	from  func(Owner, string) bool
}

// begin claims the object for the owner and marks it as busy, so that what is
// seen of our own doing is no drift. It returns the object as it was last seen
// and what was expected of it.
func (o *observations) begin(by taker, w *watched, id ID) (*observed, expectation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.ownedLocked(by, w, id); err != nil {
		return nil, expectation{}, err
	}
	known := o.expected[id]
	if known == nil {
		known = &expectation{}
	}
	o.claim(id, known, by.owner)
	known.attach(w)
	known.busy++
	var ob *observed
	if w != nil {
		ob = w.entries[id.key()]
	}
	return ob, *known, nil
}

// applied ends what begin began, with what the answer said.
func (o *observations) applied(id ID, f fields, version uint64, sent [8]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.expected[id]
	if e == nil { // deleted meanwhile, on purpose
		return
	}
	e.busy--
	if version >= e.version {
		e.fields, e.version, e.sent, e.drifted = f, version, sent, observation{}
	}
	o.judge(id)
}

// failed ends what begin began, when nothing is known to have been done.
func (o *observations) failed(id ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.expected[id]
	if e == nil {
		return
	}
	e.busy--
	if e.busy == 0 && e.fields == (fields{}) {
		o.drop(id)
		return
	}
	o.judge(id)
	o.unsettled(id)
}

// deleting marks an object as busy while it is deleted.
func (o *observations) deleting(id ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.expected[id]; e != nil {
		e.busy++
	}
}

// deleted ends what deleting began.
func (o *observations) deleted(id ID, gone bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.expected[id]
	switch {
	case e == nil:
	case gone:
		o.drop(id)
	default:
		e.busy--
		o.judge(id)
	}
}

// forget drops what is expected of an owner's object, when it is no longer its.
func (o *observations) forget(owner Owner, id ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.expected[id]; e != nil && e.owner == owner && e.busy == 0 {
		o.drop(id)
	}
}

// claim makes e what is expected of the object, and the owner its owner. The
// lock is held.
func (o *observations) claim(id ID, e *expectation, owner Owner) {
	if o.expected[id] == e && e.owner == owner {
		return
	}
	o.disown(id)
	e.owner = owner
	o.expected[id] = e
	o.byOwner[owner] = append(o.byOwner[owner], id)
}

func (o *observations) drop(id ID) {
	o.disown(id)
	o.unfollow(id, o.expected[id])
	o.expected[id].attach(nil)
	delete(o.expected, id)
}

// disown takes an object from its owner's list. The lock is held.
func (o *observations) disown(id ID) {
	e := o.expected[id]
	if e == nil {
		return
	}
	ids := o.byOwner[e.owner]
	i := slices.Index(ids, id)
	last := len(ids) - 1
	if last == 0 {
		delete(o.byOwner, e.owner)
		return
	}
	ids[i], ids[last] = ids[last], ID{}
	o.byOwner[e.owner] = ids[:last]
}

// attach ties the expectation to a watch, which it keeps in use.
func (e *expectation) attach(w *watched) {
	if e.watch == w {
		return
	}
	if e.watch != nil {
		e.watch.users--
		e.watch.endUnused()
	}
	if e.watch = w; w != nil {
		w.users++
		e.gone = 0
	}
}
