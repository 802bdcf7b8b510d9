package infer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/graph"
)

// enough reasons for one edge; the others are counted.
const enough = 5

// Edges joins the facts of components, by their names: an edge for each other component
// that one needs, sorted by the one that needs and then in the order of its facts. What
// a component has itself is no edge.
func Edges(facts map[string]Facts) []graph.Edge {
	j := newJoin[string]()
	names := slices.Sorted(maps.Keys(facts))
	for _, name := range names {
		j.add(name, facts[name].Provides)
	}
	var all []graph.Edge
	for _, name := range names {
		all = append(all, edgesFrom(j, name, facts[name].Needs)...)
	}
	return all
}

// edgesFrom are the edges of one component.
func edgesFrom(j join[string], name string, needs []Need) []graph.Edge {
	reasons := map[string][]graph.Reason{}
	var order []string
	for _, n := range needs {
		if n.Inside {
			continue
		}
		j.follow(n, func(o offer[string], n Need) {
			if o.by == name {
				return
			}
			r := o.reason(n)
			if reasons[o.by] == nil {
				order = append(order, o.by)
			}
			if !slices.Contains(reasons[o.by], r) {
				reasons[o.by] = append(reasons[o.by], r)
			}
		})
	}
	var edges []graph.Edge
	for _, to := range order {
		r := reasons[to]
		if len(r) > enough {
			last := r[enough]
			last.Text += fmt.Sprintf(", and %d more", len(r)-enough)
			r = append(r[:enough:enough], last)
		}
		edges = append(edges, graph.Edge{From: name, To: to, Reasons: r})
	}
	return edges
}
