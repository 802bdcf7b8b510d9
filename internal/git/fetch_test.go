package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFetchFollowsTheBranch(t *testing.T) {
	t.Parallel()
	r, m, ctx := newRepository(t), openMirror(t), t.Context()
	src := Source{URL: r.serve(), Username: "ada", Password: "s3cret"}
	fetch := func(want string) {
		t.Helper()
		got, err := m.Fetch(ctx, src, "main")
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("fetched %s, want %s", got, want)
		}
	}
	r.write("a.yaml", "a: 1\n")
	first := r.push("first")
	fetch(first)
	fetch(first)

	r.write("a.yaml", "a: 2\n")
	second := r.push("second\nline\n\nBody.\n")
	fetch(second)
	if ok, err := m.IsAncestor(ctx, first, second); !ok || err != nil {
		t.Errorf("IsAncestor(first, second) = %v, %v; want true", ok, err)
	}

	c, err := m.Commit(ctx, second)
	if err != nil {
		t.Fatal(err)
	}
	want := Commit{
		OID: second, Tree: r.git(r.work, "rev-parse", "HEAD^{tree}"), Parents: []string{first},
		Author: "Ada Example", AuthorEmail: "ada@example.com", AuthoredAt: time.Unix(1700000000, 0),
		Committer: "Bob Example", CommitterEmail: "bob@example.com", CommittedAt: time.Unix(1700000100, 0),
		Subject: "second line", Message: "second\nline\n\nBody.",
	}
	if d := cmp.Diff(want, c, cmp.Comparer(time.Time.Equal)); d != "" {
		t.Errorf("commit (-want +got):\n%s", d)
	}
	if got := c.AuthoredAt.Format("-0700"); got != "+0130" {
		t.Errorf("author's zone is %s, want +0130", got)
	}

	r.git(r.work, "reset", "-q", "--hard", first)
	r.write("a.yaml", "a: 3\n")
	rewritten := r.push("rewritten")
	fetch(rewritten)
	if ok, err := m.IsAncestor(ctx, second, rewritten); ok || err != nil {
		t.Errorf("IsAncestor(second, rewritten) = %v, %v; want false", ok, err)
	}
	if _, err := m.Commit(ctx, second); err != nil {
		t.Errorf("the commit before the rewrite can't be read any more: %v", err)
	}
}

func TestFetchSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.push("first")
	url := r.serve()
	ada := Source{URL: url, Username: "ada", Password: "s3cret"}
	for name, tc := range map[string]struct {
		src    Source
		branch string
		want   error
	}{
		"wrong password":        {Source{url, "ada", "hunter2hunter2"}, "main", ErrAuthentication},
		"no credentials":        {Source{URL: url}, "main", ErrAuthentication},
		"no such repository":    {Source{strings.Replace(url, "service", "other", 1), "ada", "s3cret"}, "main", ErrRepositoryNotFound},
		"no such branch":        {ada, "release", ErrBranchNotFound},
		"nobody listens":        {Source{URL: "http://127.0.0.1:1/x.git"}, "main", ErrUnreachable},
		"no such directory":     {Source{URL: filepath.Join(t.TempDir(), "none")}, "main", ErrRepositoryNotFound},
		"transport that runs":   {Source{URL: "ext::sh -c whoami"}, "main", ErrInvalidSource},
		"ssh":                   {Source{URL: "git@example.com:a/b.git"}, "main", ErrInvalidSource},
		"credentials in URL":    {Source{URL: "https://ada:hunter2hunter2@example.com/x.git"}, "main", ErrInvalidSource},
		"option as branch":      {ada, "--upload-pack=x", ErrInvalidSource},
		"refspec as branch":     {ada, "main:refs/heads/other", ErrInvalidSource},
		"line end in password":  {Source{url, "ada", "hunter2hunter2\nX: y"}, "main", ErrInvalidSource},
		"URL is an option":      {Source{URL: "--upload-pack=touch x"}, "main", ErrInvalidSource},
		"URL that can't parse":  {Source{URL: "http://[::1"}, "main", ErrInvalidSource},
		"branch with dot dot":   {ada, "a..b", ErrInvalidSource},
		"branch ending in lock": {ada, "a.lock", ErrInvalidSource},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := openMirror(t)
			_, err := m.Fetch(t.Context(), tc.src, tc.branch)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			var fe *FetchError
			if !errors.As(err, &fe) {
				t.Fatalf("%T is no *FetchError", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in the error: %v", err)
			}
			t.Log(err)
		})
	}
}

