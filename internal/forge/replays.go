package forge

import (
	"crypto/sha256"
	"sync"
)

// Replays remembers the webhooks that were taken, the latest Limit of them at least.
// It knows one again by its delivery's ID and by its body: the signature is over the
// body alone, so who replays it can give it another ID.
//
// Memory is all it has. What is replayed after a restart, or after as many others, is
// taken as a hint once more, and makes its receiver look at what it knows already.
type Replays struct {
	// Limit is 4096 when zero.
	Limit int

	mu sync.Mutex
	// The older half is forgotten as a whole when the newer one is full.
	newer, older map[string]bool
}

// Take says whether the webhook is new, and remembers it. Call it only with what
// is signed, or anybody could have others forgotten.
func (r *Replays) Take(w Webhook) bool {
	names := namesOf(w)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if r.newer[name] || r.older[name] {
			return false
		}
	}
	limit := r.Limit
	if limit == 0 {
		limit = 4096
	}
	if r.newer == nil || len(r.newer) >= 2*limit { // two names a webhook
		r.newer, r.older = map[string]bool{}, r.newer
	}
	for _, name := range names {
		r.newer[name] = true
	}
	return true
}

// GiveBack forgets a webhook that could not be dealt with, so that it can be sent
// again.
func (r *Replays) GiveBack(w Webhook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range namesOf(w) {
		delete(r.newer, name)
		delete(r.older, name)
	}
}

func namesOf(w Webhook) []string {
	sum := sha256.Sum256(w.body)
	names := []string{"body " + string(sum[:])}
	if w.ID != "" {
		names = append(names, "id "+w.ID)
	}
	return names
}
