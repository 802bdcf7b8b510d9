package rollout

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWalkKeepsOrderAndIsolatesFailure(t *testing.T) {
	t.Parallel()
	before := map[string][]string{
		"b": {"a"}, "c": {"b"}, "d": {"a"}, "e": {"c", "d"}, "z": nil, "a": nil,
	}
	names := []string{"e", "d", "c", "b", "a", "z"}
	var mu sync.Mutex
	var visited []string
	boom := errors.New("boom")
	results := walk(t.Context(), names, func(n string) []string { return before[n] }, 4, func(_ context.Context, name string) error {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range before[name] {
			if !slices.Contains(visited, d) {
				t.Errorf("%s was visited before %s", name, d)
			}
		}
		visited = append(visited, name)
		if name == "b" {
			return boom
		}
		return nil
	})
	slices.Sort(visited)
	if d := cmp.Diff([]string{"a", "b", "d", "z"}, visited); d != "" {
		t.Errorf("visited (-want +got):\n%s", d)
	}
	for name, want := range map[string]error{"a": nil, "b": boom, "c": dependencyError{"b"}, "d": nil, "e": dependencyError{"c"}, "z": nil} {
		if got := results[name]; !errors.Is(got, want) {
			t.Errorf("%s ended with %v, want %v", name, got, want)
		}
	}
}

func TestWalkRunsInParallelWithinTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 3
	names := []string{"a", "b", "c", "d", "e", "f"}
	var now, most atomic.Int32
	var once sync.Once
	together := make(chan struct{})
	results := walk(t.Context(), names, func(string) []string { return nil }, limit, func(context.Context, string) error {
		defer now.Add(-1)
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == limit {
			once.Do(func() { close(together) })
		}
		select {
		case <-together:
		case <-time.After(10 * time.Second):
			t.Error("never three at once")
		}
		return nil
	})
	if len(results) != len(names) || most.Load() != limit {
		t.Errorf("%d results, at most %d at once; want %d and %d", len(results), most.Load(), len(names), limit)
	}
}

func TestWalkStopsWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	superseded := errors.New("superseded")
	ctx, cancel := context.WithCancelCause(t.Context())
	results := walk(ctx, []string{"a", "b"}, func(n string) []string {
		if n == "b" {
			return []string{"a"}
		}
		return nil
	}, 1, func(ctx context.Context, _ string) error {
		cancel(superseded)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(results["a"], superseded) || !errors.As(results["b"], new(dependencyError)) {
		t.Errorf("got %v", results)
	}
}
