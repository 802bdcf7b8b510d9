package forge

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Answers are remembered up to these many bytes of bodies, each at most.
const (
	rememberAll = 16 << 20
	rememberOne = 1 << 20
)

// conditional remembers answers with an entity tag and asks only whether they
// changed. GitHub does not count such a request when they did not.
type conditional struct {
	next http.RoundTripper

	mu    sync.Mutex
	size  int
	used  *list.List // of *remembered, the latest used first
	known map[string]*list.Element
}

type remembered struct {
	key, tag string
	header   http.Header
	body     []byte
}

func newConditional(next http.RoundTripper) *conditional {
	return &conditional{next: next, used: list.New(), known: map[string]*list.Element{}}
}

func (c *conditional) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return c.next.RoundTrip(r)
	}
	key := r.Header.Get("Accept") + " " + r.URL.String()
	old := c.recall(key)
	if old != nil {
		r = r.Clone(r.Context())
		r.Header.Set("If-None-Match", old.tag)
	}
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch {
	case answer.StatusCode == http.StatusNotModified && old != nil:
		answer.Body.Close()
		return old.answer(answer), nil
	case answer.StatusCode == http.StatusOK && answer.Header.Get("ETag") != "":
		return answer, c.keep(key, answer)
	}
	return answer, nil
}

// answer is what is remembered, with the limits of now.
func (m *remembered) answer(now *http.Response) *http.Response {
	header := m.header.Clone()
	for name, values := range now.Header {
		header[name] = values
	}
	header.Set("Content-Length", strconv.Itoa(len(m.body)))
	// The client leaves the limits of such an answer alone.
	header.Set("X-From-Cache", "1")
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: now.Proto, ProtoMajor: now.ProtoMajor, ProtoMinor: now.ProtoMinor,
		Header: header, Body: io.NopCloser(bytes.NewReader(m.body)), ContentLength: int64(len(m.body)), Request: now.Request,
	}
}

func (c *conditional) recall(key string) *remembered {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.known[key]
	if e == nil {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(*remembered)
}

// keep reads the answer's body, which can be read again afterwards.
func (c *conditional) keep(key string, answer *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, rememberOne+1))
	if err != nil {
		answer.Body.Close()
		return err
	}
	if len(body) > rememberOne {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), answer.Body), answer.Body}
		return nil
	}
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	m := &remembered{key: key, tag: answer.Header.Get("ETag"), header: answer.Header.Clone(), body: body}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.known[key]; e != nil {
		c.forget(e)
	}
	c.known[key] = c.used.PushFront(m)
	c.size += len(body)
	for c.size > rememberAll {
		c.forget(c.used.Back())
	}
	return nil
}

func (c *conditional) forget(e *list.Element) {
	m := c.used.Remove(e).(*remembered)
	delete(c.known, m.key)
	c.size -= len(m.body)
}
