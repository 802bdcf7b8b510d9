package secret

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines makes lines of what a program prints and hides secrets in them, also in
// those that are written in pieces or run over several lines, and values that
// their name tells to be secret (see Named). Each line is valid
// UTF-8 without control characters but the tab: colours and other terminal
// sequences are taken out, and of what a carriage return overwrites only the
// last is kept, as one would see it.
//
// A line is passed on when its end comes; of one that is longer than the limit,
// the part that reached it is passed on as a line of its own. Not safe for
// concurrent use.
type Lines struct {
	hidden  stream
	limit   int
	emit    func(line string)
	partial []byte
	certain []byte
}

// Lines calls emit for each line of at most limit bytes, and a few more where
// stars are longer than what they hide.
func (m *Mask) Lines(limit int, emit func(line string)) *Lines {
	return &Lines{hidden: stream{mask: m}, limit: max(limit, utf8.UTFMax), emit: emit}
}

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.certain = l.hidden.next(l.certain[:0], p)
	l.split(l.certain)
	return len(p), nil
}

// Close passes on what is left, a last line without an end included. More may be
// written afterwards, as if it were new.
func (l *Lines) Close() error {
	l.split(l.hidden.end(nil))
	if len(l.partial) > 0 {
		l.line(len(l.partial))
	}
	return nil
}

func (l *Lines) split(text []byte) {
	for _, b := range text {
		if b == '\n' {
			l.line(len(l.partial))
			continue
		}
		if len(l.partial) >= l.limit {
			l.line(wholeRunes(l.partial))
		}
		l.partial = append(l.partial, b)
	}
}

// wholeRunes is how much of the text ends with a whole character.
func wholeRunes(text []byte) int {
	for n := len(text) - 1; n > 0 && n >= len(text)-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			if !utf8.FullRune(text[n:]) {
				return n
			}
			break
		}
	}
	return len(text)
}

func (l *Lines) line(n int) {
	text := string(l.partial[:n])
	l.partial = append(l.partial[:0], l.partial[n:]...)
	if clean := printable(text); clean != text {
		// What a colour tore apart is whole now.
		text = l.hidden.mask.Text(clean)
	}
	l.emit(Named(text))
}

// terminal matches control sequences: CSI, OSC and the two-character ones.
var terminal = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])")

func printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.TrimRight(text, "\r")
	text = text[strings.LastIndexByte(text, '\r')+1:]
	if strings.IndexByte(text, 0x1b) >= 0 {
		text = terminal.ReplaceAllString(text, "")
	}
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
