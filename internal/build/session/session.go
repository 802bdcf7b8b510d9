// Package session runs commands one after the other in one shell, as somebody at
// a terminal would: what one command changes of the working directory, the
// variables, functions and options of the shell, or leaves running in the
// background, the next one finds. All of it is one contained process (see
// package contain), and nothing of it outlives Close.
//
// Each command is a script of its own, which the shell reads from a file as it
// stands; nothing is quoted, joined or rewritten. Its standard input is empty.
//
// A command may end the shell itself: exit, exec, "set -e" and a failure, and in
// some shells a fault of syntax. Its status is then the command's, and the next
// command gets a new shell, with the directory and the exported variables as they
// were after the last command that did not.
//
// The end of a command is a mark in the output, which only the session knows and
// which is taken out again; so all that a command printed is written before Run
// returns.
package session

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// Session is a shell. Its methods are for one goroutine at a time.
type Session struct {
	folder   string
	commands int
	requests *os.File
	marks    *marks
	ended    chan struct{}
	err      error // when ended is closed
}

// ErrEnded is a session that somebody outside or inside it killed.
var ErrEnded = errors.New("the shell's session was ended")

var (
	//go:embed driver.sh
	driver string
	//go:embed loop.sh
	loop string
)

// Start starts a shell, "sh" or "bash", in c.Dir. Of c, Argv, Stdin and the
// writers are set here. What commands print goes to output. The folder must
// exist, be empty, and stay as long as the session. When ctx ends, everything is
// killed.
func Start(ctx context.Context, c contain.Command, shell, folder string, output io.Writer) (*Session, error) {
	nonce := rand.Text()
	fill := strings.NewReplacer("@FOLDER@", Quote(folder), "@SHELL@", shell, "@NONCE@", nonce)
	for name, script := range map[string]string{"driver.sh": driver, "loop.sh": loop} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(fill.Replace(script)), 0o600); err != nil {
			return nil, err
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &Session{folder: folder, requests: write, ended: make(chan struct{}), marks: newMarks(nonce, output)}
	c.Argv = []string{"sh", filepath.Join(folder, "driver.sh")}
	c.Stdin, c.Stdout, c.Stderr = read, s.marks, s.marks
	go func() {
		defer close(s.ended)
		s.err = contain.Run(ctx, c)
		s.marks.flush()
		_ = read.Close()
	}()
	return s, nil
}

// Run runs a command and returns its exit status. An error means that the session
// is over: a limit, the end of the context, or ErrEnded.
func (s *Session) Run(script string) (status int, err error) {
	s.commands++
	name := filepath.Join(s.folder, strconv.Itoa(s.commands)+".sh")
	if err := os.WriteFile(name, []byte(script), 0o600); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintln(s.requests, s.commands); err != nil {
		return 0, s.over()
	}
	for {
		select {
		case m := <-s.marks.found:
			// A mark of an earlier command is that of a shell that was killed
			// between two.
			if m.command == s.commands || m.command == shellEnded {
				return m.status, nil
			}
		case <-s.ended:
			return 0, s.over()
		}
	}
}

func (s *Session) over() error {
	<-s.ended
	if s.err == nil {
		return ErrEnded
	}
	return s.err
}

// Close ends the shell and all that is left running, and waits for their end. It
// returns what the session failed for, if it did.
func (s *Session) Close() error {
	_ = s.requests.Close()
	<-s.ended
	return s.err
}

// Quote makes a word for the shell of any text.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
