package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

func TestKubernetes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			content := gittest.Files(t, f)
			var in Inputs
			if text, ok := content["inputs"]; ok {
				if err := json.Unmarshal([]byte(text), &in); err != nil {
					t.Fatal(err)
				}
			}
			tree, blobs := gittest.Tree(t, content)
			got := show(Kubernetes(t.Context(), tree, blobs, "app", in, Options{}))
			golden.Check(t, strings.TrimSuffix(f, ".txtar")+".golden", got)
		})
	}
}

func show(r Rendered, err error) string {
	if err != nil {
		return "error:\n" + err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "used: %v\npending: %v\nfiles read outside: %d\n", r.Used, r.Pending, len(r.Read))
	for _, o := range r.Objects {
		text, err := yaml.Marshal(o.Object.Object)
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&b, "--- # %s\n%s", o.Source, text)
	}
	return b.String()
}

// What rendering reads must be covered by the OID that decides whether to render.
func TestDiscoveryKnowsWhatIsRead(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, gittest.Files(t, "testdata/kustomize.txtar"))
	components, err := component.Discover(t.Context(), tree, blobs, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(components) != 1 {
		t.Fatalf("found %+v, want the overlay alone", components)
	}
	c := components[0]
	r, err := Kubernetes(t.Context(), tree, blobs, c.Path, Inputs{}, Options{Files: c.Files})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range tree.Entries() {
		if !slices.Contains(r.Read, e.OID) {
			continue
		}
		if !slices.ContainsFunc(c.Reads, func(known string) bool { return within(known, e.Path) }) {
			t.Errorf("%s is read and discovery does not know; it knows %v", e.Path, c.Reads)
		}
	}
	if len(r.Read) == 0 {
		t.Error("nothing was read outside; the test shows nothing")
	}
}

func TestNoInputsNoSubstitution(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, map[string]string{"a/a.yaml": "apiVersion: v1\nkind: C\nmetadata: {name: x}\ndata: {a: '${A:-b} $${C} ${'}\n"})
	r, err := Kubernetes(t.Context(), tree, blobs, "a", Inputs{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := r.Objects[0].Object.Object["data"].(map[string]any)["a"]
	if want := "${A:-b} $${C} ${"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOptionsChooseFiles(t *testing.T) {
	t.Parallel()
	object := func(name string) string { return "apiVersion: v1\nkind: C\nmetadata: {name: " + name + "}\n" }
	tree, blobs := gittest.Tree(t, map[string]string{"a/a.yaml": object("a"), "a/b.yaml": object("b")})
	r, err := Kubernetes(t.Context(), tree, blobs, "a", Inputs{}, Options{Files: []string{"a/b.yaml"}})
	if err != nil || len(r.Objects) != 1 || r.Objects[0].Object.GetName() != "b" {
		t.Errorf("got %v, %v; want b alone", r.Objects, err)
	}
}

func TestMissingFolderAndCancelledContext(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, gittest.Files(t, "testdata/kustomize.txtar"))
	if _, err := Kubernetes(t.Context(), tree, blobs, "none", Inputs{}, Options{}); !errors.Is(err, git.ErrPathNotFound) {
		t.Errorf("a folder that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Kubernetes(ctx, tree, blobs, "app", Inputs{}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled render: %v", err)
	}
}

func TestRendersSideBySide(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, gittest.Files(t, "testdata/kustomize.txtar"))
	want := show(Kubernetes(t.Context(), tree, blobs, "app", Inputs{}, Options{}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if d := cmp.Diff(want, show(Kubernetes(t.Context(), tree, blobs, "app", Inputs{}, Options{}))); d != "" {
				t.Errorf("renders differ:\n%s", d)
			}
		})
	}
	wg.Wait()
}

func TestKustomizeErrorsStayErrors(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"unknown field": {"a/kustomization.yaml": "resource: [x.yaml]\n"},
		"empty":         {"a/kustomization.yaml": "\n"},
		"a list":        {"a/kustomization.yaml": "- a\n"},
		"no objects":    {"a/kustomization.yaml": "resources: [x.yaml]\n", "a/x.yaml": "just: text\n"},
		"bad patch": {"a/kustomization.yaml": "resources: [x.yaml]\npatches: [{path: p.yaml}]\n",
			"a/x.yaml": "apiVersion: v1\nkind: C\nmetadata: {name: x}\n", "a/p.yaml": "apiVersion: v1\nkind: C\nmetadata: {name: y}\n"},
		"plugin that would run": {"a/kustomization.yaml": "generators: [g.yaml]\n",
			"a/g.yaml": "apiVersion: v1\nkind: Exec\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: ./run.sh}'}}\n"},
		"two kustomizations": {"a/kustomization.yaml": "resources: []\n", "a/kustomization.yml": "resources: []\n"},
	} {
		tree, blobs := gittest.Tree(t, files)
		r, err := Kubernetes(t.Context(), tree, blobs, "a", Inputs{}, Options{})
		if err == nil {
			t.Errorf("%s: rendered %d objects", name, len(r.Objects))
		} else if !strings.HasPrefix(err.Error(), "a/") {
			t.Errorf("%s: the error names no file: %v", name, err)
		}
		t.Log(err)
	}
}

func BenchmarkKubernetes(b *testing.B) {
	for _, name := range []string{"plain", "kustomize"} {
		tree, blobs := gittest.Tree(b, gittest.Files(b, "testdata/"+name+".txtar"))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Kubernetes(b.Context(), tree, blobs, "app", Inputs{}, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
