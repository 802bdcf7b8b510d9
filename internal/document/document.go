// Package document reads YAML and JSON files into their documents, with the line
// of everything in them. It has no opinion on what the documents mean.
//
// A file over several documents ("---") gives one Document each; empty ones are
// left out. JSON is read as the YAML that it is. Lines count from 1, in the file.
//
// [Value] turns a node into what encoding/json would have made of it, with
// int64 where a number is whole, as the Kubernetes client libraries want it. It
// reads scalars as kubectl does: YAML 1.2, but with yes, no, on and off as
// booleans, and dates as strings.
//
// [DidYouMean], [Describe] and [Join] are the words that the readers of files put
// their errors in.
//
// Everything is a pure function and safe for concurrent use.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Position is a place in a file. Line 0 stands for the file as a whole.
type Position struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// String is "file:line".
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Error is something wrong at a place in a file.
type Error struct {
	Position
	Message string
	// Cause is what Unwrap gives, or nil. Message has its text already.
	Cause error
}

func (e *Error) Unwrap() error { return e.Cause }

// Error is "file:line: message".
func (e *Error) Error() string { return e.Position.String() + ": " + e.Message }

// Errorf makes an *Error; the verb %w wraps as with fmt.Errorf.
func Errorf(at Position, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Position: at, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Document is one document of a file.
type Document struct {
	// Root is what the document holds: a mapping, sequence or scalar.
	Root *yaml.Node
	// Line on which its content begins.
	Line int
}

// Parse reads the documents of a file. The name is for errors, each of which is
// an *Error.
func Parse(name string, data []byte) ([]Document, error) {
	data = asYAML(data)
	docs, err := parse(data)
	if err != nil {
		line, message := locate(data, err)
		var syntax *json.SyntaxError
		if strings.HasSuffix(name, ".json") && errors.As(json.Unmarshal(data, new(any)), &syntax) {
			line, message = 1+bytes.Count(data[:syntax.Offset], []byte("\n")), syntax.Error()
		}
		return nil, &Error{Position: Position{name, line}, Message: message}
	}
	return docs, nil
}

func parse(data []byte) ([]Document, error) {
	var docs []Document
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
			continue
		}
		root := n.Content[0]
		if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
			continue
		}
		docs = append(docs, Document{root, root.Line})
	}
}

// asYAML rewrites the two escapes of JSON strings that YAML lacks: "\/", and
// characters written as two surrogates. Anything but JSON stays as it is.
func asYAML(data []byte) []byte {
	if !json.Valid(data) || !bytes.ContainsRune(data, '\\') {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			out = append(out, data[i])
			continue
		}
		// Valid JSON has a character after each backslash, and four digits after \u.
		switch rest := data[i:]; {
		case rest[1] == '/':
			out = append(out, '/')
			i++
		case rest[1] == 'u' && len(rest) >= 12 && rest[6] == '\\' && rest[7] == 'u':
			r := utf16.DecodeRune(hex(rest[2:6]), hex(rest[8:12]))
			if r == utf8.RuneError {
				out = append(out, rest[:6]...)
				i += 5
				continue
			}
			out = utf8.AppendRune(out, r)
			i += 11
		default:
			out = append(out, rest[0], rest[1])
			i++
		}
	}
	return out
}

func hex(digits []byte) rune {
	n, err := strconv.ParseUint(string(digits), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// locate finds the line that a syntax error is on. The parser often names the
// line where the surrounding mapping began, or the one before it; so look for
// the longest part of the file that is still good: what follows is the fault.
func locate(data []byte, err error) (line int, message string) {
	message = yamlLine.ReplaceAllString(err.Error(), "")
	lines := bytes.SplitAfter(data, []byte("\n"))
	// Each try parses what comes before; a very long file is not worth that.
	const tooLong = 256 << 10
	if len(data) > tooLong {
		if m := yamlLine.FindStringSubmatch(err.Error()); m[1] != "" {
			_, _ = fmt.Sscan(m[1], &line)
		}
		return line, message
	}
	good := 0
	for low, high := 0, len(lines); low < high; {
		// Not every beginning of a good file is good (a quote may be open), but
		// the search only has to end beside a step from good to bad.
		middle := (low + high) / 2
		if _, err := parse(bytes.Join(lines[:middle], nil)); err == nil {
			good, low = middle, middle+1
		} else {
			high = middle
		}
	}
	line = good + 1
	for line <= len(lines) && strings.TrimSpace(string(lines[line-1])) == "" {
		line++
	}
	return min(line, len(lines)), message
}

// Field returns the key node and value node of a mapping's field, or nils.
func Field(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], Target(mapping.Content[i+1])
		}
	}
	return nil, nil
}

// Text is the string that a mapping has as a field, or "".
func Text(mapping *yaml.Node, name string) string {
	if _, v := Field(mapping, name); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
		return v.Value
	}
	return ""
}

// Target is the node that an alias stands for, or the node itself.
func Target(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
