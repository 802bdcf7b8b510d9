package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// TestMain makes the test binary a program that appends until it is killed.
func TestMain(m *testing.M) {
	if file := os.Getenv("LEDGER_CHILD"); file != "" {
		if err := appendForever(file); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// appendForever says "row N" after each row that Append promised.
func appendForever(file string) error {
	ctx := context.Background()
	l, err := Open(ctx, file)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		row, err := l.Append(ctx, record(n))
		if err != nil {
			return err
		}
		if _, err := fmt.Println("row", row); err != nil {
			return err
		}
	}
}

func child(file string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "LEDGER_CHILD="+file), env...)
	return cmd
}

func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// TestKilledInsideAppend kills at each step of the third Append, with the file
// that came out as the beginning of the next step.
func TestKilledInsideAppend(t *testing.T) {
	t.Parallel()
	for point, rows := range map[string]int64{
		"ledger/before-insert": 2,
		"ledger/inside-append": 2,
		"ledger/before-commit": 2,
		"ledger/after-commit":  3,
	} {
		t.Run(filepath.Base(point), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ledger.db")
			cmd := child(file, failpoint.Variable+"="+point+"=kill@3")
			if out, err := cmd.Output(); !killed(err) {
				t.Fatalf("the child was not killed: %v\n%s", err, out)
			}
			l := openFile(t, file)
			head, err := l.Verify(t.Context())
			if err != nil || head.Rows != rows {
				t.Errorf("after the kill: %+v, %v; want %d whole rows", head, err, rows)
			}
			if row := add(t, l, record(3)); row != 3 {
				t.Errorf("the record again: row %d, want 3", row)
			}
		})
	}
}

// TestKilledAnywhere kills from outside, wherever the child happens to be.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	for round := range 5 {
		cmd := child(file)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var promised int64
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if _, err := fmt.Sscan(lines.Text()[len("row "):], &promised); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			if n == 3+5*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); !killed(err) {
			t.Fatalf("the child was not killed: %v", err)
		}
		l := openFile(t, file)
		head, err := l.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if head.Rows < promised {
			t.Errorf("row %d was promised, %d are there", promised, head.Rows)
		}
	}
}
