package render

import (
	"bytes"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// view reads files of the commit for one render, and remembers what was read.
type view struct {
	ctx  context.Context
	tree *git.Tree
	blob BlobReader
	dir  string // of the component

	oids    map[string]string // by path
	content map[string][]byte // by path
}

func newView(ctx context.Context, tree *git.Tree, blob BlobReader, dir string) *view {
	return &view{ctx, tree, blob, dir, map[string]string{}, map[string][]byte{}}
}

// read returns a file, through links. Its error names the path.
func (v *view) read(p string) ([]byte, error) {
	if data, ok := v.content[p]; ok {
		return data, nil
	}
	if err := v.ctx.Err(); err != nil {
		return nil, context.Cause(v.ctx)
	}
	data, _, err := v.tree.ReadFile(v.ctx, v.blob, p)
	if err != nil {
		message := strings.TrimPrefix(err.Error(), p+": ")
		return nil, &document.Error{Position: Source{File: p}, Message: message, Cause: err}
	}
	if e, _, err := v.tree.Resolve(v.ctx, v.blob, p); err == nil {
		v.oids[e.Path] = e.OID
	}
	v.content[p] = data
	return data, nil
}

// outside are the OIDs of what was read outside the component's folder.
func (v *view) outside() []string {
	found := map[string]bool{}
	for p, oid := range v.oids {
		if !within(v.dir, p) {
			found[oid] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func within(dir, p string) bool { return dir == "" || p == dir || strings.HasPrefix(p, dir+"/") }

// find looks for a text, first in the file that an object is from, then in the
// others that were read, and returns the place, or the object's.
func (v *view) find(text string, from Source) Source {
	names := append([]string{from.File}, slices.Sorted(maps.Keys(v.content))...)
	for _, name := range names {
		before, _, ok := bytes.Cut(v.content[name], []byte(text))
		if ok && text != "" {
			return Source{File: name, Line: 1 + bytes.Count(before, []byte("\n"))}
		}
	}
	return from
}

// kustomizationIn is the name of the kustomization directly in a folder, or "".
func kustomizationIn(tree *git.Tree, dir string) string {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if e, ok := tree.Entry(path.Join(dir, name)); ok && !e.IsDir() {
			return name
		}
	}
	return ""
}
