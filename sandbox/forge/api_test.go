package forge

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// request is one without the client, for what the client would not send.
func (w *world) request(user, method, path, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if strings.HasPrefix(path, "/shop.git/git-") {
		req.Header.Set("Content-Type", "application/x-"+strings.TrimPrefix(path, "/shop.git/")+"-request")
	}
	if user != "" {
		req.SetBasicAuth(user, user+"-token")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(got)
}

func TestAPIStatus(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	const hook = `{"url":"http://localhost:1/h","secret":"s3cret"}`
	for _, tt := range []struct {
		user, method, path, body string
		status                   int
		want                     string
	}{
		{"", "PUT", "/api/v1/repos/shop", "", 401, `{"error":"give the name and token`},
		{"drawbridge", "PUT", "/api/v1/repos/shop", "", 403, `may read here, not write"}`},
		{"alice", "PUT", "/api/v1/repos/shop", "", 201, `{"name":"shop","cloneURL":"http://127.0.0.1:`},
		{"alice", "PUT", "/api/v1/repos/shop", "", 200, `{"name":"shop",`},
		{"alice", "PUT", "/api/v1/repos/shop.git", "", 400, `does not end in .git`},
		{"alice", "PUT", "/api/v1/repos/..%2fshop", "", 400, `"error"`},
		{"alice", "PUT", "/api/v1/repos/.hidden", "", 400, `"error"`},
		{"drawbridge", "GET", "/api/v1/repos", "", 200, `"name":"shop"`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", hook, 201, `{"name":"ci","url":"http://localhost:1/h"}`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", hook, 200, `{"name":"ci"`},
		{"alice", "PUT", "/api/v1/repos/none/hooks/ci", hook, 404, `no repository \"none\"`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/a%2fb", hook, 400, `a name is`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", `{"url":"http://example.org/h","secret":"s3cret"}`, 400, `a sandbox calls nothing outside`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", `{"url":"http://10.0.0.1/h","secret":"s3cret"}`, 400, `a sandbox calls nothing outside`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", `{"url":"http://127.0.0.1@10.0.0.1/h","secret":"s3cret"}`, 400, `a sandbox calls nothing outside`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", `{"url":"file:///etc/passwd","secret":"s3cret"}`, 400, `want http or https`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", `{"url":"http://localhost:1/h"}`, 400, `secret: it is empty`},
		{"alice", "PUT", "/api/v1/repos/shop/hooks/ci", `{"uri":"http://localhost:1/h"}`, 400, `unknown field`},
		{"drawbridge", "PUT", "/api/v1/repos/shop/hooks/ci", hook, 403, `not write`},
		{"drawbridge", "GET", "/api/v1/repos/shop/hooks", "", 403, `not write`},
		{"alice", "GET", "/api/v1/repos/shop/hooks", "", 200, `{"hooks":[{"name":"ci","url":"http://localhost:1/h"}]}`},
		{"drawbridge", "GET", "/api/v1/repos/shop/pushes", "", 200, `{"pushes":[]}`},
		{"drawbridge", "GET", "/api/v1/repos/none/pushes", "", 404, `no repository`},
	} {
		status, body := w.request(tt.user, tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s as %q: %d %s, want %d and %s", tt.method, tt.path, tt.body, tt.user, status, body, tt.status, tt.want)
		}
		if strings.Contains(body, "s3cret") {
			t.Errorf("%s %s as %q tells the secret: %s", tt.method, tt.path, tt.user, body)
		}
	}
}

func TestClientTellsWhyItWasRefused(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	err := w.client("alice").SetHook(t.Context(), "none", "ci", Hook{URL: "http://localhost:1", Secret: "s3cret"})
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Fatalf("SetHook: %v, want a Refused", err)
	}
	want := &Refused{
		Request: "PUT " + w.server.URL + "/api/v1/repos/none/hooks/ci", Status: http.StatusNotFound,
		Reason: `there is no repository "none" here; PUT /api/v1/repos/NAME makes one`,
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("Refused (-want +got):\n%s", diff)
	}
	w.create("shop")
	hook := Hook{URL: "http://localhost:1", Secret: "s3cret"}
	if err := w.client("bob").SetHook(t.Context(), "shop", "ci", hook); err != nil {
		t.Fatal(err)
	}
	hooks, err := w.client("bob").Hooks(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]NamedHook{{Name: "ci", URL: hook.URL}}, hooks); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
}

func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{"shop", "a.b-c_d", "..", "a/../b", "a.git", "-rf", "a\x00", "%2e%2e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if err := checkName(name); err != nil {
			if !errors.Is(err, ErrName) {
				t.Errorf("checkName(%q): %v, want ErrName", name, err)
			}
			return
		}
		path := filepath.Join("/root", name+".git")
		if filepath.Dir(path) != "/root" || filepath.Base(path) != name+".git" || strings.HasPrefix(name, "-") {
			t.Errorf("%q is accepted and leads to %s", name, path)
		}
	})
}
