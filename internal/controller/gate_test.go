package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// A policy that can't be used, or kept, lets nothing through: nothing is fetched, and
// the Environment says why.
func TestAPolicyThatCannotBeKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		gate v1alpha1.Gate
		want string
	}{
		"does not compile": {
			v1alpha1.Gate{Rules: []v1alpha1.Rule{{Name: "x", Expression: "plan.resorces.size() == 0", Message: "m"}}},
			"spec.gate.rules[0].expression: 1:5: undefined field 'resorces'",
		},
		"not kept yet": {v1alpha1.Gate{Checks: []v1alpha1.RequiredCheck{{Name: "build"}}}, "spec.gate has rules that this version can't keep yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := production()
			env.Spec.Gate = tt.gate
			k := fakeCluster(t, env)
			w := &world{client: k, reader: k, summaries: newSummaries(k), runs: &runs{byEnv: map[types.NamespacedName]*run{}}}
			running, end, err := w.runs.begin(t.Context(), client.ObjectKeyFromObject(env), "one")
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			if _, err := (&environments{world: w}).Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(env)}); err != nil {
				t.Fatal(err)
			}
			if running.Err() == nil {
				t.Error("the rollout that was under way goes on")
			}
			if err := k.Get(t.Context(), client.ObjectKeyFromObject(env), env); err != nil {
				t.Fatal(err)
			}
			ready := meta.FindStatusCondition(env.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Reason != v1alpha1.ReasonInvalid || !strings.Contains(ready.Message, tt.want) {
				t.Errorf("ready: %+v", ready)
			}
		})
	}
	if err := barred(production()); err != nil {
		t.Errorf("an Environment without a policy: %v", err)
	}
}
