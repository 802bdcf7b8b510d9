package forge

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Kind of forge.
type Kind string

// The kinds; only GitHub can be opened.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Options of [New]. Either Token or App is required.
type Options struct {
	// Kind is GitHub when empty.
	Kind Kind
	// Site is where people see it; https://github.com when empty. Plain http only at
	// loopback addresses.
	Site string
	// Token of a user; App is a GitHub App.
	Token string
	App   *App
	// Timeout of a request; 30 s when zero.
	Timeout time.Duration
	// Transport is http.DefaultTransport when nil.
	Transport http.RoundTripper
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// App is a GitHub App.
type App struct {
	// ID is its client ID, or its number.
	ID string
	// Key is its private RSA key, as PEM.
	Key []byte
	// Installation is that which is used; it is looked up for each repository's owner
	// when 0.
	Installation int64
}

// New returns a forge. It makes no request.
func New(o Options) (Forge, error) {
	switch o.Kind {
	case "", GitHub:
		return openGitHub(o)
	case GitLab, Gitea:
		return nil, fmt.Errorf("%s: %w yet: only github is, or approve with the drawbridge command", o.Kind, ErrNotSupported)
	}
	return nil, fmt.Errorf("%q: %w: expected github", o.Kind, ErrNotSupported)
}

// Locate takes a repository's URL for Git apart: https://HOST/OWNER/NAME.git. Site
// is for Options.
func Locate(clone string) (site string, repo Repository, err error) {
	wrong := func(why string) (string, Repository, error) {
		return "", Repository{}, fmt.Errorf("repository URL: %s: expected https://HOST/OWNER/NAME.git", why)
	}
	u, err := url.Parse(clone)
	if err != nil {
		return wrong("it does not parse") // it may hold a password
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return wrong(fmt.Sprintf("%s is not at a web site", u.Redacted()))
	}
	path := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/"), ".git")
	owner, name, both := strings.Cut(path, "/")
	if !both || !isName(owner) || !isName(name) {
		return wrong(fmt.Sprintf("%s names no repository of an owner", u.Redacted()))
	}
	return u.Scheme + "://" + u.Host, Repository{Owner: owner, Name: name}, nil
}

// isName says that a name is GitHub's, and safe as one element of a path.
func isName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	})
}

// apiURL of a GitHub site.
func apiURL(site string) (*url.URL, error) {
	if site == "" {
		site = "https://github.com"
	}
	u, err := url.Parse(site)
	if err != nil {
		return nil, fmt.Errorf("forge: the site's URL does not parse")
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("forge: the site's URL carries credentials; put them into the Secret")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("forge: site %q: expected https://HOST", site)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("forge: site %s: a token is sent over https only; use https://%s", site, u.Host)
	case u.Host == "github.com" || u.Host == "www.github.com":
		return &url.URL{Scheme: u.Scheme, Host: "api.github.com", Path: "/"}, nil
	case strings.HasSuffix(u.Host, ".ghe.com"):
		return &url.URL{Scheme: u.Scheme, Host: "api." + u.Host, Path: "/"}, nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/") + "/api/v3/"}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
