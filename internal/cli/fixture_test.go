package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
)

// noon is when all tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) *metav1.MicroTime { return &metav1.MicroTime{Time: noon.Add(-d)} }

func environmentOf(name, reason, message, change string) v1alpha1.Environment {
	status := map[string]metav1.ConditionStatus{v1alpha1.ReasonDeployed: metav1.ConditionTrue, v1alpha1.ReasonProgressing: metav1.ConditionUnknown}[reason]
	if status == "" {
		status = metav1.ConditionFalse
	}
	e := v1alpha1.Environment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Spec:       v1alpha1.EnvironmentSpec{Source: v1alpha1.Source{URL: "https://git.example.com/shop.git", Branch: "main"}},
		Status:     v1alpha1.EnvironmentStatus{Change: change, Head: strings.Repeat("b", 40), Deployed: strings.Repeat("a", 40)},
	}
	if reason != "" {
		e.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}}
	}
	return e
}

func changeOf(name string, sequence int64, phase v1alpha1.Phase, steps ...v1alpha1.Step) v1alpha1.Change {
	env, _, _ := strings.Cut(name, "-")
	c := v1alpha1.Change{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "team", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(noon.Add(-time.Minute)),
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "noise", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "drawbridge.dev/v1alpha1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1("{}")}},
		},
		Spec: v1alpha1.ChangeSpec{
			Environment: env, Commit: strings.Repeat("b", 40), Base: strings.Repeat("a", 40), Sequence: sequence,
			Author: "Alice Archer", Subject: "Survive the loss of a zone", Pusher: "alice",
		},
		Status: v1alpha1.ChangeStatus{Phase: phase, Steps: steps, Totals: map[v1alpha1.Phase]int{}},
	}
	if phase != "" {
		c.Status.StartedAt = ago(time.Minute)
	}
	if phase.Final() {
		c.Status.FinishedAt = ago(50 * time.Second)
	}
	for _, s := range steps {
		c.Status.Totals[s.Phase]++
	}
	return c
}

// Steps as they are one after another.
var (
	databaseWaits  = v1alpha1.Step{Component: "database", Kind: "cloudformation", Action: "update", Phase: v1alpha1.PhasePending}
	databaseBegins = v1alpha1.Step{Component: "database", Kind: "cloudformation", Action: "update", Phase: v1alpha1.PhaseRunning, StartedAt: ago(60 * time.Second)}
	databaseRuns   = v1alpha1.Step{Component: "database", Kind: "cloudformation", Action: "update", Phase: v1alpha1.PhaseRunning, StartedAt: ago(60 * time.Second), Message: "Database UPDATE_IN_PROGRESS"}
	databaseDone   = v1alpha1.Step{Component: "database", Kind: "cloudformation", Action: "update", Phase: v1alpha1.PhaseSucceeded, StartedAt: ago(60 * time.Second), FinishedAt: ago(57 * time.Second), Summary: "1 updated"}
	databaseFails  = v1alpha1.Step{
		Component: "database", Kind: "cloudformation", Action: "update", Phase: v1alpha1.PhaseFailed, StartedAt: ago(60 * time.Second), FinishedAt: ago(55 * time.Second),
		Message: "environment team/production: component database: stack production-database: Subnet (AWS::EC2::Subnet): CREATE_FAILED: no such VPC\nthe stack is in UPDATE_ROLLBACK_COMPLETE: it is as it was before; correct the cause and push again",
	}
	blogWaits = v1alpha1.Step{Component: "blog", Kind: "kubernetes", Action: "create", Phase: v1alpha1.PhasePending}
	blogRuns  = v1alpha1.Step{Component: "blog", Kind: "kubernetes", Action: "create", Phase: v1alpha1.PhaseRunning, StartedAt: ago(57 * time.Second), Message: "apps/Deployment ghost/ghost: Available: 1/2", Summary: "1 created"}
	blogDone  = v1alpha1.Step{Component: "blog", Kind: "kubernetes", Action: "create", Phase: v1alpha1.PhaseSucceeded, StartedAt: ago(57 * time.Second), FinishedAt: ago(50 * time.Second), Summary: "1 created", Verified: []v1alpha1.Verification{
		{Object: "Ingress ghost/ghost", Check: "targets", Result: "Passed", Message: "Service ghost: 2 of 2 targets healthy"},
		{Object: "Ingress ghost/ghost", Check: "name", Result: "Skipped", Message: "no right to route53:ListHostedZones"},
	}}
	blogSkipped = v1alpha1.Step{Component: "blog", Kind: "kubernetes", Action: "create", Phase: v1alpha1.PhaseSkipped, Message: "not begun: database, which it depends on, did not become healthy"}
)

// entryOf is the row of a Change like changeOf's.
func entryOf(name string, outcome ledger.Outcome, reason string, components ...ledger.Component) *ledger.Entry {
	return &ledger.Entry{Row: 7, Hash: strings.Repeat("0f", 32), Record: ledger.Record{
		Change: name, UID: "uid-" + name, Environment: "team/production", Sequence: 2,
		Commit: strings.Repeat("b", 40), Base: strings.Repeat("a", 40), Message: "Survive the loss of a zone\n\nRefs BLOG-42\n",
		Author: "Alice Archer", AuthorEmail: "alice@example.com", AuthoredAt: noon.Add(-time.Hour),
		Committer: "Bob", CommitterEmail: "bob@example.com", CommittedAt: noon.Add(-2 * time.Minute), Pusher: "bob", Tickets: []string{"BLOG-42"},
		StartedAt: noon.Add(-time.Minute), FinishedAt: noon.Add(-50 * time.Second), Outcome: outcome, Reason: reason, Components: components,
	}}
}

func componentOf(s v1alpha1.Step, resources ...diff.Change) ledger.Component {
	c := ledger.Component{Name: s.Component, Kind: s.Kind, Action: s.Action, Outcome: ledger.Outcome(s.Phase), Message: s.Message, Resources: resources}
	if s.StartedAt != nil {
		c.StartedAt = s.StartedAt.Time
	}
	if s.FinishedAt != nil {
		c.FinishedAt = s.FinishedAt.Time
	}
	for _, v := range s.Verified {
		c.Verified = append(c.Verified, ledger.Verification(v))
	}
	return c
}

func written(t *testing.T, write func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
