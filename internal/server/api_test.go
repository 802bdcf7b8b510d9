package server

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i, name := range []string{"production-1-aaaa", "production-2-bbbb"} {
		if _, err := l.Append(t.Context(), ledger.Record{Change: name, UID: name, Environment: "team/production", Sequence: int64(i + 1), FinishedAt: time.Unix(1e9, 0), Outcome: ledger.Succeeded}); err != nil {
			t.Fatal(err)
		}
	}
	up := false
	h := New(Options{Ledger: l, Token: "t0ken", Log: slog.New(slog.DiscardHandler), Ready: func() error {
		if !up {
			return errors.New("filling caches")
		}
		return nil
	}})
	get := func(path, token string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, body := get("/readyz", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, "filling caches") {
		t.Errorf("before it is ready: %d %s", code, body)
	}
	up = true
	for _, tt := range []struct {
		path, token string
		code        int
		body        string
	}{
		{"/healthz", "", 200, "ok"},
		{"/readyz", "", 200, "ok"},
		{"/api/v1/changes", "", 401, "DRAWBRIDGE_API_TOKEN"},
		{"/api/v1/changes", "guess", 401, "DRAWBRIDGE_API_TOKEN"},
		{"/api/v1/changes?limit=1", "t0ken", 200, `"change":"production-2-bbbb"`},
		{"/api/v1/changes?limit=none", "t0ken", 400, "expected a number"},
		{"/api/v1/changes?environment=team/other", "t0ken", 200, "[]"},
		{"/api/v1/changes/production-1-aaaa", "t0ken", 200, `"sequence":1`},
		{"/api/v1/changes/production", "t0ken", 409, "more than one"},
		{"/api/v1/changes/staging", "t0ken", 404, "no such Change"},
		{"/api/v1/ledger/verify", "t0ken", 200, "hash"},
	} {
		code, body := get(tt.path, tt.token)
		if code != tt.code || !strings.Contains(body, tt.body) {
			t.Errorf("GET %s: %d %s; want %d with %q", tt.path, code, body, tt.code, tt.body)
		}
	}
}

func TestAPIIsClosedWithoutAToken(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/api/v1/changes", nil)
	r.Header.Set("Authorization", "Bearer ")
	w := httptest.NewRecorder()
	New(Options{}).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", w.Code)
	}
}
