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

// Tree is for people: each component that nobody waits for, and below it what it
// waits for and why. What is below a component is printed once; "…" stands for it
// where the component comes again.
func (g *Graph) Tree() string {
	kind := map[string]string{}
	for _, n := range g.nodes {
		kind[n.Name] = n.Kind
	}
	needs := map[string][]Edge{}
	for _, e := range g.edges {
		needs[e.From] = append(needs[e.From], e)
	}
	var b strings.Builder
	printed := map[string]bool{}
	var below func(name, indent string)
	below = func(name, indent string) {
		printed[name] = true
		for i, e := range needs[name] {
			branch, rail := "├── ", "│   "
			if i == len(needs[name])-1 {
				branch, rail = "└── ", "    "
			}
			more, again := "    ", ""
			switch {
			case len(needs[e.To]) == 0:
			case printed[e.To]:
				again = " …"
			default:
				more = "│   "
			}
			fmt.Fprintf(&b, "%s%s%s (%s)%s\n", indent, branch, e.To, kind[e.To], again)
			for _, r := range e.Reasons {
				fmt.Fprintf(&b, "%s%s%s%s\n", indent, rail, more, r)
			}
			if again == "" {
				below(e.To, indent+rail)
			}
		}
	}
	for _, n := range g.nodes {
		if len(g.usedBy[n.Name]) == 0 {
			fmt.Fprintf(&b, "%s (%s)\n", n.Name, n.Kind)
			below(n.Name, "")
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
	escape := strings.NewReplacer(`"`, "#quot;", "#", "#35;", "\n", " ")
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  %s -->|\"%s\"| %s\n", id[e.To], escape.Replace(e.label()), id[e.From])
	}
	return b.String()
}

// DOT is for Graphviz; its arrows point as Mermaid's do.
func (g *Graph) DOT() string {
	quote := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
	}
	var b strings.Builder
	b.WriteString("digraph components {\n  rankdir=LR;\n")
	for _, n := range g.nodes {
		shape := "box"
		if n.Kind == "cloudformation" {
			shape = "cylinder"
		}
		fmt.Fprintf(&b, "  %s [shape=%s];\n", quote(n.Name), shape)
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  %s -> %s [label=%s];\n", quote(e.To), quote(e.From), quote(e.label()))
	}
	b.WriteString("}\n")
	return b.String()
}

// label is short, since it stands on an arrow.
func (e Edge) label() string {
	texts := make([]string, len(e.Reasons))
	for i, r := range e.Reasons {
		texts[i] = r.Text
	}
	return strings.Join(texts, ", ")
}
