package contain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Command is what to run.
type Command struct {
	// Argv is the program, looked up in the PATH of Env, and its arguments. There
	// is no shell in between.
	Argv []string
	// Dir is the folder that it starts in.
	Dir string
	// Env is the complete environment, as NAME=value; nothing is inherited. See
	// Environment.
	Env []string
	// Stdin is empty when nil.
	Stdin io.Reader
	// Stdout and Stderr may be the same writer, which then gets both in the order
	// in which they were written. What goes to a nil one is counted and dropped.
	Stdout, Stderr io.Writer
	Limits         Limits
	// Network lets the command use ours. Without it there is none, where
	// Available says so.
	Network bool
	// Roots are the folders whose size counts against Limits.Disk.
	Roots []string
	// Files says what of the machine's files the command has, where Available says
	// so.
	Files Files
}

// Files is a view of the machine's files. The zero Files is all of them as they
// are.
type Files struct {
	// Writable are the only folders that can be written. Nil for no restriction.
	Writable []string
	// Hidden are folders and files that seem empty. Those that do not exist are
	// left out.
	Hidden []string
	// Tmp is the writable folder that stands in for /tmp and /var/tmp, which many
	// programs name themselves. Empty for none.
	Tmp string
	// Visible are folders and files that are seen, although Hidden or Tmp is in
	// the way, as Writable ones are.
	Visible []string
}

// Limits end a command that goes over one. Zero means no limit.
type Limits struct {
	Time   time.Duration
	Output int64 // bytes of both streams together
	Disk   int64 // bytes allocated below Roots, what was there before included
	File   int64 // bytes of any one file that it writes
}

// patience is how long a supervisor may take to kill everything before it is
// killed itself.
const patience = 5 * time.Second

// Run runs the command to its end. See the package comment for what holds
// afterwards and for the errors.
func Run(ctx context.Context, c Command) error {
	if len(c.Argv) == 0 {
		return errors.New("contain: Argv is empty")
	}
	name := c.Argv[0]
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if c.Limits.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Limits.Time, &LimitError{Command: name, Limit: ErrTime, Allowed: int64(c.Limits.Time)})
		defer cancel()
	}
	t := newTree(c)
	m := &meter{limit: c.Limits.Output, over: func() {
		stop(&LimitError{Command: name, Limit: ErrOutput, Allowed: c.Limits.Output})
	}}
	t.cmd.Stdin = c.Stdin
	t.cmd.Stdout = m.writer(c.Stdout)
	t.cmd.Stderr = t.cmd.Stdout
	if c.Stdout != c.Stderr {
		t.cmd.Stderr = m.writer(c.Stderr)
	}
	// Only a writer or reader of ours that blocks can make this matter.
	t.cmd.WaitDelay = 2 * patience
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not started: %w", name, context.Cause(ctx))
	}
	if err := t.start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	ended := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		select {
		case <-ended:
		case <-ctx.Done():
			t.kill(ended)
		}
	}()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if c.Limits.Disk > 0 {
			watchDisk(ctx, ended, c, stop)
		}
	}()
	status, err := t.wait()
	close(ended)
	<-killed
	<-watched

	if cause := context.Cause(ctx); cause != nil {
		var limit *LimitError
		if errors.As(cause, &limit) {
			return limit
		}
		return fmt.Errorf("%s: killed: %w", name, cause)
	}
	if used := Size(c.Roots...); c.Limits.Disk > 0 && used > c.Limits.Disk {
		return &LimitError{Command: name, Limit: ErrDisk, Used: used, Allowed: c.Limits.Disk}
	}
	switch {
	case status.NotFound:
		return fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	case status.Failure != "":
		return fmt.Errorf("%s: %s", name, status.Failure)
	case status.Signal != 0 || status.Code != 0:
		return &ExitError{Command: name, Code: status.Code, Signal: status.Signal}
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
