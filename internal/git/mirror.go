package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Mirror is a bare repository that holds the fetched branches of one or more
// sources. See the package's comment for what may be relied on.
type Mirror struct {
	dir     string
	local   bool
	objects *objectPool

	background sync.WaitGroup
	ctx        context.Context // ends with Close; for background work only
	cancel     context.CancelFunc

	mu       sync.Mutex
	closed   bool
	fetching map[string]chan struct{} // by private ref: held by the running fetch
	brought  int                      // fetches that moved a ref since the last repack
}

// Option changes how a mirror is opened.
type Option func(*Mirror)

// LocalSources lets the mirror fetch from directories of this machine too. It is
// off by default, because whoever names a source could read any repository that
// this process can.
func LocalSources() Option { return func(m *Mirror) { m.local = true } }

// Open opens the bare repository at dir and makes it first if it is missing.
// The caller closes it.
func Open(ctx context.Context, dir string, options ...Option) (*Mirror, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	m := &Mirror{dir: dir, fetching: map[string]chan struct{}{}}
	for _, o := range options {
		o(m)
	}
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.objects = newObjectPool(m, min(max(2, runtime.GOMAXPROCS(0)), 8))
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open mirror: %w", err)
		}
		if _, err := m.run(ctx, nil, "init", "--quiet", "--bare", "--template="); err != nil {
			return nil, fmt.Errorf("make mirror at %s: %w", dir, err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	removeStaleLocks(dir)
	if m.needsMaintenance() {
		if err := m.Maintain(ctx); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// removeStaleLocks clears what a killed process left: a fetch would fail on it
// for ever. One process owns the directory, so no lock can be somebody's.
func removeStaleLocks(dir string) {
	for _, pattern := range []string{"*.lock", "refs/drawbridge/*.lock"} {
		locks, _ := filepath.Glob(filepath.Join(dir, pattern)) // the patterns are valid
		for _, l := range locks {
			_ = os.Remove(l) // if it stays, the fetch says so
		}
	}
}

// Close ends the mirror's processes. Calls that are still running fail.
func (m *Mirror) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cancel()
	m.objects.close()
	m.background.Wait()
	return nil
}

func (m *Mirror) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// repackEvery is how many fetches bring something until the mirror is repacked.
const repackEvery = 256

// Maintain repacks the mirror, so that reads stay fast after many fetches.
// Nothing that was fetched gets lost. Reads and fetches go on meanwhile.
func (m *Mirror) Maintain(ctx context.Context) error {
	if _, err := m.run(ctx, nil, "repack", "--quiet", "-d", "-l", "--geometric=2"); err != nil {
		return fmt.Errorf("repack mirror at %s: %w", m.dir, err)
	}
	return nil
}

// needsMaintenance looks at one of the 256 folders of loose objects, as git's own
// rule does, and at the number of packs.
func (m *Mirror) needsMaintenance() bool {
	loose, _ := os.ReadDir(filepath.Join(m.dir, "objects", "17"))
	packs, _ := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "*.pack"))
	return len(loose) > 8 || len(packs) > 50
}

// countFetch starts maintenance beside the callers when it is due.
func (m *Mirror) countFetch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.brought++
	if m.brought < repackEvery || m.closed {
		return
	}
	m.brought = 0
	m.background.Go(func() {
		// If it fails, the next one is tried after as many fetches again; nothing
		// but speed depends on it.
		_ = m.Maintain(m.ctx)
	})
}
