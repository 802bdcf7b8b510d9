package wire

//go:generate sh -c "for s in cloudformation ec2 iam rds route53 sts; do go run ./internal/namesgen $s > names/$s.txt; done"
//go:generate sh -c "go run ./internal/namesgen elasticloadbalancingv2 > names/elasticloadbalancing.txt"

import (
	"embed"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// The tables hold the names that are not what the rule of the protocol gives.
// A line is a direction (< requests, > responses, ^ headers of responses), a type
// of the official client, and pairs Field=name; in responses Field=name/item where
// the elements of the list are not called what the rule says. In restXml the names
// of requests are those of labels and queries too, and a line with = is a route:
// an operation, its method and its path.
//
//go:embed names/*.txt
var nameFiles embed.FS

// names says what the fields of a service's types are called on the wire.
type names struct {
	ec2       bool
	requests  map[string]string // "Type.Field"
	responses map[string]string
	headers   map[string]string
	routes    []route
}

var nameTables sync.Map // service to func() *names

func namesOf(service string, protocol Protocol) *names {
	load, _ := nameTables.LoadOrStore(service, sync.OnceValue(func() *names {
		return readNames(service, protocol)
	}))
	return load.(func() *names)()
}

// readNames gives a service with no table the rule alone.
func readNames(service string, protocol Protocol) *names {
	table := &names{ec2: protocol == EC2Query, requests: map[string]string{}, responses: map[string]string{}, headers: map[string]string{}}
	text, err := nameFiles.ReadFile("names/" + service + ".txt")
	if err != nil {
		return table
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		into := table.requests
		switch line[0] {
		case '>':
			into = table.responses
		case '^':
			into = table.headers
		case '=':
			table.routes = append(table.routes, newRoute(words[0][1:], words[1], words[2]))
			continue
		}
		for _, pair := range words[1:] {
			field, name, ok := strings.Cut(pair, "=")
			if !ok {
				panic(fmt.Sprintf("wire: names/%s.txt: %q is no pair", service, pair))
			}
			into[words[0][1:]+"."+field] = name
		}
	}
	return table
}

// request returns the parameter that a field is read from.
func (n *names) request(typeName, field string) string {
	if name, ok := n.requests[typeName+"."+field]; ok {
		return name
	}
	return field
}

// response returns the element that a field is written to, and the name of each
// element in it where the field is a list.
func (n *names) response(typeName, field string) (name, item string) {
	name, item = field, "member"
	if n.ec2 {
		first, size := utf8.DecodeRuneInString(field)
		name, item = string(unicode.ToLower(first))+field[size:], "item"
	}
	if exception, ok := n.responses[typeName+"."+field]; ok {
		var special string
		if name, special, ok = strings.Cut(exception, "/"); ok {
			item = special
		}
	}
	return name, item
}
