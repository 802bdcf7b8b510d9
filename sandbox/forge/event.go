package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// event is GitHub's push event, as far as it is sent.
type event struct {
	Ref        string          `json:"ref"`
	Before     string          `json:"before"`
	After      string          `json:"after"`
	Created    bool            `json:"created"`
	Deleted    bool            `json:"deleted"`
	Forced     bool            `json:"forced"`
	HeadCommit *commit         `json:"head_commit"`
	Repository eventRepository `json:"repository"`
	Pusher     eventPusher     `json:"pusher"`
}

type eventRepository struct {
	Name     string `json:"name"`
	FullName string `json:"full_name"`
	HTMLURL  string `json:"html_url"`
	CloneURL string `json:"clone_url"`
}

type eventPusher struct {
	Name string `json:"name"`
}

type commit struct {
	ID        string `json:"id"`
	TreeID    string `json:"tree_id"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
	Author    author `json:"author"`
}

type author struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// event makes the body of an event; base is the URL of this server as the pusher
// knows it.
func (f *Forge) event(ctx context.Context, p Push, base string) ([]byte, error) {
	repo, ok := f.find(p.Repository)
	if !ok {
		return nil, fmt.Errorf("there is no repository %q any more", p.Repository)
	}
	e := event{
		Ref: p.Ref, Before: p.Before, After: p.After,
		Created: p.Created(), Deleted: p.Deleted(), Forced: p.Forced,
		Repository: eventRepository{
			Name: repo.name, FullName: repo.name,
			HTMLURL: base + "/" + repo.name, CloneURL: cloneURL(base, repo.name),
		},
		Pusher: eventPusher{p.Pusher},
	}
	if !p.Deleted() {
		head, err := repo.commit(ctx, p.After)
		// A tag may point at something else than a commit.
		if err != nil && strings.HasPrefix(p.Ref, "refs/heads/") {
			return nil, err
		}
		e.HeadCommit = head
	}
	return json.Marshal(e)
}

// baseURL is what the URL of a request starts with, for who sent it.
func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func cloneURL(base, name string) string { return base + "/" + name + ".git" }
