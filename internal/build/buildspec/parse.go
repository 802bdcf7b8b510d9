package buildspec

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// Parse reads a file. The name is for errors.
func Parse(name string, content []byte) (*Spec, error) {
	docs, err := document.Parse(name, content)
	switch {
	case err != nil:
		return nil, err
	case len(docs) == 0:
		return nil, document.Errorf(Source{File: name}, "the file is empty; expected at least version: 0.2 and phases")
	case len(docs) > 1:
		return nil, document.Errorf(Source{File: name, Line: docs[1].Line}, "a second document; expected one")
	}
	r := reader{file: name}
	s := r.spec(docs[0].Root)
	if len(r.faults) > 0 {
		return nil, document.Join(r.faults)
	}
	return s, nil
}

func (r *reader) spec(root *yaml.Node) *Spec {
	s := &Spec{}
	f := r.fields(root, "", "version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache")
	if !r.version(root, f["version"]) {
		return nil // what else is there may mean something else
	}
	s.RunAs = r.text(f["run-as"], "run-as")
	s.Env = r.env(s, f["env"])
	proxy := r.fields(f["proxy"], "proxy", "upload-artifacts", "logs")
	for _, key := range sortedKeys(proxy) {
		if r.yes(proxy[key], "proxy."+key) {
			r.note(s, proxy[key], "proxy.%s has no effect: neither logs nor artifacts are sent anywhere", key)
		}
	}
	if f["batch"] != nil {
		r.fail(f["batch"], "batch: batch builds are not supported; make each build a component of its own, with dependsOn for their order")
	}
	s.Phases = r.phases(root, f["phases"])
	s.Reports = r.reports(s, f["reports"])
	if f["artifacts"] != nil {
		a := r.artifacts(s, f["artifacts"], "artifacts", true)
		s.Artifacts = &a
	}
	s.Cache = r.cache(s, f["cache"])
	return s
}

func (r *reader) version(root, n *yaml.Node) bool {
	switch {
	case root.Kind != yaml.MappingNode:
	case n == nil:
		r.fail(root, `top level: the key "version" is missing; expected version: 0.2`)
	case n.Value == "0.1":
		r.fail(n, "version: 0.1 is not supported, which ran each command in a shell of its own; check that no command counts on that, and write 0.2")
	case n.Value != "0.2":
		r.fail(n, "version: expected 0.2, found %s", document.Describe(n))
	default:
		return true
	}
	return false
}

// variable is what the name of an environment variable may be.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (r *reader) variables(n *yaml.Node, at string) map[string]Text {
	values := r.texts(n, at)
	for name, v := range values {
		switch {
		case !variable.MatchString(name):
			r.failAt(v.Source, "%s: %q can't be the name of a variable; use letters, digits and _", at, name)
		case strings.HasPrefix(name, "CODEBUILD_"):
			r.failAt(v.Source, "%s: %s: names that begin with CODEBUILD_ are reserved; choose another", at, name)
		}
	}
	return values
}

var shells = map[string]string{"bash": "bash", "/bin/bash": "bash", "sh": "sh", "/bin/sh": "sh"}

func (r *reader) env(s *Spec, n *yaml.Node) Env {
	f := r.fields(n, "env", "shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper")
	e := Env{
		Shell:      "sh",
		Variables:  r.variables(f["variables"], "env.variables"),
		Parameters: r.variables(f["parameter-store"], "env.parameter-store"),
		Exported:   r.list(f["exported-variables"], "env.exported-variables"),
	}
	if shell := r.text(f["shell"], "env.shell"); shell.Value != "" {
		e.Shell = shells[shell.Value]
		if e.Shell == "" {
			r.failAt(shell.Source, "env.shell: %q is not supported; known are bash and sh", shell.Value)
		}
	}
	for name, v := range r.variables(f["secrets-manager"], "env.secrets-manager") {
		secret, ok := parseSecret(v)
		if !ok {
			r.failAt(v.Source, "env.secrets-manager: %s: expected secret-id:json-key:version-stage:version-id, of which only the first is needed, found %q", name, v.Value)
			continue
		}
		if e.Secrets == nil {
			e.Secrets = map[string]Secret{}
		}
		e.Secrets[name] = secret
	}
	r.onceIn(map[string]map[string]Source{
		"env.variables":       sources(e.Variables, func(t Text) Source { return t.Source }),
		"env.parameter-store": sources(e.Parameters, func(t Text) Source { return t.Source }),
		"env.secrets-manager": sources(e.Secrets, func(t Secret) Source { return t.Source }),
	})
	for _, name := range e.Exported {
		if !variable.MatchString(name.Value) {
			r.failAt(name.Source, "env.exported-variables: %q can't be the name of a variable; use letters, digits and _", name.Value)
		}
	}
	if r.yes(f["git-credential-helper"], "env.git-credential-helper") {
		r.note(s, f["git-credential-helper"], "env.git-credential-helper has no effect: a build gets no credentials of the repository")
	}
	return e
}

// parseSecret reads id:json-key:stage:version. An ARN has six colons itself.
func parseSecret(v Text) (Secret, bool) {
	parts := strings.Split(v.Value, ":")
	ofID := 1
	if parts[0] == "arn" {
		ofID = 7
	}
	if len(parts) < ofID || len(parts) > ofID+3 {
		return Secret{}, false
	}
	s := Secret{ID: strings.Join(parts[:ofID], ":"), Source: v.Source}
	rest := append(parts[ofID:], "", "", "")
	s.Key, s.Stage, s.Version = rest[0], rest[1], rest[2]
	if s.Stage == "" && s.Version == "" {
		s.Stage = "AWSCURRENT"
	}
	return s, s.ID != ""
}

func (r *reader) phases(root, n *yaml.Node) []Phase {
	if n == nil {
		r.fail(root, `top level: the key "phases" is missing`)
		return nil
	}
	f := r.fields(n, "phases", PhaseNames...)
	var all []Phase
	for _, name := range PhaseNames {
		if p := f[name]; p != nil {
			all = append(all, r.phase(name, p))
		}
	}
	if len(f) == 0 && n.Kind == yaml.MappingNode {
		r.fail(n, "phases: there is none; known are %s", strings.Join(PhaseNames, ", "))
	}
	return all
}

func (r *reader) phase(name string, n *yaml.Node) Phase {
	at := "phases." + name
	known := []string{"run-as", "on-failure", "commands", "finally"}
	if name == Install {
		known = append(known, "runtime-versions")
	}
	f := r.fields(n, at, known...)
	p := Phase{
		Name: name, Source: r.source(n),
		RunAs:    r.text(f["run-as"], at+".run-as"),
		Runtimes: r.texts(f["runtime-versions"], at+".runtime-versions"),
		Commands: r.commands(f["commands"], at+".commands"),
		Finally:  r.commands(f["finally"], at+".finally"),
	}
	then := r.text(f["on-failure"], at+".on-failure")
	switch p.OnFailure = OnFailure(then.Value); {
	case p.OnFailure == Default, p.OnFailure == Abort, p.OnFailure == Continue:
	case strings.HasPrefix(then.Value, "RETRY"):
		r.failAt(then.Source, "%s.on-failure: RETRY is not supported; use ABORT or CONTINUE, and repeat within a command what may fail", at)
	default:
		r.failAt(then.Source, "%s.on-failure: %q is neither ABORT nor CONTINUE", at, then.Value)
	}
	if f["commands"] == nil && f["runtime-versions"] == nil && n.Kind == yaml.MappingNode {
		r.fail(n, `%s: the key "commands" is missing`, at)
	}
	return p
}
