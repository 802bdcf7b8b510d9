package controller

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

func newSummaries(k client.Client) *summaries {
	return &summaries{client: k, last: map[types.NamespacedName]v1alpha1.EnvironmentStatus{}}
}

// counting counts what is written of Environments' status.
func counting(k client.WithWatch, writes *int, fail func(n int) error) client.WithWatch {
	return interceptor.NewClient(k, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, k client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			*writes++
			if err := fail(*writes); err != nil {
				return err
			}
			return k.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

func never(int) error { return nil }

func endedChange(phase v1alpha1.Phase, sequence int64) *v1alpha1.Change {
	return &v1alpha1.Change{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprintf("production-%d", sequence)},
		Spec:       v1alpha1.ChangeSpec{Environment: "production", Commit: strings.Repeat(fmt.Sprint(sequence), 40), Subject: "Subject", Sequence: sequence},
		Status:     v1alpha1.ChangeStatus{Phase: phase, Message: "why"},
	}
}

func TestSummariesWriteOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	env := production()
	env.Annotations = map[string]string{v1alpha1.AnnotationSync: "now"}
	var writes int
	k := fakeCluster(t, env)
	s := newSummaries(counting(k, &writes, never))
	ctx := t.Context()
	// The cache is behind: env keeps the status that it had.
	for _, say := range []struct {
		summary
		writes   int
		deployed string
	}{
		{summaryOf(endedChange(v1alpha1.PhaseSucceeded, 1)), 1, strings.Repeat("1", 40)},
		{summaryOf(endedChange(v1alpha1.PhaseSucceeded, 1)), 1, strings.Repeat("1", 40)},
		{summaryOf(endedChange(v1alpha1.PhaseFailed, 2)), 2, strings.Repeat("1", 40)},
		{summary{reason: v1alpha1.ReasonSourceFailed, message: "branch not found"}, 3, strings.Repeat("1", 40)},
		{summary{reason: v1alpha1.ReasonSourceFailed, message: "branch not found"}, 3, strings.Repeat("1", 40)},
		{summaryOf(endedChange(v1alpha1.PhaseSucceeded, 3)), 4, strings.Repeat("3", 40)},
	} {
		check(t, s.write(ctx, env, say.summary))
		if writes != say.writes || s.deployed(env) != say.deployed {
			t.Errorf("%s: %d writes and %.4s deployed, want %d and %.4s", say.message, writes, s.deployed(env), say.writes, say.deployed)
		}
	}
	var stored v1alpha1.Environment
	check(t, k.Get(ctx, client.ObjectKeyFromObject(env), &stored))
	if stored.Status.LastSync != "now" || stored.Status.Change != "production-3" || stored.Status.ObservedGeneration != 3 || !meta.IsStatusConditionTrue(stored.Status.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("stored: %+v", stored.Status)
	}
}

// After a request that failed, or whose answer was lost, the next one says all
// that there is to say.
func TestSummariesAfterALostWrite(t *testing.T) {
	t.Parallel()
	env := production()
	var writes int
	k := fakeCluster(t, env)
	s := newSummaries(counting(k, &writes, func(n int) error {
		if n == 1 {
			return errRefused
		}
		return nil
	}))
	if err := s.write(t.Context(), env, summaryOf(endedChange(v1alpha1.PhaseSucceeded, 1))); !kube.Passes(err) {
		t.Fatalf("%v, want that the API server is away", err)
	}
	if got := s.deployed(env); got != "" {
		t.Errorf("%s is taken for written", got)
	}
	check(t, s.write(t.Context(), env, summaryOf(endedChange(v1alpha1.PhaseFailed, 2))))
	check(t, s.write(t.Context(), env, summaryOf(endedChange(v1alpha1.PhaseSucceeded, 1))))
	var stored v1alpha1.Environment
	check(t, k.Get(t.Context(), client.ObjectKeyFromObject(env), &stored))
	if stored.Status.Deployed != strings.Repeat("1", 40) || writes != 3 {
		t.Errorf("after %d writes: %+v", writes, stored.Status)
	}
}

