package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// names of the pending components, those that others wait for first.
func (p *prepared) names() []string {
	return slices.DeleteFunc(slices.Clone(p.order), func(name string) bool { return !p.pending[name] })
}

// before are the pending components that a component waits for.
func (p *prepared) before(name string) []string {
	var names []string
	for _, e := range p.all[name].needs {
		if p.pending[e.To] {
			names = append(names, e.To)
		}
	}
	return names
}

// steps that the commit comes down to.
func (p *prepared) steps() []v1alpha1.Step {
	var steps []v1alpha1.Step
	for _, name := range p.names() {
		n := p.all[name]
		step := v1alpha1.Step{Component: name, Kind: n.Kind, Action: "update"}
		if n.recorded == nil {
			step.Action = "create"
		}
		steps = append(steps, step)
	}
	for _, name := range p.removedNames() {
		steps = append(steps, v1alpha1.Step{Component: name, Kind: p.removed[name].Spec.Kind, Action: "delete"})
	}
	return steps
}

// visit rolls out one component whose dependencies are healthy.
func (p *prepared) visit(ctx context.Context, name string) error {
	n := p.all[name]
	v, err := p.resolve(n)
	if err == nil {
		if n.digest = p.digest(n, v); upToDate(n.recorded, n.digest) {
			p.Steps.drop(name)
			return p.refresh(ctx, n)
		}
	}
	return p.step(ctx, name, func(ctx context.Context) error {
		if err != nil {
			return err
		}
		failpoint.Hit("rollout/before-component")
		return kinds[n.Kind].roll(ctx, p, n, v)
	})
}

// step runs what is to be done to a component within its time and says how it
// went.
func (p *prepared) step(ctx context.Context, name string, do func(context.Context) error) error {
	letGo, err := p.State.hold(ctx, name)
	if err != nil {
		return err
	}
	defer letGo()
	p.Steps.start(name)
	limited, cancel := context.WithTimeoutCause(ctx, p.Timeout, fmt.Errorf("%w (%s, spec.rollout.timeout)", errTimeout, p.Timeout))
	defer cancel()
	err = do(limited)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) // superseded or stopped: the step is left as it is
	case err != nil:
		p.Steps.finish(name, v1alpha1.PhaseFailed, err.Error())
		return err
	}
	p.Steps.finish(name, v1alpha1.PhaseSucceeded, "")
	return nil
}

// finish records how the component was left, and returns the error that it is
// given, if any.
func (p *prepared) finish(ctx context.Context, n *node, status v1alpha1.ComponentStatus, err error) error {
	if errors.Is(err, context.Canceled) {
		return err // somebody else finishes it
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	status.Revision, status.Change = p.Commit.OID, p.Change
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Healthy"}
	if err == nil {
		status.InputDigest = n.digest
	} else {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "Failed", Clip(err.Error())
	}
	if n.recorded != nil {
		status.Conditions = slices.Clone(n.recorded.Status.Conditions)
	}
	if c := p.State.Component(n.Name); c != nil {
		condition.ObservedGeneration = c.Generation
	}
	meta.SetStatusCondition(&status.Conditions, condition)
	failpoint.Hit("rollout/before-finish")
	// A component that ran out of time still has its end recorded.
	return errors.Join(err, p.State.Finish(context.WithoutCancel(ctx), n.Name, status))
}

// Clip keeps a message within what a condition should carry: the API allows
// 32,768 characters, a table of them should stay readable.
func Clip(s string) string {
	const most = 4096
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// recordedStatus is what is recorded of the component, to go on from.
func (n *node) recordedStatus() v1alpha1.ComponentStatus {
	if n.recorded == nil {
		return v1alpha1.ComponentStatus{}
	}
	return *n.recorded.Status.DeepCopy()
}

// skipped marks the steps that were not begun.
func (p *prepared) skipped(results map[string]error) {
	for _, name := range p.order {
		var dependency dependencyError
		if errors.As(results[name], &dependency) {
			p.Steps.finish(name, v1alpha1.PhaseSkipped, dependency.Error())
		}
	}
}

// failure puts what went wrong into one error: each component that failed by
// itself, in the order of the graph.
func (p *prepared) failure(results map[string]error) error {
	var failed []string
	skipped := 0
	for _, name := range p.order {
		err := results[name]
		switch {
		case err == nil:
		case errors.As(err, new(dependencyError)):
			skipped++
		default:
			failed = append(failed, name+": "+err.Error())
		}
	}
	if len(failed) == 0 {
		return nil
	}
	const most = 5
	text := strings.Join(failed[:min(most, len(failed))], "\n")
	if len(failed) > most {
		text += fmt.Sprintf("\nand %d more", len(failed)-most)
	}
	if skipped > 0 {
		text += fmt.Sprintf("\n%s not begun because of that", count(skipped, "component"))
	}
	return errors.New(text)
}
