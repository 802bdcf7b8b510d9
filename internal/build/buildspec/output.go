package buildspec

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) reports(s *Spec, n *yaml.Node) []Text {
	var all []Text
	for name, report := range r.pairs(n, "reports") {
		at := "reports." + name.Value
		f := r.fields(report, at, "files", "base-directory", "discard-paths", "file-format")
		r.list(f["files"], at+".files")
		r.text(f["base-directory"], at+".base-directory")
		r.text(f["file-format"], at+".file-format")
		r.yes(f["discard-paths"], at+".discard-paths")
		all = append(all, r.plain(name))
		r.note(s, name, "reports.%s is not collected", name.Value)
	}
	return all
}

func (r *reader) cache(s *Spec, n *yaml.Node) []Text {
	f := r.fields(n, "cache", "paths", "key", "fallback-keys", "action")
	for _, key := range []string{"key", "fallback-keys", "action"} {
		if f[key] != nil {
			r.note(s, f[key], "cache.%s has no effect: a component has one cache, which is restored before and saved after each build", key)
		}
	}
	paths := r.list(f["paths"], "cache.paths")
	for _, p := range paths {
		// CodeBuild's users cache below the home of root; see internal/build.
		if !strings.HasPrefix(p.Value, "/") && !inside(p.Value) {
			r.failAt(p.Source, "cache.paths: %q leads out of the folder of the source", p.Value)
		}
	}
	return paths
}

func (r *reader) artifacts(s *Spec, n *yaml.Node, at string, primary bool) Artifacts {
	known := []string{"files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix"}
	if primary {
		known = append(known, "secondary-artifacts")
	}
	f := r.fields(n, at, known...)
	a := Artifacts{
		Name:          r.text(f["name"], at+".name"),
		BaseDirectory: r.text(f["base-directory"], at+".base-directory"),
		Files:         r.list(f["files"], at+".files"),
		Exclude:       r.list(f["exclude-paths"], at+".exclude-paths"),
		DiscardPaths:  r.yes(f["discard-paths"], at+".discard-paths"),
		Symlinks:      r.yes(f["enable-symlinks"], at+".enable-symlinks"),
		Source:        r.source(n),
	}
	if f["s3-prefix"] != nil {
		r.note(s, f["s3-prefix"], "%s.s3-prefix has no effect: artifacts are not stored in S3", at)
	}
	for _, p := range append(append([]Text{a.BaseDirectory}, a.Files...), a.Exclude...) {
		if p.Value != "" && !inside(p.Value) {
			r.failAt(p.Source, "%s: %q leads out of the folder of the source", at, p.Value)
		}
	}
	for id, secondary := range r.pairs(f["secondary-artifacts"], at+".secondary-artifacts") {
		if a.Secondary == nil {
			a.Secondary = map[string]Artifacts{}
		}
		if !variable.MatchString(id.Value) {
			r.fail(id, "%s.secondary-artifacts: %q can't be an identifier; use letters, digits and _", at, id.Value)
		}
		a.Secondary[id.Value] = r.artifacts(s, secondary, at+".secondary-artifacts."+id.Value, false)
	}
	if n.Kind == yaml.MappingNode && f["files"] == nil && len(a.Secondary) == 0 {
		r.fail(n, `%s: the key "files" is missing`, at)
	}
	return a
}

// inside tells whether a relative pattern stays below where it starts.
func inside(pattern string) bool {
	c := path.Clean(pattern)
	return !path.IsAbs(c) && c != ".." && !strings.HasPrefix(c, "../") && !strings.ContainsRune(c, 0)
}

func (r *reader) note(s *Spec, n *yaml.Node, format string, args ...any) {
	s.Notes = append(s.Notes, Text{fmt.Sprintf(format, args...), r.source(n)})
}
