package schema

import (
	"slices"
	"strings"
)

// ReplacementBy returns what changing the value at path does to a resource of
// the type. A path is property names, with anything in the place of a list
// index or map key. The strictest answer along the path counts: a property that
// always replaces does so whatever changes inside it.
func (t *Type) ReplacementBy(path ...string) Replacement {
	for _, p := range t.ReplacementPaths {
		if matches(strings.Split(p, "."), path) {
			return Always
		}
	}
	if len(path) == 0 {
		return Never
	}
	p, ok := t.Properties[path[0]]
	if !ok {
		return Never
	}
	return stricter(p.Replacement, t.within(p.Shape, path[1:]))
}

func (t *Type) within(s Shape, path []string) Replacement {
	if len(path) == 0 {
		return Never
	}
	switch s.Kind {
	case List, Map:
		return t.within(*s.Element, path[1:])
	case Object:
		p, ok := t.Definitions[s.Name][path[0]]
		if !ok {
			return Never
		}
		return stricter(p.Replacement, t.within(p.Shape, path[1:]))
	case Union:
		r := Never
		for _, a := range s.Alternatives {
			r = stricter(r, t.within(a, path))
		}
		return r
	}
	return Never
}

// matches tells whether a change at path touches pattern: one is the beginning
// of the other.
func matches(pattern, path []string) bool {
	n := min(len(pattern), len(path))
	return n > 0 && slices.EqualFunc(pattern[:n], path[:n], func(p, s string) bool { return p == "*" || p == s })
}

func stricter(a, b Replacement) Replacement {
	switch {
	case a == Always || b == Always:
		return Always
	case a == Conditionally || b == Conditionally:
		return Conditionally
	}
	return Never
}
