package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const event = `{"ref":"refs/heads/main","after":"0123","repository":{"clone_url":"http://git/r.git","html_url":"http://git/r"},"pusher":{"name":"alice"}}`

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event, body, signature string
		want                   int
		pushed                 bool
	}{
		"signed":           {"push", event, sign(event, "s3cret"), http.StatusAccepted, true},
		"other secret":     {"push", event, sign(event, "guess"), http.StatusForbidden, false},
		"no signature":     {"push", event, "", http.StatusForbidden, false},
		"altered body":     {"push", strings.Replace(event, "0123", "4567", 1), sign(event, "s3cret"), http.StatusForbidden, false},
		"a tag":            {"push", strings.Replace(event, "heads", "tags", 1), "", http.StatusAccepted, false},
		"a ping":           {"ping", `{}`, "", http.StatusOK, false},
		"an issue comment": {"issue_comment", `{}`, "", http.StatusAccepted, false},
		"not JSON":         {"push", `ref=main`, "", http.StatusBadRequest, false},
		"no repository":    {"push", `{"ref":"refs/heads/main"}`, "", http.StatusBadRequest, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *Push
			h := New(Options{Log: slog.New(slog.DiscardHandler), Pushed: func(_ context.Context, p Push) error {
				if !p.Signed([]byte("s3cret")) {
					return ErrUnsigned
				}
				got = &p
				return nil
			}})
			r := httptest.NewRequest("POST", "/webhooks/push", strings.NewReader(tt.body))
			r.Header.Set("X-GitHub-Event", tt.event)
			r.Header.Set("X-Hub-Signature-256", tt.signature)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("status %d (%s), want %d", w.Code, w.Body, tt.want)
			}
			if (got != nil) != tt.pushed {
				t.Fatalf("pushed: %v, want %v", got != nil, tt.pushed)
			}
			if got != nil {
				got.Signed = nil
				want := &Push{URLs: []string{"http://git/r.git", "http://git/r"}, Branch: "main", After: "0123", Pusher: "alice"}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func FuzzParsePush(f *testing.F) {
	f.Add([]byte(event), sign(event, "x"))
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		p, err := parsePush(body, signature)
		if err == nil && p.Signed(nil) {
			t.Error("an empty secret signs nothing")
		}
	})
}
