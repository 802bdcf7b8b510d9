package git

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Tree lists everything below a directory of a commit (or tree), whose OID is
// treeish. The path "" is the whole. Paths in the answer are relative to it.
// It fails with ErrPathNotFound, or with ErrObjectNotFound.
func (m *Mirror) Tree(ctx context.Context, treeish, dir string) (*Tree, error) {
	if !validOID(treeish) {
		return nil, fmt.Errorf("list %q: %w: expected a full object name", treeish, ErrObjectNotFound)
	}
	if dir = path.Clean("/" + dir)[1:]; strings.ContainsRune(dir, 0) {
		return nil, fmt.Errorf("%q: %w", dir, ErrPathNotFound)
	}
	oid, err := m.objects.treeOf(ctx, treeish, dir)
	if err != nil {
		return nil, err
	}
	out, err := m.run(ctx, nil, "ls-tree", "-r", "-t", "-z", "-l", "--end-of-options", oid)
	if err != nil {
		return nil, fmt.Errorf("list %s of %s: %w", dir, treeish, err)
	}
	entries, err := parseListing(string(out))
	if err != nil {
		return nil, fmt.Errorf("list %s of %s: %w", dir, treeish, err)
	}
	return NewTree(oid, entries)
}

// treeOf finds the OID of a directory of a commit.
func (p *objectPool) treeOf(ctx context.Context, treeish, dir string) (string, error) {
	// A name with a line end would be two commands to cat-file.
	if strings.ContainsAny(dir, "\n\r") {
		return "", fmt.Errorf("%q: %w", dir, ErrPathNotFound)
	}
	var h objectHeader
	err := p.use(ctx, func(r *objectReader) (err error) {
		if _, err = r.header("info " + treeish); err != nil {
			return fmt.Errorf("%s: %w", treeish, err)
		}
		if h, err = r.header("info " + treeish + "^{tree}:" + dir); errors.Is(err, ErrObjectNotFound) {
			return fmt.Errorf("%s: %w", dir, errors.Join(ErrPathNotFound, err))
		}
		return err
	})
	switch {
	case errors.Is(err, ErrPathNotFound):
		return "", fmt.Errorf("%s: %w in %s", dir, ErrPathNotFound, treeish)
	case err != nil:
		return "", fmt.Errorf("list %s: %w", treeish, err)
	case h.kind != "tree":
		return "", fmt.Errorf("%s: %w in %s: it is a file; expected a directory", dir, ErrPathNotFound, treeish)
	}
	return h.oid, nil
}

// parseListing reads the output of ls-tree -z -l:
// "<mode> <type> <oid> <size, padded, or ->\t<path>\0" for each entry.
func parseListing(out string) ([]Entry, error) {
	entries := make([]Entry, 0, strings.Count(out, "\x00"))
	for out != "" {
		record, rest, ok := strings.Cut(out, "\x00")
		if !ok {
			return nil, fmt.Errorf("git ls-tree: cut off at %q", record)
		}
		out = rest
		attributes, name, ok := strings.Cut(record, "\t")
		f := strings.Fields(attributes)
		if !ok || len(f) != 4 || !validOID(f[2]) {
			return nil, fmt.Errorf("git ls-tree: unexpected line %q", record)
		}
		e := Entry{Path: name, Mode: Mode(f[0]), OID: f[2]}
		switch e.Mode {
		case Directory, Symlink, Submodule, File, Executable:
		default:
			if f[1] != "blob" {
				return nil, fmt.Errorf("git ls-tree: unexpected mode in %q", record)
			}
			e.Mode = File // old tools wrote modes such as 100664
		}
		if f[3] != "-" {
			size, err := strconv.ParseInt(f[3], 10, 64)
			if err != nil || size < 0 {
				return nil, fmt.Errorf("git ls-tree: unexpected size in %q", record)
			}
			e.Size = size
		}
		entries = append(entries, e)
	}
	return entries, nil
}
