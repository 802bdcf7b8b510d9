package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/plan"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

// ClusterPreview is what a plan needs of a Kubernetes cluster. *kube.Cluster is one, and
// kube.Files, which is a commit taken for a cluster.
type ClusterPreview interface {
	Kinds
	Preview(ctx context.Context, owner kube.Owner, objects []render.Object, o kube.PreviewOptions) ([]diff.Change, error)
	PreviewPrune(ctx context.Context, owner kube.Owner, ids []string) ([]diff.Change, error)
}

// StackPreview is what a plan needs of CloudFormation. *stack.Deployer is one, and
// stack.Files.
type StackPreview interface {
	Preview(ctx context.Context, r stack.PreviewRequest) ([]diff.Change, error)
	PreviewDelete(ctx context.Context, r stack.DeleteRequest) ([]diff.Change, error)
}

// PlanRequest is a commit to be planned.
type PlanRequest struct {
	// Request, of which Change, Cluster, Stacks, Builds and Timeout are not used. Without
	// an Account, CDK apps are not run. Commit.OID is empty for files that are not
	// committed. To State nothing is written.
	Request
	// Base is the commit that is deployed, or taken to be.
	Base    string
	Cluster ClusterPreview
	// Stacks of a region.
	Stacks func(ctx context.Context, region string) (StackPreview, error)
	// Offline are the planes that Cluster and Stacks tell from files alone.
	Offline []diff.Plane
	Notes   []string
}

// Plan says what Run would do with the commit, and does none of it: it begins as Run does
// and then asks both planes. What the commit would be refused for is in the Plan; an error
// is returned only where ctx ended.
func Plan(ctx context.Context, r PlanRequest) (*plan.Plan, error) {
	r.State = r.State.snapshot()
	if r.Steps == nil {
		r.Steps = NewSteps(time.Now, func() {})
	}
	out := &plan.Plan{
		Environment: strings.TrimPrefix(r.Environment.Namespace+"/"+r.Environment.Name, "/"),
		Base:        r.Base, Head: r.Commit.OID, Tree: r.Commit.Tree, Offline: slices.Clone(r.Offline), Notes: r.Notes,
	}
	p, err := prepare(ctx, &r.Request, r.Cluster)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		out.Errors = findings("", err)
		out.Seal()
		return out, nil
	}
	l := &planner{prepared: p, request: &r, made: map[string]*planned{}}
	walk(ctx, p.names(), p.before, componentsAtOnce, l.visit)
	l.takeDowns(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l.fill(out)
	out.Seal()
	return out, nil
}

// planner makes a plan of a commit that is ready.
type planner struct {
	*prepared
	request *PlanRequest

	mu   sync.Mutex
	made map[string]*planned
}

// planned is what happens to one component.
type planned struct {
	plan.Component
	errors []plan.Finding
}

// visit plans one component, after those that it waits for.
func (l *planner) visit(ctx context.Context, name string) error {
	n := l.all[name]
	v, open := l.known(ctx, n)
	if len(open) == 0 {
		if n.digest = l.digest(n, v); upToDate(n.recorded, n.digest) {
			return nil // what it takes from others stays
		}
	}
	c := &planned{Component: plan.Component{Name: name, Kind: n.Kind, Path: n.Path, Inputs: open}}
	changes, reason, err := kinds[n.Kind].preview(ctx, l, n, v, open)
	c.Resources, c.Reason = changes, reason
	c.errors = findings(name, err)
	c.Operation = plan.OperationOf(changes)
	switch {
	case n.recorded == nil:
		c.Operation = diff.Create
	case err != nil && c.Operation == diff.NoOp:
		c.Operation = diff.Unknown
	case reason != "" && c.Operation == diff.NoOp:
		c.Operation = diff.Update
	case c.Operation == diff.NoOp && len(open) == 0:
		c.Reason = "its files change, and its resources do not"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Operation != diff.NoOp || len(open) == 0 {
		l.made[name] = c
	}
	return nil
}

// known are the values that a component has for certain, and the inputs that may change
// with what this commit does to others.
func (l *planner) known(ctx context.Context, n *node) (v *values, open []plan.Input) {
	v = &values{}
	for _, part := range []struct {
		given map[string]component.Value
		to    *map[string]string
	}{{n.Inputs, &v.Inputs}, {n.Parameters, &v.Parameters}} {
		out := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(part.given)) {
			value := part.given[name]
			if value.From == nil {
				out[name] = value.Literal
				continue
			}
			text, recorded := "", false
			if c := l.State.Component(value.From.Component); c != nil {
				text, recorded = c.Status.Outputs[value.From.Output]
			}
			if recorded && !l.mayChange(ctx, value.From.Component, value.From.Output) {
				out[name] = text
				continue
			}
			open = append(open, plan.Input{Name: name, Component: value.From.Component, Output: value.From.Output})
		}
		*part.to = out
	}
	return v, open
}

