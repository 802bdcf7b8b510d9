package render

import (
	"fmt"
	"strings"
)

// part is a piece of a string: literal text, or a reference.
type part struct {
	// text is the literal, or the reference as it is written.
	text string
	// name is empty for a literal.
	name string
	// fallback is used when hasFallback is set and there is no value.
	fallback    string
	hasFallback bool
}

// parseReferences cuts a string into literals and references. It returns nil when
// there is nothing in it that would be replaced. A reference that can't be read
// is an error, which offset (in bytes) places.
func parseReferences(s string) (parts []part, offset int, err error) {
	if !strings.Contains(s, "${") {
		return nil, 0, nil
	}
	literal := func(text string) {
		if n := len(parts); n > 0 && parts[n-1].name == "" {
			parts[n-1].text += text
		} else if text != "" {
			parts = append(parts, part{text: text})
		}
	}
	for i := 0; i < len(s); {
		at := strings.Index(s[i:], "${")
		if at < 0 {
			literal(s[i:])
			break
		}
		at += i
		if at > i && s[at-1] == '$' { // "$${": the text "${"
			literal(s[i:at-1] + "${")
			i = at + 2
			continue
		}
		literal(s[i:at])
		end := strings.IndexByte(s[at:], '}')
		if end < 0 {
			return nil, at, fmt.Errorf("the reference that begins with %q has no }", head(s[at:]))
		}
		end += at + 1
		p, err := parseReference(s[at:end])
		if err != nil {
			return nil, at, err
		}
		parts = append(parts, p)
		i = end
	}
	return parts, 0, nil
}

// parseReference reads "${NAME}", "${NAME:-default}" or "${NAME:=default}".
func parseReference(text string) (part, error) {
	inner := text[2 : len(text)-1]
	n := 0
	for n < len(inner) && isNameByte(inner[n], n == 0) {
		n++
	}
	p := part{text: text, name: inner[:n]}
	rest := inner[n:]
	switch {
	case n > 0 && rest == "":
		return p, nil
	case n > 0 && (strings.HasPrefix(rest, ":-") || strings.HasPrefix(rest, ":=")):
		p.fallback, p.hasFallback = rest[2:], true
		if strings.Contains(p.fallback, "${") {
			return part{}, fmt.Errorf("%s: a default can't hold another reference", head(text))
		}
		return p, nil
	}
	return part{}, fmt.Errorf("%s is no reference that is understood; expected ${NAME}, ${NAME:-default} or ${NAME:=default}; "+
		"write $${ where the text ${ is meant", head(text))
}

func isNameByte(c byte, first bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || !first && '0' <= c && c <= '9'
}

// head is the beginning of a text, short enough for an error.
func head(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
