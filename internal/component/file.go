package component

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// FileName is the name of the file that names components.
const FileName = "drawbridge.yaml"

const fileVersion = "drawbridge.dev/v1alpha1"

// file is drawbridge.yaml. Its tags are read by the decoder and by the generator
// of the schema: "yaml" has the key and whether it is required, "doc" the text.
type file struct {
	APIVersion text    `yaml:"apiVersion,required" doc:"Version of this format." enum:"drawbridge.dev/v1alpha1"`
	Discover   *bool   `yaml:"discover" doc:"Whether folders that are not named here become components too, when they look like one. True by default."`
	Ignore     []text  `yaml:"ignore" doc:"Folders, in which no components are looked for, and files that are left out; relative to this file."`
	Components []entry `yaml:"components" doc:"The components that need more said about them than their files tell."`
}

type entry struct {
	Line          int              `yaml:"-line"`
	Name          text             `yaml:"name" doc:"Name of the component: a DNS label. By default it comes from the path, with - for /." pattern:"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"`
	Path          text             `yaml:"path,required" doc:"Folder of the component, relative to this file; or a template file."`
	Kind          text             `yaml:"kind" doc:"Kind of the component. By default it comes from the files." enum:"kubernetes cloudformation cdk helm build"`
	DependsOn     []text           `yaml:"dependsOn" doc:"Components that must be healthy before this one starts."`
	IndependentOf []text           `yaml:"independentOf" doc:"Components that this one does not wait for, though its files seem to need them."`
	Inputs        map[string]value `yaml:"inputs" doc:"Values for ${NAME} in the manifests of a kubernetes component; context of a cdk component; environment variables of a build component."`
	Parameters    map[string]value `yaml:"parameters" doc:"Parameters of the template of a cloudformation component, or of those of a cdk component."`
	Reads         []text           `yaml:"reads" doc:"Files and folders outside its own that a cdk or build component needs, relative to this file."`
	Buildspec     text             `yaml:"buildspec" doc:"Buildspec of a build component, relative to its folder. By default buildspec.yml or buildspec.yaml."`
	Capabilities  []text           `yaml:"capabilities" doc:"Capabilities that the stack is allowed." enum:"CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"`
	RestartOn     []text           `yaml:"restartOn" doc:"What restarts the Pods of a kubernetes component when its content changes: the Secrets, the ConfigMaps that they read." enum:"secrets configMaps"`
	StackName     text             `yaml:"stackName" doc:"Name of the stack. By default <environment>-<component>." pattern:"^[A-Za-z][-A-Za-z0-9]{0,127}$"`
}

// value is a literal; a list of literals, which become one text with commas; a
// mapping with "value"; or a mapping with "from".
type value struct {
	literal string
	from    *Input
	line    int
}

func (v *value) unmarshal(n *yaml.Node) error {
	v.line = n.Line
	if n.Kind != yaml.MappingNode {
		return v.readLiteral(n)
	}
	if len(n.Content) != 2 {
		return errors.New(`expected one key: "from" or "value"`)
	}
	key, content := n.Content[0], document.Target(n.Content[1])
	switch key.Value {
	case "value":
		return v.readLiteral(content)
	case "from":
		component, output, ok := strings.Cut(content.Value, ".")
		if content.Kind != yaml.ScalarNode || !ok || !isLabel(component) || output == "" {
			return fmt.Errorf(`expected "from: <component>.<output>", found %s`, document.Describe(content))
		}
		v.from = &Input{component, output}
		return nil
	}
	return fmt.Errorf("unknown key %q%s", key.Value, document.DidYouMean(key.Value, []string{"from", "value"}))
}

func (v *value) readLiteral(n *yaml.Node) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var parts []string
	for _, item := range items {
		item = document.Target(item)
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			return fmt.Errorf("expected a text, a number, true or false, or a list of them; found %s", document.Describe(item))
		}
		parts = append(parts, item.Value)
	}
	v.literal = strings.Join(parts, ",")
	return nil
}

// variable is what a name in ${NAME} may be.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func isLabel(s string) bool { return len(s) <= 63 && label.MatchString(s) }

// parseFile reads drawbridge.yaml. The name is its path from the top of the tree.
func parseFile(name string, data []byte) (*file, error) {
	docs, err := document.Parse(name, data)
	if err != nil {
		return nil, err
	}
	switch len(docs) {
	case 0:
		return nil, document.Errorf(Source{File: name}, "the file is empty; expected at least apiVersion: %s", fileVersion)
	case 1:
	default:
		return nil, document.Errorf(Source{File: name, Line: docs[1].Line}, "a second document; expected one")
	}
	var f file
	d := decoder{file: name}
	d.decode(docs[0].Root, reflect.ValueOf(&f).Elem(), "")
	if len(d.faults) == 0 {
		f.check(&d)
	}
	if len(d.faults) > 0 {
		return nil, document.Join(d.faults)
	}
	return &f, nil
}

// check holds the values against the tags, and paths against leaving the root.
func (f *file) check(d *decoder) {
	at := func(t text, format string, args ...any) {
		d.faults = append(d.faults, document.Errorf(Source{File: d.file, Line: t.line}, format, args...))
	}
	if f.APIVersion.value != fileVersion {
		at(f.APIVersion, "apiVersion: expected %s, found %q", fileVersion, f.APIVersion.value)
	}
	for _, t := range f.Ignore {
		if !isInside(t.value) {
			at(t, "ignore: %q leads out of the folder of %s", t.value, FileName)
		}
	}
	kind := reflect.TypeFor[entry]()
	for _, e := range f.Components {
		if !isInside(e.Path.value) {
			at(e.Path, "path: %q leads out of the folder of %s", e.Path.value, FileName)
		}
		for _, t := range append(slices.Clone(e.Reads), e.Buildspec) {
			if t.line != 0 && !isInside(t.value) {
				at(t, "%q leads out of the folder of %s", t.value, FileName)
			}
		}
		for name, texts := range map[string][]text{
			"Name": {e.Name}, "Kind": {e.Kind}, "StackName": {e.StackName}, "Capabilities": e.Capabilities, "RestartOn": e.RestartOn,
		} {
			field, _ := kind.FieldByName(name)
			for _, t := range texts {
				if t.line != 0 { // given
					checkTags(field, t, at)
				}
			}
		}
		if e.Name.line != 0 && len(e.Name.value) > 63 {
			at(e.Name, "name: %q is longer than 63 characters", e.Name.value)
		}
	}
}

// checkTags holds a value against the tags of its field.
func checkTags(field reflect.StructField, t text, fault func(t text, format string, args ...any)) {
	key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	if p := field.Tag.Get("pattern"); p != "" && !regexp.MustCompile(p).MatchString(t.value) || len(t.value) > 128 {
		fault(t, "%s: %q does not match %s", key, t.value, p)
	}
	if known := strings.Fields(field.Tag.Get("enum")); len(known) > 0 && !slices.Contains(known, t.value) {
		fault(t, "%s: unknown value %q%s", key, t.value, document.DidYouMean(t.value, known))
	}
}

// isInside tells whether a relative path stays below where it starts.
func isInside(p string) bool {
	c := path.Clean(p)
	return p != "" && !path.IsAbs(p) && c != ".." && !strings.HasPrefix(c, "../") && !strings.ContainsRune(p, 0)
}
