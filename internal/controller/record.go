package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// recordOf makes the ledger's record of an ended Change.
func recordOf(change *v1alpha1.Change, commit git.Commit, outcome rollout.Outcome, finished time.Time) ledger.Record {
	r := ledger.Record{
		Change: change.Name, UID: string(change.UID),
		Environment: change.Namespace + "/" + change.Spec.Environment,
		Sequence:    change.Spec.Sequence, Commit: change.Spec.Commit, Base: change.Spec.Base,
		Author: change.Spec.Author, Committer: change.Spec.Committer, Pusher: change.Spec.Pusher,
		AuthorEmail: commit.AuthorEmail, AuthoredAt: commit.AuthoredAt,
		CommitterEmail: commit.CommitterEmail, CommittedAt: commit.CommittedAt,
		Message:   commit.Message,
		StartedAt: startOf(change, outcome), FinishedAt: finished,
		Outcome: ledger.Outcome(outcome.Phase), Reason: outcome.Message,
	}
	if r.Message == "" {
		r.Message = change.Spec.Subject
	}
	for _, s := range outcome.Steps {
		c := ledger.Component{
			Name: s.Component, Kind: s.Kind, Action: s.Action,
			Outcome: ledger.Outcome(s.Phase), Message: s.Message, Resources: s.Resources,
		}
		for _, v := range s.Verified {
			c.Verified = append(c.Verified, ledger.Verification(v))
		}
		if !s.Phase.Final() {
			c.Outcome = ledger.Superseded // it was left when the Change was
		}
		if s.StartedAt != nil {
			c.StartedAt = s.StartedAt.Time
		}
		if s.FinishedAt != nil {
			c.FinishedAt = s.FinishedAt.Time
		}
		r.Components = append(r.Components, c)
	}
	return r
}

// startOf is when the Change began: with its first run.
func startOf(c *v1alpha1.Change, outcome rollout.Outcome) time.Time {
	switch {
	case c.Status.StartedAt != nil:
		return c.Status.StartedAt.Time
	case !outcome.StartedAt.IsZero():
		return outcome.StartedAt
	}
	return c.CreationTimestamp.Time
}

// commitOf reads the commit of a Change; what is no longer in the mirror is
// known from the Change alone.
func (r *world) commitOf(ctx context.Context, change *v1alpha1.Change) git.Commit {
	mirror := r.repositories.mirror
	commit, err := mirror.Commit(ctx, change.Spec.Commit)
	if err != nil {
		r.log.Warn("commit can't be read for the record", "change", change.Name, "error", err)
	}
	return commit
}

// maxSteps is how many steps a Change's status lists.
const maxSteps = 200

// maxVerified is how many findings a step of it lists.
const maxVerified = 10

// statusOf puts the steps into the form of the API: all of few, of many those
// that need a reader first.
func statusOf(change *v1alpha1.Change, steps []rollout.Step, unchanged int) v1alpha1.ChangeStatus {
	status := *change.Status.DeepCopy()
	status.ObservedGeneration = change.Generation
	status.Unchanged = unchanged
	status.Totals = map[v1alpha1.Phase]int{}
	status.Steps = nil
	for _, s := range steps {
		status.Totals[s.Phase]++
		step := s.Step
		step.Message = rollout.Clip(step.Message) // whole in the ledger; here many have to fit
		step.Verified = step.Verified[:min(len(step.Verified), maxVerified)]
		status.Steps = append(status.Steps, step)
	}
	if len(status.Steps) > maxSteps {
		urgency := map[v1alpha1.Phase]int{v1alpha1.PhaseFailed: 0, v1alpha1.PhaseRunning: 1, v1alpha1.PhaseSkipped: 2, v1alpha1.PhasePending: 3}
		rank := func(s v1alpha1.Step) int {
			if u, ok := urgency[s.Phase]; ok {
				return u
			}
			return len(urgency)
		}
		slices.SortStableFunc(status.Steps, func(a, b v1alpha1.Step) int { return rank(a) - rank(b) })
		status.Steps = status.Steps[:maxSteps]
	}
	return status
}

// setPhaseConditions sets the conditions of a Change by its phase, as kstatus
// reads them.
func setPhaseConditions(status *v1alpha1.ChangeStatus, generation int64) {
	ready, other := metav1.ConditionFalse, ""
	switch status.Phase {
	case v1alpha1.PhaseSucceeded:
		ready = metav1.ConditionTrue
	case v1alpha1.PhaseFailed, v1alpha1.PhaseSuperseded:
		other = v1alpha1.ConditionStalled
	default:
		ready, other = metav1.ConditionUnknown, v1alpha1.ConditionReconciling
	}
	for _, t := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if t != other {
			meta.RemoveStatusCondition(&status.Conditions, t)
		}
	}
	message := rollout.Clip(status.Message)
	set := func(t string, s metav1.ConditionStatus) {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{Type: t, Status: s, Reason: string(status.Phase), Message: message, ObservedGeneration: generation})
	}
	set(v1alpha1.ConditionReady, ready)
	if other != "" {
		set(other, metav1.ConditionTrue)
	}
}
