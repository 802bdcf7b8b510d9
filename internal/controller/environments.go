package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

const defaultInterval = time.Minute

// environments fetches branches and makes a Change for each new head.
type environments struct {
	*world
	nudges chan event.GenericEvent // Environments whose branch moved, says a webhook
}

func (r *environments) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Environment{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		WatchesRawSource(source.Channel(r.nudges, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 16}).
		Complete(r)
}

// Reconcile fetches once and makes the Change that is due.
func (r *environments) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var env v1alpha1.Environment
	if err := r.client.Get(ctx, request.NamespacedName, &env); apierrors.IsNotFound(err) {
		r.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if env.Spec.Suspend {
		r.runs.stop(request.NamespacedName, "", errSuspended)
		r.unwatchApplied(request.NamespacedName)
		return ctrl.Result{}, r.summaries.write(ctx, &env, summary{reason: v1alpha1.ReasonSuspended, message: "suspended: nothing is fetched or rolled out until spec.suspend is removed"})
	}
	if err := barred(&env); err != nil {
		r.runs.stop(request.NamespacedName, "", errBarred)
		return ctrl.Result{}, r.summaries.write(ctx, &env, summary{reason: v1alpha1.ReasonInvalid, message: err.Error()})
	}
	interval := defaultInterval
	if i := env.Spec.Source.Interval; i != nil && i.Duration > 0 {
		interval = i.Duration
	}
	if err := r.watchApplied(ctx, &env); err != nil {
		r.log.Warn("drift is not watched yet", "environment", request.String(), "error", err)
	}
	err := r.advance(ctx, &env)
	var source *sourceError
	if errors.As(err, &source) {
		r.log.Warn("branch is not deployed", "environment", request.String(), "reason", source.reason, "error", source.err)
		return ctrl.Result{RequeueAfter: interval}, r.summaries.write(ctx, &env, summary{reason: source.reason, message: source.err.Error(), synced: true})
	}
	if err != nil {
		return ctrl.Result{}, err // tried again sooner than that
	}
	return ctrl.Result{RequeueAfter: interval}, nil
}

// sourceError is a reason why the head of the branch is not deployed that only
// somebody else can mend. Everything stays as it is, and the next fetch looks
// again.
type sourceError struct {
	reason string
	err    error
}

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// advance fetches the branch and sees to it that its head has a Change.
func (r *environments) advance(ctx context.Context, env *v1alpha1.Environment) error {
	key := client.ObjectKeyFromObject(env)
	mirror, head, err := r.repositories.fetch(ctx, env)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &sourceError{v1alpha1.ReasonSourceFailed, err}
	}
	newest, err := r.newest(ctx, key)
	if err != nil {
		return err
	}
	asked := env.Annotations[v1alpha1.AnnotationSync]
	said := r.summaries.now(env)
	again := asked != "" && asked != said.LastSync && newest != nil && newest.Status.Phase == v1alpha1.PhaseFailed
	if newest == nil || newest.Spec.Commit != head || newest.Spec.Settings != settings(env) || again {
		commit, err := mirror.Commit(ctx, head)
		if err != nil {
			return &sourceError{v1alpha1.ReasonSourceFailed, err}
		}
		if err := r.descends(ctx, env, mirror, commit); err != nil {
			return err
		}
		if newest, err = r.makeChange(ctx, env, commit, newest); err != nil {
			return err
		}
	}
	switch {
	case newest.Status.Phase.Final():
		return r.summaries.write(ctx, env, summaryOf(newest))
	case asked != said.LastSync || overtaken(said.Conditions):
		return r.summaries.write(ctx, env, summary{reason: v1alpha1.ReasonProgressing, message: "Change " + newest.Name + " is under way", change: newest, synced: true})
	}
	return nil // the Change writes the status when it has something to say
}

// overtaken tells whether what is said of the Environment no longer holds once
// its branch could be fetched and its Change goes on.
func overtaken(conditions []metav1.Condition) bool {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	return c != nil && slices.Contains([]string{v1alpha1.ReasonSourceFailed, v1alpha1.ReasonHistoryRewritten, v1alpha1.ReasonSuspended, v1alpha1.ReasonInvalid}, c.Reason)
}

