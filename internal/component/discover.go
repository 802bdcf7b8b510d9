package component

import (
	"context"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Discover finds the components below the folder root of the tree, sorted by
// name. The tree is the whole of the commit, because components may use files
// from outside root. Whoever follows a repository over its commits keeps a Cache
// and calls its method instead.
func Discover(ctx context.Context, tree *git.Tree, read BlobReader, root string) ([]Component, error) {
	return new(Cache).Discover(ctx, tree, read, root)
}

// Discover is like the function, and reads only folders that the cache does not
// know.
func (c *Cache) Discover(ctx context.Context, tree *git.Tree, read BlobReader, root string) ([]Component, error) {
	c.begin()
	root = path.Clean("/" + root)[1:]
	if e, ok := tree.Entry(root); !ok || !e.IsDir() {
		return nil, fmt.Errorf("the Environment's path %q: %w: expected a folder in the repository", root, git.ErrPathNotFound)
	}
	s := &search{ctx: ctx, cache: c, tree: tree, read: read, root: root, folders: map[string]*folder{}}
	if err := s.readFile(); err != nil {
		return nil, err
	}
	s.addNamed()
	if s.file == nil || s.file.Discover == nil || *s.file.Discover {
		if err := s.walk(); err != nil {
			return nil, err
		}
		s.addDiscovered()
	}
	s.checkNames()
	if len(s.faults) > 0 {
		return nil, document.Join(s.faults)
	}
	slices.SortFunc(s.components, func(a, b Component) int { return strings.Compare(a.Name, b.Name) })
	return s.components, nil
}

// search is one Discover on its way.
type search struct {
	ctx   context.Context
	cache *Cache
	tree  *git.Tree
	read  BlobReader
	root  string

	file     *file // nil when there is none
	filePath string
	ignored  map[string]bool
	// named are the paths that drawbridge.yaml gives to a component.
	named map[string]bool

	mu      sync.Mutex
	folders map[string]*folder // found by walk, by path

	components []Component
	faults     []error
}

func (s *search) fault(at Source, format string, args ...any) {
	s.faults = append(s.faults, document.Errorf(at, format, args...))
}

func (s *search) readFile() error {
	s.filePath = path.Join(s.root, FileName)
	s.ignored, s.named = map[string]bool{}, map[string]bool{}
	if _, ok := s.tree.Entry(s.filePath); !ok {
		return nil
	}
	data, err := readFile(s.ctx, s.tree, s.read, s.filePath)
	if err != nil {
		return err
	}
	if s.file, err = parseFile(s.filePath, data); err != nil {
		return err
	}
	for _, t := range s.file.Ignore {
		p := s.below(t.value)
		if _, ok := s.tree.Entry(p); !ok {
			s.fault(Source{File: s.filePath, Line: t.line}, "ignore: there is no %s", p)
		}
		s.ignored[p] = true
	}
	for _, e := range s.file.Components {
		s.named[s.below(e.Path.value)] = true
	}
	return nil
}

// below is the path in the tree of what drawbridge.yaml calls p; "." is the root.
func (s *search) below(p string) string { return path.Join("/", s.root, p)[1:] }

// walk looks at every folder below the root that may hold a component.
func (s *search) walk() error {
	g, ctx := errgroup.WithContext(s.ctx)
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	var visit func(dir string) error
	visit = func(dir string) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		f, err := s.cache.folder(ctx, s.tree, s.read, dir)
		if err != nil {
			return fmt.Errorf("discover components in %q: %w", dir, err)
		}
		s.mu.Lock()
		s.folders[dir] = f
		s.mu.Unlock()
		if f.kind != "" {
			return nil // what is below is part of it
		}
		for _, e := range s.tree.Children(dir) {
			if !e.IsDir() || s.ignored[e.Path] || passedOver(path.Base(e.Path)) {
				continue
			}
			if !g.TryGo(func() error { return visit(e.Path) }) {
				if err := visit(e.Path); err != nil {
					return err
				}
			}
		}
		return nil
	}
	g.Go(func() error { return visit(s.root) })
	return g.Wait()
}

func passedOver(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}

// addDiscovered makes components of the folders found, except for those that
// drawbridge.yaml names and those that are part of a kustomization elsewhere.
func (s *search) addDiscovered() {
	uses := s.kustomizationUses()
	for _, dir := range slices.Sorted(maps.Keys(s.folders)) {
		f := s.folders[dir]
		if s.named[dir] || s.ignored[dir] || uses.folders[dir] || f.component {
			continue
		}
		switch f.kind {
		case Kubernetes:
			s.addFaults(dir, f, true)
			s.add(s.kustomized(dir), "", Source{File: path.Join(dir, f.marker)})
			continue
		case CDK:
			s.add(s.program(CDK, dir, nil), "", Source{File: path.Join(dir, f.marker)})
			continue
		case Helm:
			s.faults = append(s.faults, notSupported(f.kind, dir, Source{File: path.Join(dir, f.marker)}))
			continue
		}
		s.addFaults(dir, f, len(f.manifests) > 0)
		manifests := s.paths(dir, f.manifests, uses.files)
		if len(manifests) > 0 {
			s.add(s.plain(dir, manifests), "", Source{File: manifests[0]})
		}
		templates := s.paths(dir, f.templates, uses.files)
		for _, t := range templates {
			c := s.template(t)
			if len(templates) == 1 && len(manifests) == 0 && !s.anyNamed(dir, f.templates) {
				c.Path = dir
			}
			s.add(c, "", Source{File: t})
		}
	}
}

// paths joins file names to their folder, without those that are ignored, are
// components of their own, or belong to a kustomization.
func (s *search) paths(dir string, names []string, used map[string]bool) []string {
	var out []string
	for _, n := range names {
		if p := path.Join(dir, n); !s.ignored[p] && !s.named[p] && !used[p] {
			out = append(out, p)
		}
	}
	return out
}

func (s *search) anyNamed(dir string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return s.named[path.Join(dir, n)] })
}

// addFaults tells what can't be read in a folder: all of it, or what looks like
// ours.
func (s *search) addFaults(dir string, f *folder, all bool) {
	for _, x := range f.faults {
		if (all || x.ours) && !s.ignored[path.Join(dir, x.file)] {
			s.faults = append(s.faults, x.in(dir))
		}
	}
}

// add completes a component with its name and where it comes from.
func (s *search) add(c Component, name string, at Source) {
	c.Name, c.Source = name, at
	if name == "" {
		c.Name = nameOf(s.root, c.Path)
		if !isLabel(c.Name) {
			s.fault(at, "no name of at most 63 characters can be made from the path %q; name the component in %s", c.Path, s.filePath)
			return
		}
	}
	s.components = append(s.components, c)
}

// nameOf makes a name from a path below the root.
func nameOf(root, p string) string {
	if p == root {
		if p = path.Base(root); root == "" {
			p = "root"
		}
	} else {
		p = strings.TrimPrefix(p, root+"/")
	}
	if isDocument(p) {
		p = strings.TrimSuffix(p, path.Ext(p))
	}
	p = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(p))
	return strings.Trim(p, "-")
}

func (s *search) checkNames() {
	first := map[string]Component{}
	for _, c := range s.components {
		other, ok := first[c.Name]
		if ok {
			s.fault(c.Source, "the component %s (%s) has the same name as the one that %s defines (%s); name one of them in %s",
				c.Name, c.Path, other.Source, other.Path, s.filePath)
		} else {
			first[c.Name] = c
		}
	}
}
