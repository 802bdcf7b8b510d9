package build

import (
	"fmt"
	"strings"
	"sync"

	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// Line is a line of a build's log. It holds no secret.
type Line struct {
	// Phase is empty before the first and after the last.
	Phase string `json:"phase,omitempty"`
	Text  string `json:"text"`
	// Mark is set for what we say ourselves, between what the commands print.
	Mark bool `json:"mark,omitempty"`
}

// longestLine bounds a line, in bytes; a longer one is broken.
const longestLine = 8 << 10

// log orders what commands print and what we say.
type log struct {
	mu    sync.Mutex
	mask  *secret.Mask
	lines *secret.Lines
	phase string
	emit  func(Line)
}

func newLog(mask *secret.Mask, emit func(Line)) *log {
	l := &log{mask: mask, emit: emit}
	if emit == nil {
		l.emit = func(Line) {}
	}
	l.lines = mask.Lines(longestLine, func(text string) { l.emit(Line{Phase: l.phase, Text: text}) })
	return l
}

// Write takes what commands print.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

// mark says something, after a line that was begun.
func (l *log) mark(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.lines.Close()
	l.emit(Line{Phase: l.phase, Text: l.mask.Text(fmt.Sprintf(format, args...)), Mark: true})
}

func (l *log) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.lines.Close()
}

func (l *log) enter(phase string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.lines.Close()
	l.phase = phase
}

// firstLine is what a command is called: its first line, and how many there are
// when there are more.
func (l *log) firstLine(command string) string {
	command = l.mask.Text(strings.TrimSpace(command))
	first, rest, more := strings.Cut(command, "\n")
	if more {
		first += fmt.Sprintf(" … (%d lines)", strings.Count(rest, "\n")+2)
	}
	return first
}
