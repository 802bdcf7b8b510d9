package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// restarted returns what records a restart of Pods: a row of the ledger, beside those of
// the Changes, and an event. Its identity is the component's state that it ended, so
// that a controller which was killed in the middle leaves one row and not two.
func (r *drifts) restarted(env *v1alpha1.Environment, began time.Time) func(context.Context, rollout.Restart) error {
	return func(ctx context.Context, restart rollout.Restart) error {
		key := client.ObjectKeyFromObject(env)
		sequence, err := r.lastRecorded(ctx, key)
		if err != nil {
			return err
		}
		c := restart.Component
		record := ledger.Record{
			Change: fmt.Sprintf("%s-restart-%s", env.Name, c.ResourceVersion), UID: fmt.Sprintf("%s/%s/%s", c.UID, c.ResourceVersion, restart.Object),
			Environment: key.String(), Sequence: sequence, Commit: c.Status.Revision, Base: c.Status.Revision,
			Author: "whoever wrote " + restart.Contents[0], Message: restart.String(),
			StartedAt: began, FinishedAt: time.Now(), Outcome: ledger.Succeeded, Reason: restart.String(),
			Components: []ledger.Component{{
				Name: c.Spec.Name, Kind: c.Spec.Kind, Action: "restart", Outcome: ledger.Succeeded,
				StartedAt: began, FinishedAt: time.Now(), Resources: changed(restart.Changes),
			}},
		}
		if _, err := r.ledger.Append(ctx, record); err != nil && !errors.As(err, new(*ledger.ConflictError)) {
			return err
		}
		r.log.Info("pods restarted", "environment", key.String(), "component", c.Spec.Name, "object", restart.Object, "contents", restart.Contents)
		r.events.Eventf(env, nil, corev1.EventTypeNormal, "Restarted", "Update", "%s", clipNote(fmt.Sprintf("component %s: %s", c.Spec.Name, restart)))
		return nil
	}
}

// changed are the changes that changed something.
func changed(all []diff.Change) []diff.Change {
	var some []diff.Change
	for _, c := range all {
		if c.Action != diff.NoOp {
			some = append(some, c)
		}
	}
	return some
}
