// Package gittest makes git trees for tests, in memory, with no repository and no
// git process. Its object names are those that Git would give to the files;
// folders' differ from Git's, but change exactly when Git's do.
package gittest

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Link before the content of a file makes it a symbolic link to what follows.
const Link = "symlink:"

// Blobs serves the files of the trees that were made with it, and counts reads.
type Blobs struct {
	content map[string][]byte
	reads   atomic.Int64
}

// Blob returns a file by its OID.
func (b *Blobs) Blob(_ context.Context, oid string) ([]byte, error) {
	b.reads.Add(1)
	data, ok := b.content[oid]
	if !ok {
		return nil, fmt.Errorf("read blob %s: %w", oid, git.ErrObjectNotFound)
	}
	return data, nil
}

// Reads is how many files were read so far.
func (b *Blobs) Reads() int { return int(b.reads.Load()) }

// Tree makes a tree of files by path. With it comes what reads them.
func Tree(t testing.TB, files map[string]string) (*git.Tree, *Blobs) {
	t.Helper()
	b := &Blobs{content: map[string][]byte{}}
	return b.Tree(t, files), b
}

// Tree makes another tree whose files b serves too. Not for concurrent use.
func (b *Blobs) Tree(t testing.TB, files map[string]string) *git.Tree {
	t.Helper()
	below := map[string]map[string]git.Entry{"": {}}
	for p, content := range files {
		e := git.Entry{Path: p, Mode: git.File}
		if target, ok := strings.CutPrefix(content, Link); ok {
			e.Mode, content = git.Symlink, strings.TrimSpace(target)
		}
		e.Size = int64(len(content))
		e.OID = name("blob", content)
		b.content[e.OID] = []byte(content)
		for dir := path.Dir(p); ; dir = path.Dir(dir) {
			if dir == "." {
				dir = ""
			}
			if below[dir] == nil {
				below[dir] = map[string]git.Entry{}
			}
			below[dir][e.Path] = e
			if dir == "" {
				break
			}
			e = git.Entry{Path: dir, Mode: git.Directory}
		}
	}
	var entries []git.Entry
	var list func(dir string) string
	list = func(dir string) string {
		var listing strings.Builder
		for _, p := range slices.Sorted(maps.Keys(below[dir])) {
			e := below[dir][p]
			at := len(entries)
			entries = append(entries, e)
			if e.IsDir() {
				entries[at].OID = list(p)
			}
			fmt.Fprintf(&listing, "%s %s %s\n", e.Mode, path.Base(p), entries[at].OID)
		}
		return name("tree", listing.String())
	}
	oid := list("")
	tree, err := git.NewTree(oid, entries)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func name(kind, content string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", kind, len(content), content))
	return hex.EncodeToString(sum[:])
}

// Files reads a txtar file into files by path.
func Files(t testing.TB, file string) map[string]string {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}
