package logs

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var change = Change{Name: "production-1-abc", UID: "5c9e"}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	s, err := Open(dir, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func begin(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Begin(change); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, s *Store, component, text string) {
	t.Helper()
	if err := s.Add(change, component, text); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *Store, name, component string) []string {
	t.Helper()
	var got []string
	if err := s.Read(t.Context(), name, component, false, func(l Line) error {
		got = append(got, l.Component+": "+l.Text)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLinesAreKeptByChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	begin(t, s)
	add(t, s, "database", "one")
	add(t, s, "site", "two")
	if err := s.End(change); err != nil {
		t.Fatal(err)
	}
	add(t, s, "site", "after the end")

	// Another controller goes on with the same Change.
	s = open(t, dir)
	begin(t, s)
	add(t, s, "database", "three")
	for name, want := range map[string][]string{
		"":         {"database: one", "site: two", "database: three"},
		"database": {"database: one", "database: three"},
		"other":    nil,
	} {
		for _, by := range []string{change.Name, change.UID} {
			if diff := cmp.Diff(want, read(t, s, by, name)); diff != "" {
				t.Errorf("component %q by %s: %s", name, by, diff)
			}
		}
	}
	if err := s.Read(t.Context(), "another", "", false, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestFollowingEndsWithTheChange(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	begin(t, s)
	add(t, s, "site", "before")
	lines, done := make(chan string), make(chan error, 1)
	go func() {
		done <- s.Read(t.Context(), change.Name, "", true, func(l Line) error {
			lines <- l.Text
			return nil
		})
	}()
	for _, text := range []string{"before", "one", "two"} {
		if text != "before" {
			add(t, s, "site", text)
		}
		if got := <-lines; got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
	}
	if err := s.End(change); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestALogWithoutLinesIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	begin(t, s)
	if err := s.End(change); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	begin(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Read(ctx, change.UID, "", true, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestALogIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	begin(t, s)
	add(t, s, "site", strings.Repeat("x", 2*maxLine))
	s.open[change.UID].size = maxFile + 1
	add(t, s, "site", "too much")
	add(t, s, "site", "too much")
	got := read(t, s, change.Name, "")
	if len(got) != 2 || len(got[0]) > maxLine+20 || !strings.Contains(got[1], "not kept") {
		t.Errorf("got %d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := s.Begin(Change{Name: "../x", UID: "y"}); err == nil {
		t.Error("a name led out of the folder")
	}
}
