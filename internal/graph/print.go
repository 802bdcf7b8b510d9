package graph

import (
	"encoding/json"
	"fmt"
	"strings"
)

// MarshalJSON gives nodes, edges and order.
func (g *Graph) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Nodes []Node     `json:"nodes"`
		Edges []Edge     `json:"edges"`
		Order [][]string `json:"order"`
	}{notNil(g.nodes), notNil(g.edges), notNil(g.order)})
}

// notNil makes an empty list print as [] and not as null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Text is for people: the levels in order, each component with what it waits for.
func (g *Graph) Text() string {
	kind := map[string]string{}
	for _, n := range g.nodes {
		kind[n.Name] = n.Kind
	}
	var b strings.Builder
	for i, level := range g.order {
		for _, name := range level {
			fmt.Fprintf(&b, "%d  %s (%s)\n", i+1, name, kind[name])
			for _, e := range g.edges {
				if e.From == name {
					fmt.Fprintf(&b, "     after %s: %s", e.To, e.Reason)
					if e.Source.File != "" {
						fmt.Fprintf(&b, ", %s", e.Source)
					}
					b.WriteByte('\n')
				}
			}
		}
	}
	return b.String()
}

// Mermaid is a flowchart whose arrows point from what comes first to what waits
// for it.
func (g *Graph) Mermaid() string {
	id := map[string]string{}
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range g.nodes {
		// Names such as "end" are words of Mermaid's own, so nodes get numbers.
		id[n.Name] = fmt.Sprintf("c%d", i)
		shape := [2]string{"[", "]"}
		if n.Kind == "cloudformation" {
			shape = [2]string{"[(", ")]"}
		}
		fmt.Fprintf(&b, "  %s%s\"%s\"%s\n", id[n.Name], shape[0], n.Name, shape[1])
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  %s -->|\"%s\"| %s\n", id[e.To], escape(e.Reason), id[e.From])
	}
	return b.String()
}

// escape makes text safe inside a quoted Mermaid label.
func escape(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "#", "#35;", "\n", " ").Replace(s)
}
