package forge

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v93/github"
)

// bearer is whose requests are made.
type bearer interface {
	// bear returns a token that is good now.
	bear(ctx context.Context) (string, error)
	// refused is told that a token is not.
	refused(token string)
}

// authorized adds the token to requests to the API, and to none that a redirect
// leads elsewhere.
type authorized struct {
	next http.RoundTripper
	api  *url.URL
	who  bearer
}

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != a.api.Scheme || r.URL.Host != a.api.Host {
		return a.next.RoundTrip(r)
	}
	token, err := a.who.bear(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := a.next.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusUnauthorized {
		a.who.refused(token)
	}
	return answer, err
}

// fixed is a token that somebody else renews.
type fixed string

func (f fixed) bear(context.Context) (string, error) { return string(f), nil }
func (fixed) refused(string)                         {}

// app proves with its key that it is the App.
type app struct {
	App
	key    *rsa.PrivateKey
	github *gitHub
	client *github.Client // as the App itself
}

func (g *gitHub) newApp(a App) (*app, error) {
	if a.ID == "" {
		return nil, errors.New("GitHub App: its client ID is empty")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(a.Key)
	if err != nil {
		// The reason may quote the key.
		return nil, errors.New("GitHub App: the private key is no RSA key as PEM; download it anew from the App's settings")
	}
	made := &app{App: a, key: key, github: g}
	made.client, err = g.clientAs(made)
	return made, err
}

// bear makes a JSON Web Token. GitHub takes ten minutes at most; the clocks of both
// may differ by one.
func (a *app) bear(context.Context) (string, error) {
	now := a.github.now()
	return jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer:    a.ID,
		IssuedAt:  jwt.NewNumericDate(now.Add(-time.Minute)),
		ExpiresAt: jwt.NewNumericDate(now.Add(8 * time.Minute)),
	}).SignedString(a.key)
}

func (*app) refused(string) {}

// renewal is how long before its end a token is no longer used.
const renewal = 5 * time.Minute

// installation of the App at one owner.
type installation struct {
	app  *app
	repo Repository // any of the owner's

	mu    sync.Mutex // held while a token is asked for: one is enough for all
	id    int64
	token string
	until time.Time
}

func (i *installation) bear(ctx context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g := i.app.github
	if i.token != "" && g.now().Before(i.until.Add(-renewal)) {
		return i.token, nil
	}
	if i.id == 0 {
		found, _, err := i.app.client.Apps.GetRepositoryInstallation(ctx, i.repo.Owner, i.repo.Name)
		if err != nil {
			return "", g.failure(err, "find the installation of GitHub App %s for %s", i.app.ID, i.repo)
		}
		i.id = found.GetID()
	}
	made, _, err := i.app.client.Apps.CreateInstallationToken(ctx, i.id, nil)
	if err != nil {
		if errors.Is(g.failure(err, ""), ErrNotFound) && i.app.Installation == 0 {
			i.id = 0 // installed anew, perhaps
		}
		return "", g.failure(err, "get a token for installation %d of GitHub App %s", i.id, i.app.ID)
	}
	i.token, i.until = made.GetToken(), made.GetExpiresAt().Time
	return i.token, nil
}

func (i *installation) refused(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token == token {
		i.token = ""
	}
}
