package s3

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// files keeps the bytes of objects, each in a file with a name of its own.
type files struct{ dir string }

var errGone = errors.New("the object's bytes are gone")

// write puts bytes into a new file and returns its name.
func (f files) write(body []byte) (string, error) {
	name := uuid.NewString()
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", fmt.Errorf("keep an object: %w", err)
	}
	partial := filepath.Join(f.dir, name+".partial")
	if err := os.WriteFile(partial, body, 0o600); err != nil {
		return "", errors.Join(fmt.Errorf("keep an object: %w", err), os.Remove(partial))
	}
	if err := os.Rename(partial, filepath.Join(f.dir, name)); err != nil {
		return "", fmt.Errorf("keep an object: %w", err)
	}
	return name, nil
}

func (f files) open(name string) (*os.File, error) {
	file, err := os.Open(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errGone
	}
	return file, err
}

// remove deletes a file; one that can't be deleted is left to the next sweep.
func (f files) remove(name string) {
	if name != "" {
		_ = os.Remove(filepath.Join(f.dir, name))
	}
}

// sweep deletes the files that no object uses.
func (f files) sweep(used map[string]bool) error {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if !used[entry.Name()] {
			f.remove(entry.Name())
		}
	}
	return err
}
