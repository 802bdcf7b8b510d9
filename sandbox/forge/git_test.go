package forge

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPushIsRecordedAndCanBeCloned(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	alice := w.clone("alice", "shop")
	if got := alice.git("symbolic-ref", "HEAD"); got != "refs/heads/main" {
		t.Errorf("the default branch is %s, want refs/heads/main", got)
	}
	first := alice.commit("a", "1")
	alice.git("push", "--quiet", "origin", "main", "main:preview")
	second := alice.commit("a", "2")
	alice.git("push", "--quiet", "origin", "main")
	alice.git("push", "--quiet", "origin", "main") // moves nothing
	alice.git("reset", "--quiet", "--hard", first)
	other := alice.commit("a", "3")
	if out, err := alice.try("push", "origin", "main"); err == nil {
		t.Errorf("a push that rewrites history is done without force:\n%s", out)
	}
	alice.git("push", "--quiet", "--force", "origin", "main")

	bob := w.clone("bob", "shop")
	if got := bob.git("rev-parse", "HEAD"); got != other {
		t.Errorf("bob cloned %s, want %s", got, other)
	}
	bob.git("push", "--quiet", "origin", ":preview")
	bob.git("push", "--quiet", "origin", ":main")

	want := []Push{
		{Repository: "shop", Ref: "refs/heads/main", Before: Zero, After: first, Pusher: "alice"},
		{Repository: "shop", Ref: "refs/heads/preview", Before: Zero, After: first, Pusher: "alice"},
		{Repository: "shop", Ref: "refs/heads/main", Before: first, After: second, Pusher: "alice"},
		{Repository: "shop", Ref: "refs/heads/main", Before: second, After: other, Forced: true, Pusher: "alice"},
		{Repository: "shop", Ref: "refs/heads/preview", Before: first, After: Zero, Pusher: "bob"},
		{Repository: "shop", Ref: "refs/heads/main", Before: other, After: Zero, Pusher: "bob"},
	}
	if diff := cmp.Diff(want, w.pushes("shop"), noTime); diff != "" {
		t.Errorf("pushes (-want +got):\n%s", diff)
	}
	one, err := w.client("bob").Pushes(t.Context(), "shop", "refs/heads/preview")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Push{want[1], want[4]}, one, noTime); diff != "" {
		t.Errorf("pushes to preview (-want +got):\n%s", diff)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	alice := w.clone("alice", "shop")
	alice.commit("a", "0")
	alice.git("push", "--quiet", "origin", "main")
	before := w.pushes("shop")

	for name, tt := range map[string]struct {
		user, token string
		args        []string
		want        string // of what git says; nothing when it works
	}{
		"read":                {"drawbridge", "drawbridge-token", []string{"ls-remote", w.url("shop")}, ""},
		"read, short URL":     {"drawbridge", "drawbridge-token", []string{"ls-remote", w.server.URL + "/shop"}, ""},
		"anonymous":           {"", "", []string{"ls-remote", w.url("shop")}, "could not read Username"},
		"wrong token":         {"alice", "bob-token", []string{"ls-remote", w.url("shop")}, "Authentication failed"},
		"unknown user":        {"eve", "", []string{"ls-remote", w.url("shop")}, "Authentication failed"},
		"unknown repository":  {"alice", "alice-token", []string{"ls-remote", w.url("nothing")}, "not found"},
		"outside":             {"alice", "alice-token", []string{"ls-remote", w.server.URL + "/..%2f..%2fetc"}, "not found"},
		"push by a reader":    {"drawbridge", "drawbridge-token", []string{"push", w.url("shop"), "HEAD:refs/heads/x"}, "may read here, not write"},
		"push by nobody":      {"", "", []string{"push", w.url("shop"), "HEAD:refs/heads/x"}, "could not read Username"},
		"push to nothing":     {"alice", "alice-token", []string{"push", w.url("nothing"), "HEAD:refs/heads/x"}, "not found"},
		"push a broken ref":   {"alice", "alice-token", []string{"push", w.url("shop"), "HEAD:refs/../x"}, "invalid refspec"},
		"wrong token, a push": {"alice", "", []string{"push", w.url("shop"), "HEAD:refs/heads/x"}, "Authentication failed"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			local := &checkout{t, dir, "alice"}
			local.git("init", "--quiet", ".")
			local.commit("a", "1")
			for i, arg := range tt.args {
				if tt.user != "" { // in the URL, so that git says when they are refused
					tt.args[i] = strings.Replace(arg, "http://", "http://"+tt.user+":"+tt.token+"@", 1)
				}
			}
			cmd := exec.Command("git", tt.args...)
			cmd.Dir, cmd.Env = dir, gitEnv("", "")
			out, err := cmd.CombinedOutput()
			if (err == nil) != (tt.want == "") || !strings.Contains(string(out), tt.want) {
				t.Errorf("git %s as %q: %v, want %q:\n%s", strings.Join(tt.args, " "), tt.user, err, tt.want, out)
			}
		})
	}
	if diff := cmp.Diff(before, w.pushes("shop")); diff != "" {
		t.Errorf("a refused push is in the record (-want +got):\n%s", diff)
	}
}

