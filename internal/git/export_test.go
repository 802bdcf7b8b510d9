package git_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
)

func TestExportWritesTheNamedPathsAsTheyLie(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, map[string]string{
		"app/cdk.json":        "{}",
		"app/lib/stack.ts":    "export {}",
		"app/readme":          gittest.Link + "../shared/README",
		"shared/README":       "hello",
		"shared/deep/a/b.txt": "b",
		"apples/no":           "not below app",
	})
	dir := t.TempDir()
	if err := tree.Export(t.Context(), blobs, dir, "app", "shared/README"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"app/cdk.json": "{}", "app/lib/stack.ts": "export {}", "app/readme": "hello", "shared/README": "hello"}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Error(diff)
	}
	if target, err := os.Readlink(filepath.Join(dir, "app/readme")); err != nil || target != "../shared/README" {
		t.Errorf("the link is %q, %v", target, err)
	}
}

func TestExportWritesNothingOutside(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		path  string
		want  error
	}{
		"a link out of the tree": {map[string]string{"app/l": gittest.Link + "../../etc/passwd"}, "app", git.ErrSymlink},
		"an absolute link":       {map[string]string{"app/l": gittest.Link + "/etc/passwd"}, "app", git.ErrSymlink},
		"a circle of links":      {map[string]string{"app/a": gittest.Link + "b", "app/b": gittest.Link + "a"}, "app", git.ErrSymlink},
		"a path that is missing": {map[string]string{"app/a": "a"}, "other", git.ErrPathNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, blobs := gittest.Tree(t, test.files)
			if err := tree.Export(t.Context(), blobs, t.TempDir(), test.path); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
