package ledger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTickets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message string
		want    []string
	}{
		{"", nil},
		{"Make the database Multi-AZ", nil},
		{"OPS-7: make it Multi-AZ", []string{"OPS-7"}},
		{"[OPS-7] (WEB-12), A1B-3.", []string{"OPS-7", "WEB-12", "A1B-3"}},
		{"Fixes #12, closes #3\n\nSee also #12", []string{"#12", "#3"}},
		{"Merge pull request #45 from team/OPS-9-multi-az", []string{"#45", "OPS-9"}},
		{"Merge branch 'feature/OPS-9-multi-az'", []string{"OPS-9"}},
		{"Part of tryghost/Ghost.js#123 and GH-4", []string{"tryghost/Ghost.js#123", "GH-4"}},
		{"https://github.com/o/r/issues/12#issuecomment-1", []string{"https://github.com/o/r/issues/12"}},
		{"https://github.com/o/r/pull/12/files", []string{"https://github.com/o/r/pull/12/files"}},
		{"(https://gitlab.example.com/a/b/c/-/issues/7)", []string{"https://gitlab.example.com/a/b/c/-/issues/7"}},
		{"see https://x.atlassian.net/browse/OPS-7?focus=1, then", []string{"https://x.atlassian.net/browse/OPS-7"}},
		{"https://linear.app/team/issue/ENG-12/make-it-so.", []string{"https://linear.app/team/issue/ENG-12/make-it-so"}},
		{"https://dev.azure.com/o/p/_workitems/edit/99", []string{"https://dev.azure.com/o/p/_workitems/edit/99"}},
		{"https://user:hunter2@git.example.com/o/r/issues/1", []string{"https://git.example.com/o/r/issues/1"}},
		{"docs: https://example.com/ABC-123/page#12", nil},
		{"https://github.com/o/r/issues", nil},
		{"SHA-256, UTF-8, ISO-8601, RFC-7946, CVE-2024-1234, AES-128", nil},
		{"abc-123 xABC-1 ABC-0 ABC-1.2 ABC-1x A-1 -ABC-1", nil},
		{"&#123; #0 #x a#1 a/b/c#1 ##4 #12px", nil},
		{"éABC-1 ABC-1é", nil},
		{"#1\n#2\r\n\t#3", []string{"#1", "#2", "#3"}},
	} {
		if d := cmp.Diff(c.want, Tickets(c.message)); d != "" {
			t.Errorf("%q: %s", c.message, d)
		}
	}
}

// FuzzTickets: what is found is printable, no longer than the message, in it
// once, and found again in itself.
func FuzzTickets(f *testing.F) {
	for _, seed := range []string{"OPS-7: x #1 a/b#2", "https://u:p@h/o/r/issues/12?x#y, https://h/browse/A-1", "https://h/issues/1(ABC-1", "a/b/c#1 #", "https://h/%zz/issues/1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		found := Tickets(message)
		seen := map[string]bool{}
		for _, x := range found {
			if x == "" || seen[x] || strings.ContainsAny(x, " \t\r\n") || len(x) > 3*len(message) {
				t.Errorf("%q in %q", x, message)
			}
			seen[x] = true
		}
		if d := cmp.Diff(found, Tickets(strings.Join(found, " "))); d != "" {
			t.Errorf("%q: not found again: %s", message, d)
		}
	})
}
