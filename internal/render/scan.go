package render

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// scan checks every path in the kustomizations of a component before Kustomize
// sees them. Kustomize takes some for addresses, and would clone or download
// them; there is no option that stops it.
type scan struct {
	files   *view
	folders map[string]bool // whose kustomization was read
	open    []string        // the folders on the way to the one that is being read
	faults  []error
}

func newScan(files *view) *scan { return &scan{files: files, folders: map[string]bool{}} }

// folder checks the kustomization of a folder, and all that it builds on.
func (s *scan) folder(dir string) error {
	s.visit(dir)
	return errors.Join(s.faults...)
}

// remote is what Kustomize takes for an address: a scheme, a user, or GitHub.
var remote = regexp.MustCompile(`(?i)^https?:|^git::|://|@|^(www\.)?github\.com|[?]ref=`)

func (s *scan) visit(dir string) {
	if s.folders[dir] {
		return
	}
	s.folders[dir] = true
	s.open = append(s.open, dir)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	file := path.Join(dir, kustomizationIn(s.files.tree, dir))
	data, err := s.files.read(file)
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	docs, err := document.Parse(file, data)
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	for _, d := range docs {
		s.kustomization(file, document.Target(d.Root))
	}
}

func (s *scan) fault(file string, n *yaml.Node, format string, args ...any) {
	s.faults = append(s.faults, document.Errorf(Source{File: file, Line: n.Line}, format, args...))
}

func (s *scan) kustomization(file string, root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		s.fault(file, root, "expected a mapping with resources")
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, v := root.Content[i], document.Target(root.Content[i+1])
		// Kustomize reads the keys without regard to case.
		switch strings.ToLower(key.Value) {
		case "<<":
			s.fault(file, key, "merge keys are not supported in a kustomization")
		case "resources", "bases", "components":
			s.each(v, func(n *yaml.Node) { s.reference(file, n, true) })
		case "crds", "configurations":
			s.each(v, func(n *yaml.Node) { s.reference(file, n, false) })
		case "patchesstrategicmerge":
			s.each(v, func(n *yaml.Node) {
				if !isInline(n) {
					s.reference(file, n, false)
				}
			})
		case "patches", "patchesjson6902", "replacements":
			s.each(v, func(n *yaml.Node) { s.field(file, n, "path", "") })
		case "configmapgenerator", "secretgenerator":
			s.each(v, func(n *yaml.Node) {
				s.field(file, n, "files", "=")
				s.field(file, n, "envs", "")
				s.field(file, n, "env", "")
			})
		case "openapi":
			s.field(file, v, "path", "")
		case "generators", "transformers", "validators":
			s.each(v, func(n *yaml.Node) { s.plugin(file, n) })
		case "helmcharts", "helmglobals", "helmchartinflationgenerator":
			s.fault(file, key, "%s: Helm charts in a kustomization are not supported; commit the rendered manifests", key.Value)
		}
	}
}

// each calls f for the items of a list, or for the value that is none.
func (s *scan) each(v *yaml.Node, f func(*yaml.Node)) {
	if v.Kind != yaml.SequenceNode {
		f(v)
		return
	}
	for _, n := range v.Content {
		f(document.Target(n))
	}
}

func isInline(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && strings.ContainsAny(n.Value, "\n{")
}

// field checks the paths in a field of a mapping, in whatever case it is written.
func (s *scan) field(file string, mapping *yaml.Node, name, separator string) {
	if mapping.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if !strings.EqualFold(mapping.Content[i].Value, name) {
			continue
		}
		s.each(document.Target(mapping.Content[i+1]), func(n *yaml.Node) {
			if separator != "" {
				if _, p, ok := strings.Cut(n.Value, separator); ok {
					n = &yaml.Node{Kind: n.Kind, Value: p, Line: n.Line}
				}
			}
			s.reference(file, n, false)
		})
	}
}

// reference checks one path. A folder must have a kustomization, which is
// checked too; only where folders are allowed.
func (s *scan) reference(file string, n *yaml.Node, folders bool) (e git.Entry, ok bool) {
	p := n.Value
	switch {
	case n.Kind != yaml.ScalarNode || p == "":
		return e, false // Kustomize tells what is wrong with it
	case remote.MatchString(p):
		s.fault(file, n, "%q is outside the repository; what is deployed must be in the commit, so copy it into the repository and give its path", p)
		return e, false
	case path.IsAbs(p):
		s.fault(file, n, "%q is an absolute path; give it relative to the kustomization", p)
		return e, false
	}
	target := path.Join(path.Dir(file), p)
	if target == ".." || strings.HasPrefix(target, "../") {
		s.fault(file, n, "%q leads out of the repository", p)
		return e, false
	}
	e, _, err := s.files.tree.Resolve(s.files.ctx, s.files.blob, target)
	switch {
	case errors.Is(err, git.ErrPathNotFound):
		s.fault(file, n, "there is no %s", target)
		return e, false
	case err != nil:
		s.fault(file, n, "%w", err)
		return e, false
	case e.IsDir() && !folders:
		s.fault(file, n, "%s is a folder; expected a file", target)
		return e, false
	case e.IsDir() && kustomizationIn(s.files.tree, e.Path) == "":
		s.fault(file, n, "the folder %s has no kustomization.yaml; add one, or name the files in it", target)
		return e, false
	case e.IsDir() && slices.Contains(s.open, e.Path):
		circle := append(s.open[slices.Index(s.open, e.Path):], e.Path)
		s.fault(file, n, "the kustomizations use each other in a circle: %s", strings.Join(circle, " uses "))
		return e, false
	case e.IsDir():
		s.visit(e.Path)
	case folders:
		// Kustomize would tell of a syntax error too, but not where it is.
		s.parse(e.Path)
	}
	return e, true
}

func (s *scan) parse(file string) {
	data, err := s.files.read(file)
	if err == nil {
		_, err = document.Parse(file, data)
	}
	if err != nil {
		s.faults = append(s.faults, err)
	}
}

// plugin checks the configuration of a generator or transformer: inline, or in a
// file. Any address in it might be loaded.
func (s *scan) plugin(file string, n *yaml.Node) {
	text, name, line := []byte(n.Value), file, n.Line
	if !isInline(n) {
		e, ok := s.reference(file, n, false)
		if !ok {
			return
		}
		data, err := s.files.read(e.Path)
		if err != nil {
			s.faults = append(s.faults, err)
			return
		}
		text, name, line = data, e.Path, 0
	}
	docs, err := document.Parse(name, text)
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	for _, d := range docs {
		if kind := document.Text(d.Root, "kind"); strings.HasPrefix(kind, "Helm") {
			s.fault(name, n, "%s is not supported; commit the rendered manifests", kind)
		}
		s.addresses(name, line, d.Root)
	}
}

func (s *scan) addresses(file string, line int, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && remote.MatchString(n.Value) && !strings.ContainsRune(n.Value, '\n') {
		at := *n
		if line > 0 {
			at.Line = line // an inline document's lines are not the file's
		}
		s.fault(file, &at, "%q may be an address, which a generator or transformer would load; give a path in the repository", n.Value)
	}
	for _, c := range n.Content {
		s.addresses(file, line, c)
	}
}
