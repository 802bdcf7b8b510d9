package forge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Options of [New]. Dir is required.
type Options struct {
	// Dir holds all state; it is made where it is missing.
	Dir string

	// Users are all who have access. Nobody has, when there are none.
	Users []User

	// Log gets pushes, failed deliveries, and what Git says on standard error. It
	// never gets a token or a secret. Nothing is logged when nil.
	Log *slog.Logger
}

// User is somebody who has access to every repository.
type User struct {
	Name, Token string
	// Write allows pushes and administration; without it there is only reading.
	Write bool
}

// Forge is a Git server; serve it with net/http.
type Forge struct {
	dir        string
	users      map[string]account
	log        *slog.Logger
	git        git
	handler    http.Handler
	hooks      *hooks
	pushes     *pushLog
	deliveries *deliveries

	mu           sync.Mutex // guards repositories
	repositories map[string]*repository
}

type account struct {
	User
	token [sha256.Size]byte
}

// New opens the forge in Options.Dir. The caller serves it, and closes it.
func New(o Options) (*Forge, error) {
	if o.Dir == "" {
		return nil, errors.New("forge: no folder for its state: set Options.Dir")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("forge: %w", err)
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("forge: git, 2.31 or newer, is needed: %w", err)
	}
	f := &Forge{
		dir: dir, users: map[string]account{}, log: o.Log,
		git: git{program: program}, repositories: map[string]*repository{},
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	for _, u := range o.Users {
		if _, twice := f.users[u.Name]; twice || u.Name == "" || u.Token == "" || strings.Contains(u.Name, ":") {
			return nil, fmt.Errorf("forge: user %q: each needs a token and a name of its own, without a colon", u.Name)
		}
		f.users[u.Name] = account{User: u, token: sha256.Sum256([]byte(u.Token))}
	}
	if err := f.openDir(); err != nil {
		return nil, fmt.Errorf("forge: %w", err)
	}
	f.deliveries = newDeliveries(f.log, http.DefaultTransport.(*http.Transport).Clone(), f.hooks.get, f.event)
	f.handler = f.routes()
	return f, nil
}

// openDir brings back the state of earlier runs.
func (f *Forge) openDir() error {
	// What is there is left from pushes that did not end.
	if err := os.RemoveAll(f.incoming()); err != nil {
		return err
	}
	for _, dir := range []string{f.incoming(), f.projectRoot()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(f.projectRoot())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".git"); ok && e.IsDir() && checkName(name) == nil {
			f.repositories[name] = f.repository(name)
		}
	}
	if f.hooks, err = openHooks(filepath.Join(f.dir, "hooks.json")); err != nil {
		return err
	}
	if f.pushes, err = openPushLog(filepath.Join(f.dir, "pushes.jsonl")); err != nil {
		return err
	}
	if err := f.recordMissed(); err != nil {
		return errors.Join(err, f.pushes.close())
	}
	return nil
}

func (f *Forge) incoming() string    { return filepath.Join(f.dir, "incoming") }
func (f *Forge) projectRoot() string { return filepath.Join(f.dir, "repositories") }

// ServeHTTP answers Git and the API.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

func (f *Forge) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{repo}/info/refs", f.as(reader, f.infoRefs))
	mux.Handle("POST /{repo}/git-upload-pack", f.as(reader, f.uploadPack))
	mux.Handle("POST /{repo}/git-receive-pack", f.as(writer, f.receivePack))
	mux.Handle("GET /api/v1/repos", f.as(reader, f.listRepositories))
	mux.Handle("PUT /api/v1/repos/{repo}", f.as(writer, f.putRepository))
	mux.Handle("GET /api/v1/repos/{repo}/hooks", f.as(writer, f.listHooks))
	mux.Handle("PUT /api/v1/repos/{repo}/hooks/{hook}", f.as(writer, f.putHook))
	mux.Handle("GET /api/v1/repos/{repo}/pushes", f.as(reader, f.listPushes))
	return mux
}

// Close sends the webhooks that still wait, each of them once more at most: it
// does not wait for a receiver that is down. What could not be delivered is
// logged. When ctx ends first, deliveries under way are broken off, and its error
// is returned. Shut the HTTP server down before: a push that ends later fails for
// who pushed, and is recorded at the next start, without a pusher.
func (f *Forge) Close(ctx context.Context) error {
	return errors.Join(f.deliveries.drain(ctx), f.pushes.close())
}
