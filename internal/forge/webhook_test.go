package forge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const secret = "It's a Secret to Everybody"

func signature(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func header(event, id, signature string) http.Header {
	h := http.Header{}
	for name, value := range map[string]string{"X-GitHub-Event": event, "X-GitHub-Delivery": id, "X-Hub-Signature-256": signature} {
		if value != "" {
			h.Set(name, value)
		}
	}
	return h
}

const (
	at    = `"repository":{"full_name":"acme/shop","clone_url":"https://github.com/acme/shop.git","html_url":"https://github.com/acme/shop"}`
	alice = `"sender":{"login":"alice","id":7,"type":"User"}`
)

func TestParseWebhook(t *testing.T) {
	t.Parallel()
	shop := Event{
		Repository: Repository{Owner: "acme", Name: "shop"},
		URLs:       []string{"https://github.com/acme/shop.git", "https://github.com/acme/shop"},
		Actor:      Actor{Login: "alice", ID: 7},
	}
	with := func(change func(e *Event)) Event {
		e := shop
		change(&e)
		return e
	}
	for name, tt := range map[string]struct {
		event, body string
		want        Event
	}{
		"ping": {"ping", `{"zen":"Design for failure.",` + at + `,` + alice + `}`, with(func(e *Event) { e.Kind = Ping })},
		"push": {"push", `{"ref":"refs/heads/main","before":"a","after":"b","pusher":{"name":"alice"},` + at + `,` + alice + `}`, with(func(e *Event) {
			e.Kind, e.Branch, e.Before, e.Commit = Pushed, "main", "a", "b"
		})},
		"push by a deploy key": {"push", `{"ref":"refs/heads/main","after":"b","pusher":{"name":"carol"},` + at + `,` + alice + `}`, with(func(e *Event) {
			e.Kind, e.Branch, e.Commit, e.Actor = Pushed, "main", "b", Actor{Login: "carol"}
		})},
		"push of a tag": {"push", `{"ref":"refs/tags/heads/main","after":"b",` + at + `,` + alice + `}`, with(func(e *Event) {
			e.Kind, e.Commit = Pushed, "b"
		})},
		"pull request": {"pull_request", `{"action":"synchronize","number":3,"pull_request":{"number":3,"head":{"sha":"b"},"base":{"ref":"main"}},` + at + `,` + alice + `}`, with(func(e *Event) {
			e.Kind, e.PullRequest, e.Branch, e.Commit = PullRequestChanged, 3, "main", "b"
		})},
		"review by a bot": {"pull_request_review", `{"action":"submitted","review":{"state":"approved"},"pull_request":{"number":3,"head":{"sha":"b"},"base":{"ref":"main"}},` + at + `,"sender":{"login":"ci[bot]","type":"Bot"}}`, with(func(e *Event) {
			e.Kind, e.PullRequest, e.Branch, e.Commit, e.Actor = ReviewChanged, 3, "main", "b", Actor{Login: "ci[bot]", Bot: true}
		})},
		"status":      {"status", `{"sha":"b","context":"ci","state":"success",` + at + `,` + alice + `}`, with(func(e *Event) { e.Kind, e.Commit = CheckChanged, "b" })},
		"check run":   {"check_run", `{"check_run":{"head_sha":"b"},` + at + `,` + alice + `}`, with(func(e *Event) { e.Kind, e.Commit = CheckChanged, "b" })},
		"check suite": {"check_suite", `{"check_suite":{"head_sha":"b"},` + at + `,` + alice + `}`, with(func(e *Event) { e.Kind, e.Commit = CheckChanged, "b" })},
		"a star":      {"star", `anything`, Event{Kind: Other}},
		"no event":    {"", `anything`, Event{Kind: Other}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := ParseWebhook(header(tt.event, "d-1", signature(tt.body, secret)), []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(Webhook{ID: "d-1", Event: tt.want}, w, cmpopts.IgnoreUnexported(Webhook{})); d != "" {
				t.Error(d)
			}
			if !w.Signed([]byte(secret)) {
				t.Error("it is signed, but not said to be")
			}
		})
	}
}

func TestParseWebhookRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ event, body, want string }{
		"no JSON":              {"push", "payload=%7B%7D", "push event: invalid character"},
		"no repository":        {"push", `{"ref":"refs/heads/main"}`, "no repository.clone_url"},
		"no number":            {"pull_request", `{` + at + `}`, "no pull_request.number"},
		"a negative number":    {"pull_request_review", `{"pull_request":{"number":-1},` + at + `}`, "no pull_request.number"},
		"a check of no commit": {"check_run", `{` + at + `}`, "names no commit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseWebhook(header(tt.event, "", ""), []byte(tt.body))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// The example of GitHub's documentation is the first.
// https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
func TestForgedWebhooks(t *testing.T) {
	t.Parallel()
	const good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	for name, tt := range map[string]struct {
		body, signature, secret string
		want                    bool
	}{
		"signed":               {"Hello, World!", good, secret, true},
		"upper case":           {"Hello, World!", "sha256=" + strings.ToUpper(good[7:]), secret, true},
		"altered":              {"Hello, World?", good, secret, false},
		"other secret":         {"Hello, World!", good, "guess", false},
		"none":                 {"Hello, World!", "", secret, false},
		"cut":                  {"Hello, World!", good[:40], secret, false},
		"no hex":               {"Hello, World!", "sha256=zz" + good[9:], secret, false},
		"without its kind":     {"Hello, World!", good[7:], secret, false},
		"an older kind":        {"Hello, World!", "sha1=" + good[7:], secret, false},
		"an empty secret":      {"Hello, World!", signature("Hello, World!", ""), "", false},
		"nothing, unset":       {"", "", "", false},
		"another body's, long": {strings.Repeat("x", 1<<20), good, secret, false},
	} {
		w, err := ParseWebhook(header("star", "", tt.signature), []byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Signed([]byte(tt.secret)); got != tt.want {
			t.Errorf("%s: signed is %v", name, got)
		}
	}
}

func TestReplays(t *testing.T) {
	t.Parallel()
	hook := func(id, body string) Webhook {
		w, err := ParseWebhook(header("star", id, ""), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	r := Replays{Limit: 2}
	for i, tt := range []struct {
		id, body string
		want     bool
	}{
		{"1", "a", true},
		{"1", "a", false}, // sent again
		{"2", "a", false}, // replayed under another name
		{"", "a", false},
		{"1", "b", false},
		{"2", "b", true}, // the refused ones were not remembered
		{"", "c", true},
		{"1", "a", false},
		{"4", "d", true},
		{"5", "e", true},
		{"1", "a", false},
		{"7", "g", true}, // the first are forgotten
		{"1", "a", true},
	} {
		if got := r.Take(hook(tt.id, tt.body)); got != tt.want {
			t.Errorf("%d: %s %s is taken: %v", i, tt.id, tt.body, got)
		}
	}
	failed := hook("6", "f")
	if !r.Take(failed) {
		t.Fatal("6 is refused")
	}
	r.GiveBack(failed)
	if !r.Take(failed) {
		t.Error("what was given back is refused")
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add("push", []byte(`{"ref":"refs/heads/main",`+at+`}`), "sha256=00")
	f.Add("pull_request", []byte(`{"pull_request":{"number":3},`+at+`}`), signature("", "x"))
	f.Add("check_run", []byte(`{"check_run":{"head_sha":"b"},`+at+`}`), "sha256=")
	f.Fuzz(func(t *testing.T, event string, body []byte, given string) {
		h := http.Header{"X-Github-Event": {event}, "X-Hub-Signature-256": {given}}
		w, err := ParseWebhook(h, body)
		if err != nil {
			return
		}
		if w.Signed(nil) || w.Signed([]byte("a secret that nobody knows")) {
			t.Error("it is said to be signed")
		}
		if w.Repository != (Repository{}) && (!isName(w.Repository.Owner) || !isName(w.Repository.Name)) {
			t.Errorf("repository %q is no name for a URL", w.Repository)
		}
		if (w.Kind == PullRequestChanged || w.Kind == ReviewChanged) && w.PullRequest <= 0 {
			t.Errorf("pull request %d", w.PullRequest)
		}
		h.Set("X-Hub-Signature-256", signature(string(body), secret))
		if w, err = ParseWebhook(h, body); err != nil || !w.Signed([]byte(secret)) {
			t.Errorf("the right signature is refused: %v", err)
		}
	})
}
