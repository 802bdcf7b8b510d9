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
	j := join{byThing: map[Thing][]offer{}, byScope: map[Thing][]offer{}}
	names := slices.Sorted(maps.Keys(facts))
	for _, name := range names {
		for _, p := range facts[name].Provides {
			o := offer{name, p}
			j.byThing[p.Thing] = append(j.byThing[p.Thing], o)
			scope := Thing{Kind: p.Kind, Scope: p.Scope}
			j.byScope[scope] = append(j.byScope[scope], o)
		}
	}
	var all []graph.Edge
	for _, name := range names {
		all = append(all, j.from(name, facts[name].Needs)...)
	}
	return all
}

// join is all that components have.
type join struct {
	byThing, byScope map[Thing][]offer
}

// offer is what a component has.
type offer struct {
	component string
	Provided
}

// from are the edges of one component.
func (j join) from(name string, needs []Need) []graph.Edge {
	reasons := map[string][]graph.Reason{}
	var order []string
	var follow func(n Need)
	follow = func(n Need) {
		for _, o := range j.offers(n) {
			if o.component != name {
				r := graph.Reason{Text: n.Why, Source: n.Source, Inferred: true}
				if o.By != "" {
					r.Text += " (" + o.By + ")"
				}
				if reasons[o.component] == nil {
					order = append(order, o.component)
				}
				if !slices.Contains(reasons[o.component], r) {
					reasons[o.component] = append(reasons[o.component], r)
				}
			}
			for _, lead := range o.Leads {
				lead.Why, lead.Source = n.Why, n.Source
				follow(lead)
			}
		}
	}
	for _, n := range needs {
		follow(n)
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

// offers are what meets a need.
func (j join) offers(n Need) []offer {
	if stores := j.byThing[n.Store]; n.Store != (Thing{}) && len(stores) > 0 {
		holds := Thing{Kind: n.Kind, Scope: n.Scope}
		if !slices.ContainsFunc(stores, func(o offer) bool { return o.Holds == holds }) {
			return nil
		}
	}
	if n.Name != "" {
		return j.byThing[n.Thing]
	}
	return slices.DeleteFunc(slices.Clone(j.byScope[n.Thing]), func(o offer) bool { return !hasAll(o.Labels, n.Labels) })
}

// hasAll tells whether labels are among others.
func hasAll(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}
