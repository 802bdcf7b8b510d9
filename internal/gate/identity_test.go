package gate

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestCoAuthors(t *testing.T) {
	t.Parallel()
	for message, want := range map[string][]Identity{
		"subject": nil,
		"subject\n\nCo-authored-by: Bob B <bob@example.com>":                                                   {{Name: "Bob B", Email: "bob@example.com"}},
		"s\n\nCO-AUTHORED-BY:bob@example.com <bob@example.com>\r\nCo-authored-by: Carol <c@x>\n\nnot the last": {{Name: "bob@example.com", Email: "bob@example.com"}, {Name: "Carol", Email: "c@x"}},
		"s\n\n  co-authored-by : <a@b>\nco-authored-by: <a@b>":                                                 {{Email: "a@b"}},
		"Co-authored-by: only a name":                                                                          {{Name: "only a name"}},
		"Co-authored-by:\nnot co-authored-by: x <y@z>":                                                         nil,
		"s\n\nCo-authored-by: open <a@b":                                                                       {{Name: "open", Email: "a@b"}},
	} {
		if diff := cmp.Diff(want, CoAuthors(message)); diff != "" {
			t.Errorf("%q: %s", message, diff)
		}
	}
}

func TestSamePerson(t *testing.T) {
	t.Parallel()
	bob := Identity{Login: "bob", Email: "bob@example.com", User: "oidc:bob@corp.example"}
	for _, i := range []Identity{
		{Login: "BOB"}, {Login: "@bob"}, {Email: "Bob@Example.com"}, {Email: " <bob@example.com> "}, {Email: "bob+x@example.com"}, {Email: "bob@users.noreply.github.com"}, {Email: "7-bob@users.noreply.gitlab.com"},
		{Email: "7+bob@users.noreply.ghe.example"}, {Email: "bob@noreply.gitea.example"}, {Email: "bob@corp.example"}, {User: "oidc:bob@corp.example"}, {User: "bob@example.com"},
	} {
		if !sharesKey(bob.keys(), i.keys()) {
			t.Errorf("%+v is somebody else: %q, %q", i, bob.keys(), i.keys())
		}
	}
	for _, i := range []Identity{
		{}, {Name: "bob"}, {Login: "bobby"}, {User: "bob"}, {Email: "bob@example.org"}, {Email: "bob@gmail.com"}, {Email: "xbob@users.noreply.github.com"}, {Email: "bob@noreply"}, {Email: "bob"}, {User: "OIDC:bob"},
	} {
		if sharesKey(bob.keys(), i.keys()) {
			t.Errorf("%+v is bob: %q", i, i.keys())
		}
	}
}

// A commit's author writes all of it, and is recognized by what they wrote.
func FuzzIdentities(f *testing.F) {
	f.Add("s\n\nCo-authored-by: Bob <bob@example.com>", "Bob@example.com", "bob")
	f.Add("co-authored-by: <>", "1+x@users.noreply.github.com", "x[bot]")
	f.Add("Co-Authored-By: a <<b>>\x00", "@", "@@")
	f.Fuzz(func(t *testing.T, message, email, login string) {
		for _, i := range CoAuthors(message) {
			if strings.ContainsAny(i.Name+i.Email, "\n") || i.unknown() && i.Name == "" {
				t.Errorf("%q names %+v", message, i)
			}
		}
		for _, i := range []Identity{{Email: email}, {Login: login}, {User: email}} {
			keys := i.keys()
			if !sharesKey(keys, keys) && i != (Identity{}) {
				t.Errorf("%+v is not themselves: %q", i, keys)
			}
		}
		if strings.TrimSpace(email) == "" {
			return
		}
		// Whoever is named as co-author is recognized as the author of that address.
		if !strings.ContainsAny(email, "<>\r\n") {
			found := CoAuthors("s\n\nCo-authored-by: N <" + email + ">")
			ascii := !strings.ContainsFunc(email, func(r rune) bool { return r > unicode.MaxASCII })
			if len(found) != 1 || ascii && !sharesKey(found[0].keys(), Identity{Email: strings.ToUpper(email)}.keys()) {
				t.Errorf("%q: %+v", email, found)
			}
		}
		r := compiled(t, everything).roster
		if p := r.granted(Identity{Email: email}); p != nil {
			t.Errorf("the address %q is %s, though nobody authenticated it", email, p.name)
		}
		if p := r.granted(Identity{Login: login}); p != nil && !slices.Contains(p.keys, loginKey(login)) {
			t.Errorf("the login %q is %s", login, p.name)
		}
	})
}
