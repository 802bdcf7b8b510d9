package part_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// shell starts a script as the part "script".
func shell(t *testing.T, script string, change ...func(*part.Command)) *part.Child {
	t.Helper()
	cmd := part.Command{
		Name: "script", Path: "/bin/sh", Args: []string{"sh", "-c", script},
		Env: os.Environ(), Log: filepath.Join(t.TempDir(), "logs", "script.log"),
	}
	for _, f := range change {
		f(&cmd)
	}
	c, err := part.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

func TestAnEndSaysHowAndWithWhichLastLines(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "script.log")
	if err := os.WriteFile(log, []byte("a line of the start before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := shell(t, "seq 1 20; exit 3", func(c *part.Command) { c.Log = log })
	<-c.Done()
	var end *part.ExitError
	if !errors.As(c.Err(), &end) {
		t.Fatalf("Err() = %v, want an ExitError", c.Err())
	}
	if end.Part != "script" || end.State != "exit status 3" || end.Log != log {
		t.Errorf("got %+v", end)
	}
	if lines := strings.Split(end.Tail, "\n"); len(lines) != 12 || lines[0] != "9" || lines[11] != "20" {
		t.Errorf("the tail is %q, want 9 to 20", lines)
	}
	if all := c.Tail(100); strings.Contains(all, "start before") || !strings.HasPrefix(all, "1\n") {
		t.Errorf("Tail(100) = %q, want only what this child wrote", all)
	}
}

func TestTheTailOfAPanicIsItsReason(t *testing.T) {
	t.Parallel()
	c := shell(t, `echo the disk is full; echo "panic: no WAL"; echo; echo "goroutine 1 [running]:"; seq 1 20; exit 2`)
	<-c.Done()
	if got, want := c.Tail(12), "the disk is full\npanic: no WAL"; got != want {
		t.Errorf("Tail = %q, want %q", got, want)
	}
}

func TestStopWaitsForTheGraceAndThenKills(t *testing.T) {
	t.Parallel()
	polite := shell(t, `trap 'exit 0' TERM; echo up; while :; do read x || wait; done`)
	if err := polite.Stop(t.Context(), time.Minute); err != nil {
		t.Errorf("Stop of a child that obeys: %v", err)
	}
	// A pipe tells that the trap is set, else the signal may come too early.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	deaf := shell(t, `trap '' TERM; echo up >&3; exec 3>&-; while :; do sleep 60; done`, func(c *part.Command) {
		c.Files = []*os.File{w}
	})
	if _, err := r.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := deaf.Stop(t.Context(), 50*time.Millisecond); !errors.Is(err, part.ErrKilled) {
		t.Errorf("Stop of a child that does not obey: %v, want ErrKilled", err)
	}
}

func TestWhatAChildLeavesBehindIsKilled(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := shell(t, `sleep 600 & echo $! >&3; exit 0`, func(c *part.Command) { c.Files = []*os.File{w} })
	buf := make([]byte, 32)
	n, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	// The sleeper holds the pipe's other end: it ends when the sleeper is gone.
	if err := r.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the grandchild lives on: %v", err)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n]))); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func TestInputStaysOpenUntilTheChildIsStopped(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	script := `trap '' TERM; read line; echo "got $line"; echo read >&3; exec 3>&-; cat; echo "input ended"`
	c := shell(t, script, func(c *part.Command) {
		c.Input = []byte("the configuration\n")
		c.Files = []*os.File{w}
	})
	if _, err := r.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Tail(5), "got the configuration\ninput ended"; got != want {
		t.Errorf("the child wrote %q, want %q", got, want)
	}
}

func TestMemoryOfThisProgram(t *testing.T) {
	t.Parallel()
	if got := part.Memory(os.Getpid()); got < 1<<20 {
		t.Errorf("Memory = %d, want more than 1 MiB", got)
	}
}