// takeDowns plans what becomes of the components that the commit no longer has.
func (l *planner) takeDowns(ctx context.Context) {
	names := l.removedNames()
	walk(ctx, names, l.dependents, componentsAtOnce, func(ctx context.Context, name string) error {
		r := l.removed[name]
		c := &planned{Component: plan.Component{Name: name, Kind: r.Spec.Kind, Path: r.Spec.Path, Operation: diff.Delete, After: l.dependents(name)}}
		changes, err := l.stacksGone(ctx, name, r.Spec.Owns)
		if err == nil && r.Spec.Kind == component.Kubernetes {
			var pruned []diff.Change
			pruned, err = l.request.Cluster.PreviewPrune(ctx, l.owner(name), l.unwanted(name, r.Spec.Owns, nil))
			changes = append(changes, pruned...)
		}
		c.Resources, c.errors = changes, findings(name, err)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.made[name] = c
		return nil
	})
}

// fill puts what was planned into the order of the graph.
func (l *planner) fill(out *plan.Plan) {
	order := slices.Clone(l.order)
	taken := map[string]bool{}
	for range l.removedNames() { // each after those that depended on it
		for _, name := range l.removedNames() {
			waits := slices.ContainsFunc(l.dependents(name), func(other string) bool { return !taken[other] })
			if !taken[name] && !waits {
				taken[name] = true
				order = append(order, name)
			}
		}
	}
	for _, name := range order {
		c := l.made[name]
		if c == nil {
			out.Unchanged++
			continue
		}
		if n := l.all[name]; n != nil {
			for _, e := range n.needs {
				if l.made[e.To] != nil {
					c.After = append(c.After, e.To)
				}
			}
		}
		out.Components = append(out.Components, c.Component)
		out.Errors = append(out.Errors, c.errors...)
	}
	if left := len(l.removed); left > 0 && !l.prunes() {
		out.Notes = append(out.Notes, fmt.Sprintf("%s that the commit no longer has stay as they are (spec.rollout.prune)", count(left, "component")))
	}
}

// place is the file and line that an error begins with.
var place = regexp.MustCompile(`^(\S+:\d+): `)

// findings are the parts of an error, each with its place.
func findings(name string, err error) []plan.Finding {
	var all []plan.Finding
	for _, e := range parts(err) {
		f := plan.Finding{Rule: plan.RuleRefused, Component: name, Message: e.Error()}
		var applied *kube.ApplyError
		var owned *kube.OwnedError
		var unknown *kube.KindError
		switch {
		case errors.As(e, &applied):
			f.Resource, f.Source = applied.Object.Resource().String(), applied.Source
		case errors.As(e, &owned):
			f.Resource, f.Source = owned.Object.Resource().String(), owned.Source
		case errors.As(e, &unknown):
			f.Resource, f.Source = unknown.Kind+" "+unknown.Object, unknown.Source
		default:
			if at := place.FindStringSubmatch(f.Message); at != nil {
				f.Source = at[1]
			}
		}
		f.Message = strings.TrimPrefix(f.Message, f.Source+": ")
		all = append(all, f)
	}
	return all
}

// parts takes joined errors apart.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only what Join made itself
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, parts(e)...)
		}
		return all
	}
	return []error{err}
}
