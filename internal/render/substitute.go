package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// substitution replaces references in the objects of one component.
type substitution struct {
	values   map[string]string
	declared map[string]bool
	used     map[string]bool
	pending  map[string]bool // used, and not known yet
}

func newSubstitution(in Inputs) *substitution {
	s := &substitution{values: in.Values, declared: map[string]bool{}, used: map[string]bool{}, pending: map[string]bool{}}
	for name := range in.Values {
		s.declared[name] = true
	}
	for _, name := range in.Pending {
		if _, known := in.Values[name]; !known {
			s.declared[name] = true
		}
	}
	return s
}

// replace replaces the references in all values of the manifest.
func (s *substitution) replace(m manifest, files *view) error {
	var faults []error
	var visit func(n *yaml.Node, field string)
	visit = func(n *yaml.Node, field string) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				visit(n.Content[i+1], join(field, n.Content[i].Value))
			}
		case yaml.SequenceNode:
			for i, item := range n.Content {
				visit(item, fmt.Sprintf("%s[%d]", field, i))
			}
		case yaml.ScalarNode:
			// An alias is not followed: what it stands for is visited where it is.
			if fault := s.scalar(n); fault != nil {
				at := m.source
				if m.built {
					at = files.find(fault.text, m.source)
				} else {
					at.Line = fault.line(n)
				}
				faults = append(faults, document.Errorf(at, "%s: %s: %w", m.describe(), field, fault.err))
			}
		}
	}
	visit(m.root, "")
	return errors.Join(faults...)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fault is what is wrong with a reference, and where in its scalar.
type fault struct {
	err    error
	offset int    // in the scalar, in bytes
	text   string // of the reference
	before string // what stands before it in the scalar
}

// line is where the reference stands: in a block of literal text, each of its
// lines is one of the file's.
func (f fault) line(n *yaml.Node) int {
	if n.Style&yaml.LiteralStyle != 0 {
		return n.Line + 1 + strings.Count(f.before, "\n")
	}
	return n.Line
}

func (s *substitution) scalar(n *yaml.Node) *fault {
	parts, offset, err := parseReferences(n.Value)
	if err != nil {
		return &fault{err, offset, head(n.Value[offset:]), n.Value[:offset]}
	}
	if parts == nil {
		return nil
	}
	var b, before strings.Builder
	for _, p := range parts {
		if p.name == "" {
			b.WriteString(p.text)
			before.WriteString(p.text)
			continue
		}
		v, err := s.value(p)
		if err != nil {
			return &fault{err: err, text: "${" + p.name, before: before.String()}
		}
		b.WriteString(v)
		before.WriteString(p.text)
	}
	whole := len(parts) == 1 && parts[0].name != "" && n.Style == 0
	if whole && document.Plain(n, b.String()) == nil {
		return nil
	}
	style := n.Style
	n.SetString(b.String())
	if n.Style = style &^ yaml.TaggedStyle; n.Style == 0 {
		n.Style = yaml.DoubleQuotedStyle // so that it stays a string
	}
	return nil
}

func (s *substitution) value(p part) (string, error) {
	v, known := s.values[p.name]
	switch {
	case known && (v != "" || !p.hasFallback):
		s.used[p.name] = true
		return v, nil
	case !known && s.declared[p.name]:
		s.used[p.name], s.pending[p.name] = true, true
		return Placeholder, nil
	case p.hasFallback:
		if known {
			s.used[p.name] = true
		}
		return p.fallback, nil
	}
	return "", fmt.Errorf("${%s}: no input has this name; declared are %s; write $${%s} where the text is meant",
		p.name, strings.Join(slices.Sorted(maps.Keys(s.declared)), ", "), p.name)
}
