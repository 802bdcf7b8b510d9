package git

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Export writes what is at each of the paths, with all that is below it, into
// the folder, laid out as in the tree. The folder must exist and nothing is
// written outside of it. It is for programs that need real files; whatever can
// read the tree itself should.
//
// Symbolic links become symbolic links. It fails with ErrSymlink for one that
// does not lead to something within the tree, with ErrTooLarge as ReadFile does,
// and with ErrPathNotFound for a path that is not there. Submodules are left out.
func (t *Tree) Export(ctx context.Context, read BlobReader, folder string, paths ...string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer root.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	entries, err := t.below(paths)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := root.MkdirAll(filepath.FromSlash(e.Path), 0o755); err != nil {
				return fmt.Errorf("export %s: %w", e.Path, err)
			}
			continue
		}
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(e.Path)), 0o755); err != nil {
			return fmt.Errorf("export %s: %w", e.Path, err)
		}
		g.Go(func() error {
			if err := t.write(ctx, read, root, e); err != nil {
				return fmt.Errorf("export %s: %w", e.Path, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// below are the entries at and below the paths, each once, folders first.
func (t *Tree) below(paths []string) ([]Entry, error) {
	wanted := map[string]bool{}
	for _, p := range paths {
		p = path.Clean("/" + p)[1:]
		if _, ok := t.Entry(p); !ok {
			return nil, fmt.Errorf("%s: %w", p, ErrPathNotFound)
		}
		wanted[p] = true
	}
	return slices.Collect(func(yield func(Entry) bool) {
		for _, e := range t.entries {
			if e.Mode == Submodule || !within(e.Path, wanted) {
				continue
			}
			if !yield(e) {
				return
			}
		}
	}), nil
}

// within tells whether a path, or a folder above it, is wanted.
func within(p string, wanted map[string]bool) bool {
	for !wanted[p] {
		if p == "" {
			return false
		}
		i := strings.LastIndexByte(p, '/')
		p = p[:max(i, 0)]
	}
	return true
}

func (t *Tree) write(ctx context.Context, read BlobReader, root *os.Root, e Entry) error {
	name := filepath.FromSlash(e.Path)
	if e.Mode == Symlink {
		if _, _, err := t.Resolve(ctx, read, e.Path); err != nil {
			return err
		}
		target, err := read.Blob(ctx, e.OID)
		if err != nil {
			return err
		}
		return root.Symlink(string(target), name)
	}
	data, _, err := t.ReadFile(ctx, read, e.Path)
	if err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if e.Mode == Executable {
		mode = 0o755
	}
	return root.WriteFile(name, data, mode)
}