func TestDeletedBranchLeavesWhatWasFetched(t *testing.T) {
	t.Parallel()
	r, m, ctx := newRepository(t), openMirror(t), t.Context()
	src := Source{URL: r.bare}
	first := r.push("first")
	r.git(r.work, "push", "-q", "origin", "HEAD:refs/heads/feature")
	if _, err := m.Fetch(ctx, src, "feature"); err != nil {
		t.Fatal(err)
	}
	r.git(r.work, "push", "-q", "origin", ":feature")
	if _, err := m.Fetch(ctx, src, "feature"); !errors.Is(err, ErrBranchNotFound) {
		t.Fatalf("got %v, want ErrBranchNotFound", err)
	}
	if _, err := m.Commit(ctx, first); err != nil {
		t.Error(err)
	}
	// The old name is now a folder of names.
	r.git(r.work, "push", "-q", "origin", "HEAD:refs/heads/feature/two")
	if got, err := m.Fetch(ctx, src, "feature/two"); err != nil || got != first {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFetchesRunSideBySide(t *testing.T) {
	t.Parallel()
	r, m := newRepository(t), openMirror(t)
	want := r.push("first")
	for i := range 3 {
		r.git(r.work, "push", "-q", "origin", fmt.Sprintf("HEAD:refs/heads/b%d", i))
	}
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			got, err := m.Fetch(t.Context(), Source{URL: r.bare}, fmt.Sprintf("b%d", i%3))
			if err != nil || got != want {
				t.Errorf("got %q, %v; want %s", got, err, want)
			}
		})
	}
	wg.Wait()
}

func TestFetchIsCancelled(t *testing.T) {
	t.Parallel()
	r, m := newRepository(t), openMirror(t)
	r.push("first")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Fetch(ctx, Source{URL: r.bare}, "main"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := m.Fetch(t.Context(), Source{URL: r.bare}, "main"); err != nil {
		t.Errorf("after a cancelled fetch: %v", err)
	}
}

func TestReopenAfterKill(t *testing.T) {
	t.Parallel()
	r, ctx := newRepository(t), t.Context()
	dir := filepath.Join(t.TempDir(), "mirror")
	first := r.push("first")
	src := Source{URL: r.bare}
	m, err := Open(ctx, dir, LocalSources())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Fetch(ctx, src, "main"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if _, err := m.Fetch(ctx, src, "main"); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed mirror answered %v", err)
	}
	// What git leaves when it is killed while it moves the ref.
	if err := os.WriteFile(filepath.Join(dir, src.privateRef("main")+".lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := r.push("second")
	if m, err = Open(ctx, dir, LocalSources()); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Commit(ctx, first); err != nil {
		t.Error(err)
	}
	if got, err := m.Fetch(ctx, src, "main"); err != nil || got != second {
		t.Errorf("got %q, %v; want %s", got, err, second)
	}
}

// BenchmarkFetch measures from the push being there to the commit being known.
func BenchmarkFetch(b *testing.B) {
	b.Run("unchanged", func(b *testing.B) { benchmarkFetch(b, false) })
	b.Run("one commit", func(b *testing.B) { benchmarkFetch(b, true) })
}

func benchmarkFetch(b *testing.B, change bool) {
	r, m := newRepository(b), openMirror(b)
	src := Source{URL: r.serve(), Username: "ada", Password: "s3cret"}
	r.push("first")
	if _, err := m.Fetch(b.Context(), src, "main"); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if change {
			b.StopTimer()
			r.write("a.yaml", fmt.Sprint(i))
			r.push("next")
			b.StartTimer()
		}
		if _, err := m.Fetch(b.Context(), src, "main"); err != nil {
			b.Fatal(err)
		}
	}
}
