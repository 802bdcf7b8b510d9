package template

import (
	"maps"
	"slices"
)

// Preview binds the template as far as env tells, for those who want what can be
// known of a stack before it is deployed: a parameter without a value is an
// [Unknown], and so is a NoEcho one; a condition that hangs on something unknown
// does not hold, and a rule is not looked at. The template must be one that Validate
// found no mistake in.
func (t *Template) Preview(env Environment) *Bound {
	env.Parameters, env.Later = maps.Clone(env.Parameters), slices.Clone(env.Later)
	if env.Parameters == nil {
		env.Parameters = map[string]string{}
	}
	for name, p := range t.Parameters {
		if _, given := env.Parameters[name]; p.NoEcho || !given && p.Default == nil {
			env.Parameters[name] = ""
			env.Later = append(env.Later, name)
		}
	}
	b := &Bound{Template: t, Parameters: map[string]string{}, Conditions: map[string]bool{}, env: env, values: map[string]any{}}
	_ = b.bindParameters() // what is wrong is not known here, and told where it is deployed
	for _, name := range sorted(t.Conditions) {
		_, _ = b.condition(name) // left out when it can't be decided
	}
	return b
}

// Text is what n evaluates to, if that is a text and known.
func (b *Bound) Text(n *Node) (string, bool) {
	if n == nil {
		return "", false
	}
	v, err := b.eval(n)
	if err != nil {
		return "", false
	}
	return text(v)
}
