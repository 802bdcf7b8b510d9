package cloudformation

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// walk calls step for each ID, as many at once as after allows: step is called
// for an ID when the IDs in after(ID) are done. Those behind a failed one are not
// called. With failFast the first failure cancels the context of the others and
// nothing new is begun. It returns the failures, joined.
func walk(ctx context.Context, ids []string, after func(id string) []string, failFast bool, step func(ctx context.Context, id string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type outcome struct {
		done chan struct{}
		ok   bool // good after done is closed
	}
	outcomes := make(map[string]*outcome, len(ids))
	for _, id := range ids {
		outcomes[id] = &outcome{done: make(chan struct{})}
	}
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			mine := outcomes[id]
			defer close(mine.done)
			for _, before := range after(id) {
				if o := outcomes[before]; o != nil {
					<-o.done
					if !o.ok {
						return
					}
				}
			}
			if ctx.Err() != nil {
				return
			}
			if err := step(ctx, id); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				if failFast {
					cancel(errCancelled)
				}
				return
			}
			mine.ok = true
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// errCancelled is the cause when work on a resource stops because another one
// failed, or the client asked for it, and not because the process ends.
var errCancelled = errors.New("cancelled")

// dependents turns dependencies round, for deletion: of each resource, those
// that must go before it.
func dependents(rs map[string]*live) func(id string) []string {
	out := make(map[string][]string, len(rs))
	for id, r := range rs {
		for _, d := range r.Dependencies {
			if !slices.Contains(out[d], id) {
				out[d] = append(out[d], id)
			}
		}
	}
	return func(id string) []string { return out[id] }
}
