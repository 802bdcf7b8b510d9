package kube

import (
	"context"
	"fmt"
	"sync"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/graph/infer"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// ordered are the waits between objects that an apply in stages can keep: not those for
// an object of a later stage, nor those of a circle. Kubernetes brings such objects
// together by itself in the end.
func ordered(waits []infer.Wait, items []item) [][]infer.Wait {
	after := make([][]infer.Wait, len(items))
	for _, w := range waits {
		if items[w.To].stage <= items[w.From].stage {
			after[w.From] = append(after[w.From], w)
		}
	}
	circle := circles(len(items), after)
	for from, ws := range after {
		kept := ws[:0]
		for _, w := range ws {
			if circle[from] != circle[w.To] {
				kept = append(kept, w)
			}
		}
		after[from] = kept
	}
	return after
}

// circles numbers the objects so that those which wait for each other in a circle, and
// only those, have the same number (Tarjan's strongly connected components).
func circles(n int, after [][]infer.Wait) []int {
	number, low := make([]int, n), make([]int, n) // number: 0 is unseen
	circle := make([]int, n)                      // 0: still on the trail
	var trail []int
	seen, found := 0, 0
	var visit func(int)
	visit = func(i int) {
		seen++
		number[i], low[i] = seen, seen
		trail = append(trail, i)
		for _, w := range after[i] {
			switch {
			case number[w.To] == 0:
				visit(w.To)
				low[i] = min(low[i], low[w.To])
			case circle[w.To] == 0:
				low[i] = min(low[i], number[w.To])
			}
		}
		if low[i] < number[i] {
			return
		}
		found++
		for last := -1; last != i; {
			last = trail[len(trail)-1]
			trail = trail[:len(trail)-1]
			circle[last] = found
		}
	}
	for i := range n {
		if number[i] == 0 {
			visit(i)
		}
	}
	return circle
}

// turn is what those that come after an object know of it.
type turn struct {
	over chan struct{} // closed when it was applied, or is not going to be
	// ready waits until it is. It may be called by many, and waits once.
	ready func() error
}

// order is that of one apply.
type order struct {
	after [][]infer.Wait
	turns []turn
}

// newOrder works out the order of the items; results get what was applied.
func (c *Cluster) newOrder(ctx context.Context, objects []render.Object, items []item, results []result, o ApplyOptions) order {
	all := order{ordered(infer.Within(objects, infer.Place{Namespace: o.DefaultNamespace}), items), make([]turn, len(items))}
	for i := range items {
		all.turns[i] = turn{make(chan struct{}), sync.OnceValue(func() error {
			return c.Wait(ctx, []v1alpha1.AppliedObject{results[i].object}, o.Waiting)
		})}
	}
	return all
}

// await waits until an object's turn has come. It is not ok when something that it needs
// was not applied, which is an error of that.
func (r order) await(items []item, results []result, i int) (ok bool, _ error) {
	for _, w := range r.after[i] {
		<-r.turns[w.To].over
		if !results[w.To].done {
			return false, nil
		}
		if !w.Ready {
			continue
		}
		if err := r.turns[w.To].ready(); err != nil {
			return false, fmt.Errorf("%s is not applied, since %s: %w", items[i].id.Resource(), w.Why, err)
		}
	}
	return true, nil
}
