package template

import (
	"bytes"
	"encoding/json"
	"sort"
)

// jsonReader reads a JSON text that is known to be valid, with positions.
type jsonReader struct {
	body    []byte
	lines   []int // offset at which each line begins
	decoder *json.Decoder
	parser  *parser
}

func newJSONReader(body []byte, p *parser) *jsonReader {
	r := &jsonReader{body: body, lines: []int{0}, decoder: json.NewDecoder(bytes.NewReader(body)), parser: p}
	r.decoder.UseNumber()
	for i, c := range body {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

// next returns the next token and where it begins.
func (r *jsonReader) next() (json.Token, Position) {
	at := int(r.decoder.InputOffset())
	for at < len(r.body) && bytes.IndexByte([]byte(" \t\r\n,:"), r.body[at]) >= 0 {
		at++
	}
	line := sort.SearchInts(r.lines, at+1)
	pos := Position{r.parser.file, line, at - r.lines[line-1] + 1}
	token, _ := r.decoder.Token() // valid, so it can't fail
	return token, pos
}

func (r *jsonReader) read() *Node {
	token, pos := r.next()
	return r.value(token, pos, 0)
}

func (r *jsonReader) value(token json.Token, pos Position, depth int) *Node {
	n := &Node{Position: pos}
	if depth == maxDepth+1 {
		r.parser.errs.add(pos, "Template format error: values are nested more than %d deep", maxDepth)
	}
	switch token {
	case json.Delim('['):
		n.Kind = List
		for {
			token, pos := r.next()
			if token == json.Delim(']') {
				return n
			}
			n.Items = append(n.Items, r.value(token, pos, depth+1))
		}
	case json.Delim('{'):
		n.Kind = Map
		for {
			key, at := r.next()
			if key == json.Delim('}') {
				r.parser.finishMap(n)
				return n
			}
			token, pos := r.next()
			n.Fields = append(n.Fields, Field{at, key.(string), r.value(token, pos, depth+1)})
		}
	}
	n.Value = token
	return n
}
