package rollout

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/graph"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// prepared is a commit made ready: every component that may have to change has been
// read, checked, and found good.
type prepared struct {
	*Request
	served Kinds
	tree   *git.Tree
	all    map[string]*node
	// order has every name after those it depends on.
	order []string
	// pending are the names whose input changed, or may turn out to have.
	pending map[string]bool
	// removed are the recorded components that the commit no longer has.
	removed map[string]*v1alpha1.Component

	// crds that the commit changes: kinds that the cluster does not serve yet.
	crds []render.Object
	// wanted says which component defines an object. Not changed after prepare.
	wanted map[string]string
}

// node is a component of the commit.
type node struct {
	component.Component
	// recorded is what the Environment has of it; nil at first.
	recorded *v1alpha1.Component
	// needs are the components that it waits for, and why.
	needs []graph.Edge
	// digest of its input; "" while an input is not known yet.
	digest string
	// ids are what it will own, as Component.spec.owns has it, when its inputs were
	// known.
	ids []string
	// objects of a kubernetes component, beside the first ids.
	objects []render.Object
	// template of a cloudformation component.
	template *templateFile
	// app is a cdk component's, once it is synthesized.
	app synthesis
	// buildspec of a build component.
	buildspec *buildspec.Spec
}

// discover finds the components of the commit, and what is recorded of each.
func discover(ctx context.Context, r *Request, in Kinds) (*prepared, []component.Component, error) {
	tree, err := r.Repository.Tree(ctx, r.Commit.Tree, "")
	if err != nil {
		return nil, nil, err
	}
	found, err := r.Components.Discover(ctx, tree, r.Repository, r.Environment.Spec.Source.Path)
	if err != nil {
		return nil, nil, err
	}
	p := &prepared{
		Request: r, served: in, tree: tree, all: make(map[string]*node, len(found)),
		pending: map[string]bool{}, removed: r.State.Components(), wanted: map[string]string{},
	}
	for _, c := range found {
		p.all[c.Name] = &node{Component: c, recorded: p.removed[c.Name]}
		delete(p.removed, c.Name)
	}
	return p, found, nil
}

// prepare reads the commit and checks all that may have to change. It writes nothing;
// any error means that nothing will be.
func prepare(ctx context.Context, r *Request, in Kinds) (*prepared, error) {
	p, found, err := discover(ctx, r, in)
	if err != nil {
		return nil, err
	}
	g, err := graph.Build(found)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && len(p.removed) > 0 && r.Environment.Spec.Gate.Destructive != v1alpha1.DestructiveAllow {
		return nil, fmt.Errorf("the commit defines no component at all below %q, and the Environment has %d: that looks like a mistake. Check spec.source.path; to take everything down, set spec.gate.destructive to Allow",
			"/"+r.Environment.Spec.Source.Path, len(p.removed))
	}
	p.arrange(g)
	if err := p.findPending(); err != nil {
		return nil, err
	}
	if err := p.eachPending(ctx, p.read); err != nil {
		return nil, err
	}
	for name := range p.pending {
		p.crds = append(p.crds, kube.Definitions(p.all[name].objects)...)
	}
	if err := p.eachPending(ctx, p.identify); err != nil {
		return nil, err
	}
	if err := p.connect(ctx); err != nil {
		return nil, err
	}
	return p, p.claimObjects()
}

// findPending works out, from the front of the graph to its end, what changed:
// a component waits for its inputs when one that it takes them from may change.
func (p *prepared) findPending() error {
	for _, name := range p.order {
		n := p.all[name]
		if (n.Kind == component.CloudFormation || n.Kind == component.CDK) && p.Environment.Spec.AWS == nil {
			return fmt.Errorf("%s: component %s deploys to AWS, but Environment %s has no spec.aws: name a region there, or take the component out",
				n.Source, n.Name, p.Environment.Name)
		}
		if p.waitsForInputs(n) {
			p.pending[name] = true
			continue
		}
		v, err := p.resolve(n)
		if err != nil {
			return err
		}
		n.digest = p.digest(n, v)
		if !upToDate(n.recorded, n.digest) {
			p.pending[name] = true
		}
	}
	return nil
}

func (p *prepared) waitsForInputs(n *node) bool {
	return slices.ContainsFunc(n.inputs(), func(v component.Value) bool {
		return v.From != nil && p.pending[v.From.Component]
	})
}

// upToDate tells whether the recorded component is, whole and healthy, what the
// digest stands for.
func upToDate(c *v1alpha1.Component, digest string) bool {
	return c != nil && c.Spec.InputDigest == digest && c.Status.InputDigest == digest
}

// refresh records where an unchanged component is now and what it waits for,
// which a commit can change without changing its input.
func (p *prepared) refresh(ctx context.Context, n *node) error {
	if err := p.State.Claim(ctx, n.spec(p.Environment.Name, n.recorded.Spec.Owns, n.digest)); err != nil {
		return err
	}
	if c := p.State.Component(n.Name); c.Generation != c.Status.ObservedGeneration {
		return p.State.Finish(ctx, n.Name, *c.Status.DeepCopy())
	}
	return nil
}

// refreshUnchanged records what has changed about components that stay as they are.
func (p *prepared) refreshUnchanged(ctx context.Context) error {
	for _, name := range p.order {
		if !p.pending[name] {
			if err := p.refresh(ctx, p.all[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachPending does something for all that changed, in parallel. All mistakes are
// reported together.
func (p *prepared) eachPending(ctx context.Context, do func(context.Context, *node) error) error {
	var mu sync.Mutex
	errs := map[string]error{}
	g := errgroup.Group{}
	g.SetLimit(runtime.GOMAXPROCS(0))
	for name := range p.pending {
		g.Go(func() error {
			if err := do(ctx, p.all[name]); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs[name] = err
			}
			return nil
		})
	}
	_ = g.Wait() // errors are collected, so that none hides another
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var all []error
	for _, name := range p.order {
		if err := errs[name]; err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func (p *prepared) read(ctx context.Context, n *node) error {
	if err := p.checkInputs(ctx, n); err != nil {
		return err
	}
	var v *values
	if n.digest != "" {
		var err error
		if v, err = p.resolve(n); err != nil {
			return err
		}
	}
	return kinds[n.Kind].read(ctx, p, n, v)
}

// claimObjects finds two components that define one object, before either of
// them applies it.
func (p *prepared) claimObjects() error {
	var errs []error
	for _, name := range p.order {
		n := p.all[name]
		ids := n.ids
		if !p.pending[name] {
			ids = n.recorded.Spec.Owns
		}
		for i, id := range ids {
			if strings.Contains(id, render.Placeholder) {
				continue // its name is not known yet; the apply will know
			}
			first, taken := p.wanted[id]
			if !taken {
				p.wanted[id] = name
				continue
			}
			at := n.Path
			if i < len(n.objects) {
				at = n.objects[i].Source.String()
			}
			errs = append(errs, fmt.Errorf("%s: component %s defines %s, which component %s (%s) defines too: keep one of them", at, name, readable(id), first, p.all[first].Path))
		}
	}
	return errors.Join(errs...)
}

// readable names an object as people do.
func readable(id string) string {
	parsed, err := kube.ParseID(id)
	if err != nil {
		return id // a stack
	}
	return parsed.Resource().String()
}
