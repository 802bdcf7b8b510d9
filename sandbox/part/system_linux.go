package part

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// outliveParent takes back the death signal of attributes.
func outliveParent() {
	unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) //nolint:errcheck // it never fails for a signal of zero
}

// reap waits for the child to end, kills what is left in its group, and reaps
// it, in this order: until it is reaped, its ID can't be somebody else's.
func reap(cmd *exec.Cmd) error {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // an empty group is what we want
	return cmd.Wait()
}

// Memory returns the resident memory of a process in bytes, or 0 when the
// system does not say.
func Memory(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			var kib int64
			if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
