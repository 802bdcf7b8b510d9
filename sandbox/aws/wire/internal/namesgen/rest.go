package main

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"sort"
)

// binding finds pairs in a generated file: after a line that names what they are
// of, a first and a second part, which may stand in either order.
type binding struct {
	file                 string
	of, first, second    *regexp.Regexp
	direction, separator string
}

var bindings = []binding{{
	file: "serializers.go", direction: "=", separator: " ",
	of:     regexp.MustCompile(`^func \(m \*awsRestxml_serializeOp(\w+)\) HandleSerialize`),
	first:  regexp.MustCompile(`request\.Method = "(\w+)"`),
	second: regexp.MustCompile(`httpbinding\.SplitURI\("([^"]+)"\)`),
}, {
	file: "deserializers.go", direction: "^", separator: "=",
	of:     regexp.MustCompile(`^func awsRestxml_deserializeOpHttpBindings\w+\(v \*(\w+), response`),
	first:  regexp.MustCompile(`^\t\tv\.(\w+) = `),
	second: regexp.MustCompile(`response\.Header\.Values\("([^"]+)"\)`),
}}

// scanREST lists the routes of restXml, and the fields of answers that are
// headers. Of the other protocols there are none.
func scanREST(dir string) ([]string, error) {
	var all []string
	for _, b := range bindings {
		lines, err := b.scan(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	return all, nil
}

func (b binding) scan(dir string) ([]string, error) {
	source, err := os.Open(filepath.Join(dir, b.file))
	if err != nil {
		return nil, err
	}
	defer source.Close()
	var found []string
	var of, left, right string
	lines := bufio.NewScanner(source)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if name := first(b.of, lines.Text()); name != "" {
			of, left, right = name, "", ""
		}
		if text := first(b.first, lines.Text()); text != "" {
			left = text
		}
		if text := first(b.second, lines.Text()); text != "" {
			right = text
		}
		if of != "" && left != "" && right != "" {
			found = append(found, b.direction+of+" "+left+b.separator+right)
			left, right = "", ""
		}
	}
	sort.Strings(found)
	return found, lines.Err()
}
