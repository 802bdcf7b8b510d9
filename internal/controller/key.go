package controller

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// keySize of HMAC-SHA-256.
const keySize = 32

// keptKey reads a random key from a file, which it makes the first time: whole or not at
// all, for the owner's eyes only.
func keptKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if err == nil && len(key) != keySize {
		return nil, fmt.Errorf("%s: expected a key of %d bytes, found %d: take the file away, and workloads with restartOn are restarted once", file, keySize, len(key))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, says its documentation
	temporary, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+"-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary.Name()) // nothing, once it has its name
	_, err = temporary.Write(key)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, err
	}
	return key, os.Rename(temporary.Name(), file)
}
