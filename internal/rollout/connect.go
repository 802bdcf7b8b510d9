package rollout

import (
	"context"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/graph"
	"github.com/drawbridge-gitops/drawbridge/internal/graph/infer"
)

// connect adds to the graph what the components' files say of each other, once all
// that changed was read.
func (p *prepared) connect(ctx context.Context) error {
	facts, unknown, err := p.facts(ctx)
	if err != nil {
		return err
	}
	inferred := append(infer.Edges(facts), p.recordedEdges(unknown)...)
	components := p.components()
	inferred, err = graph.Cut(components, inferred, func(name string) bool { return unknown[name] })
	if err != nil {
		return err
	}
	g, err := graph.Build(components, inferred...)
	if err != nil {
		return err
	}
	p.arrange(g)
	return nil
}

// arrange takes over the graph's order.
func (p *prepared) arrange(g *graph.Graph) {
	p.order = nil
	for _, level := range g.Order() {
		p.order = append(p.order, level...)
	}
	for _, n := range p.all {
		n.needs = nil
	}
	for _, e := range g.Edges() {
		p.all[e.From].needs = append(p.all[e.From].needs, e)
	}
}

// components of the commit, sorted by name.
func (p *prepared) components() []component.Component {
	var all []component.Component
	for _, name := range slices.Sorted(maps.Keys(p.all)) {
		all = append(all, p.all[name].Component)
	}
	return all
}

// recordedEdges are those from or to a component whose facts are not known, as they
// were inferred when they were.
func (p *prepared) recordedEdges(unknown map[string]bool) []graph.Edge {
	var edges []graph.Edge
	for _, name := range p.order {
		if p.all[name].recorded == nil {
			continue
		}
		for _, d := range p.all[name].recorded.Spec.DependsOn {
			e := graph.Recorded(name, d)
			e.Reasons = slices.DeleteFunc(e.Reasons, func(r graph.Reason) bool { return !r.Inferred })
			if len(e.Reasons) > 0 && p.all[e.To] != nil && (unknown[name] || unknown[e.To]) {
				edges = append(edges, e)
			}
		}
	}
	return edges
}
