package secret

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END PRIVATE KEY-----\n"

func TestMask(t *testing.T) {
	t.Parallel()
	const password = "p&ss w/rd'42"
	m := NewMask(password, `say "x&y"`, "abcdef", "cdefgh", "defg", "", "ab", key)
	for text, want := range map[string]string{
		"":                                 "",
		"nothing here":                     "nothing here",
		"mysql -p" + password + ".":        "mysql -p***.",
		password + password:                "***",
		"abcdef":                           "***",
		"abcdefgh":                         "***", // two that overlap
		"xdefgx":                           "x***x",
		"ab":                               "ab",
		"+ echo 'p&ss w/rd'\\''42'":        "+ echo '***'",
		`{"b":"say \"x&y\""}`:              `{"b":"***"}`,
		`{"a":"p\u0026ss w/rd'42"}`:        `{"a":"***"}`,
		"x=" + url.QueryEscape(password):   "x=***",
		"/" + url.PathEscape(password):     "/***",
		"?p%26ss%20w%2frd%2742":            "?p%26ss%20w%2frd%2742", // %20 and %2f at once is not looked for
		"?p%26ss+w%2frd%2742":              "?***",
		"key: MIIEvQIBADANBgkqhkiG9w0, so": "key: ***, so",
		key:                                "***\n",
		"    " + strings.ReplaceAll(key, "\n", "\r\n    "): "    ***\r\n    ***\r\n    ***\r\n    ***\r\n    ",
	} {
		if d := cmp.Diff(want, m.Text(text)); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

func TestMaskBase64(t *testing.T) {
	t.Parallel()
	const password = "correct/horse~battery??staple"
	m := NewMask(password)
	for before := range 7 {
		for after := range 5 {
			whole := strings.Repeat("u", before) + password + strings.Repeat("v", after)
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				text := m.Text("Authorization: Basic " + e.EncodeToString([]byte(whole)))
				// The ends may remain, which hold less than a letter of it each.
				rest := strings.ReplaceAll(strings.TrimPrefix(text, "Authorization: Basic "), Stars, "")
				if !strings.Contains(text, Stars) || len(rest) > (before+after+2)*8/6+4 {
					t.Errorf("%q became %q", whole, text)
				}
			}
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		writes []string
		want   []string
	}{
		"lines":            {[]string{"one\ntwo\n\nfour"}, []string{"one", "two", "", "four"}},
		"pieces":           {[]string{"o", "ne\nt", "wo", "\n"}, []string{"one", "two"}},
		"nothing":          {[]string{"", ""}, nil},
		"in pieces":        {[]string{"a hun", "te", "r2", "\n"}, []string{"a ***"}},
		"torn over writes": {[]string{"hunter", "\n"}, []string{"hunter"}},
		"over lines":       {[]string{"multi\nli", "ne\nrest\n"}, []string{"***", "rest"}},
		"torn by a colour": {[]string{"hun\x1b[31mter2\n"}, []string{"***"}},
		"too long":         {[]string{strings.Repeat("x", 25) + "\n"}, []string{strings.Repeat("x", 20), "xxxxx"}},
		"exactly":          {[]string{strings.Repeat("x", 20) + "\n"}, []string{strings.Repeat("x", 20)}},
		"never ends":       {[]string{strings.Repeat("ä", 15)}, []string{strings.Repeat("ä", 10), strings.Repeat("ä", 5)}},
		"between bytes":    {[]string{"x" + strings.Repeat("ä", 15)}, []string{"x" + strings.Repeat("ä", 9), strings.Repeat("ä", 6)}},
		"at the limit":     {[]string{strings.Repeat("x", 17), "hunter2\n"}, []string{strings.Repeat("x", 17) + "***"}},
		"not UTF-8":        {[]string{"a\xff\xfeb\n"}, []string{"a\uFFFDb"}},
		"Windows":          {[]string{"one\r\ntwo\r\n"}, []string{"one", "two"}},
		"progress":         {[]string{"10%\r50%\r100%\n"}, []string{"100%"}},
		"terminal":         {[]string{"\x1b[1;32mok\x1b[0m\n", "\x1b]0;t\a\a\x00a\tb\n"}, []string{"ok", "a\tb"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			l := NewMask("hunter2", "multi\nline").Lines(20, func(line string) { got = append(got, line) })
			for _, w := range c.writes {
				if n, err := l.Write([]byte(w)); n != len(w) || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// A line comes as soon as it ends, although it could go on as a secret.
func TestLinesComeAtOnce(t *testing.T) {
	t.Parallel()
	var got []string
	l := NewMask("hunter2").Lines(100, func(line string) { got = append(got, line) })
	fmt.Fprint(l, "waiting for hunt\n")
	if d := cmp.Diff([]string{"waiting for hunt"}, got); d != "" {
		t.Error(d)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("the hunter2 hunts", "hunter2", "s hun", 3)
	f.Add("\xff\r\x1b[1m\n", "aaaa", "aaab", 1)
	f.Fuzz(func(t *testing.T, text, a, b string, cut int) {
		m := NewMask(a, b)
		printed := func(pieces ...string) string {
			var out []string
			l := m.Lines(40, func(line string) { out = append(out, line) })
			for _, p := range pieces {
				_, _ = l.Write([]byte(p))
			}
			_ = l.Close()
			return strings.Join(out, "\n")
		}
		cut = max(0, min(cut, len(text)))
		once, twice := printed(text), printed(text[:cut], text[cut:])
		if once != twice {
			t.Errorf("in two pieces %q, in one %q", twice, once)
		}
		if !utf8.ValidString(once) || strings.ContainsFunc(once, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' }) {
			t.Errorf("not fit to print: %q", once)
		}
		plain := strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' || r == '*' {
				return -1
			}
			return r
		}, a)
		if plain == a && len(a) >= shortest && len(text) < 40 && strings.Contains(once, a) {
			t.Errorf("%q is still in %q", a, once)
		}
	})
}
