package graph

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
)

func TestCut(t *testing.T) {
	t.Parallel()
	at := func(line int) component.Source { return component.Source{File: "drawbridge.yaml", Line: line} }
	edge := func(from, to string) Edge {
		return Edge{from, to, []Reason{{"because", component.Source{File: from + ".yaml", Line: 1}, true}}}
	}
	components := func(cut ...string) []component.Component {
		b := component.Component{Name: "b", Kind: "kubernetes", Inputs: map[string]component.Value{"X": {From: &component.Input{Component: "a", Output: "Y"}, Source: at(7)}}}
		for _, name := range cut {
			b.IndependentOf = append(b.IndependentOf, component.Independence{Component: name, Source: at(9)})
		}
		return []component.Component{{Name: "a"}, b, {Name: "config"}}
	}
	inferred := []Edge{edge("b", "config"), edge("config", "b"), edge("a", "config")}
	none := func(string) bool { return false }

	got, err := Cut(components("config"), inferred, none)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Edge{edge("config", "b"), edge("a", "config")}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for name, says := range map[string]string{
		"confg": `drawbridge.yaml:9: independentOf of the component b names "confg": no such component; did you mean "config"?`,
		"a":     "drawbridge.yaml:9: independentOf: the component b needs a by its input X (drawbridge.yaml:7): take one of the two out",
		"b":     "drawbridge.yaml:9: independentOf: nothing in the files of the component b needs b: take the line out",
	} {
		if _, err := Cut(components(name), inferred, none); err == nil || err.Error() != says {
			t.Errorf("%s: got %v, want %s", name, err, says)
		}
	}
	if _, err := Cut(components("confg"), nil, none); !errors.Is(err, ErrUnknownComponent) {
		t.Error(err)
	}
	// What is not known is not missed.
	if _, err := Cut(components("config"), nil, func(name string) bool { return name == "config" }); err != nil {
		t.Error(err)
	}
}

func TestACircleOfInferredEdgesSaysHowToCutIt(t *testing.T) {
	t.Parallel()
	at := func(file string) component.Source { return component.Source{File: file, Line: 3} }
	_, err := Build([]component.Component{{Name: "a"}, {Name: "b"}},
		Edge{"a", "b", []Reason{{"Pod a reads Secret b", at("a.yaml"), true}, {"Pod a2 reads Secret b", at("a2.yaml"), true}}},
		Edge{"b", "a", []Reason{{"Widget b is of the kind Widget", at("b.yaml"), true}}})
	want := "a.yaml:3: components wait for each other in a circle: a needs b (Pod a reads Secret b, a.yaml:3; Pod a2 reads Secret b, a2.yaml:3); " +
		"b needs a (Widget b is of the kind Widget, b.yaml:3); take one of these out, or say in drawbridge.yaml which one does not count, such as independentOf: [a] of the component b"
	if !errors.Is(err, ErrCycle) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestRecordKeepsReasons(t *testing.T) {
	t.Parallel()
	e := Edge{"a", "b", []Reason{{Text: "dependsOn", Source: component.Source{File: "drawbridge.yaml", Line: 3}}, {"x", component.Source{File: "c:d.yaml"}, true}}}
	if d := cmp.Diff(e, Recorded("a", e.Record())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if s := e.Record().Reasons; s[0].Source != "drawbridge.yaml:3" || s[1].Source != "c:d.yaml" {
		t.Errorf("%+v", s)
	}
}
