package infer

import (
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// Template takes down the facts of a stack, as far as env tells. Validate found no
// mistake in the template.
func Template(t *template.Template, env template.Environment) Facts {
	s := stack{reader: reader{place: Place{Region: env.Region}}, Bound: t.Preview(env)}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if s.Active(id) {
			s.resource(t.Resources[id])
		}
	}
	for _, named := range t.OutputNames() {
		o := t.Outputs[named.Name]
		if o.Condition != "" && !s.Conditions[o.Condition] {
			continue
		}
		if name, ok := s.Text(o.Export); ok {
			s.has(Provided{Thing: Thing{export, env.Region, name}})
		}
		s.value("output "+o.Name, o.Value)
	}
	for _, named := range t.ParameterNames() {
		p := t.Parameters[named.Name]
		if _, stored := p.SSM(); stored && s.Parameters[p.Name] != "" && !slices.Contains(env.Later, p.Name) {
			s.need(p.Position, "parameter "+p.Name+" is read from", Thing{parameter, env.Region, s.Parameters[p.Name]})
		}
	}
	return s.Facts
}

// stack is a template on its way to facts.
type stack struct {
	reader
	*template.Bound
}

func (s *stack) need(at template.Position, why string, t Thing) {
	what := map[string]string{secret: "the secret ", parameter: "the parameter ", export: "the export "}[t.Kind]
	s.needs(Need{Thing: t, Why: why + " " + what + t.Name, Source: component.Source{File: at.File, Line: at.Line}})
}

func (s *stack) resource(r *template.Resource) {
	property := func(name string) (string, bool) { return s.Text(r.Properties.Get(name)) }
	switch r.Type {
	case secret:
		name, _ := property("Name")
		s.has(Provided{Thing: Thing{secret, s.place.Region, name}, Labels: s.tags(r)})
	case parameter:
		if name, ok := property("Name"); ok {
			s.has(Provided{Thing: Thing{parameter, s.place.Region, name}})
		}
	case role:
		path, isKnown := property("Path")
		if r.Properties.Get("Path") == nil {
			path, isKnown = "/", true
		}
		if name, ok := property("RoleName"); ok && isKnown {
			s.has(Provided{Thing: Thing{Kind: role, Name: path + name}})
		}
	case certificate:
		domains := []*template.Node{r.Properties.Get("DomainName")}
		if others := r.Properties.Get("SubjectAlternativeNames"); others != nil {
			domains = append(domains, others.Items...)
		}
		for _, n := range domains {
			if domain, ok := s.Text(n); ok {
				s.has(Provided{Thing: Thing{certificate, s.place.Region, strings.ToLower(domain)}})
			}
		}
	}
	s.value(r.LogicalID, r.Properties)
}

// tags of a resource, as far as they are known.
func (s *stack) tags(r *template.Resource) map[string]string {
	tags := map[string]string{}
	if list := r.Properties.Get("Tags"); list != nil {
		for _, tag := range list.Items {
			key, ok := s.Text(tag.Get("Key"))
			if value, alsoKnown := s.Text(tag.Get("Value")); ok && alsoKnown {
				tags[key] = value
			}
		}
	}
	return tags
}

// value finds what is imported and resolved anywhere in n.
func (s *stack) value(where string, n *template.Node) {
	n.Walk(func(n *template.Node) bool {
		if n.Kind == template.Call && n.Function == "Fn::ImportValue" {
			if name, ok := s.Text(n.Argument); ok {
				s.need(n.Position, where+" imports", Thing{export, s.place.Region, name})
			}
		}
		if n.Kind != template.Scalar && n.Kind != template.Call {
			return true
		}
		text, ok := s.Text(n)
		if ok {
			s.dynamic(where, n.Position, text)
		}
		return !ok // else all in it is seen
	})
}

// dynamic finds the dynamic references in a text.
func (s *stack) dynamic(where string, at template.Position, text string) {
	_, _ = template.ResolveDynamic(text, func(d template.Dynamic) (string, error) {
		kind := parameter
		if d.Service == "secretsmanager" {
			kind = secret
		}
		for _, t := range namedByKey(d.Name, s.place.Region) {
			if t.Kind == kind && !strings.Contains(t.Name, "${") {
				s.need(at, where+" resolves", t)
			}
		}
		return "", nil
	})
}
