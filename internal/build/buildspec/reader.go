package buildspec

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// reader reads nodes strictly. It gathers the faults instead of ending at the
// first. A nil node is a key that the file does not have, and gives nothing.
type reader struct {
	file   string
	faults []error
}

func (r *reader) source(n *yaml.Node) Source { return Source{File: r.file, Line: n.Line} }

func (r *reader) plain(n *yaml.Node) Text { return Text{n.Value, r.source(n)} }

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.failAt(r.source(n), format, args...)
}

func (r *reader) failAt(at Source, format string, args ...any) {
	r.faults = append(r.faults, document.Errorf(at, format, args...))
}

// pairs are the keys of a mapping and their values, aliases resolved.
func (r *reader) pairs(n *yaml.Node, at string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if n == nil {
			return
		}
		if n.Kind != yaml.MappingNode {
			r.fail(n, "%s: expected a mapping, found %s", orFile(at), document.Describe(n))
			return
		}
		lines := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := document.Target(n.Content[i]), document.Target(n.Content[i+1])
			switch first := lines[k.Value]; {
			case k.Kind != yaml.ScalarNode:
				r.fail(k, "%s: a key must be a plain value", orFile(at))
				continue
			case k.ShortTag() == "!!merge":
				r.fail(k, "%s: << is not supported; write the keys out", orFile(at))
				continue
			case first != 0:
				r.fail(k, "%s: %q is already set on line %d", orFile(at), k.Value, first)
				continue
			}
			lines[k.Value] = k.Line
			if !yield(k, v) {
				return
			}
		}
	}
}

// fields are the values of a mapping whose keys are known. A key without a value
// counts as left out.
func (r *reader) fields(n *yaml.Node, at string, known ...string) map[string]*yaml.Node {
	f := map[string]*yaml.Node{}
	for k, v := range r.pairs(n, at) {
		switch {
		case !slices.Contains(known, k.Value):
			r.fail(k, "%s: unknown key %q%s", orFile(at), k.Value, document.DidYouMean(k.Value, known))
		case v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null":
		default:
			f[k.Value] = v
		}
	}
	return f
}

func orFile(at string) string {
	if at == "" {
		return "top level"
	}
	return at
}

func isText(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" }

func (r *reader) text(n *yaml.Node, at string) Text {
	if n == nil {
		return Text{}
	}
	if !isText(n) {
		r.fail(n, "%s: expected text, found %s", at, document.Describe(n))
		return Text{}
	}
	return r.plain(n)
}

// texts are the values of a mapping of texts; an empty one is a text too.
func (r *reader) texts(n *yaml.Node, at string) map[string]Text {
	var all map[string]Text
	for k, v := range r.pairs(n, at) {
		if v.Kind != yaml.ScalarNode {
			r.fail(v, "%s.%s: expected text, found %s", at, k.Value, document.Describe(v))
			continue
		}
		if all == nil {
			all = map[string]Text{}
		}
		value := v.Value
		if !isText(v) {
			value = ""
		}
		all[k.Value] = Text{value, r.source(k)}
	}
	return all
}

func (r *reader) list(n *yaml.Node, at string) []Text {
	return r.items(n, at, "text")
}

// commands are a list of texts. The most common mistake is a command with ": "
// in it, which makes it a mapping.
func (r *reader) commands(n *yaml.Node, at string) []Text {
	return r.items(n, at, `a command (quote it when it has ": " or " #" in it, or begins with a sign such as "[" or "*")`)
}

func (r *reader) items(n *yaml.Node, at, what string) []Text {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "%s: expected a list, found %s", at, document.Describe(n))
		return nil
	}
	var all []Text
	for i, item := range n.Content {
		item = document.Target(item)
		if !isText(item) {
			r.fail(item, "%s[%d]: expected %s, found %s", at, i, what, document.Describe(item))
			continue
		}
		all = append(all, r.plain(item))
	}
	return all
}

// yes reads yes or no, as CodeBuild writes booleans.
func (r *reader) yes(n *yaml.Node, at string) bool {
	switch t := r.text(n, at); strings.ToLower(t.Value) {
	case "yes", "true":
		return true
	case "no", "false", "":
		return false
	default:
		r.failAt(t.Source, "%s: expected yes or no, found %q", at, t.Value)
		return false
	}
}

// onceIn finds names that stand in more than one group.
func (r *reader) onceIn(groups map[string]map[string]Source) {
	type place struct {
		group string
		at    Source
	}
	first := map[string]place{}
	for _, group := range sortedKeys(groups) {
		for name, at := range groups[group] {
			if p, ok := first[name]; ok {
				r.failAt(at, "%s: %s is already in %s, on line %d", group, name, p.group, p.at.Line)
				continue
			}
			first[name] = place{group, at}
		}
	}
}

func sources[T any](values map[string]T, source func(T) Source) map[string]Source {
	all := make(map[string]Source, len(values))
	for name, v := range values {
		all[name] = source(v)
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
