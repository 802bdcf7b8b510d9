package render_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/graph"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// The example goes the whole way from a real repository to objects.
func TestExampleFromCommitToObjects(t *testing.T) {
	t.Parallel()
	repository := filepath.Join(t.TempDir(), "ghost")
	if err := os.CopyFS(repository, os.DirFS("../../examples/ghost")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "-A"},
		{"-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", "ghost"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = repository
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	ctx := t.Context()
	mirror, err := git.Open(ctx, filepath.Join(t.TempDir(), "mirror"), git.LocalSources())
	if err != nil {
		t.Fatal(err)
	}
	defer mirror.Close()
	oid, err := mirror.Fetch(ctx, git.Source{URL: repository}, "main")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := mirror.Tree(ctx, oid, "")
	if err != nil {
		t.Fatal(err)
	}
	components, err := component.Discover(ctx, tree, mirror, "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Build(components)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"database"}, {"blog"}}, g.Order()); d != "" {
		t.Fatalf("order (-want +got):\n%s", d)
	}
	blog := components[slices.IndexFunc(components, func(c component.Component) bool { return c.Name == "blog" })]
	var pending []string
	values := map[string]string{}
	for name := range blog.Inputs {
		pending = append(pending, name)
		values[name] = "value-of-" + strings.ToLower(name)
	}
	slices.Sort(pending)
	dry, err := render.Kubernetes(ctx, tree, mirror, blog.Path, render.Inputs{Pending: pending}, render.Options{Files: blog.Files})
	if err != nil {
		t.Fatal(err)
	}
	known, err := render.Kubernetes(ctx, tree, mirror, blog.Path, render.Inputs{Values: values}, render.Options{Files: blog.Files})
	if err != nil {
		t.Fatal(err)
	}
	if len(dry.Objects) != len(known.Objects) || len(known.Objects) == 0 {
		t.Errorf("%d objects with placeholders, %d with values", len(dry.Objects), len(known.Objects))
	}
	if d := cmp.Diff(pending, dry.Pending); d != "" {
		t.Errorf("pending inputs that are used (-want +got):\n%s", d)
	}
	if d := cmp.Diff(pending, known.Used); d != "" || len(known.Pending) > 0 {
		t.Errorf("used inputs (-want +got):\n%s", d)
	}
	for _, o := range known.Objects {
		if !strings.HasPrefix(o.Source.File, "kubernetes/") || o.Source.Line == 0 {
			t.Errorf("%s %s is from %s", o.Object.GetKind(), o.Object.GetName(), o.Source)
		}
	}
}
