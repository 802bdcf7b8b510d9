package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// ErrBusy says that a rollout works on the component, and may for long.
var ErrBusy = errors.New("a rollout works on the component")

// correctPatience is longer than it takes to apply objects again, and much shorter
// than a rollout that waits may take.
const correctPatience = 10 * time.Second

// correctTimeout is for one correction.
const correctTimeout = time.Minute

// Correct applies those objects of a component again that drifted, as the commit
// defines them that the component was last rolled out from. It costs one request
// an object. A component whose last rollout did not end well is left to the next
// one. Of the Request, Commit and Change are not used.
//
// It waits a little while a rollout works on the same component, and then returns
// ErrBusy; it may run beside one that works on others.
func Correct(ctx context.Context, r Request, name string, objects []string) ([]diff.Change, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, correctPatience, ErrBusy)
	letGo, err := r.State.hold(waiting, name)
	cancel()
	if err != nil {
		return nil, err
	}
	defer letGo()
	c := r.State.Component(name)
	if c == nil || c.Spec.Kind != component.Kubernetes || !upToDate(c, c.Spec.InputDigest) {
		return nil, nil
	}
	p := &prepared{Request: &r, served: r.Cluster, all: map[string]*node{}, wanted: map[string]string{}}
	if p.tree, err = r.Repository.Tree(ctx, c.Status.Revision, ""); err != nil {
		return nil, fmt.Errorf("component %s: commit %.10s, which it was rolled out from: %w", name, c.Status.Revision, err)
	}
	found, err := r.Components.Discover(ctx, p.tree, r.Repository, r.Environment.Spec.Source.Path)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(found, func(f component.Component) bool { return f.Name == name })
	if i < 0 {
		return nil, nil
	}
	n := &node{Component: found[i], recorded: c}
	v, err := p.resolve(n)
	if err != nil {
		return nil, err
	}
	if n.digest = p.digest(n, v); n.digest != c.Spec.InputDigest {
		return nil, nil // its inputs moved on, and a rollout is about to follow
	}
	if err := p.render(ctx, n, v); err != nil {
		return nil, err
	}
	if err := p.identify(ctx, n); err != nil {
		return nil, err
	}
	return p.applyAgain(ctx, n, objects)
}

func (p *prepared) applyAgain(ctx context.Context, n *node, ids []string) ([]diff.Change, error) {
	var drifted []render.Object
	for i, id := range n.ids {
		if slices.Contains(ids, id) {
			drifted = append(drifted, n.objects[i])
		}
	}
	limited, cancel := context.WithTimeout(ctx, correctTimeout) // what it reads may be gone
	defer cancel()
	applied, err := p.Cluster.Apply(limited, p.owner(n.Name), drifted, kube.ApplyOptions{
		DefaultNamespace: p.namespace(), ServiceAccount: p.Environment.Spec.Cluster.ServiceAccount, RestartOn: n.restartOn(),
	})
	if err == nil {
		err = p.restarted(ctx, n, applied)
	}
	status := n.recordedStatus()
	for _, a := range applied.Objects {
		// As it was before, in nearly all cases, and then there is nothing to write.
		same := func(b v1alpha1.AppliedObject) bool { return equality.Semantic.DeepEqual(a, b) }
		if !slices.ContainsFunc(status.Applied, same) {
			status.Applied = merge(status.Applied, []v1alpha1.AppliedObject{a})
		}
	}
	if err != nil {
		return applied.Changes, err
	}
	if !equality.Semantic.DeepEqual(status.Applied, n.recorded.Status.Applied) {
		if err := p.State.Finish(ctx, n.Name, status); err != nil {
			return applied.Changes, err
		}
	}
	return applied.Changes, err
}
