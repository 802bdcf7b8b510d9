package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/server"
)

// Pushed fetches, for a push event that is signed by their secret, the
// Environments that follow the branch.
func (r *environments) Pushed(ctx context.Context, p server.Push) error {
	var list v1alpha1.EnvironmentList
	if err := r.client.List(ctx, &list); err != nil {
		return fmt.Errorf("environments: %w", err)
	}
	result := server.ErrNoEnvironment
	for i := range list.Items {
		env := &list.Items[i]
		if env.Spec.Source.Branch != p.Branch || !follows(env.Spec.Source.URL, p.URLs) {
			continue
		}
		secret, err := r.webhookSecret(ctx, env)
		if err != nil { // nobody else has to suffer from that, and the sender is not told names
			r.log.Warn("webhook can't be checked", "environment", client.ObjectKeyFromObject(env).String(), "error", err)
		}
		if err != nil || !p.Signed(secret) {
			if errors.Is(result, server.ErrNoEnvironment) {
				result = server.ErrUnsigned
			}
			continue
		}
		result = nil
		r.pushers.saw(p.After, p.Pusher)
		select {
		case r.nudges <- event.GenericEvent{Object: env}:
		default:
			// Nobody takes them: another replica leads, and fetches by its interval.
		}
	}
	return result
}

// webhookSecret of an Environment; empty, which signs nothing, when it has none.
func (r *environments) webhookSecret(ctx context.Context, env *v1alpha1.Environment) ([]byte, error) {
	ref := env.Spec.Source.WebhookSecretRef
	if ref == nil {
		return nil, nil
	}
	data, err := r.repositories.secrets.data(ctx, env, ref.Name)
	if err != nil {
		return nil, fmt.Errorf("environment %s: webhook %w", client.ObjectKeyFromObject(env), err)
	}
	return data["token"], nil
}

// follows tells whether one of the URLs is the repository's.
func follows(repository string, urls []string) bool {
	bare := func(u string) string { return strings.TrimSuffix(strings.TrimSuffix(u, "/"), ".git") }
	for _, u := range urls {
		if bare(u) == bare(repository) {
			return true
		}
	}
	return false
}
