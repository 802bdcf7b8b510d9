// Package server is the controller's HTTP side: health, webhooks from a Git
// server, and the record of Changes for the CLI.
//
//	GET  /healthz                         the process lives
//	GET  /readyz                          the caches are filled and the ledger is open
//	POST /webhooks/push                   a push event in GitHub's form, signed
//	GET  /api/v1/changes?environment=&limit=   rows of the ledger, newest first
//	GET  /api/v1/changes/{name}           one row, by name, UID or unambiguous prefix
//	GET  /api/v1/changes/{name}/logs?component=&follow=   lines, as they come
//	GET  /api/v1/ledger/verify            walks the hash chain
//
// What is under /api needs `Authorization: Bearer <token>`; a webhook needs a
// signature by the secret of an Environment that follows the branch. Errors are
// `{"error": "..."}`. The handler is safe for concurrent use.
package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/logs"
)

// Options are what the server speaks for.
type Options struct {
	Ledger *ledger.Ledger
	Logs   *logs.Store
	// Token that /api asks for. Without one /api is closed.
	Token string
	// Ready returns nil once the controller works.
	Ready func() error
	// Pushed is told of each push; see Push.
	Pushed func(context.Context, Push) error
	Log    *slog.Logger
}

// New returns the handler.
func New(o Options) http.Handler {
	s := &server{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("POST /webhooks/push", s.webhook)
	mux.Handle("GET /api/v1/changes", s.authorized(s.changes))
	mux.Handle("GET /api/v1/changes/{name}", s.authorized(s.change))
	mux.Handle("GET /api/v1/changes/{name}/logs", s.authorized(s.lines))
	mux.Handle("GET /api/v1/ledger/verify", s.authorized(s.verify))
	return mux
}

type server struct{ Options }

func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.Ready(); err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *server) authorized(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || s.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(s.Token)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			fail(w, http.StatusUnauthorized, errors.New("this needs the API token: set DRAWBRIDGE_API_TOKEN"))
			return
		}
		next(w, r)
	})
}

func (s *server) changes(w http.ResponseWriter, r *http.Request) {
	limit := 50
	if q := r.URL.Query().Get("limit"); q != "" {
		n, err := strconv.Atoi(q)
		if err != nil || n < 1 || n > 1000 {
			fail(w, http.StatusBadRequest, fmt.Errorf("limit=%q: expected a number from 1 to 1000", q))
			return
		}
		limit = n
	}
	entries, err := s.Ledger.List(r.Context(), ledger.Filter{Environment: r.URL.Query().Get("environment"), Limit: limit})
	if entries == nil {
		entries = []ledger.Entry{} // an empty list is [], never null
	}
	s.answer(w, entries, err)
}

func (s *server) change(w http.ResponseWriter, r *http.Request) {
	entry, err := s.Ledger.Get(r.Context(), r.PathValue("name"))
	s.answer(w, entry, err)
}

func (s *server) verify(w http.ResponseWriter, r *http.Request) {
	head, err := s.Ledger.Verify(r.Context())
	s.answer(w, head, err)
}

// answer is the one place where an error becomes an HTTP status.
func (s *server) answer(w http.ResponseWriter, data any, err error) {
	var ambiguous *ledger.AmbiguousError
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(data); err != nil {
			s.Log.Warn("answer an API request", "error", err)
		}
	case errors.Is(err, ledger.ErrNotFound), errors.Is(err, logs.ErrNotFound):
		fail(w, http.StatusNotFound, err)
	case errors.As(err, &ambiguous):
		fail(w, http.StatusConflict, err)
	default:
		s.Log.Error("API request failed", "error", err)
		fail(w, http.StatusInternalServerError, err)
	}
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client is gone if this fails, and there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
