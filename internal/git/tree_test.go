package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fetched pushes what the repository holds and returns a mirror with it.
func fetched(t testing.TB, r *repository) (*Mirror, string) {
	t.Helper()
	m := openMirror(t)
	r.push("commit")
	oid, err := m.Fetch(t.Context(), Source{URL: r.bare}, "main")
	if err != nil {
		t.Fatal(err)
	}
	return m, oid
}

func TestTree(t *testing.T) {
	t.Parallel()
	r, ctx := newRepository(t), t.Context()
	r.write("README.md", "hello\n")
	r.write("a/b/c.yaml", "c: 1\n")
	r.write("a/b.yaml", "b: 1\n")
	r.write("a-b/naïve name.yaml", "x: 1\n")
	if err := os.Symlink("../a/b.yaml", filepath.Join(r.work, "a-b", "link")); err != nil {
		t.Fatal(err)
	}
	m, oid := fetched(t, r)
	tree, err := m.Tree(ctx, oid, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range tree.Entries() {
		got = append(got, fmt.Sprintf("%s %s %d", e.Mode, e.Path, e.Size))
	}
	want := []string{
		"100644 README.md 6",
		"040000 a-b 0", "120000 a-b/link 11", "100644 a-b/naïve name.yaml 5",
		"040000 a 0", "100644 a/b.yaml 5", "040000 a/b 0", "100644 a/b/c.yaml 5",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}

	sub, err := tree.Sub("a")
	if err != nil {
		t.Fatal(err)
	}
	direct, err := m.Tree(ctx, oid, "a/")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(direct.Entries(), sub.Entries()); d != "" || direct.OID != sub.OID {
		t.Errorf("Sub and Tree of a folder differ: %s", d)
	}
	var names []string
	for _, e := range tree.Children("a") {
		names = append(names, e.Path)
	}
	if d := cmp.Diff([]string{"a/b.yaml", "a/b"}, names); d != "" {
		t.Errorf("children (-want +got):\n%s", d)
	}
	data, oids, err := tree.ReadFile(ctx, m, "a-b/link")
	if err != nil || string(data) != "b: 1\n" || len(oids) != 2 {
		t.Errorf("through a link: %q, %v, %v", data, oids, err)
	}
	for _, p := range []string{"missing", "README.md", "a\nb"} {
		if _, err := m.Tree(ctx, oid, p); !errors.Is(err, ErrPathNotFound) {
			t.Errorf("Tree(%q): %v, want ErrPathNotFound", p, err)
		}
	}
	for _, o := range []string{"main", strings.Repeat("0", 40), oid[:12], "--help"} {
		if _, err := m.Tree(ctx, o, ""); !errors.Is(err, ErrObjectNotFound) {
			t.Errorf("Tree of %q: %v, want ErrObjectNotFound", o, err)
		}
	}
}

func TestSymlinks(t *testing.T) {
	t.Parallel()
	r, ctx := newRepository(t), t.Context()
	r.write("dir/file.yaml", "x: 1\n")
	for link, target := range map[string]string{
		"ok":           "dir/file.yaml",
		"folder":       "dir",
		"dir/up":       "../ok",
		"root":         ".",
		"out":          "../secrets.yaml",
		"dir/out":      "a/../../../etc/passwd",
		"absolute":     "/etc/passwd",
		"looks-inside": "/dir/file.yaml",
		"nowhere":      "dir/none.yaml",
		"self":         "self",
		"dir/circle-a": "circle-b",
		"dir/circle-b": "circle-a",
	} {
		if err := os.Symlink(target, filepath.Join(r.work, link)); err != nil {
			t.Fatal(err)
		}
	}
	m, oid := fetched(t, r)
	tree, err := m.Tree(ctx, oid, "")
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"ok": "dir/file.yaml", "dir/up": "dir/file.yaml", "folder/file.yaml": "dir/file.yaml",
		"root/root/folder/up": "dir/file.yaml", "folder": "dir", "root": "",
	} {
		if e, _, err := tree.Resolve(ctx, m, p); err != nil || e.Path != want {
			t.Errorf("Resolve(%s) = %q, %v; want %q", p, e.Path, err, want)
		}
	}
	for _, p := range []string{"out", "dir/out", "absolute", "looks-inside", "nowhere", "self", "dir/circle-a"} {
		_, _, err := tree.Resolve(ctx, m, p)
		if !errors.Is(err, ErrSymlink) || !strings.HasPrefix(err.Error(), p+": ") {
			t.Errorf("Resolve(%s): %v; want ErrSymlink that names the link", p, err)
		}
	}
	if _, _, err := tree.Resolve(ctx, m, "dir/none.yaml"); !errors.Is(err, ErrPathNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestLargeFilesAreRefused(t *testing.T) {
	t.Parallel()
	r, ctx := newRepository(t), t.Context()
	for _, dir := range []string{r.work, r.bare} {
		r.git(dir, "config", "core.bigFileThreshold", "1m") // no search for differences
		r.git(dir, "config", "core.compression", "1")
	}
	r.write("large.bin", strings.Repeat("\x00", 50<<20))
	r.write("edge.bin", strings.Repeat("x", MaxBlobSize))
	m, oid := fetched(t, r)
	tree, err := m.Tree(ctx, oid, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tree.ReadFile(ctx, m, "large.bin"); !errors.Is(err, ErrTooLarge) || !strings.HasPrefix(err.Error(), "large.bin: ") {
		t.Errorf("ReadFile: %v; want ErrTooLarge that names the file", err)
	}
	e, _ := tree.Entry("large.bin")
	if _, err := m.Blob(ctx, e.OID); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Blob: %v; want ErrTooLarge", err)
	}
	if data, _, err := tree.ReadFile(ctx, m, "edge.bin"); err != nil || len(data) != MaxBlobSize {
		t.Errorf("a file of exactly the limit: %d bytes, %v", len(data), err)
	}
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	for i := range 50 {
		r.write(fmt.Sprintf("f%d", i), strings.Repeat("line\n", i*100))
	}
	m, oid := fetched(t, r)
	tree, err := m.Tree(t.Context(), oid, "")
	if err != nil {
		t.Fatal(err)
	}
	readAll := func(ctx context.Context) error {
		for i := range 50 {
			data, _, err := tree.ReadFile(ctx, m, fmt.Sprintf("f%d", i))
			if err != nil {
				return err
			}
			if !bytes.Equal(data, bytes.Repeat([]byte("line\n"), i*100)) {
				return fmt.Errorf("f%d has the wrong content", i)
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := readAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
		// Readers that give up in the middle must not leave an answer that the
		// next one takes for its own.
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			if err := readAll(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()

	// The processes die; the next read starts others.
	eachReader(m, (*objectReader).kill)
	if err := readAll(t.Context()); err != nil {
		t.Errorf("after the processes died: %v", err)
	}

	// They hang; a read that is given up comes back, and the next one works.
	eachReader(m, func(r *objectReader) {
		if err := syscall.Kill(r.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
			t.Error(err)
		}
	})
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for err := error(nil); !errors.Is(err, context.DeadlineExceeded); err = readAll(short) {
		if err != nil {
			t.Fatalf("a read from a process that hangs: %v", err)
		}
	}
	eachReader(m, (*objectReader).kill)

	if _, err := m.Blob(t.Context(), strings.Repeat("1", 40)); !errors.Is(err, ErrObjectNotFound) {
		t.Errorf("missing object: %v", err)
	}
	if _, err := m.Blob(t.Context(), oid); err == nil || !strings.Contains(err.Error(), "commit") {
		t.Errorf("a commit read as a file: %v", err)
	}
	if err := m.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := readAll(t.Context()); err != nil {
		t.Errorf("after maintenance: %v", err)
	}
	m.Close()
	if err := readAll(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// eachReader lends out every process of the pool that runs.
func eachReader(m *Mirror, f func(*objectReader)) {
	for range m.objects.size {
		r := <-m.objects.slots
		if r != nil {
			f(r)
		}
		m.objects.slots <- r
	}
}

func BenchmarkTree(b *testing.B) {
	r := newRepository(b)
	for i := range 1000 {
		for j := range 4 {
			r.write(fmt.Sprintf("apps/app-%04d/f%d.yaml", i, j), fmt.Sprint("x: ", i, j))
		}
	}
	m, oid := fetched(b, r)
	b.Run("list 4000 files", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Tree(b.Context(), oid, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	tree, err := m.Tree(b.Context(), oid, "")
	if err != nil {
		b.Fatal(err)
	}
	e, _ := tree.Entry("apps/app-0500/f1.yaml")
	b.Run("read a file", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Blob(b.Context(), e.OID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
