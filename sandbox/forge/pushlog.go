package forge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
)

// pushLog is the record of pushes: a file of JSON lines that only grows.
type pushLog struct {
	path string
	file *os.File

	mu   sync.Mutex
	size int64 // of what was written whole
}

func openPushLog(path string) (*pushLog, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &pushLog{path: path, file: file}
	body, err := io.ReadAll(file)
	if err == nil {
		// A last line without its end was being written when the machine stopped.
		l.size = int64(bytes.LastIndexByte(body, '\n') + 1)
		err = file.Truncate(l.size)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("record of pushes: %w", err)
	}
	return l, nil
}

// append returns when the pushes are on the disk: all of them, or none.
func (l *pushLog) append(pushes ...Push) error {
	if len(pushes) == 0 {
		return nil
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, p := range pushes {
		if err := enc.Encode(p); err != nil {
			return fmt.Errorf("record of pushes: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Written at the known end, so that what is left of a failed write is
	// written over.
	_, err := l.file.WriteAt(lines.Bytes(), l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		l.file.Truncate(l.size) //nolint:errcheck // the error above tells
		return fmt.Errorf("record of pushes: %w", err)
	}
	l.size += int64(lines.Len())
	return nil
}

// all are the pushes so far, oldest first.
func (l *pushLog) all() iter.Seq2[Push, error] {
	l.mu.Lock()
	size := l.size
	l.mu.Unlock()
	return func(yield func(Push, error) bool) {
		dec := json.NewDecoder(io.NewSectionReader(l.file, 0, size))
		for {
			var p Push
			err := dec.Decode(&p)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(p, fmt.Errorf("record of pushes: %s, near byte %d: %w", l.path, dec.InputOffset(), err))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (l *pushLog) close() error { return l.file.Close() }
