package forge

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var users = []User{
	{Name: "alice", Token: "alice-token", Write: true},
	{Name: "bob", Token: "bob-token", Write: true},
	{Name: "drawbridge", Token: "drawbridge-token"},
}

// world is a forge that is served, with ways to use it.
type world struct {
	t      *testing.T
	forge  *Forge
	server *httptest.Server
}

func serve(t *testing.T, dir string, log *slog.Logger) *world {
	t.Helper()
	if log == nil {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	f, err := New(Options{Dir: dir, Users: users, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, forge: f, server: httptest.NewServer(f)}
	t.Cleanup(w.stop)
	return w
}

func (w *world) stop() {
	w.t.Helper()
	if w.server == nil {
		return
	}
	w.server.Close()
	w.server = nil
	if err := w.forge.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) client(user string) Client {
	return Client{URL: w.server.URL, User: user, Token: user + "-token"}
}

func (w *world) create(name string) {
	w.t.Helper()
	got, err := w.client("alice").CreateRepository(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(Repository{Name: name, CloneURL: w.url(name)}, got); diff != "" {
		w.t.Errorf("repository (-want +got):\n%s", diff)
	}
}

func (w *world) url(name string) string { return w.server.URL + "/" + name + ".git" }

// pushes to the repository without their times.
func (w *world) pushes(name string) []Push {
	w.t.Helper()
	got, err := w.client("drawbridge").Pushes(w.t.Context(), name, "")
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range got {
		if got[i].At.IsZero() {
			w.t.Errorf("push %d has no time", i)
		}
	}
	return got
}

var noTime = cmpopts.IgnoreFields(Push{}, "At")

// gitEnv is the environment of a git client, as the user with the token, or as
// nobody.
func gitEnv(user, token string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/dev/null", "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org",
	}
	if user != "" {
		env = append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader",
			"GIT_CONFIG_VALUE_0=Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+token)))
	}
	return env
}

// checkout is a work tree of a user.
type checkout struct {
	t    *testing.T
	dir  string
	user string
}

// clone clones a repository as the user.
func (w *world) clone(user, name string) *checkout {
	w.t.Helper()
	c := &checkout{w.t, w.t.TempDir(), user}
	c.git("clone", "--quiet", w.url(name), ".")
	return c
}

func (c *checkout) try(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = c.dir, gitEnv(c.user, c.user+"-token")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c *checkout) git(args ...string) string {
	c.t.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// commit makes a commit that writes a file, and returns its ID.
func (c *checkout) commit(file, content string) string {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, file), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.git("add", file)
	c.git("commit", "--quiet", "-m", fmt.Sprintf("write %s\n\nFixes #7.", file))
	return c.git("rev-parse", "HEAD")
}

func TestNewRefusesOptions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		users []User
		want  string
	}{
		"twice":    {[]User{{Name: "a", Token: "t"}, {Name: "a", Token: "u"}}, `user "a"`},
		"no name":  {[]User{{Token: "t"}}, `user ""`},
		"no token": {[]User{{Name: "a"}}, `user "a"`},
		"colon":    {[]User{{Name: "a:b", Token: "t"}}, `user "a:b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(Options{Dir: t.TempDir(), Users: tt.users})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want it to name %s", err, tt.want)
			}
		})
	}
	if _, err := New(Options{}); err == nil {
		t.Error("New without Dir is accepted")
	}
}
