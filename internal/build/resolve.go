package build

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// resolved are the variables of a specification.
type resolved struct {
	values map[string]string
	// hidden are masked in the log, and guarded are those among them that may be in
	// no output. A user name of four letters is only hidden: by chance it is in
	// many a text.
	hidden, guarded []string
}

// longEnough is the length from which a text does not hold a secret by chance.
const longEnough = 8

func (r *resolved) hide(name, value string) {
	r.hidden = append(r.hidden, value)
	if len(value) >= longEnough || secret.Name(name) {
		r.guarded = append(r.guarded, value)
	}
}

// hideAll hides the texts within a secret too, when it is JSON: commands take
// them out.
func (r *resolved) hideAll(name, value string) {
	r.hide(name, value)
	var v any
	if json.Unmarshal([]byte(value), &v) != nil {
		return
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch x := v.(type) {
		case string:
			r.hide(name, x)
		case []any:
			for _, e := range x {
				walk(name, e)
			}
		case map[string]any:
			for key, e := range x {
				walk(key, e)
			}
		}
	}
	walk(name, v)
}

// resolve reads what the specification refers to.
func (b *build) resolve(ctx context.Context) (resolved, error) {
	env := b.Spec.Env
	r := resolved{values: map[string]string{}}
	var faults []error
	fail := func(at buildspec.Source, format string, args ...any) {
		faults = append(faults, document.Errorf(at, format, args...))
	}
	for name, v := range env.Variables {
		r.values[name] = v.Value
	}
	for _, name := range slices.Sorted(maps.Keys(env.Parameters)) {
		p := env.Parameters[name]
		if b.Parameters == nil {
			fail(p.Source, "env.parameter-store: %s: there is no access to a parameter store here; bind the Environment to an AWS account", name)
			continue
		}
		value, err := b.Parameters.Parameter(ctx, p.Value)
		if err != nil {
			fail(p.Source, "env.parameter-store: %s: parameter %s: %w", name, p.Value, err)
			continue
		}
		r.values[name] = value
		r.hide(name, value) // whether it is a SecureString is not told; most are
	}
	for _, name := range slices.Sorted(maps.Keys(env.Secrets)) {
		s := env.Secrets[name]
		if b.Secrets == nil {
			fail(s.Source, "env.secrets-manager: %s: there is no access to Secrets Manager here; bind the Environment to an AWS account", name)
			continue
		}
		value, err := b.Secrets.SecretString(ctx, s.ID, s.Stage, s.Version)
		if err == nil && s.Key != "" {
			value, err = keyOf(value, s.Key)
		}
		if err != nil {
			fail(s.Source, "env.secrets-manager: %s: secret %s: %w", name, s.ID, err)
			continue
		}
		r.values[name] = value
		r.hideAll(cmp.Or(s.Key, name), value)
	}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	if len(faults) > 0 {
		return r, document.Join(faults)
	}
	return r, nil
}

// keyOf returns a field of the JSON object that a secret holds. No error quotes
// the secret, as that of encoding/json would.
func keyOf(value, key string) (string, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &fields) != nil {
		return "", fmt.Errorf("it holds no JSON object, so there is no key %q; leave the key out to get all of it", key)
	}
	field, ok := fields[key]
	if !ok {
		return "", fmt.Errorf("its JSON has no key %q", key)
	}
	if string(field) == "null" {
		return "", fmt.Errorf("the value of its key %q is null", key)
	}
	var text string
	if json.Unmarshal(field, &text) == nil {
		return text, nil
	}
	return string(field), nil
}
