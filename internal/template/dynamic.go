package template

import (
	"errors"
	"regexp"
	"strings"
)

// Dynamic is a dynamic reference in a property's value:
// {{resolve:ssm:name:version}}, {{resolve:ssm-secure:name:version}} or
// {{resolve:secretsmanager:secret:SecretString:json-key:version-stage:version-id}}.
type Dynamic struct {
	Service string // "ssm", "ssm-secure" or "secretsmanager"
	// Name of the parameter, or name or ARN of the secret.
	Name string
	// Version of the parameter, or version ID of the secret; "" is the latest.
	Version string
	// Stage is the version stage of the secret; "" is AWSCURRENT.
	Stage string
	// Key is the JSON key in the secret; "" is the whole secret.
	Key string
}

var dynamic = regexp.MustCompile(`\{\{resolve:[^{}]*\}\}`)

// ParseDynamic reads one dynamic reference, braces included.
func ParseDynamic(s string) (Dynamic, error) {
	inner := strings.TrimSuffix(strings.TrimPrefix(s, "{{resolve:"), "}}")
	malformed := func(why string) (Dynamic, error) {
		return Dynamic{}, errors.New("Incorrect format is used in the following dynamic reference: " + s + " (" + why + ")")
	}
	service, rest, _ := strings.Cut(inner, ":")
	d := Dynamic{Service: service}
	if strings.HasPrefix(rest, "arn:") {
		// An ARN holds colons itself: a parameter's has five, a secret's six.
		n := 6
		if service == "secretsmanager" {
			n = 7
		}
		parts := strings.SplitN(rest, ":", n+1)
		if len(parts) < n {
			return malformed("the ARN is too short")
		}
		d.Name = strings.Join(parts[:n], ":")
		rest = strings.Join(parts[n:], "")
	} else {
		d.Name, rest, _ = strings.Cut(rest, ":")
	}
	if d.Name == "" {
		return malformed("the name is empty")
	}
	fields := strings.Split(rest, ":")
	switch service {
	case "ssm", "ssm-secure":
		if len(fields) > 1 {
			return malformed("expected a name and a version")
		}
		d.Version = rest
	case "secretsmanager":
		fields = append(fields, "", "", "", "")
		if fields[0] != "" && fields[0] != "SecretString" {
			return malformed("only SecretString can be resolved")
		}
		if len(fields) > 8 || fields[4] != "" {
			return malformed("too many parts")
		}
		d.Key, d.Stage, d.Version = fields[1], fields[2], fields[3]
		if d.Stage != "" && d.Version != "" {
			return malformed("give a version stage or a version ID, not both")
		}
	default:
		return malformed("the service must be ssm, ssm-secure or secretsmanager")
	}
	return d, nil
}

// ResolveDynamic returns v with all dynamic references in its texts replaced by
// what resolve answers. v itself is left as it is.
func ResolveDynamic(v any, resolve func(Dynamic) (string, error)) (any, error) {
	switch v := v.(type) {
	case string:
		var failed error
		out := dynamic.ReplaceAllStringFunc(v, func(s string) string {
			d, err := ParseDynamic(s)
			if err == nil {
				s, err = resolve(d)
			}
			if failed == nil {
				failed = err
			}
			return s
		})
		if failed != nil {
			return nil, failed
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = ResolveDynamic(x, resolve); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			var err error
			if out[k], err = ResolveDynamic(x, resolve); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// HasDynamic tells whether there is a dynamic reference anywhere in v.
func HasDynamic(v any) bool {
	switch v := v.(type) {
	case string:
		return dynamic.MatchString(v)
	case []any:
		for _, x := range v {
			if HasDynamic(x) {
				return true
			}
		}
	case map[string]any:
		for _, x := range v {
			if HasDynamic(x) {
				return true
			}
		}
	}
	return false
}
