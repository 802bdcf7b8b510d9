package route53

import (
	"strings"
	"testing"
)

func TestCanonicalNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Example.Test":              "example.test.",
		"*.example.test.":           `\052.example.test.`,
		`\052.example.test`:         `\052.example.test.`,
		`\101b.test`:                "ab.test.", // an escape of what needs none
		"a b._tcp.test":             `a\040b._tcp.test.`,
		"a..test":                   "",
		"":                          "",
		".":                         "",
		`a\09.test`:                 "",
		`a\777.test`:                "",
		strings.Repeat("a", 64):     "",
		strings.Repeat("a.b.", 100): "",
	} {
		got, err := canonical(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("canonical(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	if got, want := reversed(`\052.example.test.`), `test.example.\052`; got != want {
		t.Errorf("reversed = %q, want %q", got, want)
	}
}

// FuzzCanonical checks that what is canonical stays as it is.
func FuzzCanonical(f *testing.F) {
	f.Add("*.Example.test")
	f.Add(`a\040b.`)
	f.Fuzz(func(t *testing.T, text string) {
		once, err := canonical(text)
		if err != nil {
			return
		}
		if twice, err := canonical(once); err != nil || twice != once {
			t.Errorf("canonical(%q) = %q, and of that %q, %v", text, once, twice, err)
		}
	})
}
