package template

import (
	"slices"
	"strings"
)

// Dependencies returns the logical IDs that the resource needs first, sorted,
// through references and DependsOn. Names that are no resources are left out.
func (t *Template) Dependencies(id string) []string {
	r, ok := t.Resources[id]
	if !ok {
		return nil
	}
	var out []string
	add := func(name string) {
		if _, ok := t.Resources[name]; ok && name != id && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, ref := range r.references() {
		add(ref.Name)
	}
	for _, d := range r.DependsOn {
		add(d.LogicalID)
	}
	slices.Sort(out)
	return out
}

// Order returns all resources so that each comes after those it depends on, and
// otherwise by name. The template must have no cycle.
func (t *Template) Order() []string {
	var out []string
	done := make(map[string]bool, len(t.Resources))
	var visit func(id string)
	visit = func(id string) {
		if done[id] {
			return
		}
		done[id] = true
		for _, d := range t.Dependencies(id) {
			visit(d)
		}
		out = append(out, id)
	}
	for _, id := range sorted(t.Resources) {
		visit(id)
	}
	return out
}

// cycle finds a cycle: IDs each of which depends on the next, the last on the
// first. A resource that refers to itself is one.
func (t *Template) cycle() []string {
	const visiting, visited = 1, 2
	state := make(map[string]int, len(t.Resources))
	var path []string
	var visit func(id string) []string
	visit = func(id string) []string {
		switch state[id] {
		case visited:
			return nil
		case visiting:
			return slices.Clone(path[slices.Index(path, id):])
		}
		state[id] = visiting
		path = append(path, id)
		next := t.Dependencies(id)
		if slices.ContainsFunc(t.Resources[id].references(), func(r Reference) bool { return r.Name == id }) {
			return []string{id}
		}
		for _, d := range next {
			if c := visit(d); c != nil {
				return c
			}
		}
		path = path[:len(path)-1]
		state[id] = visited
		return nil
	}
	for _, id := range sorted(t.Resources) {
		if c := visit(id); c != nil {
			return c
		}
	}
	return nil
}

// checkCycle names the whole cycle, with the line of each of its resources.
func (v *validation) checkCycle() {
	c := v.t.cycle()
	if c == nil {
		return
	}
	names := slices.Sorted(slices.Values(c))
	steps := make([]string, 0, len(c)+1)
	for _, id := range append(c, c[0]) {
		steps = append(steps, id+" ("+v.t.Resources[id].Position.String()+")")
	}
	v.errs.add(v.t.Resources[c[0]].Position, "Circular dependency between resources: [%s]; the way round is %s",
		strings.Join(names, ", "), strings.Join(steps, " → "))
}
