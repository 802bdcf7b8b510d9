package gate

import (
	"regexp"
	"slices"
	"strings"
)

// Identity is somebody, as one place knows them. Any part may be missing.
type Identity struct {
	// Name is what a commit says, for people to read. Nobody is told by it.
	Name string `json:"name,omitempty"`
	// Email is what a commit says; nobody authenticated it.
	Email string `json:"email,omitempty"`
	// Login on the forge, which authenticated it or knows whose Email is.
	Login string `json:"login,omitempty"`
	// User name that the cluster or an OIDC issuer authenticated.
	User string `json:"user,omitempty"`
}

// String names them for people.
func (i Identity) String() string {
	switch {
	case i.Login != "":
		return i.Login
	case i.User != "":
		return i.User
	case i.Name != "" && i.Email != "":
		return i.Name + " <" + i.Email + ">"
	case i.Name+i.Email != "":
		return i.Name + i.Email
	}
	return "somebody without a name"
}

// unknown tells whether it could be anybody.
func (i Identity) unknown() bool { return i.Login == "" && i.User == "" && i.Email == "" }

// isBot tells by the login that forges give to programs.
func (i Identity) isBot() bool { return strings.HasSuffix(foldLogin(i.Login), "[bot]") }

// keys are all that the identity may be recognized by. Two identities that share one
// are taken for the same person; rather once too often, since it only ever keeps
// somebody from approving.
func (i Identity) keys() []string {
	var keys []string
	if i.Login != "" {
		keys = append(keys, loginKey(i.Login))
	}
	if i.User != "" {
		keys = append(keys, userKey(i.User))
		if strings.Contains(i.User, "@") {
			keys = append(keys, emailKeys(i.User[strings.LastIndex(i.User, ":")+1:])...)
		}
	}
	if i.Email != "" {
		keys = append(keys, emailKeys(i.Email)...)
	}
	return keys
}

func loginKey(login string) string { return "login " + foldLogin(login) }

// userKey keeps upper and lower case: to Kubernetes they are two users.
func userKey(user string) string { return "user " + user }

func foldLogin(login string) string {
	return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(login), "@"))
}

var numbered = regexp.MustCompile(`^[0-9]+[-+](.+)$`)

// emailKeys are the address without its tag ("+work"), and the logins that an
// address which a forge made up stands for:
//
//	GitHub  login@users.noreply.github.com, 123+login@users.noreply.github.com
//	GitLab  123-login@users.noreply.gitlab.example.com
//	Gitea   login@noreply.gitea.example.com
func emailKeys(email string) []string {
	email = strings.ToLower(strings.Trim(strings.TrimSpace(email), "<>"))
	at := strings.LastIndex(email, "@")
	if at < 0 {
		return []string{"email " + email}
	}
	local, host := email[:at], email[at+1:]
	keys := []string{"email " + email}
	if strings.HasPrefix(host, "users.noreply.") || strings.HasPrefix(host, "noreply.") {
		keys = append(keys, loginKey(local))
		if m := numbered.FindStringSubmatch(local); m != nil {
			keys = append(keys, loginKey(m[1]))
		}
		return keys
	}
	if base, _, tagged := strings.Cut(local, "+"); tagged && base != "" {
		keys = append(keys, "email "+base+"@"+host)
	}
	return keys
}

// madeByForge is the committer of what people do on the web pages of GitHub.
func (i Identity) madeByForge() bool { return strings.EqualFold(i.Email, "noreply@github.com") }

var coAuthor = regexp.MustCompile(`(?im)^[ \t]*co-authored-by[ \t]*:[ \t]*(.*?)[ \t\r]*$`)

// CoAuthors are those whom the message of a commit names with "Co-authored-by",
// wherever in it. A line that has no address gives a name alone.
func CoAuthors(message string) []Identity {
	var found []Identity
	for _, m := range coAuthor.FindAllStringSubmatch(message, -1) {
		name, rest, _ := strings.Cut(m[1], "<")
		email, _, _ := strings.Cut(rest, ">")
		i := Identity{Name: strings.TrimSpace(name), Email: strings.TrimSpace(email)}
		if i != (Identity{}) && !slices.Contains(found, i) {
			found = append(found, i)
		}
	}
	return found
}
