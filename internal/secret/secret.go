// Package secret knows which fields of a resource hold secret values, on either
// plane, and takes those values out of a diff.Change. What AWS or Kubernetes
// itself marks (NoEcho, the data of a Secret) is known for certain; the rest is
// told by the field's name and by the form of the value. The rule leans to the
// safe side: a value hidden for nothing costs a reader one look at the
// repository, a value shown costs a rotation.
//
// A [Mask] takes values that are known out of what a program prints.
//
// The functions are pure and safe for concurrent use.
package secret

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// Redact returns the change without secret values: fields marked Sensitive lose
// both values, and fields that Field or Value tells to be secret are marked and
// lose them too. The given change is not altered.
func Redact(c diff.Change) diff.Change {
	if len(c.Fields) == 0 {
		return c
	}
	fields := make([]diff.Field, len(c.Fields))
	for i, f := range c.Fields {
		if f.Sensitive || Field(c.Type, f.Path) || inside(c.Type, f.Path, f.Before) || inside(c.Type, f.Path, f.After) {
			f = diff.Field{Path: f.Path, Sensitive: true}
		}
		fields[i] = f
	}
	c.Fields = fields
	return c
}

// Field tells whether the field at path (dotted, as in diff.Field) of a resource
// of the type holds a secret, judged by its name.
func Field(resourceType, path string) bool {
	segments := split(path)
	if len(segments) == 0 {
		return false
	}
	if resourceType == "Secret" && (segments[0] == "data" || segments[0] == "stringData") {
		return true
	}
	last := segments[len(segments)-1]
	if strings.HasSuffix(last, "last-applied-configuration") {
		return true
	}
	if last == "value" && len(segments) > 1 { // env[DB_PASSWORD].value
		last = segments[len(segments)-2]
	}
	return Name(last)
}

// Value tells whether the text is, holds, or refers to, a secret: a dynamic
// reference to one, the stars that CloudFormation prints for a NoEcho parameter, a
// private key, a URL with a password, or the setting of one.
func Value(text string) bool {
	return strings.Contains(text, "{{resolve:secretsmanager:") ||
		strings.Contains(text, "{{resolve:ssm-secure:") ||
		strings.Contains(text, "PRIVATE KEY-----") ||
		Named(text) != text ||
		len(text) >= 4 && strings.Trim(text, "*") == ""
}

// Name tells whether something of that name is a secret by itself:
// "MasterUserPassword", "DB_PASSWORD", "clientSecret", "api-key". Names that
// only speak of one are not: "secretName", "PasswordLength".
func Name(name string) bool {
	words := words(name)
	if len(words) == 0 || words[0] == "manage" || words[0] == "generate" {
		return false
	}
	last := words[len(words)-1]
	switch last {
	case "password", "passwords", "passwd", "pwd", "passphrase", "secret", "token", "credential", "credentials", "apikey", "privatekey":
		return true
	}
	if len(words) < 2 {
		return false
	}
	switch words[len(words)-2] + " " + last {
	case "secret string", "secret binary", "secret key", "access key", "private key", "api key", "auth key", "encryption key", "signing key", "connection string":
		return true
	}
	return false
}

// inside looks for secrets within a value: an added container has its
// environment in it, an added object all its fields.
func inside(resourceType, path string, v any) bool {
	switch x := v.(type) {
	case string:
		return Value(x)
	case map[string]any:
		if name, ok := x["name"].(string); ok && x["value"] != nil && Name(name) {
			return true
		}
		for k, e := range x {
			if leaf(e) && Field(resourceType, join(path, k)) || inside(resourceType, join(path, k), e) {
				return true
			}
		}
	case []any:
		for _, e := range x {
			if inside(resourceType, path, e) {
				return true
			}
		}
	}
	return false
}

// Values are the secret values in an object of the type, for a [Mask] to take them
// out of what is said about the object.
func Values(resourceType string, object map[string]any) []string {
	var found []string
	var collect func(path string, v any, known bool)
	collect = func(path string, v any, known bool) {
		switch x := v.(type) {
		case nil, bool:
		case map[string]any:
			name, _ := x["name"].(string)
			for k, e := range x {
				collect(join(path, k), e, leaf(e) && Field(resourceType, join(path, k)) || k == "value" && Name(name))
			}
		case []any:
			for _, e := range x {
				collect(path, e, known)
			}
		case string:
			if known || Value(x) {
				found = append(found, x)
			}
		default:
			if text, err := json.Marshal(x); err == nil && known {
				found = append(found, string(text)) // a number, as it was written
			}
		}
	}
	collect("", object, false)
	return found
}

// leaf is true for a value that can be a secret by itself. An object that is
// called "secret" is a reference to one, and `true` is a setting.
func leaf(v any) bool {
	switch v.(type) {
	case nil, bool, map[string]any:
		return false
	}
	return true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// split breaks "a.b[c].d" and `a["x.y"]` into their names.
func split(path string) []string {
	var out []string
	var cur strings.Builder
	flush := func() {
		if cur.Len() > 0 {
			out = append(out, cur.String())
			cur.Reset()
		}
	}
	quoted := false
	for _, r := range path {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && (r == '.' || r == '[' || r == ']' || r == '/'):
			flush()
		default:
			cur.WriteRune(r)
		}
	}
	flush()
	// An index says nothing about the field: args[0].
	for len(out) > 0 && strings.Trim(out[len(out)-1], "0123456789") == "" {
		out = out[:len(out)-1]
	}
	return out
}

// words breaks camelCase, snake_case and kebab-case into lower-case words.
func words(name string) []string {
	var out []string
	var cur strings.Builder
	runes := []rune(name)
	flush := func() {
		if cur.Len() > 0 {
			out = append(out, strings.ToLower(cur.String()))
			cur.Reset()
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush()
		}
		cur.WriteRune(r)
	}
	flush()
	return out
}
