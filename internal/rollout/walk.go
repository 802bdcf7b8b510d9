package rollout

import (
	"context"
	"fmt"
	"sync"
)

// dependencyError says that a component was not begun because one that it
// depends on did not end well.
type dependencyError struct{ dependency string }

func (e dependencyError) Error() string {
	return fmt.Sprintf("not begun: %s, which it depends on, did not become healthy", e.dependency)
}

// walk calls visit for every name, each as soon as all that it depends on have
// returned nil, with at most limit at a time. A name whose dependency failed is
// not visited and fails with a dependencyError; all others go on. before may
// name only names in the list and has no cycles.
func walk(ctx context.Context, names []string, before func(string) []string, limit int, visit func(context.Context, string) error) map[string]error {
	var (
		mu       sync.Mutex
		wg       sync.WaitGroup
		results  = make(map[string]error, len(names))
		waiting  = make(map[string]int, len(names))
		after    = make(map[string][]string, len(names))
		slots    = make(chan struct{}, limit)
		complete func(name string, err error)
	)
	start := func(name string) {
		wg.Go(func() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				complete(name, context.Cause(ctx))
				return
			}
			err := visit(ctx, name)
			<-slots
			complete(name, err)
		})
	}
	complete = func(name string, err error) {
		mu.Lock()
		defer mu.Unlock()
		results[name] = err
		for _, next := range after[name] {
			if _, done := results[next]; done {
				continue
			}
			if err != nil {
				mu.Unlock()
				complete(next, dependencyError{name})
				mu.Lock()
				continue
			}
			if waiting[next]--; waiting[next] == 0 {
				start(next)
			}
		}
	}
	for _, name := range names {
		for _, d := range before(name) {
			waiting[name]++
			after[d] = append(after[d], name)
		}
	}
	for _, name := range names {
		if len(before(name)) == 0 { // complete starts the others
			start(name)
		}
	}
	wg.Wait()
	return results
}
