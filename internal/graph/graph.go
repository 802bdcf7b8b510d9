// Package graph orders components by what they need from each other.
//
// [Build] takes components, and the edges that somebody inferred from their files
// (package infer does), and gives a Graph, or an error that names every unknown
// component and every circle, with file and line. [Cut] takes out inferred edges
// that drawbridge.yaml says are none. A Graph is a value: it does no I/O, never
// changes and may be shared. All its lists are sorted, so that the same components
// always give the same output.
//
// It prints itself as a tree, as JSON (json.Marshal), and for Mermaid and Graphviz.
package graph

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// Edge says that one component waits for another, and why.
type Edge struct {
	// From is the dependent, To what it depends on.
	From string `json:"from"`
	To   string `json:"to"`
	// Reasons are never empty. Those that drawbridge.yaml gives come first.
	Reasons []Reason `json:"reasons"`
}

// Reason is why there is an edge.
type Reason struct {
	// Text is "dependsOn", "input NAME", "parameter NAME", or what the files say:
	// "Deployment shop/web reads ConfigMap shop/web".
	Text string `json:"text"`
	// Source is where it stands; zero where that is not known.
	Source component.Source `json:"source,omitzero"`
	// Inferred reasons come from the component's files and not from drawbridge.yaml.
	Inferred bool `json:"inferred,omitempty"`
}

// String is "text, file:line".
func (r Reason) String() string {
	if r.Source.File == "" {
		return r.Text
	}
	return r.Text + ", " + r.Source.String()
}

// Node is a component of the graph.
type Node struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Path string `json:"path"`
}

// Graph is the components and what they wait for.
type Graph struct {
	nodes  []Node
	edges  []Edge
	needs  map[string][]string
	usedBy map[string][]string
	order  [][]string
}

// ErrCycle and ErrUnknownComponent tell with errors.Is what is wrong with a graph.
var (
	ErrCycle            = errors.New("components wait for each other in a circle")
	ErrUnknownComponent = errors.New("no such component")
)

// Build makes the graph of components, whose names are unique, with edges of its own
// beside those that they name themselves.
func Build(components []component.Component, inferred ...Edge) (*Graph, error) {
	var nodes []Node
	var edges []Edge
	for _, c := range components {
		nodes = append(nodes, Node{c.Name, c.Kind, c.Path})
		for _, d := range c.Dependencies() {
			edges = append(edges, Edge{c.Name, d.Component, []Reason{{Text: d.Reason, Source: d.Source}}})
		}
	}
	return New(nodes, append(edges, inferred...))
}

// New makes a graph of nodes and edges in any order. Several edges between the
// same two become one with all reasons, in their order.
func New(nodes []Node, edges []Edge) (*Graph, error) {
	g := &Graph{nodes: slices.Clone(nodes), needs: map[string][]string{}, usedBy: map[string][]string{}}
	slices.SortFunc(g.nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	if err := g.addEdges(edges); err != nil {
		return nil, err
	}
	for _, e := range g.edges {
		g.needs[e.From] = append(g.needs[e.From], e.To)
		g.usedBy[e.To] = append(g.usedBy[e.To], e.From)
	}
	if err := g.cycles(); err != nil {
		return nil, err
	}
	g.order = g.levels()
	return g, nil
}

func (g *Graph) addEdges(edges []Edge) error {
	var faults []error
	at := map[[2]string]int{} // index in g.edges
	for _, e := range edges {
		_, known := slices.BinarySearchFunc(g.nodes, e.To, func(n Node, name string) int { return strings.Compare(n.Name, name) })
		if !known {
			faults = append(faults, document.Errorf(e.Reasons[0].Source, "%s of the component %s names %q: %w; known are %s",
				e.Reasons[0].Text, e.From, e.To, ErrUnknownComponent, g.names()))
			continue
		}
		pair := [2]string{e.From, e.To}
		if i, ok := at[pair]; ok {
			g.edges[i].Reasons = append(g.edges[i].Reasons, e.Reasons...)
			continue
		}
		at[pair] = len(g.edges)
		g.edges = append(g.edges, Edge{e.From, e.To, slices.Clone(e.Reasons)})
	}
	slices.SortFunc(g.edges, func(a, b Edge) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return errors.Join(faults...)
}

func (g *Graph) names() string {
	names := make([]string, len(g.nodes))
	for i, n := range g.nodes {
		names[i] = n.Name
	}
	const enough = 20
	if len(names) > enough {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:enough], ", "), len(names)-enough)
	}
	return strings.Join(names, ", ")
}

