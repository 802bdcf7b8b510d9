package kube

import (
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// What was seen before the last apply says nothing about what it made: not that
// it is ready, not that it drifted, not that it is gone.
func TestOldObservationsDoNotCount(t *testing.T) {
	t.Parallel()
	o := newObservations()
	defer o.close()
	k := kind{GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, resource: "deployments", namespaced: true, watchable: true}
	w := &watched{kind: k, owner: o, stop: func() {}, entries: map[types.NamespacedName]*observed{}, synced: true, changed: make(chan struct{})}
	id := ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	ours, theirs := fields{1}, fields{2}
	at := func(version uint64, f fields) *observed {
		return &observed{namespace: "shop", name: "web", version: version, fields: f, status: status.CurrentStatus}
	}
	ready := func() bool {
		_, p, _ := o.readiness(&target{id: id, kind: k, watch: w})
		return p.Ready
	}
	drifted := func() bool {
		o.drifts.mu.Lock()
		defer o.drifts.mu.Unlock()
		return o.expected[id].drifted.sent
	}

	o.see(w, at(9, theirs))
	if _, _, err := o.begin(taker{owner: Owner{Environment: "ns/production", Component: "web"}}, w, id); err != nil {
		t.Fatal(err)
	}
	o.applied(id, ours, 10, [8]byte{})
	if ready() || drifted() {
		t.Error("what was seen before the apply counts")
	}
	o.miss(w, id.key(), 8)
	if drifted() {
		t.Error("a deletion before the apply counts")
	}
	o.see(w, at(10, ours))
	if !ready() || drifted() {
		t.Error("what the apply made does not count")
	}
	o.see(w, at(11, theirs))
	if !drifted() {
		t.Error("a later change does not count")
	}

	// Its correction failed: it is sent once, and once more when asked.
	sent := func() bool {
		select {
		case d := <-o.drifts.out:
			return d.Object == id
		case <-time.After(20 * time.Millisecond):
			return false
		}
	}
	if !sent() || sent() {
		t.Error("a drift is not sent once")
	}
	o.recheck(id)
	if !sent() {
		t.Error("a drift is not sent again")
	}
	o.see(w, at(12, ours))
	o.recheck(id)
	if sent() {
		t.Error("what is as it should be was sent as a drift")
	}
}

// Each owner's objects are found without looking at all others', and a list of
// them loses none and keeps none that went.
func TestExpectedByOwner(t *testing.T) {
	t.Parallel()
	o := newObservations()
	defer o.close()
	first, second := Owner{Environment: "ns/production", Component: "first"}, Owner{Environment: "ns/production", Component: "second"}
	id := func(name string) ID { return ID{Kind: "ConfigMap", Namespace: "shop", Name: name} }
	expect := func(owner Owner, names ...string) {
		want := map[ID]*expectation{}
		for _, n := range names {
			want[id(n)] = &expectation{owner: owner, fields: fields{1}}
		}
		o.expect(owner, want)
	}
	check := func(when string, want map[string]Owner) {
		t.Helper()
		got, listed := map[string]Owner{}, map[string]Owner{}
		for id, e := range o.expected {
			got[id.Name] = e.owner
		}
		for owner, ids := range o.byOwner {
			for _, id := range ids {
				listed[id.Name] = owner
			}
			if len(ids) == 0 {
				t.Errorf("%s: an empty list is kept of %s", when, owner)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: expected (-want +got):\n%s", when, d)
		}
		if d := cmp.Diff(want, listed); d != "" {
			t.Errorf("%s: listed by owner (-want +got):\n%s", when, d)
		}
	}

	expect(first, "a", "b", "c")
	expect(second, "d")
	check("at first", map[string]Owner{"a": first, "b": first, "c": first, "d": second})
	expect(first, "a", "c", "e")
	check("one more, one less", map[string]Owner{"a": first, "c": first, "e": first, "d": second})
	if _, _, err := o.begin(taker{owner: second, from: func(Owner, string) bool { return true }}, nil, id("a")); err != nil {
		t.Fatal(err)
	}
	expect(first, "c")
	check("one taken over, which is busy", map[string]Owner{"a": second, "c": first, "d": second})
	o.applied(id("a"), fields{1}, 7, [8]byte{})
	expect(second)
	check("an owner forgotten", map[string]Owner{"c": first})
	o.forget(first, id("c"))
	check("the last one forgotten", map[string]Owner{})
}
