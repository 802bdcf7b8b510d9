package controller

import (
	"context"
	"errors"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Why a run was stopped from outside.
var (
	errSuperseded = errors.New("superseded by a newer commit")
	errSuspended  = errors.New("the Environment was suspended")
	errBarred     = errors.New("the Environment's policy lets nothing through")
)

// runs are the rollouts under way, at most one an Environment.
type runs struct {
	mu    sync.Mutex
	byEnv map[types.NamespacedName]*run
}

type run struct {
	change string
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// begin waits until no other run of the Environment is under way, and begins
// one, of the named Change. Its context ends when stop is called; the caller
// calls end.
func (r *runs) begin(ctx context.Context, env types.NamespacedName, change string) (_ context.Context, end func(), _ error) {
	for {
		r.mu.Lock()
		other := r.byEnv[env]
		if other == nil {
			ctx, cancel := context.WithCancelCause(ctx)
			mine := &run{change: change, cancel: cancel, done: make(chan struct{})}
			r.byEnv[env] = mine
			r.mu.Unlock()
			return ctx, func() {
				r.mu.Lock()
				delete(r.byEnv, env)
				r.mu.Unlock()
				cancel(nil)
				close(mine.done)
			}, nil
		}
		r.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// stop ends the run of the Environment, if there is one that is not of the Change
// but, and does not wait.
func (r *runs) stop(env types.NamespacedName, but string, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run := r.byEnv[env]; run != nil && run.change != but {
		run.cancel(cause)
	}
}
