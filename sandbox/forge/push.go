package forge

import (
	"context"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Zero stands for no object: Before of a ref that was made, After of one that
// was deleted.
const Zero = "0000000000000000000000000000000000000000"

// Push says that a ref was moved, by whom and when.
type Push struct {
	Repository string `json:"repository"`
	// Ref in full, as refs/heads/main.
	Ref string `json:"ref"`
	// Before and After are object IDs, or Zero.
	Before string `json:"before"`
	After  string `json:"after"`
	// Forced says that what was there is not in the history of what is there now.
	Forced bool `json:"forced,omitempty"`
	// Pusher is a user's name; empty when it is not known, see the package.
	Pusher string    `json:"pusher"`
	At     time.Time `json:"at"`
}

// Created says that the ref was not there before.
func (p Push) Created() bool { return p.Before == Zero }

// Deleted says that the ref is no longer there.
func (p Push) Deleted() bool { return p.After == Zero }

// push has Git do a push, records what it moved, and lines its events up to be
// sent once it is answered. A push that moves nothing is no error.
func (f *Forge) push(r *http.Request, u User, repo *repository, body *os.File, w http.ResponseWriter, answered <-chan struct{}) error {
	ctx := r.Context()
	repo.pushing.Lock()
	defer repo.pushing.Unlock()
	before, err := repo.refs(ctx)
	if err != nil {
		return err
	}
	f.backend(w, r, u, repo, receivePackService, "", body)
	after, err := repo.refs(ctx)
	if err != nil {
		return err
	}
	pushes := repo.moved(ctx, before, after, u.Name)
	if err := f.pushes.append(pushes...); err != nil {
		return err
	}
	for _, p := range pushes {
		f.log.Info("pushed", "repository", p.Repository, "ref", p.Ref, "before", p.Before, "after", p.After, "forced", p.Forced, "pusher", p.Pusher)
		if !strings.HasPrefix(p.Ref, "refs/heads/") && !strings.HasPrefix(p.Ref, "refs/tags/") {
			continue
		}
		for _, hook := range f.hooks.names(repo.name) {
			f.deliveries.add(hookID{repo.name, hook}, newDelivery(p, baseURL(r), answered))
		}
	}
	return nil
}

// moved compares refs, in the order of their names.
func (r *repository) moved(ctx context.Context, before, after map[string]string, pusher string) []Push {
	all := maps.Clone(before)
	maps.Copy(all, after)
	now := time.Now().UTC()
	var pushes []Push
	for _, ref := range slices.Sorted(maps.Keys(all)) {
		was, is := before[ref], after[ref]
		if was == is {
			continue
		}
		p := Push{Repository: r.name, Ref: ref, Before: orZero(was), After: orZero(is), Pusher: pusher, At: now}
		p.Forced = !p.Created() && !p.Deleted() && !r.holds(ctx, is, was)
		pushes = append(pushes, p)
	}
	return pushes
}

func orZero(oid string) string {
	if oid == "" {
		return Zero
	}
	return oid
}

// recordMissed records refs that moved without a record.
func (f *Forge) recordMissed() error {
	recorded := map[string]map[string]string{}
	for p, err := range f.pushes.all() {
		if err != nil {
			return err
		}
		refs := recorded[p.Repository]
		if refs == nil {
			refs = map[string]string{}
			recorded[p.Repository] = refs
		}
		if p.Deleted() {
			delete(refs, p.Ref)
		} else {
			refs[p.Ref] = p.After
		}
	}
	ctx := context.Background()
	for _, name := range slices.Sorted(maps.Keys(f.repositories)) {
		repo := f.repositories[name]
		refs, err := repo.refs(ctx)
		if err != nil {
			return err
		}
		for _, p := range repo.moved(ctx, recorded[name], refs, "") {
			f.log.Warn("a ref moved without a record of who pushed it", "repository", name, "ref", p.Ref, "before", p.Before, "after", p.After)
			if err := f.pushes.append(p); err != nil {
				return err
			}
		}
	}
	return nil
}
