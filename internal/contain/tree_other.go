//go:build !linux

package contain

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Available is nothing on this system.
func Available() Isolation {
	err := errors.New("only Linux has namespaces")
	return Isolation{Processes: err, Files: err, Network: err}
}

// status is how the command ended.
type status struct {
	Code     int
	Signal   syscall.Signal
	Failure  string
	NotFound bool
}

// tree is a process group.
type tree struct {
	cmd *exec.Cmd
	err error
}

func newTree(c Command) *tree {
	t := &tree{}
	program := c.Argv[0]
	if !strings.ContainsRune(program, filepath.Separator) {
		program, t.err = lookPath(program, lookup(c.Env, "PATH"))
	}
	t.cmd = &exec.Cmd{
		Path: program, Args: c.Argv, Env: append([]string{}, c.Env...), Dir: c.Dir,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	return t
}

// lookPath is exec.LookPath with the command's PATH instead of ours.
func lookPath(program, path string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if found, err := exec.LookPath(filepath.Join(dir, program)); err == nil && filepath.IsAbs(found) {
			return found, nil
		}
	}
	return program, exec.ErrNotFound
}

func (t *tree) start() error {
	if t.err != nil {
		return t.err
	}
	return t.cmd.Start()
}

func (t *tree) kill(ended <-chan struct{}) {
	t.killGroup()
	<-ended
}

func (t *tree) killGroup() { _ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL) }

// wait returns once the leader has ended, and ends the rest of its group first:
// whoever of it holds the output open would be waited for.
func (t *tree) wait() (status, error) {
	var s status
	p, err := t.cmd.Process.Wait()
	t.killGroup()
	if err != nil {
		return s, err
	}
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		s.Signal = w.Signal()
	} else {
		s.Code = p.ExitCode()
	}
	// The streams are copied to their end; that the process is gone is no error.
	_ = t.cmd.Wait()
	return s, nil
}
