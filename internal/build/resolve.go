package build

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// resolve returns the variables of the specification, and which values among
// them are secret.
func (b *build) resolve(ctx context.Context) (values map[string]string, hidden []string, err error) {
	env := b.Spec.Env
	values = map[string]string{}
	var faults []error
	fail := func(at buildspec.Source, format string, args ...any) {
		faults = append(faults, document.Errorf(at, format, args...))
	}
	for name, v := range env.Variables {
		values[name] = v.Value
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
		values[name] = value
		// Whether it is a SecureString is not told; most are.
		hidden = append(hidden, value)
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
		values[name] = value
		hidden = append(append(hidden, value), texts(value)...)
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if len(faults) > 0 {
		return nil, nil, document.Join(faults)
	}
	return values, hidden, nil
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

// texts are the strings within a secret that is JSON: commands take them out.
func texts(value string) []string {
	var v any
	if json.Unmarshal([]byte(value), &v) != nil {
		return nil
	}
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch x := v.(type) {
		case string:
			all = append(all, x)
		case []any:
			for _, e := range x {
				walk(e)
			}
		case map[string]any:
			for _, e := range x {
				walk(e)
			}
		}
	}
	walk(v)
	return all
}
