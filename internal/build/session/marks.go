package session

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// shellEnded stands for the command's number where the shell could not tell it.
const shellEnded = -1

type mark struct{ command, status int }

// marks passes output on and takes the marks out of it: NUL, the nonce, the
// number of the command and its status, NUL.
type marks struct {
	start  []byte
	output io.Writer
	held   []byte
	found  chan mark
}

func newMarks(nonce string, output io.Writer) *marks {
	return &marks{start: []byte("\x00" + nonce + " "), output: output, found: make(chan mark, 16)}
}

func (m *marks) Write(p []byte) (int, error) {
	m.held = append(m.held, p...)
	for {
		start := bytes.Index(m.held, m.start)
		if start < 0 {
			return len(p), m.pass(len(m.held) - m.begun())
		}
		if err := m.pass(start); err != nil {
			return 0, err
		}
		body, _, ok := bytes.Cut(m.held[len(m.start):], []byte{0})
		if !ok {
			return len(p), nil
		}
		m.tell(string(body))
		m.held = append(m.held[:0], m.held[len(m.start)+len(body)+1:]...)
	}
}

// begun is how many bytes at the end may be the beginning of a mark.
func (m *marks) begun() int {
	for n := min(len(m.held), len(m.start)-1); n > 0; n-- {
		if bytes.HasSuffix(m.held, m.start[:n]) {
			return n
		}
	}
	return 0
}

func (m *marks) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := m.output.Write(m.held[:n])
	m.held = append(m.held[:0], m.held[n:]...)
	return err
}

func (m *marks) flush() { _ = m.pass(len(m.held)) }

func (m *marks) tell(body string) {
	number, status, _ := strings.Cut(body, " ")
	code, err := strconv.Atoi(status)
	if err != nil {
		return
	}
	command := shellEnded
	if number != "end" {
		if command, err = strconv.Atoi(number); err != nil {
			return
		}
	}
	select {
	case m.found <- mark{command, code}:
	default: // nobody waits for so many
	}
}
