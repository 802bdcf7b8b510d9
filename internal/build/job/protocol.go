package job

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
)

// message is a line that the agent prints: one of the log, or the result.
type message struct {
	Line   *build.Line        `json:"line,omitempty"`
	Result *build.Result      `json:"result,omitempty"`
	Failed *build.FailedError `json:"failed,omitempty"`
	Error  string             `json:"error,omitempty"`
}

// longestMessage bounds what is read of a log as one line.
const longestMessage = 1 << 20

// errNoResult is a log that ends before the build did.
var errNoResult = errors.New("the log ends without a result")

// transcript passes the lines of a log on, each once, although the log is read
// again from its beginning when it was cut off.
type transcript struct {
	emit   func(build.Line)
	passed int
	// rest is what stood after the last line's end.
	rest string
}

// read returns the result and the build's error, or errNoResult.
func (t *transcript) read(log io.Reader) (result build.Result, err error) {
	t.rest = ""
	scanner := bufio.NewScanner(log)
	scanner.Buffer(nil, longestMessage)
	scanner.Split(func(text []byte, atEnd bool) (int, []byte, error) {
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			return i + 1, text[:i], nil
		}
		if atEnd {
			t.rest = string(text)
			return len(text), nil, nil
		}
		return 0, nil, nil
	})
	lines := 0
	for scanner.Scan() {
		var m message
		if json.Unmarshal(scanner.Bytes(), &m) != nil || m.Line == nil && m.Result == nil {
			// Not the agent's: the last words of its process, or of what started it.
			m = message{Line: &build.Line{Text: scanner.Text()}}
		}
		if m.Result != nil {
			switch {
			case m.Failed != nil:
				return *m.Result, m.Failed
			case m.Error != "":
				return *m.Result, errors.New(m.Error)
			}
			return *m.Result, nil
		}
		if lines++; lines > t.passed {
			t.passed = lines
			t.emit(*m.Line)
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return build.Result{}, fmt.Errorf("a line of the log is longer than %d bytes", longestMessage)
	}
	return build.Result{}, errors.Join(errNoResult, scanner.Err())
}
