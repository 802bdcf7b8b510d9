package part

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
)

// A minder stands between us and a command that was not written to be a part: it is
// this program, started again as the leader of the command's process group, which
// it kills when we are gone. The kernel alone would kill a shell then, but not what
// the shell has started.
const (
	minderVariable = "DRAWBRIDGE_SANDBOX_MINDER"
	minderArgument = "minder"
)

// canMind says that BeMinder was called, so that a child will be a minder and not
// this program's normal self.
var canMind atomic.Bool

var errNoMinder = errors.New("this program can't mind a command: call part.BeMinder first thing in main, or in TestMain")

// BeMinder must be called first thing in main, or in TestMain, by a program that
// starts Commands that are Minded. If the program was started to be a minder, it is
// that, and BeMinder does not return.
func BeMinder() {
	if os.Getenv(minderVariable) == "" || len(os.Args) < 4 || os.Args[1] != minderArgument {
		canMind.Store(true)
		return
	}
	code, err := mind(os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 127 // as a shell says that it could not start something
	}
	os.Exit(code)
}

// minded is a command with a minder before it.
func minded(c Command) (Command, error) {
	if !canMind.Load() {
		return c, errNoMinder
	}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	c.Args = append([]string{"drawbridge-sandbox", minderArgument, c.Path}, c.Args...)
	c.Env = append(append([]string(nil), c.Env...), minderVariable+"=1")
	c.Path = self
	return c, nil
}

// mind runs a command to its end and returns its exit code.
func mind(path string, args []string) (int, error) {
	outliveParent() // whose death the end of our input tells, with time to act
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, minderVariable+"=") {
			env = append(env, e)
		}
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	cmd := &exec.Cmd{Path: path, Args: args, Env: env, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	group := -os.Getpid() // we lead it
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // any end of it is the end
		syscall.Kill(group, syscall.SIGKILL)
	}()
	go func() {
		<-asked
		syscall.Kill(group, syscall.SIGTERM) // us too, who do not mind
	}()
	err := cmd.Wait()
	var end *exec.ExitError
	if errors.As(err, &end) {
		if status := end.Sys().(syscall.WaitStatus); status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return end.ExitCode(), nil
	}
	return 0, err
}
