package controlplane

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process that is killed leaves nothing running.
func TestNothingIsLeft(t *testing.T) {
	if os.Getenv("CONTROLPLANE_TEST_CHILD") != "" {
		if _, err := Start(Options{}); err != nil {
			t.Fatal(err)
		}
		runtime.GC() // nobody holds what Start returned
		programs, err := find()
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("PIDS " + strings.Join(children(programs), " ") + "\n")
		select {}
	}
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	t.Parallel()
	child, pids := begin(t)
	if len(pids) != 2 {
		t.Fatalf("children %v, want etcd and kube-apiserver", pids)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	deadline := time.NewTimer(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	for _, s := range pids {
		pid, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		for alive(pid) {
			select {
			case <-tick.C: // the end of somebody else's child is no event for us
			case <-deadline.C:
				t.Fatalf("process %d is still there", pid)
			}
		}
	}
}

// begin starts this test as a child that starts a control plane, and returns
// the processes that the child saw as its own.
func begin(t *testing.T) (*exec.Cmd, []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsLeft$")
	child.Env = append(os.Environ(), "CONTROLPLANE_TEST_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a failure must not leave it either
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	var pids []string
	for s := bufio.NewScanner(out); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "PIDS "); ok {
			pids = strings.Fields(rest)
			break
		}
	}
	return child, pids
}

// alive is false for a zombie: nobody may be there to collect it.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
