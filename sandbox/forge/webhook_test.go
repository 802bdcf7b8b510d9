package forge

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const secret = "s3cret"

// delivered is an event as a receiver got it.
type delivered struct {
	header http.Header
	body   []byte
}

func (d delivered) event(t *testing.T) event {
	t.Helper()
	if want := "sha256=" + sign(secret, d.body); d.header.Get("X-Hub-Signature-256") != want {
		t.Errorf("signature %s, want %s", d.header.Get("X-Hub-Signature-256"), want)
	}
	if got := d.header.Get("X-GitHub-Event"); got != "push" {
		t.Errorf("X-GitHub-Event: %s", got)
	}
	if id := d.header.Get("X-GitHub-Delivery"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("X-GitHub-Delivery: %s is no UUID", id)
	}
	var e event
	if err := json.Unmarshal(d.body, &e); err != nil {
		t.Fatalf("%v: %s", err, d.body)
	}
	return e
}

// receiver gets events, and answers them when they are taken from the channel.
func receiver(got chan<- delivered) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		got <- delivered{r.Header, body}
	})
}

func (w *world) hook(name, hook, url string) {
	w.t.Helper()
	if err := w.client("alice").SetHook(w.t.Context(), name, hook, Hook{URL: url, Secret: secret}); err != nil {
		w.t.Fatal(err)
	}
}

// The receiver answers nothing until all was pushed: no push waits for it, and it
// gets the events in their order.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	got := make(chan delivered)
	rs := httptest.NewServer(receiver(got))
	t.Cleanup(rs.Close)
	w.hook("shop", "ci", rs.URL+"/hook")

	alice := w.clone("alice", "shop")
	first := alice.commit("a", "1")
	alice.git("push", "--quiet", "origin", "main")
	second := alice.commit("a", "2")
	alice.git("push", "--quiet", "origin", "main")
	alice.git("reset", "--quiet", "--hard", first)
	third := alice.commit("a", "3")
	alice.git("push", "--quiet", "--force", "origin", "main")
	alice.git("tag", "-a", "-m", "one", "v1")
	tag := alice.git("rev-parse", "v1")
	alice.git("push", "--quiet", "origin", "v1")
	alice.git("push", "--quiet", "origin", "HEAD:refs/notes/x") // of interest to nobody
	bob := w.clone("bob", "shop")
	bob.git("push", "--quiet", "origin", ":main")

	repository := eventRepository{
		Name: "shop", FullName: "shop", HTMLURL: w.server.URL + "/shop", CloneURL: w.url("shop"),
	}
	head := func(oid string) *commit {
		return &commit{
			ID: oid, TreeID: alice.git("rev-parse", oid+"^{tree}"), Message: "write a\n\nFixes #7.",
			Timestamp: alice.git("log", "-1", "--format=%aI", oid), Author: author{"Ada", "ada@example.org"},
		}
	}
	want := []event{
		{Ref: "refs/heads/main", Before: Zero, After: first, Created: true, HeadCommit: head(first), Pusher: eventPusher{"alice"}},
		{Ref: "refs/heads/main", Before: first, After: second, HeadCommit: head(second), Pusher: eventPusher{"alice"}},
		{Ref: "refs/heads/main", Before: second, After: third, Forced: true, HeadCommit: head(third), Pusher: eventPusher{"alice"}},
		{Ref: "refs/tags/v1", Before: Zero, After: tag, Created: true, HeadCommit: head(third), Pusher: eventPusher{"alice"}},
		{Ref: "refs/heads/main", Before: third, After: Zero, Deleted: true, Pusher: eventPusher{"bob"}},
	}
	for i := range want {
		want[i].Repository = repository
		if diff := cmp.Diff(want[i], (<-got).event(t)); diff != "" {
			t.Errorf("event %d (-want +got):\n%s", i, diff)
		}
	}
}

// signal is a log handler that tells of one message.
type signal struct {
	slog.Handler
	message string
	seen    chan struct{}
}

func (s signal) WithAttrs(a []slog.Attr) slog.Handler {
	return signal{s.Handler.WithAttrs(a), s.message, s.seen}
}

func (s signal) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == s.message {
		select {
		case s.seen <- struct{}{}:
		default:
		}
	}
	return s.Handler.Handle(ctx, r)
}

func TestReceiverComesBack(t *testing.T) {
	t.Parallel()
	waits := signal{slog.NewTextHandler(t.Output(), nil), "webhook not delivered yet", make(chan struct{}, 1)}
	w := serve(t, t.TempDir(), slog.New(waits))
	w.create("shop")
	got := make(chan delivered, 2)
	rs := httptest.NewUnstartedServer(receiver(got))
	address := rs.Listener.Addr().String()
	rs.Listener.Close()
	w.hook("shop", "ci", "http://"+address+"/hook")

	alice := w.clone("alice", "shop")
	first := alice.commit("a", "1")
	alice.git("push", "--quiet", "origin", "main")
	second := alice.commit("a", "2")
	alice.git("push", "--quiet", "origin", "main")
	<-waits.seen

	var err error
	if rs.Listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	rs.Start()
	t.Cleanup(rs.Close)
	for _, want := range []string{first, second} {
		if e := (<-got).event(t); e.After != want {
			t.Errorf("got the event of %s, want that of %s", e.After, want)
		}
	}
}

// Close waits for a receiver that is slow, so that no event is lost by it.
func TestCloseDeliversWhatWaits(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	got := make(chan delivered)
	rs := httptest.NewServer(receiver(got))
	t.Cleanup(rs.Close)
	w.hook("shop", "ci", rs.URL)
	alice := w.clone("alice", "shop")
	for _, content := range []string{"1", "2", "3"} {
		alice.commit("a", content)
		alice.git("push", "--quiet", "origin", "main")
	}
	closed := make(chan error)
	w.server.Close()
	go func() { closed <- w.forge.Close(context.Background()) }()
	for i := range 3 {
		select {
		case <-got:
		case err := <-closed:
			t.Fatalf("Close returned %v after %d of 3 events", err, i)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	w.server = nil
}