// descends refuses a head that does not contain what is deployed, unless
// somebody asked for it by name.
func (r *environments) descends(ctx context.Context, env *v1alpha1.Environment, mirror *git.Mirror, commit git.Commit) error {
	head, deployed := commit.OID, r.summaries.deployed(env)
	if deployed == "" || deployed == head || slices.Contains(commit.Parents, deployed) {
		return nil // a parent, as nearly always, needs no look at the history
	}
	if accepted := env.Annotations[v1alpha1.AnnotationAcceptHistory]; len(accepted) >= 7 && strings.HasPrefix(head, accepted) {
		return nil
	}
	ok, err := mirror.IsAncestor(ctx, deployed, head)
	if errors.Is(err, git.ErrObjectNotFound) {
		ok, err = false, nil // the deployed commit is in no branch that we can see
	}
	if err != nil {
		return &sourceError{v1alpha1.ReasonSourceFailed, err}
	}
	if ok {
		return nil
	}
	return &sourceError{v1alpha1.ReasonHistoryRewritten, fmt.Errorf(
		"branch %q was rewritten: its head %.10s does not descend from %.10s, which is deployed; nothing was changed. Push a commit that descends from it (git merge), or let this one in with: drawbridge sync -e %s --accept-history %.10s",
		env.Spec.Source.Branch, head, deployed, env.Name, head)}
}

// makeChange creates the next Change, for the commit. Created twice, it is the
// same Change.
func (r *environments) makeChange(ctx context.Context, env *v1alpha1.Environment, commit git.Commit, newest *v1alpha1.Change) (*v1alpha1.Change, error) {
	key := client.ObjectKeyFromObject(env)
	sequence, err := r.nextSequence(ctx, key, newest)
	if err != nil {
		return nil, err
	}
	change := &v1alpha1.Change{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: env.Namespace,
			Name:      fmt.Sprintf("%s-%d-%.7s", env.Name, sequence, commit.OID),
			Labels:    map[string]string{v1alpha1.LabelEnvironment: env.Name},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(env, v1alpha1.GroupVersion.WithKind("Environment")),
			},
		},
		Spec: v1alpha1.ChangeSpec{
			Environment: env.Name, Commit: commit.OID, Base: r.summaries.deployed(env), Sequence: sequence, Settings: settings(env),
			Author: rollout.Clip(commit.Author), Committer: rollout.Clip(commit.Committer), Subject: rollout.Clip(commit.Subject),
			Pusher: r.pushers.of(commit.OID),
		},
	}
	if err := r.client.Create(ctx, change); apierrors.IsAlreadyExists(err) {
		if err := r.reader.Get(ctx, client.ObjectKeyFromObject(change), change); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("create change %s: %w", change.Name, err)
	}
	r.made(key, change)
	r.log.Info("commit is taken through", "environment", key.String(), "change", change.Name, "commit", commit.OID, "subject", commit.Subject)
	r.runs.stop(key, change.Name, errSuperseded)
	return change, nil
}

// settings is the digest of those parts of an Environment that decide what a
// commit comes to; how it is fetched, and when, does not.
func settings(env *v1alpha1.Environment) string {
	spec := env.Spec
	text, err := json.Marshal([]any{spec.Source.Path, spec.AWS, spec.Cluster, spec.Gate, spec.Rollout.Prune, spec.Rollout.Timeout})
	if err != nil {
		panic(err) // plain data always marshals
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// nextSequence goes on from the newest Change, or from the ledger when the
// cluster no longer has it.
func (r *environments) nextSequence(ctx context.Context, key types.NamespacedName, newest *v1alpha1.Change) (int64, error) {
	last, err := r.lastRecorded(ctx, key)
	if newest != nil {
		last = max(last, newest.Spec.Sequence)
	}
	return last + 1, err
}
