package graph

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

// build makes a graph from drawbridge.yaml lines: "a: b c" says that a waits for
// b and c.
func build(t *testing.T, lines ...string) (*Graph, error) {
	t.Helper()
	files := map[string]string{}
	var b strings.Builder
	b.WriteString("apiVersion: drawbridge.dev/v1alpha1\ncomponents:\n")
	for _, l := range lines {
		name, needs, _ := strings.Cut(l, ":")
		files[name+"/x.yaml"] = "{apiVersion: v1, kind: Service, metadata: {name: x}}\n"
		b.WriteString("  - path: " + name + "\n")
		if needs != "" {
			b.WriteString("    dependsOn: [" + strings.Join(strings.Fields(needs), ", ") + "]\n")
		}
	}
	files["drawbridge.yaml"] = b.String()
	tree, blobs := gittest.Tree(t, files)
	components, err := component.Discover(t.Context(), tree, blobs, "")
	if err != nil {
		t.Fatal(err)
	}
	return Build(components)
}

func TestOrder(t *testing.T) {
	t.Parallel()
	g, err := build(t, "web: api cache", "api: db", "cache:", "db: net", "net:", "alone:")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"alone", "cache", "net"}, {"db"}, {"api"}, {"web"}}
	if d := cmp.Diff(want, g.Order()); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"api", "db", "web"}, g.AllDependents("net")); d != "" {
		t.Errorf("dependents (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"web"}, g.Dependents("api")); d != "" {
		t.Errorf("direct dependents (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"api", "cache"}, g.Dependencies("web")); d != "" {
		t.Errorf("dependencies (-want +got):\n%s", d)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lines []string
		is    error
		want  string
	}{
		"circle": {
			[]string{"a: b", "b: c", "c: a", "d: a"}, ErrCycle,
			"drawbridge.yaml:4: components wait for each other in a circle: a needs b (dependsOn, drawbridge.yaml:4); " +
				"b needs c (dependsOn, drawbridge.yaml:6); c needs a (dependsOn, drawbridge.yaml:8); take one of these out",
		},
		"itself": {
			[]string{"a: a"}, ErrCycle,
			"drawbridge.yaml:4: components wait for each other in a circle: a needs a (dependsOn, drawbridge.yaml:4); take one of these out",
		},
		"unknown": {
			[]string{"a: b x", "b: y"}, ErrUnknownComponent,
			"drawbridge.yaml:4: dependsOn of the component a names \"x\": no such component; known are a, b\n" +
				"drawbridge.yaml:6: dependsOn of the component b names \"y\": no such component; known are a, b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := build(t, tc.lines...)
			if !errors.Is(err, tc.is) {
				t.Fatalf("got %v, want %v", err, tc.is)
			}
			if d := cmp.Diff(tc.want, err.Error()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, gittest.Files(t, "../component/testdata/story.txtar"))
	components, err := component.Discover(t.Context(), tree, blobs, "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := Build(components)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string]string{
		"testdata/story.txt": g.Tree(), "testdata/story.json": string(data) + "\n", "testdata/story.mermaid": g.Mermaid(), "testdata/story.dot": g.DOT(),
	} {
		golden.Check(t, file, got)
	}
	empty, err := Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(empty); string(got) != `{"nodes":[],"edges":[],"order":[]}` {
		t.Errorf("an empty graph is %s", got)
	}
}
