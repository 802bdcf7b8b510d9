package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hashes of all files below a folder.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		sum := sha256.Sum256(data)
		all[strings.TrimPrefix(file, dir)] = hex.EncodeToString(sum[:4])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func openClone(t *testing.T, dir string) *Clone {
	t.Helper()
	c, err := OpenClone(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.own); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", c.own)
		}
	})
	return c
}

func TestCloneReadsWhatIsNotCommitted(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.txt", "1")
	r.write("kept.log", "tracked, and ignored")
	r.write("gone.txt", "x")
	first := r.push("first")
	r.write(".gitignore", "*.log\n")
	r.write("dir/new.txt", "new")
	r.write("other.log", "ignored")
	r.write("a.txt", "2")
	r.git(r.work, "add", "dir/new.txt")
	r.write("a.txt", "3")
	if err := os.Remove(filepath.Join(r.work, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	before := hashes(t, r.work)
	c := openClone(t, filepath.Join(r.work, "dir"))
	for range 2 {
		tree, err := c.WorkTree(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Tree(t.Context(), tree, "")
		if err != nil {
			t.Fatal(err)
		}
		content := map[string]string{}
		for _, e := range got.Entries() {
			if e.IsFile() {
				data, err := c.Blob(t.Context(), e.OID)
				if err != nil {
					t.Fatal(err)
				}
				content[e.Path] = string(data)
			}
		}
		want := map[string]string{"a.txt": "3", "kept.log": "tracked, and ignored", ".gitignore": "*.log\n", "dir/new.txt": "new"}
		if d := cmp.Diff(want, content); d != "" {
			t.Error(d)
		}
	}
	for _, revision := range []string{"HEAD", "main", first, first[:8]} {
		if commit, err := c.Revision(t.Context(), revision); err != nil || commit.OID != first || commit.Subject != "first" {
			t.Errorf("%s: %+v, %v", revision, commit, err)
		}
	}
	for _, revision := range []string{"nothing", "--all", "HEAD:a.txt", ""} {
		if _, err := c.Revision(t.Context(), revision); !errors.Is(err, ErrObjectNotFound) {
			t.Errorf("%s: %v", revision, err)
		}
	}
	if d := cmp.Diff(before, hashes(t, r.work)); d != "" {
		t.Errorf("the clone was touched: %s", d)
	}
}

// An index that can't be copied, as a split one, is done without.
func TestCloneWithASplitIndex(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("a.txt", "1")
	r.push("first")
	r.git(r.work, "update-index", "--split-index")
	r.write("b.txt", "2")
	c := openClone(t, r.work)
	tree, err := c.WorkTree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Tree(t.Context(), tree, "")
	if err != nil || len(got.Entries()) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCloneThatIsNone(t *testing.T) {
	t.Parallel()
	if _, err := OpenClone(t.Context(), t.TempDir()); !errors.Is(err, ErrNoClone) {
		t.Error(err)
	}
}
