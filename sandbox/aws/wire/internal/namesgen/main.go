// Command namesgen reads how the official AWS clients write and read the query
// protocols and restXml, and prints the names that do not follow the protocols'
// own rule, and the routes of restXml. Package wire embeds what it prints; see
// wire/names.go for the form.
//
//	go run ./internal/namesgen ec2 > names/ec2.txt
//
// It reads the source of the client module that go.mod pins, so that names and
// clients can't drift apart.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"unicode"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: namesgen SERVICE, for example: namesgen ec2")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "namesgen:", err)
		os.Exit(1)
	}
}

func run(service string, out io.Writer) error {
	const sdk = "github.com/aws/aws-sdk-go-v2/service/"
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", sdk+service).Output()
	if err != nil {
		return fmt.Errorf("find module %s%s in go.mod: %w", sdk, service, err)
	}
	version, dir, _ := strings.Cut(strings.TrimSpace(string(module)), " ")
	requests, err := scan(filepath.Join(dir, "serializers.go"), request)
	if err != nil {
		return err
	}
	responses, err := scan(filepath.Join(dir, "deserializers.go"), response)
	if err != nil {
		return err
	}
	rest, err := scanREST(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "# Made by namesgen from %s%s %s; do not edit.\n", sdk, service, version)
	for _, line := range rest {
		fmt.Fprintln(out, line)
	}
	print(out, "<", requests, func(field string) string { return field })
	rule, member := func(field string) string { return field }, "member"
	if service == "ec2" {
		rule, member = lowerFirst, "item"
	}
	for typeName, fields := range responses.fields {
		for field, wire := range fields {
			name, list, _ := strings.Cut(wire, " ")
			if item := responses.items[list]; item != "" && item != member {
				fields[field] = name + "/" + item
			} else {
				fields[field] = name
			}
		}
		responses.fields[typeName] = fields
	}
	print(out, ">", responses, rule)
	return nil
}

// print writes one line a type: the direction, the type, and field=name for
// each field whose name is not what the rule gives.
func print(out io.Writer, direction string, names *table, rule func(string) string) {
	var lines []string
	for typeName, fields := range names.fields {
		var pairs []string
		for field, wire := range fields {
			if wire != rule(field) {
				pairs = append(pairs, field+"="+wire)
			}
		}
		if len(pairs) > 0 {
			sort.Strings(pairs)
			lines = append(lines, direction+typeName+" "+strings.Join(pairs, " "))
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}

type table struct {
	fields map[string]map[string]string // type, field: name, for lists followed by " " and the list's name
	items  map[string]string            // list: the name of an element
}

// grammar finds the parts of a generated function: where one for a structure
// or a list begins, where a field begins, and the name it has on the wire.
type grammar struct {
	structure, list, field, name, nested *regexp.Regexp
}

var (
	request = grammar{
		structure: regexp.MustCompile(`^func aws\w+_serialize(?:Op)?(?:Document|HttpBindings)\w+\(v \*(?:types\.)?(\w+), (?:value query\.Value|value smithyxml\.Value|encoder \*httpbinding\.Encoder)\)`),
		field:     regexp.MustCompile(`^\tif .*\bv\.(\w+)`),
		name:      regexp.MustCompile(`(?:(?:object\.(?:Flat)?Key|encoder\.(?:Set|Add)(?:URI|Query))\(|Local: )"(\w+)"`),
	}
	response = grammar{
		structure: regexp.MustCompile(`^func aws\w+_deserialize(?:Op)?Document\w+\(v \*\*(?:types\.)?(\w+), `),
		list:      regexp.MustCompile(`^func aws\w+_deserializeDocument(\w+)\(v \*\[\]`),
		field:     regexp.MustCompile(`\bsv\.(\w+)`),
		name:      regexp.MustCompile(`case strings\.EqualFold\("(\w+)", t\.Name\.Local\)`),
		nested:    regexp.MustCompile(`_deserializeDocument(\w+)\(&sv\.`),
	}
)

func scan(file string, g grammar) (*table, error) {
	source, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	names := &table{fields: map[string]map[string]string{}, items: map[string]string{}}
	var structure, list, field, name string
	add := func(value string) {
		if names.fields[structure] == nil {
			names.fields[structure] = map[string]string{}
		}
		names.fields[structure][field] = value
		field, name = "", ""
	}
	lines := bufio.NewScanner(source)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "func ") {
			structure, list, field, name = first(g.structure, line), first(g.list, line), "", ""
			continue
		}
		if n := first(g.name, line); n != "" {
			name = n
			if list != "" {
				names.items[list] = n
			}
		}
		if structure == "" {
			continue
		}
		if f := first(g.field, line); f != "" && (g.nested == nil || name != "") {
			field = f
			if g.nested == nil {
				name = "" // of a field that is always written
			}
		}
		if field != "" && name != "" {
			if nested := first(g.nested, line); nested != "" {
				name += " " + nested
			}
			add(name)
		}
	}
	return names, lines.Err()
}

func first(pattern *regexp.Regexp, line string) string {
	if pattern == nil {
		return ""
	}
	if m := pattern.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

func lowerFirst(s string) string {
	runes := []rune(s)
	runes[0] = unicode.ToLower(runes[0])
	return string(runes)
}
