package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
)

// inputs are all values that the component takes, literal or not.
func (n *node) inputs() []component.Value {
	return slices.AppendSeq(slices.Collect(maps.Values(n.Inputs)), maps.Values(n.Parameters))
}

// checkInputs finds inputs that name no output before anything is applied.
func (p *prepared) checkInputs(ctx context.Context, n *node) error {
	for _, given := range []map[string]component.Value{n.Inputs, n.Parameters} {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			v := given[name]
			if v.From == nil {
				continue
			}
			from := p.all[v.From.Component]
			outputs, known := p.recordedOutputs(from.Name), true
			if p.pending[from.Name] {
				outputs, known = kinds[from.Kind].outputs(ctx, p, from)
			}
			if known && !slices.Contains(outputs, v.From.Output) {
				return p.noOutput(v, outputs)
			}
		}
	}
	return nil
}

// recordedOutputs are those that a component has now.
func (p *prepared) recordedOutputs(name string) []string {
	if c := p.State.Component(name); c != nil {
		return slices.Sorted(maps.Keys(c.Status.Outputs))
	}
	return nil
}

func (p *prepared) noOutput(v component.Value, has []string) error {
	list := "it has none"
	if from := p.all[v.From.Component]; from != nil && from.Kind == component.Kubernetes {
		list = "it is of kind kubernetes, and only stacks and builds have outputs"
	}
	if len(has) > 0 {
		list = "it has " + strings.Join(has, ", ")
	}
	return fmt.Errorf("%s: component %s has no output %q: %s (one that shows a NoEcho parameter is not handed on: hand on the name of a secret)", v.Source, v.From.Component, v.From.Output, list)
}

// digestFormat is raised when a new version of Drawbridge makes something else
// of the same input.
const digestFormat = 1

// digest of everything that the component's desired state is made from.
func (p *prepared) digest(n *node, v *values) string {
	in := struct {
		Format       int
		Kind, OID    string
		Values       *values
		Capabilities []string
		StackName    string
		Environment  string
		Buildspec    string
		Namespace    string
		Build        v1alpha1.Build
		Cluster      *v1alpha1.LocalReference
		AWS          *v1alpha1.AWS
		RestartOn    []string `json:",omitempty"`
	}{Format: digestFormat, Kind: n.Kind, OID: n.OID, Values: v, Capabilities: n.Capabilities}
	switch n.Kind {
	case component.Kubernetes:
		in.Namespace, in.Cluster, in.RestartOn = p.namespace(), p.Environment.Spec.Cluster.KubeconfigSecretRef, n.RestartOn
	case component.CloudFormation:
		in.StackName = p.stackName(n)
	case component.CDK:
		in.Environment = p.Environment.Name // the app is told
	case component.Build:
		in.Buildspec, in.Build = n.Buildspec, p.Environment.Spec.Build
	}
	if aws := p.Environment.Spec.AWS; aws != nil && n.Kind != component.Kubernetes {
		in.AWS = aws.DeepCopy()
		in.AWS.TemplateBucket = "" // where a template is read from changes nothing
	}
	text, err := json.Marshal(in) // maps are sorted by their keys
	if err != nil {
		panic(err) // strings and maps of strings always marshal
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// spec of the Component that records the node.
func (n *node) spec(environment string, owns []string, digest string) v1alpha1.ComponentSpec {
	spec := v1alpha1.ComponentSpec{
		Environment: environment, Name: n.Name, Kind: n.Kind, Path: n.Path,
		Owns: owns, InputDigest: digest,
	}
	for _, e := range n.needs {
		spec.DependsOn = append(spec.DependsOn, e.Record())
	}
	return spec
}
