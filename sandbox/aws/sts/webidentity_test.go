package sts

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadToken(t *testing.T) {
	t.Parallel()
	token := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for payload, want := range map[string]claims{
		`{"iss":"i","sub":"s","aud":"a","exp":5}`:       {"i", "s", audience{"a"}, 5},
		`{"iss":"i","sub":"s","aud":["a","b"],"exp":5}`: {"i", "s", audience{"a", "b"}, 5},
	} {
		got, err := readToken(token(payload))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", payload, err, diff)
		}
	}
	for _, wrong := range []string{"", "a.b", "a.!.c", token("{}"), token(`{"iss":"i","sub":"s","aud":1}`), token("[]")} {
		if _, err := readToken(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// FuzzReadToken checks that no token panics, or passes without its claims.
func FuzzReadToken(f *testing.F) {
	f.Add("e30.eyJpc3MiOiJpIiwic3ViIjoicyIsImF1ZCI6WyJhIl19.x")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := readToken(token); err == nil && (c.Issuer == "" || c.Subject == "") {
			t.Errorf("%q passed as %+v", token, c)
		}
	})
}
