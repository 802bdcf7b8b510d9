package kube

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	selector "k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// quiet is how long nothing has to change before Pods are restarted, so that several
// Secrets which change together are one restart; restless is the longest that it is put
// off for that.
const (
	quiet    = 500 * time.Millisecond
	restless = 3 * time.Second
)

// content is a Secret or a ConfigMap that is watched by itself, by its name, so that no
// other has to be seen. Only a hash of it is kept. Guarded by the lock of observations.
type content struct {
	id      ID
	sum     string // "" while it does not exist
	users   int
	readers map[ID]bool
	changed chan struct{} // closed and renewed when sum changes
	stop    context.CancelFunc
}

// followed is what the Pods of an object read, as it was when that was applied.
type followed struct {
	reads []v1alpha1.ReadContent
	timer *time.Timer
	since time.Time // the first change that the timer runs for
	told  string    // the stamp for which a Drift was sent
}

// useContent starts the watch of a content unless it runs. The lock is held.
func (c *Cluster) useContent(id ID) *content {
	o := c.seen
	w := o.contents[id]
	if w == nil {
		ctx, cancel := context.WithCancel(c.ctx)
		w = &content{id: id, readers: map[ID]bool{}, changed: make(chan struct{}), stop: cancel}
		o.contents[id] = w
		go c.watchContent(ctx, w)
	}
	w.users++
	return w
}

// leaveContent ends it when nobody needs it. The lock is held.
func (o *observations) leaveContent(w *content) {
	if w.users--; w.users == 0 {
		w.stop()
		delete(o.contents, w.id)
	}
}

func (c *Cluster) watchContent(ctx context.Context, w *content) {
	ctx = klog.NewContext(ctx, logr.Discard())
	one := Selection{Namespace: w.id.Namespace, Fields: selector.OneTermEqualSelector("metadata.name", w.id.Name).String()}
	lw := c.listWatch(contentKind(w.id), true, one, func(error) {})
	logger := klog.FromContext(ctx)
	cache.NewReflectorWithOptions(lw, &unstructured.Unstructured{}, &contentStore{c, w}, cache.ReflectorOptions{
		Name: "drawbridge " + w.id.String(), Logger: &logger,
	}).RunWithContext(ctx)
}

// contentStore takes what the reflector reads and keeps the hash of it.
type contentStore struct {
	cluster *Cluster
	*content
}

var _ cache.ReflectorStore = (*contentStore)(nil)

// Add and the others are cache.ReflectorStore.
func (s *contentStore) Add(obj any) error {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	var p payload
	if b, err := json.Marshal(u.Object); err != nil || json.Unmarshal(b, &p) != nil {
		return nil // an error here would be logged, and may quote the content
	}
	s.cluster.seen.contentSeen(s.content, p.sum(s.cluster.contentKey, s.id))
	return nil
}

func (s *contentStore) Update(obj any) error { return s.Add(obj) }

func (s *contentStore) Delete(any) error {
	s.cluster.seen.contentSeen(s.content, "")
	return nil
}

func (s *contentStore) Replace(list []any, _ string) error {
	if len(list) == 0 {
		return s.Delete(nil)
	}
	return s.Add(list[0])
}

func (s *contentStore) Resync() error { return nil }

func (o *observations) contentSeen(w *content, sum string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.sum == sum {
		return
	}
	w.sum = sum
	close(w.changed)
	w.changed = make(chan struct{})
	for reader := range w.readers {
		o.unsettled(reader)
	}
}

// untilThere waits until a content exists.
func (c *Cluster) untilThere(ctx context.Context, id ID) error {
	o := c.seen
	o.mu.Lock()
	defer o.mu.Unlock()
	w := c.useContent(id)
	defer o.leaveContent(w)
	for w.sum == "" {
		changed := w.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		o.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// follow watches what an object's Pods read, from how it was when the object was applied.
func (c *Cluster) follow(id ID, reads []v1alpha1.ReadContent) {
	o := c.seen
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.expected[id]
	if e == nil {
		return // deleted meanwhile, on purpose
	}
	var used []*content // before the old ones are left, so that no watch begins anew
	for _, r := range reads {
		if of, err := ParseID(r.Object); err == nil {
			used = append(used, c.useContent(of))
		}
	}
	o.unfollow(id, e)
	if len(used) == 0 {
		return
	}
	for _, w := range used {
		w.readers[id] = true
	}
	e.follows = &followed{reads: reads}
	o.unsettled(id)
}

// unfollow ends it. The lock is held.
func (o *observations) unfollow(id ID, e *expectation) {
	if e.follows == nil {
		return
	}
	if e.follows.timer != nil {
		e.follows.timer.Stop()
	}
	for _, r := range e.follows.reads {
		if of, err := ParseID(r.Object); err == nil && o.contents[of] != nil {
			delete(o.contents[of].readers, id)
			o.leaveContent(o.contents[of])
		}
	}
	e.follows = nil
}

// unsettled has an object looked at once what it reads was quiet for a moment. The lock
// is held.
func (o *observations) unsettled(id ID) {
	e := o.expected[id]
	if e == nil || e.follows == nil {
		return
	}
	f := e.follows
	if f.timer == nil {
		f.since = time.Now()
		f.timer = time.AfterFunc(quiet, func() { o.settle(id, f) })
		return
	}
	f.timer.Reset(max(0, min(quiet, restless-time.Since(f.since))))
}

// settle sends a Drift when what the object's Pods read has other content than when it
// was applied. What is not there is not new.
func (o *observations) settle(id ID, f *followed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.expected[id]
	if e == nil || e.follows != f {
		return
	}
	f.timer = nil
	if e.busy > 0 {
		return // followed anew afterwards
	}
	var changed []ID
	told := ""
	for _, r := range f.reads {
		of, err := ParseID(r.Object)
		if err != nil || o.contents[of] == nil {
			continue
		}
		if now := o.contents[of].sum; now != "" && now != r.Sum {
			changed = append(changed, of)
			told += r.Object + "=" + now + "\n"
		}
	}
	if len(changed) == 0 || told == f.told {
		return
	}
	f.told = told
	o.drifts.put(Drift{Owner: e.owner, Object: id, Contents: changed})
}

// retell has a Drift sent once more, if it is still one. The lock is held.
func (o *observations) retell(id ID, e *expectation) {
	if e.follows != nil {
		e.follows.told = ""
		o.unsettled(id)
	}
}
