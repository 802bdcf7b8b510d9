package controller

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestKeptKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "restart.key")
	first, err := keptKey(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keptKey(file)
	if err != nil || !bytes.Equal(first, again) || len(first) != keySize {
		t.Errorf("%x, then %x: %v", first, again, err)
	}
	if s, err := os.Stat(file); err != nil || s.Mode().Perm() != 0o600 {
		t.Error(s.Mode(), err)
	}
	if other, err := keptKey(file + "2"); err != nil || bytes.Equal(first, other) {
		t.Error("two keys are alike", err)
	}
	if err := os.WriteFile(file, first[:5], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptKey(file); err == nil {
		t.Error("a key that was cut off is taken")
	}
}
