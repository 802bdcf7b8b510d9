package component

import (
	"path"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// addNamed makes the components that drawbridge.yaml names.
func (s *search) addNamed() {
	if s.file == nil {
		return
	}
	byPath := map[string]entry{}
	for _, e := range s.file.Components {
		at := Source{File: s.filePath, Line: e.Line}
		c, ok := s.fromEntry(e, s.below(e.Path.value))
		if !ok {
			continue
		}
		if first, twice := byPath[c.Path]; twice && c.Kind == Kubernetes {
			s.fault(at, "the folder %s is already the component on line %d; the two would own the same objects", c.Path, first.Line)
			continue
		}
		byPath[c.Path] = e
		s.complete(&c, e)
		s.add(c, e.Name.value, at)
	}
}

// fromEntry finds out what lies at the entry's path. If it is no component, the
// fault is noted and ok is false.
func (s *search) fromEntry(e entry, p string) (c Component, ok bool) {
	at := Source{File: s.filePath, Line: e.Path.line}
	kind := e.Kind.value
	there, exists := s.tree.Entry(p)
	if kind == Helm {
		s.faults = append(s.faults, notSupported(kind, p, at))
		return c, false
	}
	switch {
	case !exists:
		s.fault(at, "path: there is no %s", p)
		return c, false
	case there.Mode == git.Symlink || there.Mode == git.Submodule:
		s.fault(at, "path: %s is a link or a submodule; expected a folder, or a template file", p)
		return c, false
	case kind == Build:
		return s.build(e, p)
	case !there.IsDir():
		if kind == Kubernetes || kind == CDK {
			s.fault(at, "path: %s is a file; a %s component is a folder", p, kind)
			return c, false
		}
		return s.template(p), s.checkTemplate(p, at)
	}
	f, err := s.cache.folder(s.ctx, s.tree, s.read, p)
	if err != nil {
		s.faults = append(s.faults, err)
		return c, false
	}
	s.addFaults(p, f, true)
	manifests, templates := s.paths(p, f.manifests, nil), s.paths(p, f.templates, nil)
	switch {
	case f.kind == Helm:
		s.faults = append(s.faults, notSupported(f.kind, p, at))
		return c, false
	case f.kind == CDK && (kind == "" || kind == CDK):
		return s.program(CDK, p, e.Reads), true
	case kind == CDK:
		s.fault(at, "path: %s has no cdk.json directly in it%s", p, s.foldersWithContent(p))
		return c, false
	case f.kind == Kubernetes && kind != CloudFormation:
		return s.kustomized(p), true
	case kind == "" && len(manifests) > 0 && len(templates) > 0:
		s.fault(at, "path: %s holds both manifests and templates; add kind: kubernetes or kind: cloudformation", p)
		return c, false
	case len(manifests) > 0 && kind != CloudFormation:
		return s.plain(p, manifests), true
	case len(templates) == 1 && kind != Kubernetes:
		c := s.template(templates[0])
		c.Path = p
		return c, true
	case len(templates) > 1 && kind != Kubernetes:
		s.fault(at, "path: %s holds several templates (%s); give the path of one", p, strings.Join(baseNames(templates), ", "))
		return c, false
	}
	if len(f.faults) > 0 {
		return c, false // one of those is the reason
	}
	s.fault(at, "path: %s has no %s directly in it%s", p, expectation(kind), s.foldersWithContent(p))
	return c, false
}

// build is the component of a folder with a buildspec.
func (s *search) build(e entry, p string) (Component, bool) {
	at := Source{File: s.filePath, Line: e.Path.line}
	if there, _ := s.tree.Entry(p); !there.IsDir() {
		s.fault(at, "path: %s is a file; a build component is the folder that it runs in, and its file is given by buildspec", p)
		return Component{}, false
	}
	names := []string{"buildspec.yml", "buildspec.yaml"}
	if e.Buildspec.line != 0 {
		names, at.Line = []string{e.Buildspec.value}, e.Buildspec.line
	}
	for _, name := range names {
		if file, ok := s.tree.Entry(path.Join(p, name)); ok && !file.IsDir() {
			c := s.program(Build, p, e.Reads)
			c.Buildspec = path.Join(p, name)
			return c, true
		}
	}
	s.fault(at, "path: %s has no %s in it", p, strings.Join(names, " and no "))
	return Component{}, false
}

func baseNames(paths []string) []string {
	out := slices.Clone(paths)
	for i, p := range out {
		out[i] = path.Base(p)
	}
	return out
}

func expectation(kind string) string {
	switch kind {
	case Kubernetes:
		return "kustomization.yaml and no manifests"
	case CloudFormation:
		return "CloudFormation template"
	}
	return "kustomization.yaml, no manifests and no CloudFormation template"
}

// foldersWithContent names sub-folders that may have been meant.
func (s *search) foldersWithContent(dir string) string {
	var names []string
	for _, e := range s.tree.Children(dir) {
		if e.IsDir() && !passedOver(path.Base(e.Path)) {
			names = append(names, path.Base(e.Path))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; did you mean one of its folders (" + strings.Join(names, ", ") + ")?"
}

func (s *search) checkTemplate(p string, at Source) bool {
	data, err := readFile(s.ctx, s.tree, s.read, p)
	if err != nil {
		s.faults = append(s.faults, err)
		return false
	}
	docs, err := document.Parse(p, data)
	if err != nil {
		s.faults = append(s.faults, err)
		return false
	}
	if len(docs) != 1 || !isTemplate(docs[0].Root) {
		s.fault(at, "path: %s is no CloudFormation template: it has no Resources with a Type that begins with AWS::", p)
		return false
	}
	return true
}

// complete takes over what the entry says beyond name and path.
func (s *search) complete(c *Component, e entry) {
	refuse := func(given bool, key string, kinds ...string) {
		if given && !slices.Contains(kinds, c.Kind) {
			s.fault(Source{File: s.filePath, Line: e.Line}, "%s: only components of kind %s have them; %s is of kind %s", key, strings.Join(kinds, " or "), c.Path, c.Kind)
		}
	}
	refuse(len(e.Inputs) > 0, "inputs", Kubernetes, CDK, Build)
	refuse(len(e.Parameters) > 0, "parameters", CloudFormation, CDK)
	refuse(len(e.Capabilities) > 0, "capabilities", CloudFormation, CDK)
	refuse(e.StackName.line != 0, "stackName", CloudFormation)
	refuse(len(e.RestartOn) > 0, "restartOn", Kubernetes)
	refuse(len(e.Reads) > 0, "reads", CDK, Build)
	refuse(e.Buildspec.line != 0, "buildspec", Build)

	for name, v := range e.Inputs {
		if c.Kind != CDK && !variable.MatchString(name) {
			s.fault(Source{File: s.filePath, Line: v.line}, "inputs: %q is no name of a variable; use letters, digits and _", name)
		}
	}

	c.dependsOn = map[string]Source{}
	for _, t := range e.DependsOn {
		if _, twice := c.dependsOn[t.value]; !twice {
			c.DependsOn = append(c.DependsOn, t.value)
			c.dependsOn[t.value] = Source{File: s.filePath, Line: t.line}
		}
	}
	for _, t := range e.IndependentOf {
		c.IndependentOf = append(c.IndependentOf, Independence{t.value, Source{File: s.filePath, Line: t.line}})
	}
	c.Inputs, c.Parameters = s.values(e.Inputs), s.values(e.Parameters)
	for _, t := range e.Capabilities {
		c.Capabilities = append(c.Capabilities, t.value)
	}
	for _, t := range e.RestartOn {
		c.RestartOn = append(c.RestartOn, t.value)
	}
	c.StackName = e.StackName.value
}

func (s *search) values(from map[string]value) map[string]Value {
	if len(from) == 0 {
		return nil
	}
	out := make(map[string]Value, len(from))
	for name, v := range from {
		out[name] = Value{Literal: v.literal, From: v.from, Source: Source{File: s.filePath, Line: v.line}}
	}
	return out
}
