package forge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// WebhookLimit is how large GitHub makes an event at most: 25 MB.
const WebhookLimit = 25 << 20

// Webhook is an event as it arrived. It is worth nothing before Signed has said
// yes.
type Webhook struct {
	// ID is the delivery's, the same when GitHub sends it again.
	ID string
	Event

	body      []byte
	signature []byte
}

// Event says what to look at anew.
type Event struct {
	Kind EventKind
	// Repository, and the URLs under which Git knows it; compare without ".git".
	Repository Repository
	URLs       []string
	// Branch was pushed to, or is the base of the pull request; empty for a push of a
	// tag. Commit is where it is now, the head of the pull request, or what a check is
	// about; zeros when the branch was deleted. Before is where a push found it.
	Branch, Before, Commit string
	// PullRequest is its number.
	PullRequest int
	// Actor pushed, reviewed or did what else happened.
	Actor Actor
}

// EventKind says what an event is about.
type EventKind string

// The kinds; Other is of no interest.
const (
	Ping               EventKind = "ping"
	Pushed             EventKind = "push"
	PullRequestChanged EventKind = "pull request"
	ReviewChanged      EventKind = "review"
	CheckChanged       EventKind = "check"
	Other              EventKind = "other"
)

// payload is what is read of GitHub's events.
// https://docs.github.com/webhooks/webhook-events-and-payloads
type payload struct {
	Ref        string `json:"ref"`
	Before     string `json:"before"`
	After      string `json:"after"`
	Repository struct {
		FullName string `json:"full_name"`
		CloneURL string `json:"clone_url"`
		SSHURL   string `json:"ssh_url"`
		GitURL   string `json:"git_url"`
		HTMLURL  string `json:"html_url"`
	} `json:"repository"`
	Sender user `json:"sender"`
	Pusher struct {
		Name string `json:"name"`
	} `json:"pusher"`
	PullRequest struct {
		Number int `json:"number"`
		Head   struct {
			SHA string `json:"sha"`
		} `json:"head"`
		Base struct {
			Ref string `json:"ref"`
		} `json:"base"`
	} `json:"pull_request"`
	SHA        string `json:"sha"`
	CheckRun   headed `json:"check_run"`
	CheckSuite headed `json:"check_suite"`
}

type headed struct {
	HeadSHA string `json:"head_sha"`
}

type user struct {
	Login string `json:"login"`
	ID    int64  `json:"id"`
	Type  string `json:"type"`
}

// ParseWebhook reads what GitHub sent.
func ParseWebhook(header http.Header, body []byte) (Webhook, error) {
	w := Webhook{ID: header.Get("X-GitHub-Delivery"), body: body, Event: Event{Kind: Other}}
	if sum, ok := strings.CutPrefix(header.Get("X-Hub-Signature-256"), "sha256="); ok {
		w.signature, _ = hex.DecodeString(sum) //nolint:errcheck // what is no signature is never the right one
	}
	name := header.Get("X-GitHub-Event")
	kind := map[string]EventKind{
		"ping": Ping, "push": Pushed, "pull_request": PullRequestChanged, "pull_request_review": ReviewChanged,
		"status": CheckChanged, "check_run": CheckChanged, "check_suite": CheckChanged,
	}[name]
	if kind == "" {
		return w, nil
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Webhook{}, fmt.Errorf("%s event: %w", name, err)
	}
	w.Kind = kind
	if owner, repo, ok := strings.Cut(p.Repository.FullName, "/"); ok && isName(owner) && isName(repo) {
		w.Repository = Repository{Owner: owner, Name: repo}
	}
	for _, u := range []string{p.Repository.CloneURL, p.Repository.SSHURL, p.Repository.GitURL, p.Repository.HTMLURL} {
		if u != "" {
			w.URLs = append(w.URLs, u)
		}
	}
	if len(w.URLs) == 0 && kind != Ping {
		return Webhook{}, fmt.Errorf("%s event: no repository.clone_url", name)
	}
	w.Actor = Actor{Login: p.Sender.Login, ID: p.Sender.ID, Bot: p.Sender.Type == "Bot" || strings.HasSuffix(p.Sender.Login, "[bot]")}
	return w, w.fill(name, p)
}

func (w *Webhook) fill(name string, p payload) error {
	switch w.Kind {
	case Pushed:
		w.Branch, _ = strings.CutPrefix(p.Ref, "refs/heads/")
		if w.Branch == p.Ref {
			w.Branch = ""
		}
		w.Before, w.Commit = p.Before, p.After
		if p.Pusher.Name != "" && !strings.EqualFold(p.Pusher.Name, w.Actor.Login) {
			w.Actor = Actor{Login: p.Pusher.Name}
		}
	case PullRequestChanged, ReviewChanged:
		w.PullRequest, w.Branch, w.Commit = p.PullRequest.Number, p.PullRequest.Base.Ref, p.PullRequest.Head.SHA
		if w.PullRequest <= 0 {
			return fmt.Errorf("%s event: no pull_request.number", name)
		}
	case CheckChanged:
		w.Commit = p.SHA + p.CheckRun.HeadSHA + p.CheckSuite.HeadSHA // only one is there
		if w.Commit == "" {
			return fmt.Errorf("%s event: it names no commit", name)
		}
	}
	return nil
}

// Signed tells in constant time whether the secret made the signature. An empty
// secret made none.
func (w Webhook) Signed(secret []byte) bool {
	mac := hmac.New(sha256.New, secret)
	mac.Write(w.body)
	return hmac.Equal(w.signature, mac.Sum(nil)) && len(secret) > 0
}
