package infer

import (
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/graph"
)

// join is all that there is to be needed, by K: components, or the objects of one.
type join[K comparable] struct {
	byThing map[Thing][]offer[K]
	byLabel map[labelled][]offer[K]
}

// labelled is whatever of a kind and scope has a label.
type labelled struct{ kind, scope, key, value string }

// offer is what K has.
type offer[K comparable] struct {
	by K
	Provided
}

func newJoin[K comparable]() join[K] {
	return join[K]{byThing: map[Thing][]offer[K]{}, byLabel: map[labelled][]offer[K]{}}
}

func (j join[K]) add(by K, provides []Provided) {
	for _, p := range provides {
		o := offer[K]{by, p}
		j.byThing[p.Thing] = append(j.byThing[p.Thing], o)
		for key, value := range p.Labels {
			l := labelled{p.Kind, p.Scope, key, value}
			j.byLabel[l] = append(j.byLabel[l], o)
		}
	}
}

// follow visits all that meets a need, and what that leads to.
func (j join[K]) follow(n Need, visit func(offer[K], Need)) {
	for _, o := range j.offers(n) {
		visit(o, n)
		for _, lead := range o.Leads {
			lead.Why, lead.Source, lead.Inside = n.Why, n.Source, n.Inside
			j.follow(lead, visit)
		}
	}
}

// reason why whoever has the need waits for the offer.
func (o offer[K]) reason(n Need) graph.Reason {
	r := graph.Reason{Text: n.Why, Source: n.Source, Inferred: true}
	if o.By != "" {
		r.Text += " (" + o.By + ")"
	}
	return r
}

// offers are what meets a need.
func (j join[K]) offers(n Need) []offer[K] {
	if stores := j.byThing[n.Store]; n.Store != (Thing{}) && len(stores) > 0 {
		holds := Thing{Kind: n.Kind, Scope: n.Scope}
		if !slices.ContainsFunc(stores, func(o offer[K]) bool { return o.Holds == holds }) {
			return nil
		}
	}
	if n.Name != "" {
		return j.byThing[n.Thing]
	}
	return j.withLabels(n)
}

// withLabels are those of a need's kind and scope that have all of its labels, which one
// of the labels, that of the fewest, finds.
func (j join[K]) withLabels(n Need) []offer[K] {
	var fewest []offer[K]
	first := true
	for key, value := range n.Labels {
		if some := j.byLabel[labelled{n.Kind, n.Scope, key, value}]; first || len(some) < len(fewest) {
			fewest, first = some, false
		}
	}
	var all []offer[K]
	for _, o := range fewest {
		if hasAll(o.Labels, n.Labels) {
			all = append(all, o)
		}
	}
	return all
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
