package schema

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Replacement says whether changing a property makes CloudFormation replace the
// resource.
type Replacement string

// The answers.
const (
	Never         Replacement = ""
	Conditionally Replacement = "maybe"
	Always        Replacement = "yes"
)

// Type is a resource type.
type Type struct {
	// Name is "AWS::RDS::DBInstance".
	Name string `json:"-"`
	// PrimaryIdentifier names the properties or attributes that tell resources
	// of the type apart.
	PrimaryIdentifier []string `json:"id,omitempty"`
	// RefIdentifier is what Ref returns, where that is not PrimaryIdentifier.
	RefIdentifier []string            `json:"ref,omitempty"`
	Properties    map[string]Property `json:"properties,omitempty"`
	// Attributes are what Fn::GetAtt returns, nested ones under dotted names.
	Attributes map[string]Shape `json:"attributes,omitempty"`
	// Definitions are the object shapes, by the name that "#Name" uses.
	Definitions map[string]map[string]Property `json:"definitions,omitempty"`
	// ReplacementPaths are further dotted paths whose change always replaces;
	// "*" stands for any list element.
	ReplacementPaths []string `json:"replacementPaths,omitempty"`
	// ARNTemplate has ${Partition}, ${Region}, ${Account} and names of its own.
	ARNTemplate string `json:"arn,omitempty"`
	// Stateful marks types that hold data.
	Stateful bool `json:"stateful,omitempty"`
	// Transform that a template with this type must declare.
	Transform string `json:"transform,omitempty"`
	Tags      *Tags  `json:"tags,omitempty"`
	// OpenProperties and OpenAttributes: any name will do.
	OpenProperties, OpenAttributes bool `json:"-"`
}

// Property is a property of a resource or of an object inside one.
type Property struct {
	Shape       Shape       `json:"type"`
	Required    bool        `json:"required,omitempty"`
	Replacement Replacement `json:"replace,omitempty"`
}

// Tags says how a type carries tags.
type Tags struct {
	Property string `json:"property"`
	// Variant is "standard" (a list of Key and Value), "asg" (the same with
	// PropagateAtLaunch) or "map".
	Variant string `json:"variant"`
}

// Document is the embedded file.
type Document struct {
	Source string          `json:"source"`
	Types  map[string]Type `json:"types"`
}

// Ref returns the names of the properties or attributes that make up Ref.
func (t *Type) Ref() []string {
	if len(t.RefIdentifier) > 0 {
		return t.RefIdentifier
	}
	return t.PrimaryIdentifier
}

//go:embed schemas.json.gz
var compressed []byte

// types splits the file by type without decoding the types themselves.
var types = sync.OnceValue(func() map[string]json.RawMessage {
	var doc struct {
		Types map[string]json.RawMessage `json:"types"`
	}
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err == nil {
		err = json.NewDecoder(z).Decode(&doc)
	}
	if err != nil {
		panic("embedded resource schemas are damaged: " + err.Error())
	}
	return doc.Types
})

var decoded sync.Map // name to *Type

// extra are types that the source does not list.
var extra = map[string]*Type{
	"AWS::CDK::Metadata": {
		Name:       "AWS::CDK::Metadata",
		Properties: map[string]Property{"Analytics": {Shape: Shape{Kind: String}}},
	},
	"AWS::CloudFormation::CustomResource": custom("AWS::CloudFormation::CustomResource"),
}

func custom(name string) *Type {
	return &Type{Name: name, OpenProperties: true, OpenAttributes: true, Properties: map[string]Property{
		"ServiceToken":   {Shape: Shape{Kind: String}, Required: true, Replacement: Always},
		"ServiceTimeout": {Shape: Shape{Kind: Integer}},
	}}
}

// Lookup returns the type of that name, or false when there is none.
func Lookup(name string) (*Type, bool) {
	if t, ok := decoded.Load(name); ok {
		return t.(*Type), true
	}
	t, ok := extra[name]
	if !ok && strings.HasPrefix(name, "Custom::") {
		t, ok = custom(name), true
	}
	if !ok {
		raw, found := types()[name]
		if !found {
			return nil, false
		}
		t = new(Type)
		if err := json.Unmarshal(raw, t); err != nil {
			panic(fmt.Sprintf("embedded schema of %s is damaged: %v", name, err))
		}
		t.Name = name
		// A nested stack's outputs are attributes that only its template knows.
		t.OpenAttributes = name == "AWS::CloudFormation::Stack"
	}
	shared, _ := decoded.LoadOrStore(name, t)
	return shared.(*Type), true
}

// Names returns the names of all listed types, sorted.
func Names() []string {
	return slices.Sorted(maps.Keys(types()))
}
