package graph

import (
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// Cut takes out the inferred edges that drawbridge.yaml says are none
// (independentOf). It is an error to cut what is not there, or what drawbridge.yaml
// itself asks for: whoever reads it would believe in an order that is not so. An
// edge is not missed where unknown tells that a component's files could not be read
// for what they need.
func Cut(components []component.Component, inferred []Edge, unknown func(component string) bool) ([]Edge, error) {
	var names []string
	cut := map[[2]string]bool{}
	for _, c := range components {
		names = append(names, c.Name)
		for _, other := range c.IndependentOf {
			cut[[2]string{c.Name, other.Component}] = true
		}
	}
	there := map[[2]string]bool{}
	left := slices.DeleteFunc(slices.Clone(inferred), func(e Edge) bool {
		there[[2]string{e.From, e.To}] = true
		return cut[[2]string{e.From, e.To}]
	})
	var faults []error
	for _, c := range components {
		for _, other := range c.IndependentOf {
			asked := slices.IndexFunc(c.Dependencies(), func(d component.Dependency) bool { return d.Component == other.Component })
			switch {
			case !slices.Contains(names, other.Component):
				faults = append(faults, document.Errorf(other.Source, "independentOf of the component %s names %q: %w%s",
					c.Name, other.Component, ErrUnknownComponent, document.DidYouMean(other.Component, names)))
			case asked >= 0:
				d := c.Dependencies()[asked]
				faults = append(faults, document.Errorf(other.Source, "independentOf: the component %s needs %s by its %s (%s): take one of the two out",
					c.Name, other.Component, d.Reason, d.Source))
			case !there[[2]string{c.Name, other.Component}] && !unknown(c.Name) && !unknown(other.Component):
				faults = append(faults, document.Errorf(other.Source, "independentOf: nothing in the files of the component %s needs %s: take the line out",
					c.Name, other.Component))
			}
		}
	}
	if len(faults) > 0 {
		return nil, document.Join(faults)
	}
	return left, nil
}
