package rollout

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/graph/infer"
	"github.com/drawbridge-gitops/drawbridge/internal/plan"
)

// kind is what a rollout does to the components of one kind.
type kind interface {
	// read reads and checks the component before anything is applied, and notes in
	// the node what it found. The values are nil while one of them is not known.
	read(ctx context.Context, p *prepared, n *node, v *values) error
	// roll brings it to the commit and records how it was left.
	roll(ctx context.Context, p *prepared, n *node, v *values) error
	// preview says what roll would do to each resource, with the values that are known;
	// open are the others. A reason stands for what can't be said of resources.
	preview(ctx context.Context, l *planner, n *node, v *values, open []plan.Input) (changes []diff.Change, reason string, err error)
	// outputs are the names of those that it will have once it is rolled out, as
	// far as its files tell. It is called after read, or instead of it.
	outputs(ctx context.Context, p *prepared, n *node) (names []string, known bool)
	// facts are what its files say that it has and needs. It is called after read, or
	// for a component that stays as it is.
	facts(ctx context.Context, p *prepared, n *node) (f infer.Facts, known bool, err error)
}

var kinds = map[string]kind{
	component.Kubernetes:     manifests{},
	component.CloudFormation: templates{},
	component.CDK:            apps{},
	component.Build:          builds{},
}

// values are what a component is given by others and by drawbridge.yaml.
type values struct {
	Inputs, Parameters map[string]string
}

// resolve looks up what is given, from what is recorded of other components now.
func (p *prepared) resolve(n *node) (*values, error) {
	v := &values{}
	for _, part := range []struct {
		given map[string]component.Value
		to    *map[string]string
	}{{n.Inputs, &v.Inputs}, {n.Parameters, &v.Parameters}} {
		out := make(map[string]string, len(part.given))
		for name, value := range part.given {
			if value.From == nil {
				out[name] = value.Literal
				continue
			}
			text, known := "", false
			if c := p.State.Component(value.From.Component); c != nil {
				text, known = c.Status.Outputs[value.From.Output]
			}
			if !known {
				return nil, p.noOutput(value, p.recordedOutputs(value.From.Component))
			}
			out[name] = text
		}
		*part.to = out
	}
	return v, nil
}
