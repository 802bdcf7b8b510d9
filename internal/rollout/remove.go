package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

// removedNames are the components to take down: none when the Environment does
// not prune.
func (p *prepared) removedNames() []string {
	if !p.prunes() {
		return nil
	}
	return slices.Sorted(maps.Keys(p.removed))
}

// remove takes down the components that the commit no longer has, each after
// those that depended on it.
func (p *prepared) remove(ctx context.Context) error {
	names := p.removedNames()
	results := walk(ctx, names, p.dependents, componentsAtOnce, func(ctx context.Context, name string) error {
		return p.step(ctx, name, func(ctx context.Context) error { return p.takeDown(ctx, p.removed[name]) })
	})
	var errs []error
	for _, name := range names {
		err := results[name]
		if errors.As(err, new(dependencyError)) {
			p.Steps.finish(name, v1alpha1.PhaseSkipped, "not deleted: a component that depends on it is still there")
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// dependents are the removed components that depend on this one.
func (p *prepared) dependents(name string) []string {
	var names []string
	for other, c := range p.removed {
		if slices.ContainsFunc(c.Spec.DependsOn, func(d v1alpha1.Dependency) bool { return d.Component == name }) {
			names = append(names, other)
		}
	}
	return names
}

func (p *prepared) takeDown(ctx context.Context, c *v1alpha1.Component) error {
	name := c.Spec.Name
	if err := p.deleteStacks(ctx, name, c.Spec.Owns); err != nil {
		return err
	}
	if c.Spec.Kind == component.Kubernetes {
		deleted, err := p.Cluster.Prune(ctx, p.owner(name), p.unwanted(name, c.Spec.Owns, nil), kube.PruneOptions{
			ServiceAccount: p.Environment.Spec.Cluster.ServiceAccount, Destructive: p.allowDestructive() != nil,
		})
		p.Steps.resources(name, deleted)
		if err != nil {
			return err
		}
	}
	return p.State.Remove(ctx, name)
}

// deleteStacks deletes those of what a component owns that are stacks, the last
// one first.
func (p *prepared) deleteStacks(ctx context.Context, name string, owns []string) error {
	for _, owned := range ownedStacks(owns) {
		if p.Stacks == nil {
			return owned.withoutAWS()
		}
		stacks := p.Stacks
		if owned.region != "" {
			var err error
			if stacks, _, err = p.Elsewhere(ctx, owned.region); err != nil {
				return fmt.Errorf("stack %s in %s: %w", owned.name, owned.region, err)
			}
		}
		result, err := stacks.Delete(ctx, stack.DeleteRequest{
			Environment: p.environment(), Component: name, StackName: owned.name, Change: p.Change, ChangeUID: p.ChangeUID,
			RoleARN:          p.Environment.Spec.AWS.StackRoleARN,
			AllowDestructive: p.allowDestructive(),
		}, p.stackProgress(name))
		p.Steps.resources(name, result.Changes)
		if err != nil {
			return err
		}
	}
	return nil
}
