//go:build unix && !linux

package part

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// outliveParent has nothing to take back.
func outliveParent() {}

// reap waits for the child to end, reaps it, and kills what is left in its
// group. These systems have no call that waits without reaping.
func reap(cmd *exec.Cmd) error {
	err := cmd.Wait()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // an empty group is what we want
	return err
}

// Memory returns the resident memory of a process in bytes, or 0 when the
// system does not say.
func Memory(pid int) int64 {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
