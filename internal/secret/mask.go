package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"sort"
	"strings"
)

const (
	// Stars stand in a text where a secret value was.
	Stars = "***"
	// shortest is the length below which a value is not hidden: so short a one
	// stands in any text, and hiding it there would spell it out.
	shortest = 4
	// shortestForm is the same for what a value may look like when it is encoded.
	shortestForm = 8
)

// Mask hides known secret values in text, in these forms: as they are, each long
// line of one that has several, quoted for a shell or for JSON, with %XX as in a
// URL, and in base64, also when it is only part of what was encoded, as the
// password in an Authorization header is. Values of less than four bytes are
// not hidden. What a program does to a value beyond this, such as writing it
// backwards, is not seen.
//
// A Mask does not change and is safe for concurrent use.
type Mask struct {
	sorted  []string             // all forms
	byStart map[[4]byte][]string // longest first
	longest int
}

// NewMask hides the values. Without any it hides nothing.
func NewMask(values ...string) *Mask {
	m := &Mask{byStart: map[[4]byte][]string{}}
	for _, v := range values {
		m.sorted = append(m.sorted, forms(v)...)
	}
	slices.Sort(m.sorted)
	m.sorted = slices.Compact(m.sorted)
	for _, form := range m.sorted {
		start := [4]byte([]byte(form))
		m.byStart[start] = append(m.byStart[start], form)
		m.longest = max(m.longest, len(form))
	}
	for _, forms := range m.byStart {
		slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	}
	return m
}

// Text returns the text with stars for each secret.
func (m *Mask) Text(text string) string {
	s := stream{mask: m}
	return string(s.end(s.next(nil, []byte(text))))
}

// match is the length of the longest form that the text starts with.
func (m *Mask) match(text []byte) int {
	if len(text) < shortest {
		return 0
	}
	for _, form := range m.byStart[[4]byte(text)] {
		if len(form) <= len(text) && string(text[:len(form)]) == form {
			return len(form)
		}
	}
	return 0
}

// begun tells whether the text is the beginning of a form, and not all of one.
func (m *Mask) begun(text []byte) bool {
	i := sort.Search(len(m.sorted), func(i int) bool { return m.sorted[i] > string(text) })
	return i < len(m.sorted) && strings.HasPrefix(m.sorted[i], string(text))
}

// stream hides secrets in a text that comes in pieces.
type stream struct {
	mask *Mask
	held []byte // not yet passed on: it may be the beginning of a secret
	// covered is how many bytes at the start of held belong to a secret.
	covered int
	// starred is set while the last thing passed on are the stars of it.
	starred bool
}

// next appends to out what is certain once p has come too.
func (s *stream) next(out, p []byte) []byte {
	s.held = append(s.held, p...)
	certain := max(0, len(s.held)-max(0, s.mask.longest-1))
	for certain < len(s.held) && !s.mask.begun(s.held[certain:]) {
		certain++
	}
	return s.pass(out, certain)
}

// end appends what is left.
func (s *stream) end(out []byte) []byte {
	out = s.pass(out, len(s.held))
	s.starred = false
	return out
}

// pass appends the first n held bytes. Every place is looked at, those within a
// secret too, because the next one may begin there.
func (s *stream) pass(out []byte, n int) []byte {
	for i := range n {
		s.covered = max(s.covered, s.mask.match(s.held[i:]))
		if s.covered == 0 {
			out = append(out, s.held[i])
			s.starred = false
			continue
		}
		if !s.starred {
			out = append(out, Stars...)
			s.starred = true
		}
		s.covered--
	}
	s.held = append(s.held[:0], s.held[n:]...)
	return out
}

// forms are what the value may look like, each long enough to be told from other
// text.
func forms(value string) []string {
	value = strings.TrimRight(value, "\r\n")
	if len(value) < shortest {
		return nil
	}
	quoted, _ := json.Marshal(value) // with \u0026 for &, as Go does
	var plain strings.Builder
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // text can always be encoded
	escaped := url.QueryEscape(value)
	all := []string{
		unquoted(string(quoted)), unquoted(strings.TrimSuffix(plain.String(), "\n")),
		strings.ReplaceAll(value, "'", `'\''`), strings.ReplaceAll(value, "'", `'"'"'`),
		escaped, strings.ReplaceAll(escaped, "+", "%20"), url.PathEscape(value), lowerHex(escaped),
	}
	if lines := strings.Split(value, "\n"); len(lines) > 1 {
		for _, line := range lines {
			all = append(all, strings.TrimSpace(line))
		}
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		all = append(all, e.EncodeToString([]byte(value)))
	}
	for before := range 3 {
		all = append(all, encoded(base64.RawStdEncoding, value, before), encoded(base64.RawURLEncoding, value, before))
	}
	all = slices.DeleteFunc(all, func(form string) bool { return len(form) < shortestForm })
	return append(all, value)
}

func unquoted(text string) string { return text[1 : len(text)-1] }

// encoded is the part of the base64 that only the value decides, when it comes
// after so many bytes (of each three) and others follow.
func encoded(e *base64.Encoding, value string, before int) string {
	text := e.EncodeToString([]byte(strings.Repeat("x", before) + value))
	first := (before*8 + 5) / 6
	last := (before + len(value)) * 8 / 6
	return text[min(first, last):last]
}

// lowerHex writes %2F as %2f.
func lowerHex(escaped string) string {
	parts := strings.Split(escaped, "%")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToLower(p[:2]) + p[2:]
	}
	return strings.Join(parts, "%")
}
