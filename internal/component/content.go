package component

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// template is the component of one template file.
func (s *search) template(p string) Component {
	e, _, err := s.tree.Resolve(s.ctx, s.read, p)
	if err != nil {
		s.faults = append(s.faults, err)
	}
	return Component{Kind: CloudFormation, Path: p, Template: p, OID: e.OID}
}

// plain is the component of the manifests directly in a folder.
func (s *search) plain(dir string, manifests []string) Component {
	parts := map[string]string{}
	for _, p := range manifests {
		e, ok := s.tree.Entry(p)
		if ok && e.Mode == git.Symlink {
			resolved, _, err := s.tree.Resolve(s.ctx, s.read, p)
			if err != nil {
				s.faults = append(s.faults, err)
			}
			e = resolved
		}
		parts[path.Base(p)] = e.OID
	}
	return Component{Kind: Kubernetes, Path: dir, Files: manifests, OID: digest(parts)}
}

// program is the component of a folder that is run: a CDK app or a build. What it
// is made from is the whole folder, and the paths outside that it is said to read.
func (s *search) program(kind, dir string, reads []text) Component {
	e, _ := s.tree.Entry(dir)
	c := Component{Kind: kind, Path: dir, OID: e.OID}
	parts := map[string]string{"": e.OID}
	for _, t := range reads {
		p := path.Join(s.root, t.value)
		outside, ok := s.tree.Entry(p)
		if !ok {
			s.fault(Source{File: s.filePath, Line: t.line}, "reads: there is no %s", p)
			continue
		}
		if !isBelow(dir, p) {
			parts[p] = outside.OID
			c.Reads = append(c.Reads, p)
		}
	}
	if len(c.Reads) > 0 {
		slices.Sort(c.Reads)
		c.OID = digest(parts)
	}
	return c
}

// kustomized is the component of a folder with a kustomization.
func (s *search) kustomized(dir string) Component {
	e, _ := s.tree.Entry(dir)
	c := Component{Kind: Kubernetes, Path: dir, OID: e.OID}
	outside := map[string]string{}
	for p, oid := range s.used(dir) {
		if !isBelow(dir, p) {
			outside[p] = oid
		}
	}
	if len(outside) > 0 {
		c.Reads = slices.Sorted(maps.Keys(outside))
		outside[""] = e.OID
		c.OID = digest(outside)
	}
	return c
}

// digest covers names and object names.
func digest(parts map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(h, "%q %s\n", name, parts[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// used are the folders and files, with their OIDs, that the kustomization of a
// folder names, and those that they name in turn, and what links in them lead
// to; the folder itself included. A name that leads nowhere is left out:
// rendering tells what is wrong with it.
func (s *search) used(dir string) map[string]string {
	found := map[string]string{}
	var follow func(dir string)
	follow = func(dir string) {
		if _, ok := found[dir]; ok {
			return
		}
		e, _ := s.tree.Entry(dir)
		found[dir] = e.OID
		for _, l := range s.tree.Links(dir) {
			s.useLink(l.Path, found)
		}
		f, err := s.cache.folder(s.ctx, s.tree, s.read, dir)
		if err != nil {
			s.faults = append(s.faults, err)
			return
		}
		if f.kind != Kubernetes {
			return
		}
		for _, m := range f.mentions {
			if m == "" || path.IsAbs(m) {
				continue
			}
			p := path.Join(dir, m)
			if p == ".." || strings.HasPrefix(p, "../") {
				continue
			}
			e, ok := s.tree.Entry(p)
			switch {
			case !ok:
				s.useThroughLink(p, found)
			case e.IsDir():
				follow(e.Path)
			case e.Mode == git.Symlink:
				s.useLink(p, found)
			default:
				found[p] = e.OID
			}
		}
	}
	follow(dir)
	return found
}

// useLink adds what a link leads to. A link that leads nowhere or out of the
// tree is a fault.
func (s *search) useLink(p string, found map[string]string) {
	e, _, err := s.tree.Resolve(s.ctx, s.read, p)
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	found[e.Path] = e.OID
}

// useThroughLink adds a path that has a linked folder in the middle.
func (s *search) useThroughLink(p string, found map[string]string) {
	if e, links, err := s.tree.Resolve(s.ctx, s.read, p); err == nil && len(links) > 0 {
		found[e.Path] = e.OID
	}
}

func isBelow(dir, p string) bool { return dir == "" || p == dir || strings.HasPrefix(p, dir+"/") }

// parts are the folders and files that belong to a kustomization elsewhere.
type parts struct{ folders, files map[string]bool }

// kustomizationUses finds what the kustomizations in use take from outside their
// own folder. Where kustomizations use each other in a circle, the first by name
// counts as in use, so that rendering it tells of the circle.
func (s *search) kustomizationUses() parts {
	all := map[string]map[string]string{} // what each uses
	isUsed := map[string]bool{}           // by another one
	consider := func(dir string) {
		uses := s.used(dir)
		all[dir] = uses
		for p := range uses {
			if p != dir && !isBelow(dir, p) {
				isUsed[p] = true
			}
		}
	}
	for dir, f := range s.folders {
		if f.kind == Kubernetes && !s.ignored[dir] {
			consider(dir)
		}
	}
	for dir := range s.named {
		if e, ok := s.tree.Entry(dir); ok && e.IsDir() && all[dir] == nil {
			if f, err := s.cache.folder(s.ctx, s.tree, s.read, dir); err == nil && f.kind == Kubernetes {
				consider(dir)
			}
		}
	}
	out := parts{map[string]bool{}, map[string]bool{}}
	inUse := map[string]bool{}
	use := func(dir string) {
		inUse[dir] = true
		for p := range all[dir] {
			if p == dir || isBelow(dir, p) {
				continue
			}
			inUse[p] = true
			if e, _ := s.tree.Entry(p); e.IsDir() {
				out.folders[p] = true
			} else {
				out.files[p] = true
			}
		}
	}
	sorted := slices.Sorted(maps.Keys(all))
	for _, dir := range sorted {
		if !isUsed[dir] || s.named[dir] {
			use(dir)
		}
	}
	for _, dir := range sorted {
		if !inUse[dir] {
			use(dir)
		}
	}
	return out
}
