package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress is how far a compilation is. Go says which packages it compiles and
// which modules it downloads, but not how many of the packages are in its cache,
// so the total is an upper bound.
type progress struct {
	part              string
	modules, packages int
	total             int
}

func (p progress) String() string {
	switch {
	case p.packages > 0:
		return fmt.Sprintf("building %s: %d packages compiled, of at most %d", p.part, p.packages, p.total)
	case p.modules > 0:
		return fmt.Sprintf("building %s: %d modules downloaded", p.part, p.modules)
	}
	return "building " + p.part
}

// read takes one line of what go build -v prints to standard error, and says
// whether it was progress; what is not is part of an error message.
func (p *progress) read(line string) bool {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.modules++
	case line == "" || strings.ContainsAny(line, " \t:"):
		return false
	case strings.HasPrefix(line, "#"):
		return false
	default:
		p.packages++
	}
	return true
}

// compile runs go build for the part and shows how far it is.
func compile(ctx context.Context, p part, source, program string, out io.Writer) error {
	at := progress{part: p.name}
	begun := time.Now()
	show, done := display(out)
	defer done()
	show(at, begun)

	lines := make(chan string)
	totals := make(chan int, 1)
	var failed bytes.Buffer
	finished := make(chan error, 1)
	go func() {
		defer close(lines)
		listed, err := runLines(goCommand(ctx, source, "list", "-deps", p.pkg), lines)
		if err == nil {
			totals <- listed
			args := append([]string{"build", "-v", "-o", program}, p.flags()...)
			_, err = runLines(goCommand(ctx, source, append(args, p.pkg)...), lines)
		}
		finished <- err
	}()
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				err := <-finished
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil {
					return fmt.Errorf("go build in %s: %w\n%s", relative(source), err, bytes.TrimSpace(failed.Bytes()))
				}
				return nil
			}
			if !at.read(line) {
				failed.WriteString(line + "\n")
			}
		case at.total = <-totals:
		case <-ticks.C:
			show(at, begun)
		}
	}
}

// goCommand is the go program in dir, without cgo, so that what it builds is static,
// and without a workspace, which would not hold the part's module.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	return cmd
}

// runLines runs cmd, sends each line of its standard error, and returns how many
// lines it printed to standard output.
func runLines(cmd *exec.Cmd, lines chan<- string) (printed int, err error) {
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return 0, errors.New("the go program is not in PATH; install Go 1.26 or newer")
		}
		return 0, err
	}
	scanner := bufio.NewScanner(stderr)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines <- scanner.Text()
	}
	err = cmd.Wait()
	return bytes.Count(stdout.Bytes(), []byte("\n")), err
}

// display returns a function that shows progress on out: on a terminal by one
// line that changes, elsewhere by a line at the start and then every 15 seconds.
func display(out io.Writer) (show func(progress, time.Time), done func()) {
	f, isFile := out.(*os.File)
	if isFile && term.IsTerminal(int(f.Fd())) {
		return func(p progress, begun time.Time) {
			fmt.Fprintf(out, "\r\x1b[K%s (%s)", p, time.Since(begun).Round(time.Second))
		}, func() { fmt.Fprint(out, "\r\x1b[K") }
	}
	var last time.Time
	return func(p progress, begun time.Time) {
		if now := time.Now(); now.Sub(last) >= 15*time.Second {
			last = now
			fmt.Fprintf(out, "%s (%s)\n", p, now.Sub(begun).Round(time.Second))
		}
	}, func() {}
}

func relative(path string) string {
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, path); err == nil {
			return rel
		}
	}
	return path
}
