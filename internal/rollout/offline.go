package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

// FromFiles completes a request with both planes as the files of a base commit have them:
// neither a cluster nor an account is asked. State and Account are not used. What an output
// gives is not known; "${COMPONENT.OUTPUT}" stands for it on both sides. CDK apps are not
// run. A base of no commit has nothing.
func FromFiles(ctx context.Context, r PlanRequest, base git.Commit) (PlanRequest, error) {
	r.Account, r.Base, r.State = nil, base.OID, StateOf(nil)
	r.Offline = []diff.Plane{diff.AWS, diff.Kubernetes}
	objects := map[string]render.Object{}
	r.Cluster = kube.Files{Objects: objects}
	if base.OID == "" {
		r.Stacks = stacksOf(ctx, nil)
		return r, nil
	}
	before := r.Request
	before.Commit, before.Steps = base, NewSteps(nil, func() {})
	p, err := prepare(ctx, &before, kube.Files{})
	if err != nil {
		return r, fmt.Errorf("base %s: %w", base.OID, err)
	}
	wanted, err := r.demands(ctx)
	if err != nil {
		return r, err
	}
	recorded, err := p.asRecorded(ctx, wanted)
	if err != nil {
		return r, fmt.Errorf("base %s: %w", base.OID, err)
	}
	for _, n := range p.all {
		for i, id := range n.ids {
			if n.Kind == component.Kubernetes {
				objects[id] = n.objects[i]
			}
		}
	}
	r.State, r.Stacks = StateOf(recorded), stacksOf(ctx, p)
	return r, nil
}

// demands are the outputs that the commit takes from each component.
func (r *PlanRequest) demands(ctx context.Context) (map[string][]string, error) {
	tree, err := r.Repository.Tree(ctx, r.Commit.Tree, "")
	if err != nil {
		return nil, err
	}
	found, err := r.Components.Discover(ctx, tree, r.Repository, r.Environment.Spec.Source.Path)
	if err != nil {
		return nil, nil //nolint:nilerr // told where the commit is planned
	}
	wanted := map[string][]string{}
	for _, c := range found {
		for _, v := range (&node{Component: c}).inputs() {
			if v.From != nil {
				wanted[v.From.Component] = append(wanted[v.From.Component], v.From.Output)
			}
		}
	}
	return wanted, nil
}

// asRecorded are the components of a commit as if it had been rolled out. The outputs of
// an app that was not run are those that somebody wants.
func (p *prepared) asRecorded(ctx context.Context, wanted map[string][]string) ([]v1alpha1.Component, error) {
	var recorded []v1alpha1.Component
	for _, name := range p.order {
		n := p.all[name]
		outputs, known := kinds[n.Kind].outputs(ctx, p, n)
		if !known {
			outputs = wanted[name]
			for _, other := range p.all {
				for _, v := range other.inputs() {
					if v.From != nil && v.From.Component == name {
						outputs = append(outputs, v.From.Output)
					}
				}
			}
		}
		c := v1alpha1.Component{Status: v1alpha1.ComponentStatus{Outputs: map[string]string{}, Revision: p.Commit.OID}}
		for _, o := range outputs {
			c.Status.Outputs[o] = "${" + name + "." + o + "}"
		}
		c.Spec = n.spec(p.Environment.Name, n.ids, "")
		recorded = append(recorded, c)
	}
	p.State = StateOf(recorded)
	for i, name := range p.order {
		n := p.all[name]
		v, err := p.resolve(n)
		if err != nil {
			return nil, err
		}
		if n.Kind == component.Kubernetes && len(n.Inputs) > 0 { // rendered with open inputs so far
			if err := p.render(ctx, n, v); err != nil {
				return nil, err
			}
			if err := p.identify(ctx, n); err != nil {
				return nil, err
			}
		}
		digest := p.digest(n, v)
		recorded[i].Spec.Owns, recorded[i].Spec.InputDigest, recorded[i].Status.InputDigest = n.ids, digest, digest
	}
	return recorded, nil
}

// StacksFromFiles completes a request with AWS as the files of the base commit have it,
// which is the one that is deployed.
func StacksFromFiles(ctx context.Context, r PlanRequest, base git.Commit) (PlanRequest, error) {
	r.Account = nil
	r.Offline = append(slices.Clone(r.Offline), diff.AWS)
	if base.OID == "" {
		r.Stacks = stacksOf(ctx, nil)
		return r, nil
	}
	before := r.Request
	before.Commit = base
	p, _, err := discover(ctx, &before, r.Cluster)
	if err != nil {
		return r, fmt.Errorf("base %s: %w", base.OID, err)
	}
	r.Stacks = stacksOf(ctx, p)
	return r, nil
}

// stacksOf are the stacks of a commit that was read; nil has none.
func stacksOf(ctx context.Context, p *prepared) func(context.Context, string) (StackPreview, error) {
	byName := map[string]*node{}
	if p != nil {
		for n := range maps.Values(p.all) {
			if n.Kind == component.CloudFormation {
				byName[p.stackName(n)] = n
			}
		}
	}
	deployed := func(name string) *stack.Deployed {
		n := byName[name]
		if n == nil {
			return nil
		}
		t, err := p.parse(ctx, n)
		if err != nil {
			return nil // it was refused, then as now
		}
		d := &stack.Deployed{Template: t.body, TemplateFile: n.Template}
		if v, err := p.resolve(n); err == nil {
			d.Parameters = v.Parameters
		} else {
			d.Parameters, d.Open = literals(n.Parameters)
		}
		return d
	}
	return func(_ context.Context, region string) (StackPreview, error) {
		return stack.Files{Region: region, Stack: deployed}, nil
	}
}
