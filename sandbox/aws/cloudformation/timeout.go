package cloudformation

import (
	"context"
	"fmt"
	"time"
)

// errTimedOut cancels the work of a creation that takes too long.
var errTimedOut = fmt.Errorf("timed out: %w", errCancelled)

// timed bounds the creation of a stack with TimeoutInMinutes, counted from when it
// was begun.
func (r *runner) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.op.Kind != "create" || r.op.Target.Timeout <= 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	end := r.op.Begun.Add(time.Duration(r.op.Target.Timeout) * time.Minute)
	expired := r.c.After(end.Sub(r.c.now()))
	go func() {
		select {
		case <-expired:
			cancel(errTimedOut)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
