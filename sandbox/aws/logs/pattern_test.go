package logs

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true},
		{"a b", "b and a", true},
		{"a b", "a only", false},
		{`"a b"`, "b and a", false},
		{`"a b" c`, "c, a b", true},
		{"?a ?b", "b", true},
		{"?a ?b", "c", false},
		{"a -b", "a", true},
		{"a -b", "a b", false},
		{`-"a b"`, "a b", false},
	} {
		matches, err := parsePattern(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		if got := matches(test.message); got != test.want {
			t.Errorf("%q matches %q: %v, want %v", test.pattern, test.message, got, test.want)
		}
	}
	for _, pattern := range []string{"{ $.a = 1 }", "[a, b]", "%a.b%", `"open`, "? a"} {
		if _, err := parsePattern(pattern); err == nil {
			t.Errorf("%q is taken", pattern)
		}
	}
}

// FuzzPattern checks that no pattern hangs or panics, and that a term alone matches
// itself.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"a -b ?c", `"a b" -"c`, "?-a", "  ", "{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		matches, err := parsePattern(pattern)
		if err == nil && !strings.ContainsAny(pattern, "?-\" \t\n\v\f\r\u0085\u00a0") && !matches(pattern) {
			t.Errorf("%q does not match itself", pattern)
		}
	})
}
