package sandbox_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// process is a hold on a process that tells when it ends, whoever's child it is,
// and is never mistaken for another one with the same ID.
type process struct {
	fd  int
	err error
}

func watch(pid int) process {
	fd, err := unix.PidfdOpen(pid, 0)
	return process{fd, err}
}

// wait fails the test when the process does not end in time.
func (p process) wait(t *testing.T, name string) {
	t.Helper()
	if p.err != nil {
		t.Errorf("%s: %v", name, p.err)
		return
	}
	defer unix.Close(p.fd)
	poll := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	for end := time.Now().Add(deadline); ; {
		n, err := unix.Poll(poll, int(time.Until(end).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if n != 1 || err != nil {
			t.Errorf("%s lives on (%v)", name, err)
		}
		return
	}
}
