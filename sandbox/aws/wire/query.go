package wire

import (
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// form is a tree of request parameters: "Filter.1.Value.2=x" is Filter → 1 →
// Value → 2, with text x.
type form struct {
	text     string
	children map[string]*form
	list     []*form // the children in their order, where the protocol has one
}

// maxDepth bounds how deep parameters nest; real ones stay under 20.
const maxDepth = 64

func (s *Service) readQuery(r *http.Request) (string, func(any) error, error) {
	values := r.URL.Query()
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", nil, err
		}
		posted, err := url.ParseQuery(string(body))
		if err != nil {
			return "", nil, Errorf("MalformedQueryString", "The request's body is no query string.")
		}
		for name, value := range posted {
			values[name] = value
		}
	}
	action := values.Get("Action")
	if action == "" {
		return "", nil, Errorf("MissingAction", "The request has no parameter Action.")
	}
	root, err := parseForm(values)
	if err != nil {
		return "", nil, err
	}
	table := namesOf(s.Name, s.Protocol)
	return action, func(into any) error { return decodeForm(root, table, into) }, nil
}

func parseForm(values url.Values) (*form, error) {
	root := &form{}
	for name, texts := range values {
		node := root
		steps := strings.Split(name, ".")
		if len(steps) > maxDepth {
			return nil, Errorf("MalformedQueryString", "The parameter %.80q nests too deep.", name)
		}
		for _, step := range steps {
			if node.children == nil {
				node.children = map[string]*form{}
			}
			child := node.children[step]
			if child == nil {
				child = &form{}
				node.children[step] = child
			}
			node = child
		}
		if len(texts) > 0 {
			node.text = texts[0]
		}
	}
	return root, nil
}

// elements returns the elements of a list in the order of their numbers. The
// numbers may stand at once below the list or below one name ("member").
func (f *form) elements() []*form {
	if f.list != nil {
		return f.list
	}
	if len(f.children) == 1 {
		for name, child := range f.children {
			if _, err := strconv.Atoi(name); err != nil {
				return child.elements()
			}
		}
	}
	type numbered struct {
		number int
		node   *form
	}
	var list []numbered
	for name, child := range f.children {
		if n, err := strconv.Atoi(name); err == nil {
			list = append(list, numbered{n, child})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].number < list[j].number })
	nodes := make([]*form, len(list))
	for i, e := range list {
		nodes[i] = e.node
	}
	return nodes
}
