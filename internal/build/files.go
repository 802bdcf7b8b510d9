package build

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// selection are the files of a folder that patterns name.
type selection struct {
	patterns, exclude []string
	// links keeps symbolic links, instead of the files that they lead to.
	links bool
	// left is told of what is left out, and why.
	left func(name, why string)
}

// find returns the paths, in order.
func (s selection) find(root *os.Root) ([]string, error) {
	for _, p := range append(append([]string{}, s.patterns...), s.exclude...) {
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("%q is no pattern; use *, **, ?, [a-z] and {a,b}", p)
		}
	}
	var found []string
	return found, s.walk(root, ".", false, &found)
}

// walk looks below a folder, all of which is taken when its own name matched.
func (s selection) walk(root *os.Root, dir string, all bool, found *[]string) error {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if matches(s.exclude, name) {
			continue
		}
		wanted := all || matches(s.patterns, name)
		switch {
		case e.IsDir():
			if err := s.walk(root, name, wanted, found); err != nil {
				return err
			}
			continue
		case !wanted:
			continue
		case e.Type() == fs.ModeSymlink && !s.links:
			info, err := root.Stat(name)
			if err != nil {
				s.left(name, "it leads nowhere, or out of the folder")
				continue
			}
			if !info.Mode().IsRegular() {
				s.left(name, "it is a link to a folder")
				continue
			}
		case e.Type() != fs.ModeSymlink && !e.Type().IsRegular():
			s.left(name, "it is no file")
			continue
		}
		*found = append(*found, name)
	}
	return nil
}

func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := doublestar.Match(p, name); ok {
			return true
		}
	}
	return false
}

// copier copies files from one folder to another, each with what it is: content,
// whether it can be executed, and the time of its last change.
type copier struct {
	from, to *os.Root
	// links as in selection.
	links bool
	// keep leaves files that are there already.
	keep bool
	// budget is how many bytes may still be copied; negative for any number.
	budget *int64
}

var errBudget = errors.New("the files are larger together than the build's disk limit")

// copy tells whether there was something to do.
func (c copier) copy(from, to string) (bool, error) {
	if dir := path.Dir(to); dir != "." {
		if err := c.to.MkdirAll(dir, 0o755); err != nil {
			return false, err
		}
	}
	if c.keep {
		if _, err := c.to.Lstat(to); err == nil {
			return false, nil
		}
	}
	info, err := c.from.Lstat(from)
	if err != nil {
		return false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 && c.links {
		target, err := c.from.Readlink(from)
		if err != nil {
			return false, err
		}
		return true, c.to.Symlink(target, to)
	}
	return true, c.content(from, to)
}

func (c copier) content(from, to string) (err error) {
	in, err := c.from.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	out, err := c.to.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, info.Size()))
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if *c.budget >= 0 {
		if *c.budget -= n; *c.budget < 0 {
			*c.budget = 0
			return errBudget
		}
	}
	return c.to.Chtimes(to, info.ModTime(), info.ModTime())
}

// openRoot opens a folder, which it makes when needed.
func openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// budget is what Limits.Disk leaves for copies.
func (b *build) budget() *int64 {
	n := b.Limits.Disk
	if n == 0 {
		n = -1
	}
	return &n
}

// clean is a pattern as doublestar wants it: "a/" names the folder.
func clean(pattern string) string { return path.Clean(strings.TrimPrefix(pattern, "./")) }
