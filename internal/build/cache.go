package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// cachePatterns are those of cache.paths, by where they start: the folder "source"
// of the cache is for the work tree, "home" for HOME.
func (b *build) cachePatterns() map[string][]string {
	all := map[string][]string{}
	for _, p := range b.Spec.Cache {
		pattern := clean(p.Value)
		inHome, home := strings.CutPrefix(pattern, "/root/")
		switch {
		case home:
			all["home"] = append(all["home"], inHome)
		case filepath.IsAbs(pattern):
			b.log.mark("%s: cache.paths: %s is not cached: only what is below the source or /root, which means HOME, is", p.Source, p.Value)
		default:
			all["source"] = append(all["source"], pattern)
		}
	}
	return all
}

func (b *build) cacheRoots() map[string]string {
	return map[string]string{"source": b.Source, "home": b.folder("home")}
}

// restoreCache puts back what the last build saved and the specification still
// names.
func (b *build) restoreCache() error {
	if b.Cache == "" {
		return nil
	}
	for part, patterns := range b.cached {
		n, err := transfer(filepath.Join(b.Cache, part), b.cacheRoots()[part], patterns, b.budget())
		if err != nil {
			return fmt.Errorf("restore the cache: %w", err)
		}
		if n > 0 {
			b.log.mark("cache: %d files restored to the %s", n, part)
		}
	}
	return nil
}

// saveCache replaces the cache as a whole: whoever is killed in between leaves the
// old one, or none.
func (b *build) saveCache() error {
	if b.Cache == "" || len(b.Spec.Cache) == 0 {
		return nil
	}
	next := b.Cache + ".next"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	budget := b.budget()
	for part, patterns := range b.cached {
		n, err := transfer(b.cacheRoots()[part], filepath.Join(next, part), patterns, budget)
		if err != nil {
			return errors.Join(document.Errorf(b.Spec.Cache[0].Source, "save the cache: %w", err), os.RemoveAll(next))
		}
		b.log.mark("cache: %d files saved of the %s", n, part)
	}
	if err := os.MkdirAll(next, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(b.Cache); err != nil {
		return err
	}
	return os.Rename(next, b.Cache)
}

// transfer copies what patterns name from one folder to another, links as links,
// and overwrites nothing. A folder that does not exist is empty. It returns how
// many files it copied.
func transfer(from, to string, patterns []string, budget *int64) (int, error) {
	source, err := os.OpenRoot(from)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer source.Close()
	found, err := selection{patterns: patterns, links: true, left: func(string, string) {}}.find(source)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	target, err := openRoot(to)
	if err != nil {
		return 0, err
	}
	defer target.Close()
	c := copier{from: source, to: target, links: true, keep: true, budget: budget}
	copied := 0
	for _, name := range found {
		did, err := c.copy(name, name)
		if err != nil {
			return 0, err
		}
		if did {
			copied++
		}
	}
	return copied, nil
}
