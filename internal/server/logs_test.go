package server

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/logs"
)

func TestLogs(t *testing.T) {
	t.Parallel()
	book, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if _, err := book.Append(t.Context(), ledger.Record{Change: "quiet", UID: "q", Environment: "team/production", Sequence: 1, FinishedAt: time.Unix(1e9, 0), Outcome: ledger.Succeeded}); err != nil {
		t.Fatal(err)
	}
	lines, err := logs.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	change := logs.Change{Name: "production-1", UID: "u"}
	if err := lines.Begin(change); err != nil {
		t.Fatal(err)
	}
	add := func(component, text string) {
		t.Helper()
		if err := lines.Add(change, component, text); err != nil {
			t.Fatal(err)
		}
	}
	add("site", "one")
	add("database", "two")
	server := httptest.NewServer(New(Options{Ledger: book, Logs: lines, Token: "t0ken", Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	get := func(path, token string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	for path, want := range map[string]struct {
		token  string
		status int
		body   string
	}{
		"/api/v1/changes/production-1/logs":                    {"t0ken", 200, "site one database two"},
		"/api/v1/changes/u/logs?component=database":            {"t0ken", 200, "database two"},
		"/api/v1/changes/u/logs?component=other":               {"t0ken", 200, ""},
		"/api/v1/changes/quiet/logs":                           {"t0ken", 200, ""},
		"/api/v1/changes/another/logs":                         {"t0ken", 404, ""},
		"/api/v1/changes/production-1/logs?component=database": {"guess", 401, ""},
	} {
		response := get(path, want.token)
		var got []string
		for d := json.NewDecoder(response.Body); response.StatusCode == 200; {
			var l logs.Line
			if err := d.Decode(&l); err != nil {
				if err != io.EOF {
					t.Errorf("%s: %v", path, err)
				}
				break
			}
			got = append(got, l.Component, l.Text)
		}
		if response.StatusCode != want.status || strings.Join(got, " ") != want.body {
			t.Errorf("%s: %d %q, want %d %q", path, response.StatusCode, got, want.status, want.body)
		}
	}

	followed := bufio.NewScanner(get("/api/v1/changes/u/logs?follow=true", "t0ken").Body)
	for i, text := range []string{"one", "two", "three"} {
		if i == 2 {
			add("site", text) // while it is followed
		}
		if !followed.Scan() || !strings.Contains(followed.Text(), text) {
			t.Fatalf("line %d is %q, want %s in it", i, followed.Text(), text)
		}
	}
	if err := lines.End(change); err != nil {
		t.Fatal(err)
	}
	if followed.Scan() {
		t.Errorf("after the end: %q", followed.Text())
	}
}
