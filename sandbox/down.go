package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// StopIn stops the sandbox in dir, whichever process runs it, and returns when
// its supervisor has let go of the folder. was says whether one ran.
func StopIn(ctx context.Context, dir string) (was bool, err error) {
	pid, err := supervisor(dir)
	if err != nil || pid == 0 {
		return false, err
	}
	if pid == os.Getpid() {
		return true, errors.New("this process is the supervisor; call Down")
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return true, fmt.Errorf("stop the sandbox in %s, process %d: %w", dir, pid, err)
	}
	if err := awaitUnlocked(ctx, dir); err != nil {
		return true, fmt.Errorf("sandbox in %s, process %d: %w", dir, pid, errors.Join(err, context.Cause(ctx)))
	}
	return true, nil
}

// Remove removes the state in dir. The sandbox must be down. A folder that is
// not one of a sandbox is left alone.
func Remove(dir string) error {
	if _, err := os.Stat(stateFile(dir)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("%w: %s has no sandbox.json, so that it is not removed", ErrNoState, dir)
	} else if err != nil {
		return err
	}
	l, err := lock(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	return os.RemoveAll(dir)
}
