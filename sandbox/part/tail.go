package part

import (
	"bytes"
	"io"
	"os"
)

// tailBytes is how far back Tail looks.
const tailBytes = 16 << 10

// stack begins what a Go program writes after the reason when it panics.
var stack = []byte("\n\ngoroutine ")

// Tail returns the last lines, at most n, that this child wrote to its log. The
// stack of a panic is left out: what it says comes before it.
func (c *Child) Tail(n int) string {
	f, err := os.Open(c.log)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(c.from, info.Size()-tailBytes)
	body, err := io.ReadAll(io.NewSectionReader(f, from, tailBytes))
	if err != nil {
		return ""
	}
	body, _, _ = bytes.Cut(body, stack)
	lines := bytes.Split(bytes.TrimRight(body, "\n"), []byte("\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return string(bytes.Join(lines, []byte("\n")))
}