// Nodes are the components, sorted by name.
func (g *Graph) Nodes() []Node { return slices.Clone(g.nodes) }

// Edges are sorted by dependent, then by dependency; one for each pair.
func (g *Graph) Edges() []Edge { return slices.Clone(g.edges) }

// Dependencies are the components that the named one waits for directly.
func (g *Graph) Dependencies(name string) []string { return slices.Clone(g.needs[name]) }

// Dependents are the components that wait directly for the named one.
func (g *Graph) Dependents(name string) []string { return slices.Clone(g.usedBy[name]) }

// AllDependents are the components that can't start without the named one,
// directly or through others, sorted.
func (g *Graph) AllDependents(name string) []string {
	found := map[string]bool{}
	var follow func(string)
	follow = func(n string) {
		for _, d := range g.usedBy[n] {
			if !found[d] {
				found[d] = true
				follow(d)
			}
		}
	}
	follow(name)
	return slices.Sorted(maps.Keys(found))
}

// Order are the components in levels: those in one level do not wait for each
// other, and wait only for components of earlier levels. Deletion goes through
// it backwards.
func (g *Graph) Order() [][]string {
	order := make([][]string, len(g.order))
	for i, level := range g.order {
		order[i] = slices.Clone(level)
	}
	return order
}

func (g *Graph) levels() [][]string {
	waits := map[string]int{}
	var level []string
	for _, n := range g.nodes {
		if waits[n.Name] = len(g.needs[n.Name]); waits[n.Name] == 0 {
			level = append(level, n.Name)
		}
	}
	var order [][]string
	for len(level) > 0 {
		order = append(order, level)
		var next []string
		for _, name := range level {
			for _, d := range g.usedBy[name] {
				if waits[d]--; waits[d] == 0 {
					next = append(next, d)
				}
			}
		}
		slices.Sort(next)
		level = next
	}
	return order
}

// cycles finds a circle for each group of components that wait for each other.
func (g *Graph) cycles() error {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	var trail []string
	var faults []error
	var visit func(string)
	visit = func(name string) {
		state[name] = open
		trail = append(trail, name)
		for _, to := range g.needs[name] {
			switch state[to] {
			case unseen:
				visit(to)
			case open:
				circle := trail[slices.Index(trail, to):]
				faults = append(faults, g.describe(circle))
			}
		}
		trail = trail[:len(trail)-1]
		state[name] = done
	}
	for _, n := range g.nodes {
		if state[n.Name] == unseen {
			visit(n.Name)
		}
	}
	return errors.Join(faults...)
}

// describe says where each step of the circle comes from.
func (g *Graph) describe(circle []string) error {
	var steps []string
	var first component.Source
	advice := "take one of these out"
	for i, from := range circle {
		to := circle[(i+1)%len(circle)]
		for _, e := range g.edges {
			if e.From != from || e.To != to {
				continue
			}
			if i == 0 {
				first = e.Reasons[0].Source
			}
			steps = append(steps, fmt.Sprintf("%s needs %s (%s)", from, to, joinReasons(e.Reasons)))
			if !slices.ContainsFunc(e.Reasons, func(r Reason) bool { return !r.Inferred }) {
				advice = fmt.Sprintf("take one of these out, or say in drawbridge.yaml which one does not count, such as independentOf: [%s] of the component %s", to, from)
			}
		}
	}
	return document.Errorf(first, "%w: %s; %s", ErrCycle, strings.Join(steps, "; "), advice)
}

func joinReasons(reasons []Reason) string {
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = r.String()
	}
	return strings.Join(texts, "; ")
}
