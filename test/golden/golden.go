// Package golden compares what a test got with a file that somebody has read and
// found right. With the flag -update, which it gives to each test program that
// imports it, the files are written first:
//
//	go test ./internal/render -update
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// Update tells whether files are written, for tests with other files of their
// own to keep.
func Update() bool { return *update }

// Check fails the test when the file is not what it got.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run with -update, and read what it writes", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got); run with -update when this is right:\n%s", file, d)
	}
}
