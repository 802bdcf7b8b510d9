package component

import (
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Kinds of components. Helm is recognised and refused.
const (
	CloudFormation = "cloudformation"
	Kubernetes     = "kubernetes"
	CDK            = "cdk"
	Build          = "build"
	Helm           = "helm"
)

// Values of Component.RestartOn.
const (
	RestartOnSecrets    = "secrets"
	RestartOnConfigMaps = "configMaps"
)

// BlobReader reads files by their OID.
type BlobReader = git.BlobReader

// Source is the file and line that define something.
type Source = document.Position

// Component is one deployable part of the repository. It is a value: whoever gets
// it does not change what its maps and slices hold.
type Component struct {
	// Name is a DNS label, unique in the Environment.
	Name string `json:"name"`
	// Kind is CloudFormation, Kubernetes, CDK or Build.
	Kind string `json:"kind"`
	// Path of its folder; or of its template, where the folder holds others too.
	Path string `json:"path"`
	// Template is the path of the template, for kind CloudFormation only.
	Template string `json:"template,omitempty"`
	// Files are the manifests directly in the folder, for plain YAML only. A
	// kustomization says itself what it is made from.
	Files []string `json:"files,omitempty"`
	// DependsOn are the components that drawbridge.yaml names, in its order.
	// Dependencies that come from Inputs and Parameters are not repeated here.
	DependsOn []string `json:"dependsOn,omitempty"`
	// IndependentOf are the components that it does not wait for, whatever its files
	// seem to say.
	IndependentOf []Independence `json:"independentOf,omitempty"`
	// Buildspec is the path of the buildspec, for kind Build only.
	Buildspec string `json:"buildspec,omitempty"`
	// Inputs by the name that manifests know them by; the context of a CDK app;
	// environment variables of a build.
	Inputs map[string]Value `json:"inputs,omitempty"`
	// Parameters of the template, or of the app's templates, by name.
	Parameters map[string]Value `json:"parameters,omitempty"`
	// Capabilities that the stack is allowed, such as CAPABILITY_IAM.
	Capabilities []string `json:"capabilities,omitempty"`
	// RestartOn are RestartOnSecrets, RestartOnConfigMaps: what restarts the Pods of the
	// component when they read it and its content changes. For kind Kubernetes only.
	RestartOn []string `json:"restartOn,omitempty"`
	// StackName; empty means "<environment>-<component>".
	StackName string `json:"stackName,omitempty"`
	// Source is the entry in drawbridge.yaml, or the file that gave it away.
	Source Source `json:"source"`
	// OID is the digest of all that the component is made from in the tree:
	// names and object names of its files, those outside its folder included, and
	// nothing of drawbridge.yaml.
	OID string `json:"oid"`
	// Reads are the paths outside its folder that OID covers, sorted: those that
	// a kustomization names, or that drawbridge.yaml gives to an app or a build.
	Reads []string `json:"reads,omitempty"`

	dependsOn map[string]Source
}

// Independence is a component that another one does not need, and where
// drawbridge.yaml says so.
type Independence struct {
	Component string `json:"component"`
	Source    Source `json:"source"`
}

// Input is an output of another component.
type Input struct {
	Component string `json:"component"`
	Output    string `json:"output"`
}

// Value is a literal, or an output of another component.
type Value struct {
	Literal string `json:"literal,omitempty"`
	// From is nil for a literal.
	From   *Input `json:"from,omitempty"`
	Source Source `json:"source"`
}

// Dependency is a component that must be healthy first, and why.
type Dependency struct {
	Component string
	// Reason is "dependsOn", "input NAME" or "parameter NAME".
	Reason string
	Source Source
}

// Dependencies are all reasons that the component has to wait for others:
// explicit ones in their order, then inputs and parameters by name.
func (c Component) Dependencies() []Dependency {
	var all []Dependency
	for _, name := range c.DependsOn {
		at, ok := c.dependsOn[name]
		if !ok {
			at = c.Source
		}
		all = append(all, Dependency{name, "dependsOn", at})
	}
	for _, values := range []struct {
		word string
		of   map[string]Value
	}{{"input", c.Inputs}, {"parameter", c.Parameters}} {
		for _, name := range slices.Sorted(maps.Keys(values.of)) {
			if v := values.of[name]; v.From != nil {
				all = append(all, Dependency{v.From.Component, values.word + " " + name, v.Source})
			}
		}
	}
	return all
}
