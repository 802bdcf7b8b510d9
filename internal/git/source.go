package git

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Source is a repository on a server, and who reads it. Without a user name and
// password it is read anonymously. With a token and no user name of its own, any
// user name will do on most servers.
type Source struct {
	// URL is http or https; a directory or file URL too where the mirror was
	// opened with LocalSources. It carries no password.
	URL      string
	Username string
	Password string
}

// String is the URL alone, so that a Source printed by mistake gives nothing away.
func (s Source) String() string { return s.plainURL() }

// GoString is like String.
func (s Source) GoString() string { return s.plainURL() }

// plainURL is the URL without user information.
func (s Source) plainURL() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "(a URL that does not parse)"
	}
	u.User = nil
	return u.String()
}

func (s Source) validate(branch string, local bool) error {
	fail := func(format string, args ...any) error {
		return &FetchError{
			Reason: ErrInvalidSource, URL: s.plainURL(), Branch: branch,
			Detail: fmt.Sprintf(format, args...),
		}
	}
	u, err := url.Parse(s.URL)
	if err != nil || s.URL == "" || strings.ContainsFunc(s.URL, isControl) {
		return fail("expected a URL such as https://git.example.com/team/service.git")
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "http":
		if u.Host == "" {
			return fail("the URL names no host")
		}
		if u.User != nil {
			return fail("the URL carries credentials; put them into the Secret that the Environment's source names")
		}
	case local && (u.Scheme == "file" || u.Scheme == "" && filepath.IsAbs(s.URL)):
	case u.Scheme == "ssh" || u.Scheme == "":
		return fail("only http and https are supported; use the repository's https URL with a token")
	default:
		return fail("only http and https are supported, not %q", u.Scheme)
	}
	if strings.ContainsFunc(s.Username+s.Password, isControl) {
		return fail("user name or password has a control character in it, perhaps a line end; write the Secret again without it")
	}
	if !validBranch(branch) {
		return fail("%q is no name for a branch", branch)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// validBranch is git's own rule for ref names (git check-ref-format) so far as it
// matters for what a name could do in a refspec.
func validBranch(b string) bool {
	if b == "" || b == "@" || strings.HasPrefix(b, "-") || strings.ContainsFunc(b, isControl) ||
		strings.ContainsAny(b, " ~^:?*[\\") || strings.Contains(b, "..") || strings.Contains(b, "@{") {
		return false
	}
	for part := range strings.SplitSeq(b, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") || strings.HasSuffix(part, ".") {
			return false
		}
	}
	return true
}

// privateRef is the mirror's ref for one branch of one repository. It is a hash,
// so that branches "a" and later "a/b" do not collide as file and folder.
func (s Source) privateRef(branch string) string {
	sum := sha256.Sum256([]byte(s.URL + "\x00" + branch))
	return "refs/drawbridge/" + hex.EncodeToString(sum[:12])
}

// authorization returns the configuration, for the environment, that makes git
// send the credentials with requests under this URL and no other.
func (s Source) authorization() []setting {
	if s.Username == "" && s.Password == "" {
		return nil
	}
	basic := base64.StdEncoding.EncodeToString([]byte(s.Username + ":" + s.Password))
	return []setting{{"http." + s.URL + ".extraHeader", "Authorization: Basic " + basic}}
}

// redact takes the credentials out of what git printed.
func (s Source) redact(text string) string {
	for _, secret := range []string{
		base64.StdEncoding.EncodeToString([]byte(s.Username + ":" + s.Password)),
		url.QueryEscape(s.Password), s.Password,
	} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
