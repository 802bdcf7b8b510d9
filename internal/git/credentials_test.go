package git

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestRedirectsAreNotFollowedWithCredentials(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer other.Close()
	moved := httptest.NewServer(http.RedirectHandler(other.URL+"/service.git/info/refs?service=git-upload-pack", http.StatusMovedPermanently))
	defer moved.Close()
	_, err := openMirror(t).Fetch(t.Context(), Source{moved.URL + "/service.git", "ada", "s3cret"}, "main")
	if !errors.Is(err, ErrMoved) {
		t.Errorf("got %v, want ErrMoved", err)
	}
	if reached.Load() {
		t.Error("the other server was asked")
	}
}

func TestServerFaultIsUnreachable(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "down", http.StatusServiceUnavailable)
	}))
	defer down.Close()
	if _, err := openMirror(t).Fetch(t.Context(), Source{URL: down.URL + "/x.git"}, "main"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}

// A git of our own notes what the mirror passes to the real one. Not parallel:
// it changes PATH.
func TestCredentialsAreInNoArgumentOrFile(t *testing.T) {
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	r := newRepository(t)
	want := r.push("first")
	src := Source{URL: r.serve(), Username: "ada", Password: "s3cret"}

	bin := t.TempDir()
	seen := filepath.Join(bin, "seen")
	script := "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\" >> " + seen + "; done\nexec " + real + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("GIT_DIR", "/nonexistent")
	t.Setenv("GIT_TRACE_CURL", "1")

	m := openMirror(t)
	if got, err := m.Fetch(t.Context(), src, "main"); err != nil || got != want {
		t.Fatalf("got %q, %v", got, err)
	}
	m.Close()
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "--end-of-options\n"+src.URL) {
		t.Fatalf("the fetch was not seen:\n%s", text)
	}
	if err := filepath.WalkDir(m.dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		text = append(text, data...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"s3cret", base64.StdEncoding.EncodeToString([]byte("ada:s3cret"))} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q is in an argument or in a file of the mirror", secret)
		}
	}
}
