// Package turns lets one at a time work on what has a name: a component, a folder.
// Who comes while another works waits, until the turn is free or its context ends.
// Turns are not given in the order in which they were asked for.
package turns

import (
	"context"
	"sync"
)

// Turns holds a turn for each name. The zero value is ready for use, and it is safe
// for concurrent use. Names that nobody works on take no memory.
type Turns struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when let go
}

// Take waits for the turn of a name. The caller lets it go once. The error is the
// cause of the end of ctx.
func (t *Turns) Take(ctx context.Context, name string) (letGo func(), _ error) {
	for {
		t.mu.Lock()
		other := t.held[name]
		if other == nil {
			mine := make(chan struct{})
			if t.held == nil {
				t.held = map[string]chan struct{}{}
			}
			t.held[name] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.held, name)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
