package failpoint

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	points, err := parse("a/b=kill,c=kill@3")
	if err != nil {
		t.Fatal(err)
	}
	if got := points["a/b"].Load(); got != 1 {
		t.Errorf("a/b: %d", got)
	}
	if got := points["c"].Load(); got != 3 {
		t.Errorf("c: %d", got)
	}
	for _, bad := range []string{"a", "a=", "=kill", "a=sleep", "a=kill@0", "a=kill@x", "a=kill,"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestHit(t *testing.T) {
	if os.Getenv("FAILPOINT_CHILD") != "" {
		Hit("not-armed")
		Hit("here")
		os.Stdout.WriteString("once\n")
		Hit("here")
		os.Exit(0)
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestHit$")
	child.Env = append(os.Environ(), "FAILPOINT_CHILD=1", Variable+"=here=kill@2")
	out, err := child.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v, want SIGKILL", err)
	}
	if string(out) != "once\n" {
		t.Errorf("the child wrote %q before it was killed", out)
	}
}
