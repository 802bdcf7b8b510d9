package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// kept is how many ended Changes of an Environment stay in the cluster; the
// ledger has them all.
const kept = 20

// statusPatience is how long a status is tried to be written.
const statusPatience = 10 * time.Minute

// changes runs the rollouts.
type changes struct{ *world }

func (r *changes) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Change{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		// An Environment that is no longer suspended lets its Change go on.
		Watches(&v1alpha1.Environment{}, handler.EnqueueRequestsFromMapFunc(r.unfinished), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		// A run occupies its worker until it ends, and mostly waits.
		WithOptions(controller.Options{MaxConcurrentReconciles: 256}).
		Complete(r)
}

// newerThan names what superseded a Change.
func (r *changes) newerThan(ctx context.Context, env types.NamespacedName, change *v1alpha1.Change) string {
	if newest, err := r.newest(ctx, env); err == nil && newest != nil && newest.UID != change.UID {
		return newest.Name
	}
	return "a newer commit"
}

// unfinished is the newest Change of an Environment, if it has not ended.
func (r *changes) unfinished(ctx context.Context, env client.Object) []ctrl.Request {
	newest, err := r.newest(ctx, client.ObjectKeyFromObject(env))
	if err != nil || newest == nil || newest.Status.Phase.Final() {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKeyFromObject(newest)}}
}

// Reconcile takes a Change to its end. It returns early, with the Change as it
// is, when the controller stops, or the Environment is suspended or lets nothing through.
func (r *changes) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var change v1alpha1.Change
	if err := r.client.Get(ctx, request.NamespacedName, &change); apierrors.IsNotFound(err) {
		return ctrl.Result{}, r.gone(ctx, request.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if change.Status.Phase.Final() || !change.DeletionTimestamp.IsZero() || r.isEnded(change.UID) {
		return ctrl.Result{}, nil
	}
	key := types.NamespacedName{Namespace: change.Namespace, Name: change.Spec.Environment}
	runCtx, end, err := r.runs.begin(ctx, key, change.Name)
	if err != nil {
		return ctrl.Result{}, nil // the controller stops
	}
	defer end()

	var env v1alpha1.Environment
	if err := r.client.Get(ctx, key, &env); apierrors.IsNotFound(err) {
		return ctrl.Result{}, nil // the garbage collector takes the Change with it
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if env.Spec.Suspend || barred(&env) != nil {
		return ctrl.Result{}, nil // unfinished brings it back
	}
	newest, err := r.newest(ctx, key)
	if err != nil {
		return ctrl.Result{}, err
	}
	var outcome rollout.Outcome
	if newest != nil && newest.Spec.Sequence > change.Spec.Sequence {
		outcome = rollout.Outcome{Phase: v1alpha1.PhaseSuperseded, Message: "superseded by " + newest.Name}
	} else {
		outcome, err = r.run(runCtx, &env, &change)
		switch cause := context.Cause(runCtx); {
		case ctx.Err() != nil:
			return ctrl.Result{}, nil // the controller stops; the next one goes on
		case errors.Is(cause, errSuspended), errors.Is(cause, errBarred):
			return ctrl.Result{}, nil // unfinished brings it back
		case errors.Is(cause, errSuperseded):
			outcome.Phase, outcome.Message = v1alpha1.PhaseSuperseded, "superseded by "+r.newerThan(ctx, key, &change)
		case err != nil:
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{}, r.end(ctx, &env, &change, outcome)
}

// end appends the record to the ledger and then writes the status, in this
// order: what the status says is in the ledger.
func (r *changes) end(ctx context.Context, env *v1alpha1.Environment, change *v1alpha1.Change, outcome rollout.Outcome) error {
	finished := metav1.NowMicro()
	failpoint.Hit("controller/before-append")
	entry, err := r.append(ctx, change, outcome, finished.Time)
	if err != nil {
		return fmt.Errorf("change %s: record in the ledger: %w", change.Name, err)
	}
	failpoint.Hit("controller/after-append")
	record := entry.Record
	status := statusOf(change, outcome.Steps, outcome.Unchanged)
	status.Phase, status.Message = v1alpha1.Phase(record.Outcome), rollout.Clip(record.Reason)
	finished = metav1.NewMicroTime(record.FinishedAt)
	started := metav1.NewMicroTime(record.StartedAt)
	status.StartedAt, status.FinishedAt = &started, &finished
	status.LedgerSequence = entry.Row
	if err := r.writeChange(ctx, change, status); err != nil {
		return err
	}
	r.markEnded(change.UID)
	if err := r.logs.End(logOf(change)); err != nil {
		r.log.Warn("the log is not closed well", "change", change.Name, "error", err)
	}
	r.log.Info("change ended", "change", change.Name, "phase", status.Phase, "took", finished.Sub(started.Time), "message", status.Message)
	if status.Phase != v1alpha1.PhaseSuperseded {
		// The Change is ended: no later try would come here.
		write := func() error { return r.summaries.write(ctx, env, summaryOf(change)) }
		if err := patiently(ctx, statusPatience, write); err != nil {
			return err
		}
	}
	return r.retire(ctx, types.NamespacedName{Namespace: change.Namespace, Name: change.Spec.Environment})
}

// append records the outcome; a Change that has its row already keeps that one,
// since the first run saw more of what was changed.
func (r *changes) append(ctx context.Context, change *v1alpha1.Change, outcome rollout.Outcome, finished time.Time) (ledger.Entry, error) {
	entry, err := r.ledger.Get(ctx, string(change.UID))
	if !errors.Is(err, ledger.ErrNotFound) {
		return entry, err
	}
	if _, err := r.ledger.Append(ctx, recordOf(change, r.commitOf(ctx, change), outcome, finished)); err != nil {
		return ledger.Entry{}, err
	}
	return r.ledger.Get(ctx, string(change.UID))
}

// writeChange patches the status, and tries again while the API server is away.
func (r *world) writeChange(ctx context.Context, change *v1alpha1.Change, status v1alpha1.ChangeStatus) error {
	setPhaseConditions(&status, change.Generation)
	err := patiently(ctx, statusPatience, func() error {
		patched := change.DeepCopy()
		patched.Status = status
		return r.client.Status().Patch(ctx, patched, client.MergeFrom(change))
	})
	if err == nil || apierrors.IsNotFound(err) {
		change.Status = status
		return nil
	}
	return err
}

// retire deletes the oldest ended Changes of an Environment.
func (r *changes) retire(ctx context.Context, env types.NamespacedName) error {
	all, err := r.changesOf(ctx, env)
	if err != nil || len(all) <= kept {
		return err
	}
	slices.SortFunc(all, func(a, b v1alpha1.Change) int { return int(b.Spec.Sequence - a.Spec.Sequence) })
	for _, c := range all[kept:] {
		if !c.Status.Phase.Final() {
			continue
		}
		if err := client.IgnoreNotFound(r.client.Delete(ctx, &c)); err != nil {
			return fmt.Errorf("retire change %s: %w", c.Name, err)
		}
		r.mu.Lock()
		delete(r.ended, c.UID)
		r.mu.Unlock()
	}
	return nil
}

func (r *changes) isEnded(uid types.UID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended[uid]
}

func (r *changes) markEnded(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended[uid] = true
}
