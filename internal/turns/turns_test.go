package turns

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	var all Turns
	var wg sync.WaitGroup
	inside := map[string]int{"a": 0, "b": 0} // a race, were two inside
	for range 50 {
		for _, name := range []string{"a", "b"} {
			wg.Go(func() {
				letGo, err := all.Take(t.Context(), name)
				if err != nil {
					t.Error(err)
					return
				}
				defer letGo()
				if name == "a" {
					counted(t, &all, inside)
				}
			})
		}
	}
	wg.Wait()
	if inside["a"] != 50 {
		t.Errorf("%d turns of a, want 50", inside["a"])
	}
	if len(all.held) != 0 {
		t.Errorf("%d names are still held", len(all.held))
	}
}

// counted adds to what only the holder of a may touch.
func counted(t *testing.T, all *Turns, inside map[string]int) {
	t.Helper()
	before := inside["a"]
	letGo, err := all.Take(t.Context(), "something else") // others may run meanwhile
	if err != nil {
		t.Error(err)
		return
	}
	letGo()
	inside["a"] = before + 1
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var all Turns
	letGo, err := all.Take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer letGo()
	superseded := errors.New("superseded")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(superseded)
	if _, err := all.Take(ctx, "a"); !errors.Is(err, superseded) {
		t.Errorf("got %v, want the cause", err)
	}
}
