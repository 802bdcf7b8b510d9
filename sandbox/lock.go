package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrLocked says that another supervisor holds the state folder.
var ErrLocked = errors.New("the sandbox is already up")

// lockFile is the file whose lock says that a supervisor runs, and whose content
// is the supervisor's process ID. The system frees the lock when the supervisor
// ends, however it ends; so the ID is that of a living process exactly as long
// as the lock is held.
func lockFile(dir string) (*os.File, error) {
	return os.OpenFile(inDir(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
}

// lock takes the folder for this process until the file is closed.
func lock(dir string) (*os.File, error) {
	f, err := lockFile(dir)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid := holder(f)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: process %d holds %s; see drawbridge-sandbox status --state %[3]s, or stop it with drawbridge-sandbox down --state %[3]s", ErrLocked, pid, dir)
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// supervisor returns the process ID of who holds the folder, or 0.
func supervisor(dir string) (int, error) {
	f, err := os.Open(inDir(dir, "lock"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = flock(f, syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return 0, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return holder(f), nil
	}
	return 0, err
}

// awaitUnlocked returns when nobody holds the folder any more, or with the error
// of ctx. The folder may vanish meanwhile.
func awaitUnlocked(ctx context.Context, dir string) error {
	f, err := os.Open(inDir(dir, "lock"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	free := make(chan error, 1)
	// Left behind when ctx ends first: a program that gave up waiting is about
	// to end.
	go func() {
		defer f.Close()
		free <- flock(f, syscall.LOCK_SH)
	}()
	select {
	case err := <-free:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func holder(f *os.File) int {
	body, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(body)))
	if err != nil {
		return 0
	}
	return pid
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return err
		}
	}
}