// A reader gets no further by speaking to the server without git.
func TestReaderCannotReachReceivePack(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/shop.git/info/refs?service=git-upload-pack", http.StatusOK},
		{"GET", "/shop.git/info/refs?service=git-receive-pack", http.StatusForbidden},
		{"GET", "/shop.git/info/refs", http.StatusForbidden},
		{"POST", "/shop.git/git-receive-pack", http.StatusForbidden},
		{"GET", "/shop.git/HEAD", http.StatusNotFound},
		{"GET", "/shop.git/config", http.StatusNotFound},
		{"GET", "/..%2fhooks.json/info/refs?service=git-upload-pack", http.StatusNotFound},
	} {
		status, body := w.request("drawbridge", tt.method, tt.path, "")
		if status != tt.want {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, status, tt.want, body)
		}
	}
	// The last of two counts for git, the first for Go.
	_, body := w.request("drawbridge", "GET", "/shop.git/info/refs?service=git-upload-pack&service=git-receive-pack", "")
	if !strings.HasPrefix(body, "001e# service=git-upload-pack\n") {
		t.Errorf("two services: %q", body)
	}
}

// A push over git's http.postBuffer is sent without its length.
func TestLargePush(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	alice := w.clone("alice", "shop")
	content := make([]byte, 3<<20)
	rand.Read(content)
	oid := alice.commit("large", string(content))
	alice.git("push", "--quiet", "origin", "main")
	bob := w.clone("bob", "shop")
	got, err := os.ReadFile(filepath.Join(bob.dir, "large"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file came back with %d bytes, %v", len(got), err)
	}
	want := []Push{{Repository: "shop", Ref: "refs/heads/main", Before: Zero, After: oid, Pusher: "alice"}}
	if diff := cmp.Diff(want, w.pushes("shop"), noTime); diff != "" {
		t.Errorf("pushes (-want +got):\n%s", diff)
	}
}

// Each of many pushes at once is recorded, once, as that of who made it. They are
// sent without git, whose own start would keep them apart.
func TestConcurrentPushes(t *testing.T) {
	t.Parallel()
	w := serve(t, t.TempDir(), nil)
	w.create("shop")
	alice := w.clone("alice", "shop")
	oid := alice.commit("a", "1")
	alice.git("push", "--quiet", "origin", "main")
	want := []string{"alice refs/heads/main"}
	var pushers sync.WaitGroup
	for n := range 24 {
		user := []string{"alice", "bob"}[n%2]
		ref := fmt.Sprintf("refs/heads/%02d", n)
		want = append(want, user+" "+ref)
		pushers.Go(func() {
			status, body := w.request(user, "POST", "/shop.git/git-receive-pack", creation(ref, oid))
			if status != http.StatusOK || !strings.Contains(body, "ok "+ref) {
				t.Errorf("push %s: %d %q", ref, status, body)
			}
		})
	}
	pushers.Wait()
	var got []string
	for _, p := range w.pushes("shop") {
		got = append(got, p.Pusher+" "+p.Ref)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who pushed what (-want +got):\n%s", diff)
	}
}

// creation is the body of a push that makes a ref at a commit which is there.
func creation(ref, oid string) string {
	command := Zero + " " + oid + " " + ref + "\x00report-status\n"
	pack := "PACK\x00\x00\x00\x02\x00\x00\x00\x00" // version 2, no objects
	sum := sha1.Sum([]byte(pack))
	return fmt.Sprintf("%04x%s0000%s%s", len(command)+4, command, pack, sum[:])
}

func TestRestartKeepsAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := serve(t, dir, nil)
	w.create("shop")
	hook := Hook{URL: "http://127.0.0.1:1/hook", Secret: "s3cret"}
	alice := w.clone("alice", "shop")
	oid := alice.commit("a", "1")
	alice.git("push", "--quiet", "origin", "main")
	if err := w.client("alice").SetHook(t.Context(), "shop", "ci", hook); err != nil {
		t.Fatal(err)
	}
	before := w.pushes("shop")
	w.stop()

	// The machine stopped while a push was being recorded.
	bare := filepath.Join(dir, "repositories", "shop.git")
	(&checkout{t, bare, "alice"}).git("update-ref", "refs/heads/lost", oid)
	record, err := os.OpenFile(filepath.Join(dir, "pushes.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record.WriteString(`{"repository":"shop","ref":"refs/he`); err != nil {
		t.Fatal(err)
	}
	record.Close()

	w = serve(t, dir, nil)
	if got := w.clone("bob", "shop").git("rev-parse", "HEAD"); got != oid {
		t.Errorf("after a restart main is at %s, want %s", got, oid)
	}
	if got, ok := w.forge.hooks.get(hookID{"shop", "ci"}); !ok || got != hook {
		t.Errorf("after a restart the hook is %v, %v", got, ok)
	}
	want := append(before, Push{Repository: "shop", Ref: "refs/heads/lost", Before: Zero, After: oid})
	if diff := cmp.Diff(want, w.pushes("shop"), noTime); diff != "" {
		t.Errorf("after a restart, pushes (-want +got):\n%s", diff)
	}
	w.stop()
	w = serve(t, dir, nil)
	if diff := cmp.Diff(want, w.pushes("shop"), noTime); diff != "" {
		t.Errorf("after another restart, pushes (-want +got):\n%s", diff)
	}
}
