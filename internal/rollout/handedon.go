package rollout

import (
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/secret"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// What a stack puts out is recorded in a status that many may read, and goes into
// manifests, parameters and the ledger. The value of a NoEcho parameter does not.

// outputNames are the outputs that a template hands on.
func outputNames(t *template.Template) []string {
	var names []string
	for _, o := range t.OutputNames() {
		if !showsSecret(t, o.Name) {
			names = append(names, o.Name)
		}
	}
	return names
}

// showsSecret tells whether an output is made from a NoEcho parameter.
func showsSecret(t *template.Template, output string) bool {
	return slices.ContainsFunc(t.Outputs[output].Value.References(), func(r template.Reference) bool {
		p := t.Parameters[r.Name]
		return p != nil && p.NoEcho
	})
}

// shortestSecret is the length from which a value is looked for in outputs that do
// not name its parameter: a resource may have it as an attribute.
const shortestSecret = 8

// handedOn are the outputs of a stack without those that show a NoEcho parameter.
func handedOn(t *template.Template, outputs, parameters map[string]string) map[string]string {
	var values []string
	for name, p := range t.Parameters {
		value, given := parameters[name]
		if !given && p.Default != nil {
			value = *p.Default
		}
		if p.NoEcho && len(value) >= shortestSecret {
			values = append(values, value)
		}
	}
	mask := secret.NewMask(values...)
	open := make(map[string]string, len(outputs))
	for name, value := range outputs {
		if t.Outputs[name] != nil && showsSecret(t, name) || mask.Text(value) != value {
			continue
		}
		open[name] = value
	}
	return open
}
