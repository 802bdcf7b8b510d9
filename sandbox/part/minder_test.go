package part_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// asParent makes this test program a parent of a minded command, which tells the
// process that it started and waits.
const asParent = "DRAWBRIDGE_PART_TEST_PARENT"

func TestMain(m *testing.M) {
	part.BeMinder()
	if script := os.Getenv(asParent); script != "" {
		c, err := part.Start(part.Command{
			Name: "script", Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: os.Environ(), Log: os.DevNull, Minded: true,
		})
		if err != nil {
			panic(err)
		}
		<-c.Done()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func minded(c *part.Command) { c.Minded = true }

func TestAMindedCommandEndsWithItsCode(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -9 $$": 137, `test -z "$DRAWBRIDGE_SANDBOX_MINDER"`: 0} {
		c := shell(t, script, minded)
		<-c.Done()
		if got := c.ExitCode(); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}

// A shell does not pass on the signal that asks it to stop: its whole group gets it.
func TestAllOfAMindedCommandIsAskedToStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "up")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := shell(t, `sh -c "trap 'echo stopped; exit 5' TERM; echo > '`+fifo+`'; while :; do sleep 0.01; done"; exit $?`, minded)
	if _, err := os.ReadFile(fifo); err != nil { // the trap is set
		t.Fatal(err)
	}
	if err := c.Stop(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
}

// When the parent is killed, nothing of the command lives on.
func TestNothingOfAMindedCommandOutlivesItsParent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "pid")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), asParent+"=sh -c 'echo $$ > "+fifo+"; exec sleep 600'; true")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	hold, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(hold)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait() //nolint:errcheck // it was killed
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(hold), Events: unix.POLLIN}}, 30_000); n != 1 {
		t.Errorf("process %d lives on (%v)", pid, err)
	}
}
