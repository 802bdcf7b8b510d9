package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// drifts answers what somebody did to applied objects by hand.
type drifts struct{ *world }

// correct acts on one drift as the Environment's policy says.
func (r *drifts) correct(ctx context.Context, d kube.Drift) {
	namespace, name, _ := strings.Cut(d.Owner.Environment, "/")
	key := types.NamespacedName{Namespace: namespace, Name: name}
	log := r.log.With("environment", key.String(), "component", d.Owner.Component, "object", d.Object.Resource().String(), "deleted", d.Deleted)
	var env v1alpha1.Environment
	if err := r.client.Get(ctx, key, &env); err != nil {
		log.Warn("drift of an object whose Environment can't be read", "error", err)
		return
	}
	restart := len(d.Contents) > 0 // which nobody did by hand
	if env.Spec.Suspend || env.Spec.Rollout.Drift == v1alpha1.DriftIgnore && !restart {
		return
	}
	if env.Spec.Rollout.Drift == v1alpha1.DriftReport && !restart {
		log.Warn("drift is left as it is (spec.rollout.drift is Report)")
		r.tell(&env, corev1.EventTypeWarning, "Drifted", d, "was %s by somebody else; it is left as it is (spec.rollout.drift is Report)", whatHappened(d))
		return
	}
	started := time.Now()
	changes, err := r.applyAgain(ctx, &env, d)
	if errors.Is(err, rollout.ErrBusy) { // others are not to wait behind it
		r.lookAgain(ctx, &env, d)
		return
	}
	if err != nil && restart && ctx.Err() == nil {
		log.Error("pods are not restarted", "error", err)
		r.tell(&env, corev1.EventTypeWarning, "NotRestarted", d, "is to be restarted, since what its Pods read has new content, and can't be: %v", err)
		r.lookAgain(ctx, &env, d)
	}
	if restart {
		return // what was done is recorded
	}
	if err != nil {
		if ctx.Err() == nil {
			log.Error("drift is not corrected", "error", err)
			r.tell(&env, corev1.EventTypeWarning, "DriftNotCorrected", d, "was %s by somebody else and can't be corrected: %v", whatHappened(d), err)
			r.lookAgain(ctx, &env, d)
		}
		return
	}
	for _, c := range changes {
		if c.Action != diff.NoOp {
			log.Info("drift corrected", "took", time.Since(started), "action", c.Action, "fields", paths(c.Fields))
			r.tell(&env, corev1.EventTypeNormal, "DriftCorrected", d, "was %s by somebody else and is as the commit has it again: %s", whatHappened(d), cmp.Or(strings.Join(paths(c.Fields), ", "), string(c.Action)))
		}
	}
}

// driftAgain is when an object is looked at again whose correction failed.
const driftAgain = time.Minute

// lookAgain does not leave an object as it is because the API server was away, or
// refused it, at one moment.
func (r *drifts) lookAgain(ctx context.Context, env *v1alpha1.Environment, d kube.Drift) {
	cluster, err := r.places.cluster(ctx, env)
	if err != nil {
		return // connected anew, all of it is looked at
	}
	time.AfterFunc(driftAgain, func() { cluster.Recheck(d.Object) })
}

func whatHappened(d kube.Drift) string {
	if d.Deleted {
		return "deleted"
	}
	return "changed"
}

// tell says it to whoever looks at the Environment (kubectl describe). Events of
// one reason, action and object become one that counts.
func (r *drifts) tell(env *v1alpha1.Environment, kind, reason string, d kube.Drift, format string, args ...any) {
	object := &corev1.ObjectReference{APIVersion: d.Object.Group, Kind: d.Object.Kind, Namespace: d.Object.Namespace, Name: d.Object.Name}
	action := "Update"
	if d.Deleted {
		action = "Create"
	}
	note := fmt.Sprintf("%s of component %s "+format, append([]any{d.Object.Resource(), d.Owner.Component}, args...)...)
	r.events.Eventf(env, object, kind, reason, action, "%s", clipNote(note))
}

func clipNote(note string) string {
	if len(note) > maxNote {
		return strings.ToValidUTF8(note[:maxNote], "") + "…"
	}
	return note
}

// maxNote is what an event may say: the API server refuses 1,024 bytes and more.
const maxNote = 1000

func (r *drifts) applyAgain(ctx context.Context, env *v1alpha1.Environment, d kube.Drift) ([]diff.Change, error) {
	state, err := r.state(ctx, env)
	if err != nil {
		return nil, err
	}
	cluster, err := r.places.cluster(ctx, env)
	if err != nil {
		return nil, err
	}
	return rollout.Correct(ctx, rollout.Request{
		Environment: env, Repository: r.repositories.mirror, Components: r.repositories.components,
		State: state, Cluster: cluster, Restarted: r.restarted(env, time.Now()),
	}, d.Owner.Component, []string{d.Object.String()})
}

func paths(fields []diff.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Path
	}
	return out
}
