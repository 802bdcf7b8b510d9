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

// given are the values by name: a stack's parameters, or what manifests refer to.
func (n *node) given() map[string]component.Value {
	if n.Kind == component.CloudFormation {
		return n.Parameters
	}
	return n.Inputs
}

// values resolves what the component takes from others, from what is recorded
// of them now.
func (p *plan) values(n *node) (map[string]string, error) {
	out := make(map[string]string, len(n.given()))
	for name, v := range n.given() {
		if v.From == nil {
			out[name] = v.Literal
			continue
		}
		value, known := "", false
		if c := p.State.Component(v.From.Component); c != nil {
			value, known = c.Status.Outputs[v.From.Output]
		}
		if !known {
			return nil, p.noOutput(v, p.outputs(v.From.Component))
		}
		out[name] = value
	}
	return out, nil
}

// checkInputs finds inputs that name no output before anything is applied.
func (p *plan) checkInputs(ctx context.Context, n *node) error {
	for _, name := range slices.Sorted(maps.Keys(n.given())) {
		v := n.given()[name]
		if v.From == nil {
			continue
		}
		from := p.all[v.From.Component]
		outputs := p.outputs(from.Name)
		if from.Kind == component.CloudFormation && p.pending[from.Name] {
			t, err := p.parse(ctx, from)
			if err != nil {
				return nil // reported where the template is read
			}
			outputs = t.outputs()
		}
		if !slices.Contains(outputs, v.From.Output) {
			return p.noOutput(v, outputs)
		}
	}
	return nil
}

// outputs that a component has now.
func (p *plan) outputs(name string) []string {
	if c := p.State.Component(name); c != nil {
		return slices.Sorted(maps.Keys(c.Status.Outputs))
	}
	return nil
}

func (p *plan) noOutput(v component.Value, has []string) error {
	list := "it has none"
	if from := p.all[v.From.Component]; from != nil && from.Kind != component.CloudFormation {
		list = fmt.Sprintf("it is of kind %s, and only a stack has outputs", from.Kind)
	}
	if len(has) > 0 {
		list = "it has " + strings.Join(has, ", ")
	}
	return fmt.Errorf("%s: component %s has no output %q: %s", v.Source, v.From.Component, v.From.Output, list)
}

// digestFormat is raised when a new version of Drawbridge makes something else
// of the same input.
const digestFormat = 1

// digest of everything that the component's desired state is made from.
func (p *plan) digest(n *node, values map[string]string) string {
	in := struct {
		Format       int
		Kind, OID    string
		Values       map[string]string
		Capabilities []string
		StackName    string
		Namespace    string
		Cluster      *v1alpha1.LocalReference
		AWS          *v1alpha1.AWS
	}{Format: digestFormat, Kind: n.Kind, OID: n.OID, Values: values, Capabilities: n.Capabilities}
	if n.Kind == component.CloudFormation {
		in.StackName, in.AWS = p.stackName(n), p.Environment.Spec.AWS.DeepCopy()
		in.AWS.TemplateBucket = "" // where a template is read from changes nothing
	} else {
		in.Namespace, in.Cluster = p.namespace(), p.Environment.Spec.Cluster.KubeconfigSecretRef
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
	for _, d := range n.Dependencies() {
		i := slices.IndexFunc(spec.DependsOn, func(x v1alpha1.Dependency) bool { return x.Component == d.Component })
		if i < 0 {
			spec.DependsOn = append(spec.DependsOn, v1alpha1.Dependency{Component: d.Component, Reason: d.Reason})
		} else {
			spec.DependsOn[i].Reason += ", " + d.Reason
		}
	}
	return spec
}
