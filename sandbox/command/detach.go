package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// A detached sandbox is this command again without --detach, in a session of its
// own, with a pipe by which it tells its parent how the start goes on. Each line
// on it is a mark and a text; the parent prints the text, and returns at a mark
// that ends it. The file descriptor is named in an environment variable.
const (
	pipeVariable = "DRAWBRIDGE_SANDBOX_PIPE"
	markStep     = "step "
	markReady    = "ready"
	markFailed   = "failed "
)

// upDetached starts this command again in the background and waits until it is
// ready, or says why it is not. When ctx ends before that, so does the child.
func upDetached(ctx context.Context, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	told, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer told.Close()
	var args []string
	for _, arg := range os.Args[1:] {
		if !isDetach(arg) {
			args = append(args, arg)
		}
	}
	cmd := exec.Command(self, args...)
	cmd.ExtraFiles = []*os.File{tell}
	cmd.Env = append(os.Environ(), pipeVariable+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		tell.Close()
		return fmt.Errorf("start in the background: %w", err)
	}
	tell.Close()
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) }) //nolint:errcheck // it has ended
	defer stop()

	for lines := bufio.NewScanner(told); lines.Scan(); {
		line := lines.Text()
		switch {
		case line == markReady:
			return cmd.Process.Release()
		case strings.HasPrefix(line, markFailed):
			cmd.Wait() //nolint:errcheck // it said why
			return errors.New(strings.ReplaceAll(strings.TrimPrefix(line, markFailed), "\x00", "\n"))
		default:
			fmt.Fprintln(stderr, strings.TrimPrefix(line, markStep)) //nolint:errcheck // there is nobody else to tell
		}
	}
	err = cmd.Wait()
	return fmt.Errorf("the sandbox in the background ended before it was ready: %v", err)
}

func isDetach(arg string) bool {
	return arg == "--detach" || arg == "-d" || strings.HasPrefix(arg, "--detach=") || strings.HasPrefix(arg, "-d=")
}

// pipe is the child's end. A nil one says nothing.
type pipe struct {
	mu sync.Mutex
	f  *os.File // nil once the parent was told the end
}

// parentPipe returns the pipe to the parent that waits, nil when there is none.
func parentPipe() *pipe {
	if os.Getenv(pipeVariable) != "3" {
		return nil
	}
	os.Unsetenv(pipeVariable) //nolint:errcheck // the name is valid
	f := os.NewFile(3, "parent")
	syscall.CloseOnExec(3)
	return &pipe{f: f}
}

// Write sends what is printed, a line at a time as the sandbox writes it. After
// ready nobody listens, and what is written is dropped.
func (p *pipe) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		p.send(markStep + strings.TrimSuffix(line, "\n"))
	}
	return len(b), nil
}

func (p *pipe) ready() {
	if p != nil {
		p.send(markReady)
		p.end()
	}
}

func (p *pipe) failed(err error) {
	if p != nil {
		p.send(markFailed + strings.ReplaceAll(err.Error(), "\n", "\x00"))
		p.end()
	}
}

func (p *pipe) send(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.f != nil {
		io.WriteString(p.f, line+"\n") //nolint:errcheck // the parent is gone; the sandbox stays
	}
}

func (p *pipe) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.f.Close()
	p.f = nil
}

// shorter is a program's path as one would type it here.
func shorter(program string) string {
	dir, err := os.Getwd()
	if err != nil {
		return program
	}
	rel, err := filepath.Rel(dir, program)
	if err != nil || strings.HasPrefix(rel, "..") {
		return program
	}
	if !strings.Contains(rel, string(filepath.Separator)) {
		rel = "." + string(filepath.Separator) + rel
	}
	return rel
}

// quote makes s one word for a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