func TestSummaryOfAnEnvironmentThatIsGone(t *testing.T) {
	t.Parallel()
	s := newSummaries(fakeCluster(t))
	check(t, s.write(t.Context(), production(), summaryOf(endedChange(v1alpha1.PhaseSucceeded, 1))))
	if got := s.deployed(production()); got != "" {
		t.Errorf("what was not written is remembered: %s", got)
	}
	s.last[client.ObjectKeyFromObject(production())] = v1alpha1.EnvironmentStatus{Deployed: "x"}
	s.forget(client.ObjectKeyFromObject(production()))
	if got := s.deployed(production()); got != "" {
		t.Errorf("a new Environment of the name begins with %s", got)
	}
}

// As kstatus reads them: Reconciling and Stalled are there only while true.
func TestConditions(t *testing.T) {
	t.Parallel()
	var conditions []metav1.Condition
	for _, tt := range []struct{ reason, want string }{
		{v1alpha1.ReasonProgressing, "Ready=Unknown Reconciling=True"},
		{v1alpha1.ReasonDeployed, "Ready=True"},
		{v1alpha1.ReasonChangeFailed, "Ready=False Stalled=True"},
		{v1alpha1.ReasonSourceFailed, "Ready=False Reconciling=True"},
		{v1alpha1.ReasonHistoryRewritten, "Ready=False Stalled=True"},
		{v1alpha1.ReasonSuspended, "Ready=False Stalled=True"},
		{v1alpha1.ReasonInvalid, "Ready=False Stalled=True"},
		{v1alpha1.ReasonDeployed, "Ready=True"},
	} {
		setConditions(&conditions, 7, tt.reason, "message")
		if d := cmp.Diff(tt.want, words(conditions)); d != "" {
			t.Errorf("%s: %s", tt.reason, d)
		}
	}
	var status v1alpha1.ChangeStatus
	for _, tt := range []struct {
		phase v1alpha1.Phase
		want  string
	}{
		{v1alpha1.PhaseRunning, "Ready=Unknown Reconciling=True"},
		{v1alpha1.PhaseFailed, "Ready=False Stalled=True"},
		{v1alpha1.PhaseSuperseded, "Ready=False Stalled=True"},
		{v1alpha1.PhaseSucceeded, "Ready=True"},
	} {
		status.Phase = tt.phase
		setPhaseConditions(&status, 7)
		if d := cmp.Diff(tt.want, words(status.Conditions)); d != "" {
			t.Errorf("%s: %s", tt.phase, d)
		}
	}
}

func words(conditions []metav1.Condition) string {
	var out []string
	for _, c := range conditions {
		out = append(out, c.Type+"="+string(c.Status))
	}
	return strings.Join(out, " ")
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	var conditions []metav1.Condition
	setConditions(&conditions, 1, v1alpha1.ReasonChangeFailed, "x"+strings.Repeat("é", 5000))
	status := v1alpha1.ChangeStatus{Phase: v1alpha1.PhaseFailed, Message: "x" + strings.Repeat("é", 5000)}
	setPhaseConditions(&status, 1)
	for _, c := range append(conditions, status.Conditions...) {
		if len(c.Message) > 4100 || !utf8.ValidString(c.Message) {
			t.Errorf("%d bytes, whole characters: %t", len(c.Message), utf8.ValidString(c.Message))
		}
	}
}

func TestSummariesReportOtherErrors(t *testing.T) {
	t.Parallel()
	var writes int
	s := newSummaries(counting(fakeCluster(t, production()), &writes, func(int) error { return apierrors.NewForbidden(components, "x", fmt.Errorf("no")) }))
	if err := s.write(t.Context(), production(), summary{reason: v1alpha1.ReasonSuspended}); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "team/production") {
		t.Errorf("%v, want Forbidden with the name of the Environment", err)
	}
}
