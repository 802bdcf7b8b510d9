package forge

import (
	"errors"
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	shop := Repository{Owner: "acme", Name: "shop"}
	for _, tt := range []struct {
		clone, site string
		repo        Repository
		want        string // of the error
	}{
		{"https://github.com/acme/shop.git", "https://github.com", shop, ""},
		{"https://github.com/acme/shop", "https://github.com", shop, ""},
		{"https://git.example.com:8443/acme/shop/", "https://git.example.com:8443", shop, ""},
		{"http://127.0.0.1:4000/acme/shop.git", "http://127.0.0.1:4000", shop, ""},
		{"https://github.com/acme/s.h_o-p.git", "https://github.com", Repository{Owner: "acme", Name: "s.h_o-p"}, ""},
		{"https://github.com/shop.git", "", Repository{}, "names no repository of an owner"},
		{"https://github.com/acme/group/shop.git", "", Repository{}, "names no repository of an owner"},
		{"https://github.com/acme/..", "", Repository{}, "names no repository of an owner"},
		{"https://github.com/acme/a%2fb", "", Repository{}, "names no repository of an owner"},
		{"git@github.com:acme/shop.git", "", Repository{}, "does not parse"},
		{"ssh://git@github.com/acme/shop.git", "", Repository{}, "is not at a web site"},
		{"/srv/git/shop.git", "", Repository{}, "is not at a web site"},
		{"https://alice:s3cret@github.com/shop", "", Repository{}, "https://alice:xxxxx@github.com/shop"},
		{"https://alice:s3cret@github.com\x7f/", "", Repository{}, "does not parse"},
	} {
		site, repo, err := Locate(tt.clone)
		if site != tt.site || repo != tt.repo || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %s %s %v", tt.clone, site, repo, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the password is told: %v", tt.clone, err)
		}
	}
}

func TestSites(t *testing.T) {
	t.Parallel()
	for site, want := range map[string]string{
		"":                           "https://api.github.com/",
		"https://github.com":         "https://api.github.com/",
		"https://acme.ghe.com":       "https://api.acme.ghe.com/",
		"https://git.example.com":    "https://git.example.com/api/v3/",
		"https://git.example.com/":   "https://git.example.com/api/v3/",
		"https://example.com:8/gh":   "https://example.com:8/gh/api/v3/",
		"http://127.0.0.1:4000":      "http://127.0.0.1:4000/api/v3/",
		"http://localhost:4000":      "http://localhost:4000/api/v3/",
		"http://git.example.com":     "!over https only",
		"http://127.0.0.1.example":   "!over https only",
		"https://t:s3cret@acme.test": "!carries credentials",
		"git.example.com":            "!expected https://HOST",
		"ssh://git.example.com":      "!expected https://HOST",
	} {
		got, err := apiURL(site)
		if wrong, refused := strings.CutPrefix(want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v, want %s", site, err, wrong)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("%s: %s %v, want %s", site, got, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    Options
		want string
	}{
		"GitLab":      {Options{Kind: GitLab, Token: "t"}, "gitlab: forge is not supported yet: only github is"},
		"Gitea":       {Options{Kind: Gitea, Token: "t"}, "gitea: forge is not supported yet"},
		"unheard of":  {Options{Kind: "svn", Token: "t"}, `"svn": forge is not supported`},
		"nobody":      {Options{}, "expected a token or a GitHub App"},
		"both":        {Options{Token: "t", App: &App{ID: "1"}}, "one of them"},
		"a line end":  {Options{Token: "s3cret\n"}, "the token has a space or a line end in it"},
		"no key":      {Options{App: &App{ID: "1", Key: []byte("s3cret")}}, "the private key is no RSA key as PEM"},
		"nameless":    {Options{App: &App{}}, "its client ID is empty"},
		"plain http":  {Options{Site: "http://example.com", Token: "t"}, "over https only"},
		"credentials": {Options{Site: "https://s3cret@example.com", Token: "t"}, "carries credentials"},
	} {
		_, err := New(tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		if (tt.o.Kind != "") != errors.Is(err, ErrNotSupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
