package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

func (p *prepared) environment() string { return p.Environment.Namespace + "/" + p.Environment.Name }

func (p *prepared) namespace() string {
	if ns := p.Environment.Spec.Cluster.Namespace; ns != "" {
		return ns
	}
	return "default"
}

func (p *prepared) owner(component string) kube.Owner {
	return kube.Owner{Environment: p.environment(), Component: component}
}

// manifests are components of kind kubernetes.
type manifests struct{}

// read renders the component. Inputs that are not known yet are left open.
func (manifests) read(ctx context.Context, p *prepared, n *node, v *values) error {
	return p.render(ctx, n, v)
}

func (manifests) outputs(context.Context, *prepared, *node) ([]string, bool) { return nil, true }

// identify looks whether the cluster knows the kinds of the component's objects,
// and which objects they are.
func (p *prepared) identify(ctx context.Context, n *node) (err error) {
	if n.Kind != component.Kubernetes {
		return nil
	}
	n.ids, err = p.served.Identify(ctx, n.objects, p.crds, p.namespace())
	return err
}

// roll brings the component's objects to the commit, and waits until they are
// ready.
func (manifests) roll(ctx context.Context, p *prepared, n *node, v *values) error {
	if p.waitsForInputs(n) { // rendered with open inputs so far
		if err := p.render(ctx, n, v); err != nil {
			return err
		}
		if err := p.identify(ctx, n); err != nil {
			return err
		}
	}
	var before []string
	if n.recorded != nil {
		before = n.recorded.Spec.Owns
	}
	if err := p.State.Claim(ctx, n.spec(p.Environment.Name, union(before, n.ids), n.digest)); err != nil {
		return err
	}
	status, err := p.converge(ctx, n, before)
	if err != nil {
		return p.finish(ctx, n, status, err)
	}
	if owns := union(nil, n.ids); p.prunes() && !slices.Equal(owns, union(before, n.ids)) {
		if err := p.State.Claim(ctx, n.spec(p.Environment.Name, owns, n.digest)); err != nil {
			return err
		}
	}
	return p.finish(ctx, n, status, nil)
}

// converge applies, prunes and waits. The status has what was applied, whatever
// happened after it.
func (p *prepared) converge(ctx context.Context, n *node, before []string) (v1alpha1.ComponentStatus, error) {
	cluster := p.Environment.Spec.Cluster
	p.Steps.say(n.Name, fmt.Sprintf("applying %s", count(len(n.objects), "object")))
	applied, err := p.Cluster.Apply(ctx, p.owner(n.Name), n.objects, kube.ApplyOptions{
		DefaultNamespace: p.namespace(), ServiceAccount: cluster.ServiceAccount,
		TakeFrom: p.gaveUp, RestartOn: n.restartOn(), Waiting: p.waitsFor(n.Name),
	})
	p.Steps.resources(n.Name, applied.Changes)
	status := v1alpha1.ComponentStatus{Applied: applied.Objects}
	if err != nil {
		status.Applied = merge(n.recordedStatus().Applied, applied.Objects)
		return status, err
	}
	if p.prunes() {
		deleted, err := p.Cluster.Prune(ctx, p.owner(n.Name), p.unwanted(n.Name, before, n.ids), kube.PruneOptions{
			ServiceAccount: cluster.ServiceAccount, Destructive: p.allowDestructive() != nil,
		})
		p.Steps.resources(n.Name, deleted)
		if err != nil {
			return status, err
		}
	}
	p.Steps.say(n.Name, "waiting until everything is ready")
	if err := p.Cluster.Wait(ctx, applied.Objects, p.waitsFor(n.Name)); err != nil {
		return status, err
	}
	return status, p.verify(ctx, n, applied.Objects)
}

// waitsFor puts down what a component waits for.
func (p *prepared) waitsFor(component string) func(kube.Progress) {
	return func(progress kube.Progress) {
		if !progress.Ready && progress.Message != "" {
			p.Steps.say(component, "waits for "+progress.Object.Resource().String()+": "+progress.Message)
		}
	}
}

// restartOn are the kinds whose content restarts the component's Pods.
func (n *node) restartOn() []string {
	kinds := map[string]string{component.RestartOnSecrets: "Secret", component.RestartOnConfigMaps: "ConfigMap"}
	var all []string
	for _, what := range n.RestartOn {
		all = append(all, kinds[what])
	}
	return all
}

// gaveUp tells whether an object's owner no longer defines it in this commit, so
// that another component may take it over instead of it being deleted.
func (p *prepared) gaveUp(owner kube.Owner, object string) bool {
	return owner.Environment == p.environment() && p.wanted[object] != owner.Component
}

// unwanted are the objects that a component had and that no component of this
// commit defines.
func (p *prepared) unwanted(name string, before, now []string) []string {
	return slices.DeleteFunc(slices.Clone(before), func(id string) bool {
		by := p.wanted[id]
		return slices.Contains(now, id) || by != "" && by != name || strings.HasPrefix(id, stackPrefix)
	})
}

func (p *prepared) prunes() bool {
	prune := p.Environment.Spec.Rollout.Prune
	return prune == nil || *prune
}

// merge lists what was applied before and now; of an object in both, as it is now.
func merge(before, now []v1alpha1.AppliedObject) []v1alpha1.AppliedObject {
	out := slices.DeleteFunc(slices.Clone(before), func(a v1alpha1.AppliedObject) bool {
		return slices.ContainsFunc(now, func(b v1alpha1.AppliedObject) bool { return a.Object == b.Object })
	})
	return append(out, now...)
}

// render makes the component's objects. Inputs without a value are left open:
// such objects are only looked at.
func (p *prepared) render(ctx context.Context, n *node, v *values) error {
	var values map[string]string
	if v != nil {
		values = v.Inputs
	}
	objects, err := p.rendered(ctx, n, values)
	if err == nil {
		n.objects = objects
	}
	return err
}

func (p *prepared) rendered(ctx context.Context, n *node, values map[string]string) ([]render.Object, error) {
	in := render.Inputs{Values: values}
	for name := range n.Inputs {
		if _, known := values[name]; !known {
			in.Pending = append(in.Pending, name)
		}
	}
	r, err := render.Kubernetes(ctx, p.tree, p.Repository, n.Path, in, render.Options{Files: n.Files})
	return r.Objects, err
}
