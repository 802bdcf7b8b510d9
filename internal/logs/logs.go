// Package logs keeps what the programs of a Change print and what its stacks go
// through: lines, each with its time and its component, beside the ledger.
//
// A [Store] has one file a Change, in a folder: JSON lines, in the order in which
// they came. It stays for as long as the folder does. Lines are text without line
// ends, of at most 16 KiB; a file takes 64 MiB, after which one last line says so.
// Whoever writes a line has taken secrets out of it.
//
// While a Change is under way, [Store.Read] with follow gives its lines as they
// come, until [Store.End]. A Change that a controller before this one began is
// gone on with where its file ends: its UID is its name.
//
// A line survives the end of the process, not the loss of power. Everything is
// safe for concurrent use by one process.
package logs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Line is one line.
type Line struct {
	Time      time.Time `json:"time"`
	Component string    `json:"component"`
	Text      string    `json:"text"`
}

// Change names a Change: its name, and the UID that tells it from others of it.
type Change struct{ Name, UID string }

// ErrNotFound: there are no lines of such a Change.
var ErrNotFound = errors.New("there is no log of such a Change")

const (
	maxLine = 16 << 10
	maxFile = 64 << 20
	suffix  = ".jsonl"
)

// Store is a folder of logs. Make one with [Open].
type Store struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	open map[string]*file // by UID; Changes under way
}

// file is the log of a Change under way.
type file struct {
	*os.File
	size  int64
	full  bool
	grown chan struct{} // closed, and made anew, when there is more; closed for good at the end
	ended bool
}

// Open returns the store in a folder, which is made where it is missing.
func Open(dir string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	return &Store{dir: dir, now: now, open: map[string]*file{}}, nil
}

func (s *Store) path(c Change) string {
	return filepath.Join(s.dir, c.Name+"."+c.UID+suffix)
}

// Begin opens the log of a Change that is under way, so that it can be followed
// from now on. Beginning twice is beginning once.
func (s *Store) Begin(c Change) error {
	if filepath.Base(c.Name) != c.Name || filepath.Base(c.UID) != c.UID {
		return fmt.Errorf("logs: %q and %q are no name and UID", c.Name, c.UID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[c.UID] != nil {
		return nil
	}
	f, err := os.OpenFile(s.path(c), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s.open[c.UID] = &file{File: f, size: info.Size(), grown: make(chan struct{})}
	return nil
}

// Add appends a line of a component. It needs Begin, and does nothing after End:
// a program that is being ended may still print.
func (s *Store) Add(c Change, component, text string) error {
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + " …"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[c.UID]
	if f == nil || f.full {
		return nil
	}
	if f.full = f.size > maxFile; f.full {
		text = fmt.Sprintf("the log of this Change has %d MiB, and what comes now is not kept", maxFile>>20)
	}
	data, err := json.Marshal(Line{s.now().UTC().Truncate(time.Millisecond), component, text})
	if err != nil {
		return err // texts always marshal
	}
	n, err := f.Write(append(data, '\n'))
	f.size += int64(n)
	close(f.grown)
	f.grown = make(chan struct{})
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	return nil
}

// End closes the log of a Change that has ended. Those who follow it come to its
// end. A log without lines is none.
func (s *Store) End(c Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open[c.UID]
	if f == nil {
		return nil
	}
	delete(s.open, c.UID)
	f.ended = true
	close(f.grown)
	if f.size == 0 {
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
	return f.Close()
}

// Close closes what is open.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for uid, f := range s.open {
		delete(s.open, uid)
		f.ended = true
		close(f.grown)
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Read calls yield for each line of a Change, which is given by its name or its
// UID, and of one component unless that is empty. With follow, and while the
// Change is under way, it goes on with the lines as they come. It ends with the
// log, with ctx, or with the first error of yield. ErrNotFound when there is no
// such log; of several Changes of one name the newest is read.
func (s *Store) Read(ctx context.Context, change, component string, follow bool, yield func(Line) error) error {
	name, uid, err := s.find(change)
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	var half []byte // a line that is being written
	for {
		more := s.more(uid) // before reading, so that nothing is missed
		for {
			data, err := in.ReadBytes('\n')
			half = append(half, data...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("logs: %w", err)
			}
			var line Line
			if err := json.Unmarshal(bytes.TrimSpace(half), &line); err == nil && (component == "" || line.Component == component) {
				if err := yield(line); err != nil {
					return err
				}
			}
			half = half[:0]
		}
		if !follow || more == nil {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// more is closed when the log has grown or ended; nil when it has ended already.
func (s *Store) more(uid string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open[uid]; f != nil {
		return f.grown
	}
	return nil
}

func (s *Store) find(change string) (path, uid string, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return "", "", fmt.Errorf("logs: %w", err)
	}
	type candidate struct {
		path, uid string
		at        time.Time
	}
	var all []candidate
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), suffix)
		i := strings.LastIndexByte(base, '.')
		if !ok || i < 0 || base[:i] != change && base[i+1:] != change {
			continue
		}
		if info, err := e.Info(); err == nil {
			all = append(all, candidate{filepath.Join(s.dir, e.Name()), base[i+1:], info.ModTime()})
		}
	}
	if len(all) == 0 {
		return "", "", fmt.Errorf("%s: %w", change, ErrNotFound)
	}
	newest := slices.MaxFunc(all, func(a, b candidate) int { return a.at.Compare(b.at) })
	return newest.path, newest.uid, nil
}
