package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v93/github"

	"github.com/drawbridge-gitops/drawbridge/internal/turns"
)

// agent is what GitHub asks every client to call itself.
const agent = "drawbridge"

// gitHub is a GitHub site.
type gitHub struct {
	api       *url.URL
	timeout   time.Duration
	transport http.RoundTripper
	now       func() time.Time
	token     string
	app       *app
	turns     turns.Turns

	mu      sync.Mutex
	clients map[string]*github.Client // by owner, whose limits and installation are its own
	self    string                    // our login, once it is known
}

func openGitHub(o Options) (Forge, error) {
	api, err := apiURL(o.Site)
	if err != nil {
		return nil, err
	}
	if (o.Token == "") == (o.App == nil) {
		return nil, fmt.Errorf("forge %s: expected a token or a GitHub App, one of them", api.Host)
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("forge %s: the token has a space or a line end in it; write the Secret again without it", api.Host)
	}
	g := &gitHub{api: api, timeout: o.Timeout, transport: o.Transport, now: o.Now, token: o.Token, clients: map[string]*github.Client{}}
	if g.timeout == 0 {
		g.timeout = 30 * time.Second
	}
	if g.transport == nil {
		g.transport = http.DefaultTransport
	}
	if g.now == nil {
		g.now = time.Now
	}
	if o.App != nil {
		if g.app, err = g.newApp(*o.App); err != nil {
			return nil, fmt.Errorf("forge %s: %w", api.Host, err)
		}
	}
	return g, nil
}

// client speaks to the repositories of one owner.
func (g *gitHub) client(repo Repository) (*github.Client, error) {
	if !isName(repo.Owner) || !isName(repo.Name) {
		return nil, &Error{Doing: fmt.Sprintf("repository %q of %q", repo.Name, repo.Owner), Reason: ErrInvalid}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	owner := strings.ToLower(repo.Owner)
	if g.app == nil {
		owner = "" // a token has one limit for all
	}
	if c := g.clients[owner]; c != nil {
		return c, nil
	}
	var who bearer = fixed(g.token)
	if g.app != nil {
		who = &installation{app: g.app, id: g.app.Installation, repo: repo}
	}
	c, err := g.clientAs(who)
	if err == nil {
		g.clients[owner] = c
	}
	return c, err
}

func (g *gitHub) clientAs(who bearer) (*github.Client, error) {
	base := g.api.String()
	return github.NewClient(
		github.WithURLs(&base, nil), github.WithUserAgent(agent), github.WithTimeout(g.timeout),
		github.WithTransport(newConditional(&authorized{next: g.transport, api: g.api, who: who})))
}

// login is ours, as the author of comments.
func (g *gitHub) login(ctx context.Context, c *github.Client) (string, error) {
	g.mu.Lock()
	known := g.self
	g.mu.Unlock()
	if known != "" {
		return known, nil
	}
	if g.app != nil {
		a, _, err := g.app.client.Apps.Get(ctx, "")
		if err != nil {
			return "", g.failure(err, "ask %s which App this is", g.api.Host)
		}
		known = a.GetSlug() + "[bot]"
	} else {
		u, _, err := c.Users.Get(ctx, "")
		if err != nil {
			return "", g.failure(err, "ask %s whose token this is", g.api.Host)
		}
		known = u.GetLogin()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.self = known
	return known, nil
}

func actor(u *github.User) Actor {
	return Actor{
		Login: u.GetLogin(), ID: u.GetID(),
		// Also a bot that signs in as a user is named so, by GitHub's own custom.
		Bot: u.GetType() == "Bot" || strings.HasSuffix(u.GetLogin(), "[bot]"),
	}
}

// cut shortens a description to GitHub's 140 characters.
func cut(s string) string {
	const limit = 140
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// short is how a commit is named in errors.
func short(commit string) string { return commit[:min(len(commit), 8)] }

// optional is nil for what is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
