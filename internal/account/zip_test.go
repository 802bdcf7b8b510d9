package account

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"b/run.sh": "echo", "a.txt": "a", "deep/er/c": "c"} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if name == "b/run.sh" {
			mode = 0o755
		}
		if err := os.WriteFile(full, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../a.txt", filepath.Join(dir, "b", "linked")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheSameFolderMakesTheSameArchive(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	dir := folder(t)
	if err := writeZip(t.Context(), &first, dir); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "a.txt"), later, later); err != nil {
		t.Fatal(err)
	}
	if err := writeZip(t.Context(), &second, dir); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same files made two archives")
	}
	r, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		got[f.Name] = f.Mode().String() + " " + string(data)
	}
	want := map[string]string{"a.txt": "-rw-r--r-- a", "b/linked": "-rw-r--r-- a", "b/run.sh": "-rwxr-xr-x echo", "deep/er/c": "-rw-r--r-- c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestACircleEnds(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Symlink("..", filepath.Join(dir, "deep", "round")); err != nil {
		t.Fatal(err)
	}
	if err := writeZip(t.Context(), io.Discard, dir); !errors.Is(err, errCircle) {
		t.Errorf("got %v, want the circle named", err)
	}
}
