package wire

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// route is the method and the path of an operation: "/2013-04-01/hostedzone/{Id}".
type route struct {
	operation, method string
	steps             []string
	labels            int
}

func newRoute(operation, method, path string) route {
	r := route{operation: operation, method: method, steps: strings.Split(strings.Trim(path, "/"), "/")}
	for _, step := range r.steps {
		if strings.HasPrefix(step, "{") {
			r.labels++
		}
	}
	return r
}

// match returns the labels in a path. Clients differ in whether a path ends with
// a slash.
func (r route) match(method, path string) (map[string]*form, bool) {
	steps := strings.Split(strings.Trim(path, "/"), "/")
	if method != r.method || len(steps) != len(r.steps) {
		return nil, false
	}
	labels := map[string]*form{}
	for i, step := range r.steps {
		text, err := url.PathUnescape(steps[i])
		name, isLabel := strings.CutPrefix(step, "{")
		switch {
		case err != nil || !isLabel && text != step || text == "":
			return nil, false
		case isLabel:
			labels[strings.TrimSuffix(name, "}")] = &form{text: text}
		}
	}
	return labels, true
}

func (s *Service) readREST(r *http.Request) (string, func(any) error, error) {
	table := namesOf(s.Name, s.Protocol)
	operation, root, err := readRoute(r, table.routes)
	return operation, func(into any) error { return decodeForm(root, table, into) }, err
}

// findRoute finds the route of a request that has the fewest labels, and what they
// stand for.
func findRoute(r *http.Request, routes []route) (found route, labels map[string]*form, ok bool) {
	for _, candidate := range routes {
		values, matches := candidate.match(r.Method, r.URL.EscapedPath())
		if matches && (!ok || candidate.labels < found.labels) {
			found, labels, ok = candidate, values, true
		}
	}
	return found, labels, ok
}

// readRoute finds the operation by method and path. Labels, the query and the
// body become one form: no operation has a name in two of them.
func readRoute(r *http.Request, routes []route) (string, *form, error) {
	found, labels, ok := findRoute(r, routes)
	if !ok {
		return r.Method + " " + r.URL.Path, nil, nil
	}
	root := &form{children: labels}
	body, err := readXML(r.Body)
	if err != nil {
		return found.operation, nil, err
	}
	for name, child := range body.children {
		root.children[name] = child
	}
	for name, texts := range r.URL.Query() {
		root.children[name] = queryForm(texts)
	}
	return found.operation, root, nil
}

// queryForm is a query parameter, given once or as a list.
func queryForm(texts []string) *form {
	node := &form{text: texts[0]}
	for _, text := range texts {
		node.list = append(node.list, &form{text: text})
	}
	return node
}

// readXML reads a document into a form. An element that holds elements is a
// structure by their names and a list by their order: the input's type says which.
func readXML(body io.Reader) (*form, error) {
	root := &form{}
	if body == nil {
		return root, nil
	}
	malformed := Errorf("MalformedInput", "The request's body is no well-formed XML.")
	open := []*form{root}
	for decoder := xml.NewDecoder(body); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return nil, malformed
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, malformed
			}
			node := &form{}
			if top.children == nil {
				top.children = map[string]*form{}
			}
			top.children[token.Name.Local] = node
			top.list = append(top.list, node)
			open = append(open, node)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
	if len(root.list) == 0 {
		return root, nil
	}
	return root.list[0], nil
}

// writeHeaders gives an answer the headers that its fields are, and returns its
// status: what says where it is has been created.
func (s *Service) writeHeaders(header http.Header, out any) (status int) {
	status = http.StatusOK
	if s.Protocol != RestXML {
		return status
	}
	table := namesOf(s.Name, s.Protocol)
	value := reflect.ValueOf(out).Elem()
	for i := range value.NumField() {
		name, ok := table.headers[value.Type().Name()+"."+value.Type().Field(i).Name]
		if !ok || value.Field(i).IsNil() { // every one of them is a pointer to a text
			continue
		}
		header.Set(name, value.Field(i).Elem().String())
		if name == "Location" {
			status = http.StatusCreated
		}
	}
	return status
}
