package git

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// Mode is what an entry of a tree is.
type Mode string

// The modes, as Git writes them.
const (
	Directory  Mode = "040000"
	File       Mode = "100644"
	Executable Mode = "100755"
	Symlink    Mode = "120000"
	Submodule  Mode = "160000"
)

// Entry is a directory, file or link of a tree.
type Entry struct {
	// Path is relative to the tree, with slashes, without one at either end.
	Path string
	Mode Mode
	// OID of the content: a directory's changes with anything below it.
	OID string
	// Size in bytes; 0 for directories and submodules.
	Size int64
}

// IsDir tells whether the entry is a directory.
func (e Entry) IsDir() bool { return e.Mode == Directory }

// IsFile tells whether the entry is a plain file: no link, directory or submodule.
func (e Entry) IsFile() bool { return e.Mode == File || e.Mode == Executable }

// BlobReader reads the content of a file by its OID. Mirror is one.
type BlobReader interface {
	Blob(ctx context.Context, oid string) ([]byte, error)
}

// Tree is the whole listing of a directory in a commit, held in memory. It never
// changes and may be shared.
type Tree struct {
	// OID of the directory itself.
	OID      string
	entries  []Entry
	index    map[string]int
	children map[string][]int // by directory; "" is the tree itself
	links    []Entry
}

// NewTree makes a tree from its entries, which name every directory above a file
// before the file. Mirror.Tree is how one usually comes by a tree.
func NewTree(oid string, entries []Entry) (*Tree, error) {
	t := &Tree{
		OID: oid, entries: entries,
		index:    make(map[string]int, len(entries)),
		children: map[string][]int{},
	}
	for i, e := range entries {
		dir, name := path.Split(e.Path)
		dir = strings.TrimSuffix(dir, "/")
		// Git itself refuses to make such entries; a made-up repository must not
		// get a path past us that means something else elsewhere.
		if name == "" || name == "." || name == ".." || e.Path[0] == '/' || strings.ContainsRune(name, 0) {
			return nil, fmt.Errorf("tree %s has an entry with the invalid path %q", oid, e.Path)
		}
		if _, ok := t.index[e.Path]; ok {
			return nil, fmt.Errorf("tree %s has two entries with the path %q", oid, e.Path)
		}
		if dir != "" {
			if j, ok := t.index[dir]; !ok || !entries[j].IsDir() {
				return nil, fmt.Errorf("tree %s lists %q before its directory", oid, e.Path)
			}
		}
		t.index[e.Path] = i
		if e.Mode == Symlink {
			t.links = append(t.links, e)
		}
		t.children[dir] = append(t.children[dir], i)
	}
	return t, nil
}

// Entries are all entries, each directory before what is in it, else sorted by
// name. The caller does not change them.
func (t *Tree) Entries() []Entry { return t.entries }

// Entry returns the entry at a path, links not followed. The path "" is the tree.
func (t *Tree) Entry(p string) (Entry, bool) {
	if p == "" || p == "." {
		return Entry{Mode: Directory, OID: t.OID}, true
	}
	i, ok := t.index[p]
	if !ok {
		return Entry{}, false
	}
	return t.entries[i], true
}

// Children are the entries directly in a directory, sorted by name; none when it
// is not a directory.
func (t *Tree) Children(dir string) []Entry {
	if dir == "." {
		dir = ""
	}
	list := t.children[dir]
	out := make([]Entry, len(list))
	for i, j := range list {
		out[i] = t.entries[j]
	}
	return out
}

// Links are the symbolic links below a directory, at any depth.
func (t *Tree) Links(dir string) []Entry {
	var links []Entry
	for _, l := range t.links {
		if dir == "" || dir == "." || strings.HasPrefix(l.Path, dir+"/") {
			links = append(links, l)
		}
	}
	return links
}

// Sub is the tree of a directory, with paths relative to it. ErrPathNotFound
// when there is no such directory.
func (t *Tree) Sub(dir string) (*Tree, error) {
	if dir == "" || dir == "." {
		return t, nil
	}
	e, ok := t.Entry(dir)
	if !ok || !e.IsDir() {
		return nil, fmt.Errorf("%s: %w: expected a directory", dir, ErrPathNotFound)
	}
	var entries []Entry
	// What is below a directory follows it without a gap.
	for _, below := range t.entries[t.index[dir]+1:] {
		rest, ok := strings.CutPrefix(below.Path, dir+"/")
		if !ok {
			break
		}
		below.Path = rest
		entries = append(entries, below)
	}
	return NewTree(e.OID, entries)
}

// maxLinks is how many links are followed on the way to one file; more are a circle.
const maxLinks = 16

// Resolve returns the entry that a path leads to, following symbolic links in
// any part of it, and the OIDs of the links that were read. It fails with
// ErrPathNotFound, or with ErrSymlink for a link that leaves the tree, leads
// nowhere or goes in a circle; the error names the link.
func (t *Tree) Resolve(ctx context.Context, read BlobReader, p string) (Entry, []string, error) {
	var links []string
	var via string // the first link, for the error
	done, rest := "", path.Clean("/" + p)[1:]
	for rest != "" {
		name, more, _ := strings.Cut(rest, "/")
		at := path.Join(done, name)
		e, ok := t.Entry(at)
		switch {
		case !ok && via != "":
			return Entry{}, links, fmt.Errorf("%s: %w: it leads to %s, which does not exist", via, ErrSymlink, at)
		case !ok:
			return Entry{}, links, fmt.Errorf("%s: %w", p, ErrPathNotFound)
		case e.Mode != Symlink:
			done, rest = at, more
			continue
		}
		if via == "" {
			via = at
		}
		if links = append(links, e.OID); len(links) > maxLinks {
			return Entry{}, links, fmt.Errorf("%s: %w: more than %d links in a row", via, ErrSymlink, maxLinks)
		}
		data, err := read.Blob(ctx, e.OID)
		if err != nil {
			return Entry{}, links, fmt.Errorf("%s: %w", at, err)
		}
		target := string(data)
		joined := path.Join(path.Dir(at), target)
		if path.IsAbs(target) || joined == ".." || strings.HasPrefix(joined, "../") {
			return Entry{}, links, fmt.Errorf("%s: %w: it points to %q, outside the repository; use a link within it", at, ErrSymlink, target)
		}
		done, rest = "", path.Join(joined, more)
		if rest == "." {
			rest = ""
		}
	}
	e, _ := t.Entry(done)
	return e, links, nil
}

// ReadFile returns the content of the file that a path leads to, through links,
// and the OIDs that were read on the way: the links' and the file's. Files over
// MaxBlobSize are refused with ErrTooLarge. Errors name the path.
func (t *Tree) ReadFile(ctx context.Context, read BlobReader, p string) (data []byte, oids []string, err error) {
	e, oids, err := t.Resolve(ctx, read, p)
	if err != nil {
		return nil, oids, err
	}
	if !e.IsFile() {
		return nil, oids, fmt.Errorf("%s: %w: expected a file", p, ErrPathNotFound)
	}
	if e.Size > MaxBlobSize {
		return nil, oids, fmt.Errorf("%s: %w: %d bytes, the limit is %d; keep large files elsewhere", p, ErrTooLarge, e.Size, MaxBlobSize)
	}
	data, err = read.Blob(ctx, e.OID)
	if err != nil {
		return nil, oids, fmt.Errorf("%s: %w", p, err)
	}
	return data, append(oids, e.OID), nil
}
