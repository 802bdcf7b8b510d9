package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxPayload is GitHub's own limit for webhook payloads: 25 MB.
const maxPayload = 25 << 20

// ErrUnsigned says that no Environment's secret made the signature.
var ErrUnsigned = errors.New("signature does not match the webhook secret of any Environment on this branch; compare the hook's secret with the Environment's webhookSecretRef")

// ErrNoEnvironment says that nobody follows what was pushed. Not a failure: a
// repository has branches that are no Environment.
var ErrNoEnvironment = errors.New("no Environment follows this branch")

// Push is a push event as it arrived. Its receiver finds the Environments that
// follow the branch, asks Signed with the secret of each, and acts for those
// that say yes: an event is worth nothing before.
type Push struct {
	// URLs under which the repository is known; compare without ".git".
	URLs []string
	// Branch that moved; After is its new commit, or zeros when it was deleted.
	Branch, After string
	// Pusher is the user name of who pushed.
	Pusher string
	// Signed tells whether this secret signed the event.
	Signed func(secret []byte) bool
}

// payload is the part of GitHub's push event that is used.
// https://docs.github.com/webhooks/webhook-events-and-payloads#push
type payload struct {
	Ref        string `json:"ref"`
	After      string `json:"after"`
	Repository struct {
		CloneURL string `json:"clone_url"`
		SSHURL   string `json:"ssh_url"`
		GitURL   string `json:"git_url"`
		HTMLURL  string `json:"html_url"`
	} `json:"repository"`
	Pusher struct {
		Name string `json:"name"`
	} `json:"pusher"`
}

func (s *server) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, err)
		return
	}
	switch event := r.Header.Get("X-GitHub-Event"); event {
	case "push":
	case "ping":
		fmt.Fprintln(w, "pong")
		return
	default:
		fail(w, http.StatusAccepted, fmt.Errorf("event %q is of no interest here; push is", event))
		return
	}
	push, err := parsePush(body, r.Header.Get("X-Hub-Signature-256"))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if push.Branch == "" {
		fail(w, http.StatusAccepted, ErrNoEnvironment) // a tag
		return
	}
	switch err := s.Pushed(r.Context(), push); {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.Is(err, ErrNoEnvironment):
		fail(w, http.StatusAccepted, err)
	case errors.Is(err, ErrUnsigned):
		s.Log.Warn("webhook refused", "branch", push.Branch, "from", r.RemoteAddr, "error", err)
		fail(w, http.StatusForbidden, err)
	case errors.Is(err, context.Canceled):
	default:
		s.Log.Error("webhook failed", "branch", push.Branch, "error", err)
		fail(w, http.StatusInternalServerError, err)
	}
}

func parsePush(body []byte, signature string) (Push, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Push{}, fmt.Errorf("push event: %w", err)
	}
	push := Push{After: p.After, Pusher: p.Pusher.Name}
	push.Branch, _ = strings.CutPrefix(p.Ref, "refs/heads/")
	if push.Branch == p.Ref {
		push.Branch = ""
	}
	for _, u := range []string{p.Repository.CloneURL, p.Repository.SSHURL, p.Repository.GitURL, p.Repository.HTMLURL} {
		if u != "" {
			push.URLs = append(push.URLs, u)
		}
	}
	if len(push.URLs) == 0 {
		return Push{}, errors.New("push event: no repository.clone_url")
	}
	sum, _ := strings.CutPrefix(signature, "sha256=")
	given, err := hex.DecodeString(sum)
	push.Signed = func(secret []byte) bool {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		return err == nil && len(secret) > 0 && hmac.Equal(given, mac.Sum(nil))
	}
	return push, nil
}
