// Package part runs one program of the sandbox as a child: started, logged to a
// file, watched, and stopped with a deadline.
//
// Nothing survives its parent. A child is the leader of its own process group,
// which is killed when the child has ended, so that its children go too; on
// Linux the kernel kills a child whose parent was killed. A child that reads
// its standard input also sees it end at that moment, on every system.
//
// The functions may be called from any goroutine.
package part

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Command says what to run.
type Command struct {
	// Name is the part's name in errors.
	Name string
	// Path of the program, and its arguments with the program's own name first:
	// a program with several names looks at that.
	Path string
	Args []string
	// Env is the whole environment.
	Env []string
	// Dir is the working directory.
	Dir string
	// Log is the file that gets standard output and error. It is appended to;
	// one larger than 10 MiB is first renamed to Log + ".1".
	Log string
	// Input is written to the child's standard input, which then stays open as
	// long as this program lives and the child is not stopped.
	Input []byte
	// Files become the child's descriptors from 3 on. Start closes them.
	Files []*os.File
	// Minded is for a command that was not written to be a part: all of its process
	// group is told to stop, and all of it ends with this program, even one that is
	// killed. It has no input and no files. See BeMinder.
	Minded bool
}

// Child is a program that was started.
type Child struct {
	name    string
	cmd     *exec.Cmd
	input   io.Closer
	minded  bool
	log     string
	from    int64 // where this child's part of the log begins
	started time.Time
	done    chan struct{}
	err     error // why it ended; set before done is closed
}

// ExitError says that a child ended although nobody had asked it to.
type ExitError struct {
	Part  string // the part's name
	State string // "exit status 1", "signal: killed"
	Log   string // its log file
	Tail  string // the last lines that it wrote
}

func (e *ExitError) Error() string {
	msg := fmt.Sprintf("%s ended: %s; its log is %s", e.Part, e.State, e.Log)
	if e.Tail != "" {
		msg += ", and ends in:\n" + e.Tail
	}
	return msg
}

// largestLog is the size from which a log is put aside at a start.
const largestLog = 10 << 20

// Start starts the program.
func Start(c Command) (*Child, error) {
	defer func() {
		for _, f := range c.Files {
			f.Close()
		}
	}()
	if c.Minded {
		var err error
		if c, err = minded(c); err != nil {
			return nil, fmt.Errorf("start %s: %w", c.Name, err)
		}
	}
	log, from, err := openLog(c.Log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir,
		Stdout: log, Stderr: log, ExtraFiles: c.Files,
		SysProcAttr: attributes(),
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	if err := onStarter(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	child := &Child{
		name: c.Name, cmd: cmd, input: stdin, minded: c.Minded, log: c.Log, from: from,
		started: time.Now(), done: make(chan struct{}),
	}
	if len(c.Input) > 0 {
		// A child that ends at once breaks the pipe; its end is reported as such.
		go io.Copy(stdin, bytes.NewReader(c.Input)) //nolint:errcheck
	}
	go child.wait()
	return child, nil
}

func openLog(path string) (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, 0, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > largestLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// wait reaps the child and everything that it left in its group.
func (c *Child) wait() {
	err := reap(c.cmd)
	state := "exit status 0"
	if err != nil {
		state = err.Error()
	}
	c.err = &ExitError{Part: c.name, State: state, Log: c.log, Tail: c.Tail(12)}
	close(c.done)
}

// Pid is the child's process ID.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Started is when the child was started.
func (c *Child) Started() time.Time { return c.started }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err is an *ExitError when the child has ended, however that came, and nil
// before.
func (c *Child) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// ExitCode is the code that a child ended with: 128 and more is the signal that
// killed it, -1 that it has not ended.
func (c *Child) ExitCode() int {
	if c.Err() == nil {
		return -1
	}
	state, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && state.Signaled() {
		return 128 + int(state.Signal())
	}
	return c.cmd.ProcessState.ExitCode()
}

// ErrKilled says that a child did not end within its grace and was killed.
var ErrKilled = errors.New("did not stop in time and was killed")

// Stop asks the child to end, and kills it when it has not after grace, or when
// ctx ends before that. It returns when the child has ended; ErrKilled (wrapped)
// says that it had to be killed.
func (c *Child) Stop(ctx context.Context, grace time.Duration) error {
	c.signal(syscall.SIGTERM)
	if !c.minded { // a minder takes the end of its input for ours
		c.input.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		c.Kill()
		return fmt.Errorf("%s %w (%s)", c.name, ErrKilled, grace)
	}
}

// Kill ends the child and its group at once, and returns when it has ended.
func (c *Child) Kill() {
	c.signal(syscall.SIGKILL)
	<-c.done
}

// signal sends to the child only: the rest of its group is the child's to end,
// and is killed after it.
func (c *Child) signal(s syscall.Signal) {
	c.cmd.Process.Signal(s) //nolint:errcheck // it has ended already
}
