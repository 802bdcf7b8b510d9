package graph

import (
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
)

// Record is the edge as the Component of its dependent records it.
func (e Edge) Record() v1alpha1.Dependency {
	d := v1alpha1.Dependency{Component: e.To}
	for _, r := range e.Reasons {
		d.Reasons = append(d.Reasons, v1alpha1.DependencyReason{Reason: r.Text, Source: r.Source.String(), Inferred: r.Inferred})
	}
	return d
}

// Recorded is the edge that the Component named from records.
func Recorded(from string, d v1alpha1.Dependency) Edge {
	e := Edge{From: from, To: d.Component}
	for _, r := range d.Reasons {
		e.Reasons = append(e.Reasons, Reason{r.Reason, position(r.Source), r.Inferred})
	}
	if len(e.Reasons) == 0 { // by an earlier version
		e.Reasons = []Reason{{Text: "not recorded why"}}
	}
	return e
}

// position is the reverse of Source.String.
func position(s string) component.Source {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if line, err := strconv.Atoi(s[i+1:]); err == nil {
			return component.Source{File: s[:i], Line: line}
		}
	}
	return component.Source{File: s}
}
