package nameserver

import (
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
)

// FuzzEscapes checks that no name of a question makes its reader panic, and that
// what Route 53 escapes comes back from a zone file's form.
func FuzzEscapes(f *testing.F) {
	f.Add(`a\032b.example.test.`)
	f.Add(`a\.b\\.`)
	f.Add(`\1`)
	f.Fuzz(func(t *testing.T, name string) {
		once := octal(name)
		if twice := octal(route53.ZoneFile(once)); twice != once {
			t.Errorf("octal(%q) = %q, and by way of a zone file %q", name, once, twice)
		}
	})
}
