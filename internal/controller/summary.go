package controller

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// summary is what there is to say of an Environment.
type summary struct {
	reason, message string
	change          *v1alpha1.Change // the newest, where it is known
	synced          bool             // a sync request was carried out
}

// summaryOf an ended Change.
func summaryOf(c *v1alpha1.Change) summary {
	s := summary{reason: v1alpha1.ReasonChangeFailed, message: fmt.Sprintf("Change %s: %s", c.Name, c.Status.Message), change: c, synced: true}
	if c.Status.Phase == v1alpha1.PhaseSucceeded {
		s.reason, s.message = v1alpha1.ReasonDeployed, fmt.Sprintf("%.10s %s", c.Spec.Commit, c.Spec.Subject)
	}
	return s
}

// summaries writes the status of Environments. It remembers what it wrote, since
// the cache may be behind, and writes only what is new.
type summaries struct {
	client client.Client
	mu     sync.Mutex
	last   map[types.NamespacedName]v1alpha1.EnvironmentStatus
}

// now is the status as it was written last.
func (s *summaries) now(env *v1alpha1.Environment) v1alpha1.EnvironmentStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current(env)
}

// deployed is the newest commit that went through whole.
func (s *summaries) deployed(env *v1alpha1.Environment) string {
	return s.now(env).Deployed
}

func (s *summaries) current(env *v1alpha1.Environment) v1alpha1.EnvironmentStatus {
	if last, ok := s.last[client.ObjectKeyFromObject(env)]; ok {
		return *last.DeepCopy()
	}
	return *env.Status.DeepCopy()
}

func (s *summaries) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.last, key)
}

// write brings the status of the Environment to what there is to say.
func (s *summaries) write(ctx context.Context, env *v1alpha1.Environment, say summary) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.current(env)
	after := *before.DeepCopy()
	after.ObservedGeneration = env.Generation
	if say.change != nil {
		after.Head, after.Change = say.change.Spec.Commit, say.change.Name
		if say.change.Status.Phase == v1alpha1.PhaseSucceeded {
			after.Deployed = say.change.Spec.Commit
		}
	}
	if say.synced {
		after.LastSync = env.Annotations[v1alpha1.AnnotationSync]
	}
	setConditions(&after.Conditions, env.Generation, say.reason, say.message)
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	from, to := env.DeepCopy(), env.DeepCopy()
	from.Status, to.Status = before, after
	if err := s.client.Status().Patch(ctx, to, client.MergeFrom(from)); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("environment %s/%s: write status: %w", env.Namespace, env.Name, err)
	}
	s.last[client.ObjectKeyFromObject(env)] = after
	return nil
}

// setConditions sets Ready, Reconciling and Stalled by the reason, in the way
// that kstatus reads: Reconciling and Stalled are there only while true.
func setConditions(conditions *[]metav1.Condition, generation int64, reason, message string) {
	message = rollout.Clip(message)
	ready, other := metav1.ConditionFalse, v1alpha1.ConditionStalled
	switch reason {
	case v1alpha1.ReasonDeployed:
		ready, other = metav1.ConditionTrue, ""
	case v1alpha1.ReasonProgressing:
		ready, other = metav1.ConditionUnknown, v1alpha1.ConditionReconciling
	case v1alpha1.ReasonSourceFailed: // tried again by itself
		other = v1alpha1.ConditionReconciling
	}
	for _, t := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if t != other {
			meta.RemoveStatusCondition(conditions, t)
		}
	}
	set := func(t string, status metav1.ConditionStatus) {
		meta.SetStatusCondition(conditions, metav1.Condition{Type: t, Status: status, Reason: reason, Message: message, ObservedGeneration: generation})
	}
	set(v1alpha1.ConditionReady, ready)
	if other != "" {
		set(other, metav1.ConditionTrue)
	}
}
