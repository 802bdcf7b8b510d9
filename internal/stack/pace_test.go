package stack

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceSpreadsTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(wallClock{}, 2*time.Second)
		start := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if err := p.turn(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(start))
			})
		}
		wg.Wait()
		// Fifty at once: the first after one interval, then twenty an interval.
		if first, last := at[0], at[49]; first != 2*time.Second || last != 2*time.Second+49*100*time.Millisecond {
			t.Errorf("first turn at %s, last at %s", first, last)
		}
	})
}

func TestPaceSlowsDownAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(wallClock{}, time.Second)
		took := func() time.Duration {
			start := time.Now()
			if err := p.turn(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		for range 10 {
			p.slower()
		}
		if d := took(); d != 16*time.Second {
			t.Errorf("throttled: %s, want 16s", d)
		}
		for range 30 {
			p.answered()
		}
		if d := took(); d != time.Second {
			t.Errorf("after answers: %s, want 1s", d)
		}
	})
}

func TestPaceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(wallClock{}, time.Hour)
		ctx, cancel := context.WithCancelCause(t.Context())
		superseded := errors.New("superseded")
		result := make(chan error)
		go func() { result <- p.turn(ctx) }()
		synctest.Wait()
		start := time.Now()
		cancel(superseded)
		if err := <-result; !errors.Is(err, superseded) || time.Since(start) != 0 {
			t.Errorf("%v after %s, want the cause at once", err, time.Since(start))
		}
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.running || len(p.queue) > 0 {
			t.Errorf("something still waits: %v, %d in the queue", p.running, len(p.queue))
		}
	})
}
