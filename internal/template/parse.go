package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds the nesting of values. CloudFormation's own bound is lower.
const maxDepth = 100

// Parse reads a template in JSON or YAML. file is the name that positions carry.
// The error is an [Errors] with everything that is not well-formed: text that
// does not parse, sections of the wrong form, keys that no template has. What is
// well-formed but makes no sense is for [Template.Validate] to find.
func Parse(body []byte, file string) (*Template, error) {
	root, err := parseText(body, file)
	if err != nil {
		return nil, err
	}
	return readSections(root, body, file)
}

func parseText(body []byte, file string) (*Node, error) {
	p := parser{file: file}
	trimmed := bytes.TrimLeft(body, " \t\r\n\ufeff")
	var root *Node
	// A JSON text is read as JSON, since YAML differs in tabs and escapes. What
	// begins like JSON and is not may still be YAML's flow style.
	if len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(body) {
		root = newJSONReader(body, &p).read()
	} else {
		root = p.yaml(body)
	}
	if err := p.errs.err(); err != nil {
		return nil, err
	}
	return root, nil
}

type parser struct {
	file string
	errs Errors
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

func (p *parser) yaml(body []byte) *Node {
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	err := decoder.Decode(&doc)
	if err == nil && decoder.Decode(new(yaml.Node)) != io.EOF {
		p.errs.add(Position{File: p.file}, "Template format error: a template is one YAML document, this file has several")
		return nil
	}
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		p.errs.add(Position{File: p.file}, "Template format error: the template is empty")
		return nil
	}
	if err != nil {
		pos, reason := Position{File: p.file}, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			pos.Line, _ = strconv.Atoi(m[1])
			reason = m[2]
		}
		p.errs.add(pos, "Template format error: YAML not well-formed: %s", reason)
		return nil
	}
	return p.convert(doc.Content[0], 0)
}

// convert turns YAML's nodes into ours. It returns a node even after an error,
// so that reading goes on and finds the next one.
func (p *parser) convert(y *yaml.Node, depth int) *Node {
	n := &Node{Position: Position{p.file, y.Line, y.Column}}
	if depth > maxDepth {
		p.errs.add(n.Position, "Template format error: values are nested more than %d deep", maxDepth)
		return n
	}
	tag := y.Tag
	if strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") && tag != "!" {
		return p.short(y, n, depth)
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.Value = p.scalar(y, n.Position)
	case yaml.SequenceNode:
		n.Kind = List
		for _, c := range y.Content {
			n.Items = append(n.Items, p.convert(c, depth+1))
		}
	case yaml.MappingNode:
		n.Kind = Map
		for i := 0; i+1 < len(y.Content); i += 2 {
			k := y.Content[i]
			pos := Position{p.file, k.Line, k.Column}
			if k.Kind != yaml.ScalarNode {
				p.errs.add(pos, "Template format error: a key must be a plain text")
				continue
			}
			n.Fields = append(n.Fields, Field{pos, k.Value, p.convert(y.Content[i+1], depth+1)})
		}
		p.finishMap(n)
	default:
		p.errs.add(n.Position, "Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	return n
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func (p *parser) scalar(y *yaml.Node, pos Position) any {
	switch y.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(y.Value, "true")
	case "!!int", "!!float":
		// Octal, hexadecimal and the like are no numbers in JSON; as text they
		// keep what the author wrote, such as an account ID that begins with 0.
		if jsonNumber.MatchString(y.Value) {
			return json.Number(y.Value)
		}
	case "!!str", "!!timestamp":
	default:
		p.errs.add(pos, "Template format error: YAML not well-formed: tag %s is not known", y.Tag)
	}
	return y.Value
}

// short reads the short form of a function: !Ref x.
func (p *parser) short(y *yaml.Node, n *Node, depth int) *Node {
	n.Kind, n.Function = Call, "Fn::"+y.Tag[1:]
	if y.Tag == "!Ref" || y.Tag == "!Condition" {
		n.Function = y.Tag[1:]
	}
	inner := *y
	inner.Tag = ""
	if y.Kind == yaml.ScalarNode {
		inner.Tag = "!!str" // !Ref 1 names "1"
		if y.Tag == "!Length" || y.Tag == "!ToJsonString" {
			inner.Tag = ""
		}
	}
	n.Argument = p.convert(&inner, depth+1)
	if !functions[n.Function] {
		p.errs.add(n.Position, "Template format error: YAML not well-formed: tag %s is not known", y.Tag)
	}
	return n
}

// finishMap finds keys that are there twice, and makes a function call of a map
// with the name of one as its only key.
func (p *parser) finishMap(n *Node) {
	seen := make(map[string]Position, len(n.Fields))
	for _, f := range n.Fields {
		if first, ok := seen[f.Key]; ok {
			p.errs.add(f.Position, "Template format error: key %q is there already, at line %d", f.Key, first.Line)
		}
		seen[f.Key] = f.Position
	}
	if len(n.Fields) != 1 {
		return
	}
	// {Condition: x} is a call only where a condition is expected; anywhere else
	// it is an ordinary object. Those who expect one ask for it.
	key := n.Fields[0].Key
	if key == "Ref" || strings.HasPrefix(key, "Fn::") {
		*n = Node{Position: n.Position, Kind: Call, Function: key, Argument: n.Fields[0].Value}
		if !functions[key] && !strings.HasPrefix(key, "Fn::ForEach::") {
			p.errs.add(n.Position, "Template format error: [%s] is not a valid intrinsic function", key)
		}
	}
}

// functions are the intrinsic functions that a template can call.
var functions = map[string]bool{
	"Ref": true, "Condition": true, "Fn::GetAtt": true, "Fn::Sub": true, "Fn::Join": true,
	"Fn::Select": true, "Fn::Split": true, "Fn::If": true, "Fn::And": true, "Fn::Or": true,
	"Fn::Not": true, "Fn::Equals": true, "Fn::FindInMap": true, "Fn::Base64": true, "Fn::Cidr": true,
	"Fn::GetAZs": true, "Fn::ImportValue": true, "Fn::Transform": true, "Fn::Length": true,
	"Fn::ToJsonString": true,
	// Only in rules:
	"Fn::Contains": true, "Fn::EachMemberEquals": true, "Fn::EachMemberIn": true, "Fn::RefAll": true,
	"Fn::ValueOf": true, "Fn::ValueOfAll": true,
}
