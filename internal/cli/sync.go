package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

func newSync(c *connection) *cobra.Command {
	var env, accept string
	var watch bool
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Fetch the branch now, and try a Change that failed again",
		Long: `Fetch the branch of an Environment now instead of at the next webhook or poll.
If its newest Change failed, the same commit is taken through again.

After a wanted force-push, --accept-history COMMIT lets that commit in although
it does not descend from what is deployed.`,
		Example: `  drawbridge sync -e production --watch`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			k, namespace, err := c.open()
			if err != nil {
				return err
			}
			e, err := environment(ctx, k, namespace, env)
			if err != nil {
				return err
			}
			if e.Spec.Suspend {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is suspended: nothing is fetched or rolled out until spec.suspend is removed\n", e.Name)
				return errUnwell
			}
			request := time.Now().UTC().Format(time.RFC3339Nano)
			patch := client.MergeFrom(e.DeepCopy())
			if e.Annotations == nil {
				e.Annotations = map[string]string{}
			}
			e.Annotations[v1alpha1.AnnotationSync] = request
			if accept != "" {
				e.Annotations[v1alpha1.AnnotationAcceptHistory] = accept
			}
			if err := k.Patch(ctx, e, patch); err != nil {
				return fmt.Errorf("environment %s/%s: %w", namespace, e.Name, err)
			}
			e, err = synced(ctx, k, e, request)
			if err != nil {
				return err
			}
			r, message := ready(e.Status.Conditions)
			if !watch || sourceFault(e) {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is at %s, Ready %s: %s\n", e.Name, short(e.Status.Head), r, within(message, namespace+"/"+e.Name, ""))
				if sourceFault(e) {
					return errUnwell
				}
				return nil
			}
			return follow(ctx, k, goal{namespace: namespace, environment: e.Name, change: e.Status.Change}, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&env, "environment", "e", "", "the Environment (default: the only one)")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print the steps of the Change as they happen, until it ends; exit code 3 if it fails")
	cmd.Flags().StringVar(&accept, "accept-history", "", "let this commit in although history was rewritten")
	return cmd
}

// sourceFault tells that the head of the branch can't be had or may not be used.
func sourceFault(e *v1alpha1.Environment) bool {
	c := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && (c.Reason == v1alpha1.ReasonSourceFailed || c.Reason == v1alpha1.ReasonHistoryRewritten)
}

// syncPatience is how long a fetch may take.
const syncPatience = time.Minute

// synced waits until the controller has carried out the request.
func synced(ctx context.Context, k client.WithWatch, e *v1alpha1.Environment, request string) (*v1alpha1.Environment, error) {
	limited, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	stream, err := k.Watch(limited, &v1alpha1.EnvironmentList{}, client.InNamespace(e.Namespace),
		&client.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", e.Name)})
	if err != nil {
		return nil, fmt.Errorf("watch environment %s/%s: %w", e.Namespace, e.Name, err)
	}
	defer stream.Stop()
	for event := range stream.ResultChan() {
		if seen, ok := event.Object.(*v1alpha1.Environment); ok && seen.Status.LastSync == request {
			return seen, nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() == nil:
		return nil, fmt.Errorf("environment %s/%s: the API server ended the watch; try again", e.Namespace, e.Name)
	}
	return nil, fmt.Errorf("environment %s/%s: nobody carried out the sync within %s; is the controller (drawbridge serve) running?", e.Namespace, e.Name, syncPatience)
}
