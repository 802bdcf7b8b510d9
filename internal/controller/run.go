package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/logs"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// defaultTimeout for one component to become healthy.
const defaultTimeout = 30 * time.Minute

// run takes the commit through and keeps the status current meanwhile. An error
// means that it could not even begin, and is worth another try.
func (r *changes) run(ctx context.Context, env *v1alpha1.Environment, change *v1alpha1.Change) (rollout.Outcome, error) {
	failed := func(err error) rollout.Outcome {
		return rollout.Outcome{Phase: v1alpha1.PhaseFailed, Message: err.Error()}
	}
	state, err := r.state(ctx, env)
	if err != nil {
		return rollout.Outcome{}, err
	}
	request := rollout.Request{
		Environment: env, Change: change.Name, ChangeUID: string(change.UID), Apps: r.apps,
		Components: r.repositories.components, State: state, Timeout: timeoutOf(env),
	}
	if err := r.places.of(ctx, env, &request); err != nil {
		return failed(err), nil
	}
	request.Builds = r.builderFor(ctx, env, change)
	mirror := r.repositories.mirror
	commit, err := mirror.Commit(ctx, change.Spec.Commit)
	if err != nil {
		// A new controller starts with an empty mirror.
		if _, _, err = r.repositories.fetch(ctx, env); err == nil {
			commit, err = mirror.Commit(ctx, change.Spec.Commit)
		}
		if err != nil {
			return failed(err), nil
		}
	}
	if request.Log, err = r.lines(change); err != nil {
		return failed(err), nil
	}
	p := r.publish(ctx, env, change)
	request.Commit, request.Repository, request.Steps = commit, mirror, rollout.NewSteps(time.Now, p.wake)
	p.begin(request.Steps)
	outcome := rollout.Run(ctx, request)
	p.close()
	if errors.Is(ctx.Err(), context.Canceled) {
		return outcome, nil
	}
	outcome.Steps = carryOver(change, outcome.Steps)
	return outcome, nil
}

// lines begins the Change's log, and returns what adds to it. A line that can't be
// written is told in the controller's own log, and stops nothing.
func (r *changes) lines(change *v1alpha1.Change) (func(component, line string), error) {
	of := logOf(change)
	if err := r.logs.Begin(of); err != nil {
		return nil, err
	}
	return func(component, line string) {
		if err := r.logs.Add(of, component, line); err != nil {
			r.log.Warn("a line of a log is lost", "change", of.Name, "component", component, "error", err)
		}
	}, nil
}

func logOf(change *v1alpha1.Change) logs.Change {
	return logs.Change{Name: change.Name, UID: string(change.UID)}
}

func timeoutOf(env *v1alpha1.Environment) time.Duration {
	if t := env.Spec.Rollout.Timeout; t != nil && t.Duration > 0 {
		return t.Duration
	}
	return defaultTimeout
}

// carryOver puts the steps that a run before a restart of the controller had
// finished, and that this run therefore found done, in front of its own. Which
// fields they changed is no longer known.
func carryOver(change *v1alpha1.Change, steps []rollout.Step) []rollout.Step {
	seen := map[string]bool{}
	for _, s := range steps {
		seen[s.Component] = true
	}
	var before []rollout.Step
	for _, s := range change.Status.Steps {
		if s.Phase == v1alpha1.PhaseSucceeded && !seen[s.Component] {
			before = append(before, rollout.Step{Step: s})
		}
	}
	return append(before, steps...)
}

// publisher writes the progress of a run into the Change's status: soon after
// something happened, but not too often.
type publisher struct {
	changes *changes
	env     *v1alpha1.Environment
	change  *v1alpha1.Change
	start   metav1.MicroTime
	steps   *rollout.Steps
	woken   chan struct{}
	cancel  context.CancelFunc
	done    chan struct{}
	ctx     context.Context
}

func (r *changes) publish(ctx context.Context, env *v1alpha1.Environment, change *v1alpha1.Change) *publisher {
	p := &publisher{changes: r, env: env, change: change, start: metav1.NowMicro(), woken: make(chan struct{}, 1), done: make(chan struct{})}
	if s := change.Status.StartedAt; s != nil {
		p.start = *s
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

func (p *publisher) wake() {
	select {
	case p.woken <- struct{}{}:
	default: // the next write takes it along
	}
}

func (p *publisher) begin(steps *rollout.Steps) {
	p.steps = steps
	go func() {
		defer close(p.done)
		for {
			select {
			case <-p.ctx.Done():
				return
			case <-p.woken:
			}
			pause := p.write()
			select {
			case <-p.ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}()
}

// close ends the writing; the end of the Change is written by whoever ended it.
func (p *publisher) close() {
	p.cancel()
	<-p.done
}

// write puts down how far the run is and returns how long to leave it at that.
// It is not cut off when the run ends: whether a request that was cut off has
// been carried out is not known.
func (p *publisher) write() time.Duration {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 10*time.Second)
	defer cancel()
	steps, unchanged := p.steps.All()
	pause := max(200*time.Millisecond, time.Duration(len(steps))*2*time.Millisecond)
	preparing := p.steps.Preparing()
	if len(steps) == 0 && preparing == "" {
		return 0 // nothing to do, so far: the end says it
	}
	status := statusOf(p.change, carryOver(p.change, steps), unchanged)
	status.Phase, status.StartedAt = v1alpha1.PhaseRunning, &p.start
	status.Message = fmt.Sprintf("%d of %d components done", status.Totals[v1alpha1.PhaseSucceeded], len(steps))
	if len(steps) == 0 {
		status.Message = rollout.Clip(preparing)
	}
	first := p.change.Status.Phase != v1alpha1.PhaseRunning
	if err := p.changes.writeChange(ctx, p.change, status); err != nil {
		p.changes.log.Warn("progress is not written", "change", p.change.Name, "error", err)
	}
	if first {
		say := summary{reason: v1alpha1.ReasonProgressing, message: "Change " + p.change.Name + " is under way", change: p.change}
		if err := p.changes.summaries.write(ctx, p.env, say); err != nil {
			p.changes.log.Warn("environment status is not written", "environment", client.ObjectKeyFromObject(p.env).String(), "error", err)
		}
	}
	return pause
}
