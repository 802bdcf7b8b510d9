package controller

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

func micro(seconds int64) *metav1.MicroTime {
	return &metav1.MicroTime{Time: time.Unix(seconds, 0).UTC()}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	change := &v1alpha1.Change{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "production-2", UID: "uid", CreationTimestamp: metav1.Unix(1, 0)},
		Spec: v1alpha1.ChangeSpec{
			Environment: "production", Commit: "abc", Base: "def", Sequence: 2, Author: "Alice", Committer: "Bob", Pusher: "bob", Subject: "Subject",
		},
	}
	outcome := rollout.Outcome{StartedAt: time.Unix(2, 0).UTC(), Phase: v1alpha1.PhaseSuperseded, Message: "superseded", Steps: []rollout.Step{
		{Step: v1alpha1.Step{Component: "done", Kind: "kubernetes", Action: "update", Phase: v1alpha1.PhaseSucceeded, StartedAt: micro(2), FinishedAt: micro(3)}, Resources: []diff.Change{{Action: diff.Update}}},
		{Step: v1alpha1.Step{Component: "left", Kind: "kubernetes", Action: "create", Phase: v1alpha1.PhaseRunning, StartedAt: micro(3), Message: "waiting"}},
		{Step: v1alpha1.Step{Component: "not-begun", Kind: "kubernetes", Action: "create", Phase: v1alpha1.PhasePending}},
	}}
	commit := git.Commit{AuthorEmail: "alice@example.com", AuthoredAt: time.Unix(0, 1).UTC(), CommitterEmail: "bob@example.com", CommittedAt: time.Unix(0, 2).UTC(), Message: "Subject\n\nBody"}
	want := ledger.Record{
		Change: "production-2", UID: "uid", Environment: "team/production", Sequence: 2, Commit: "abc", Base: "def",
		Author: "Alice", AuthorEmail: "alice@example.com", AuthoredAt: time.Unix(0, 1).UTC(),
		Committer: "Bob", CommitterEmail: "bob@example.com", CommittedAt: time.Unix(0, 2).UTC(), Pusher: "bob", Message: "Subject\n\nBody",
		StartedAt: time.Unix(2, 0).UTC(), FinishedAt: time.Unix(9, 0).UTC(), Outcome: ledger.Superseded, Reason: "superseded",
		Components: []ledger.Component{
			{Name: "done", Kind: "kubernetes", Action: "update", Outcome: ledger.Succeeded, StartedAt: micro(2).Time, FinishedAt: micro(3).Time, Resources: []diff.Change{{Action: diff.Update}}},
			{Name: "left", Kind: "kubernetes", Action: "create", Outcome: ledger.Superseded, Message: "waiting", StartedAt: micro(3).Time},
			{Name: "not-begun", Kind: "kubernetes", Action: "create", Outcome: ledger.Superseded},
		},
	}
	if d := cmp.Diff(want, recordOf(change, commit, outcome, time.Unix(9, 0).UTC())); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}

	// A commit that is no longer in the mirror; a run that never began; one that
	// an earlier controller began.
	got := recordOf(change, git.Commit{}, rollout.Outcome{}, time.Unix(9, 0))
	if got.Message != "Subject" || !got.StartedAt.Equal(time.Unix(1, 0)) {
		t.Errorf("message %q, started %v", got.Message, got.StartedAt)
	}
	change.Status.StartedAt = micro(1)
	if got := startOf(change, outcome); !got.Equal(time.Unix(1, 0)) {
		t.Errorf("started at %v, want with the first run", got)
	}
}

func TestStatusListsThoseThatNeedAReader(t *testing.T) {
	t.Parallel()
	var steps []rollout.Step
	for i := range 1000 {
		phase := v1alpha1.PhaseSucceeded
		switch {
		case i%200 == 199:
			phase = v1alpha1.PhaseFailed
		case i%100 == 50:
			phase = v1alpha1.PhaseRunning
		case i%10 == 5:
			phase = v1alpha1.PhasePending
		case i%100 == 7:
			phase = v1alpha1.PhaseSkipped
		}
		steps = append(steps, rollout.Step{Step: v1alpha1.Step{Component: fmt.Sprintf("c%03d", i), Phase: phase}})
	}
	status := statusOf(&v1alpha1.Change{ObjectMeta: metav1.ObjectMeta{Generation: 4}}, steps, 17)
	if len(status.Steps) != maxSteps || status.Unchanged != 17 || status.ObservedGeneration != 4 {
		t.Fatalf("%d steps, %d unchanged, generation %d", len(status.Steps), status.Unchanged, status.ObservedGeneration)
	}
	want := map[v1alpha1.Phase]int{v1alpha1.PhaseFailed: 5, v1alpha1.PhaseRunning: 10, v1alpha1.PhaseSkipped: 10, v1alpha1.PhasePending: 100, v1alpha1.PhaseSucceeded: 875}
	if d := cmp.Diff(want, status.Totals); d != "" {
		t.Errorf("totals (-want +got)\n%s", d)
	}
	listed := map[v1alpha1.Phase]int{}
	for i, s := range status.Steps {
		if i < 5 && s.Phase != v1alpha1.PhaseFailed {
			t.Errorf("step %d is %s, want those that failed first", i, s.Phase)
		}
		listed[s.Phase]++
	}
	want[v1alpha1.PhaseSucceeded] = 75
	if d := cmp.Diff(want, listed); d != "" {
		t.Errorf("listed (-want +got)\n%s", d)
	}
	few := statusOf(&v1alpha1.Change{}, steps[195:202], 0)
	if few.Steps[0].Component != "c195" || len(few.Steps) != 7 {
		t.Errorf("few steps are kept in their order; got %+v", few.Steps)
	}
}

func TestCarryOver(t *testing.T) {
	t.Parallel()
	change := &v1alpha1.Change{Status: v1alpha1.ChangeStatus{Steps: []v1alpha1.Step{
		{Component: "done", Phase: v1alpha1.PhaseSucceeded, Summary: "1 created"},
		{Component: "again", Phase: v1alpha1.PhaseSucceeded},
		{Component: "running", Phase: v1alpha1.PhaseRunning},
	}}}
	var names []string
	for _, s := range carryOver(change, []rollout.Step{{Step: v1alpha1.Step{Component: "again"}}, {Step: v1alpha1.Step{Component: "running"}}}) {
		names = append(names, s.Component)
	}
	if d := cmp.Diff([]string{"done", "again", "running"}, names); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A Change has to fit into the API server, whatever went wrong in it.
func TestStatusIsNoLargerThanItMayBe(t *testing.T) {
	t.Parallel()
	var steps []rollout.Step
	for range 2 * maxSteps {
		steps = append(steps, rollout.Step{Step: v1alpha1.Step{Phase: v1alpha1.PhaseFailed, Message: strings.Repeat("x", 1<<20)}})
	}
	text, err := json.Marshal(statusOf(&v1alpha1.Change{}, steps, 0))
	if err != nil || len(text) > 1<<20 {
		t.Errorf("%d bytes, %v; want less than the 1.5 MB that etcd takes", len(text), err)
	}
}
