package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
)

// A port that is taken when the sandbox comes up is replaced. What was made before
// names the old one: Environments the Git server's, webhooks the controller's.

// follow brings them to the ports of now.
func (s *Sandbox) follow(ctx context.Context) error {
	if len(s.state.Moved[Forge])+len(s.state.Moved[Controller]) == 0 || !s.options.runs(Forge) {
		return nil
	}
	k, err := s.client()
	if err != nil {
		return err
	}
	var environments v1alpha1.EnvironmentList
	if err := k.List(ctx, &environments); err != nil {
		return fmt.Errorf("environments: %w", err)
	}
	var errs []error
	for i := range environments.Items {
		if err := s.followWith(ctx, k, &environments.Items[i]); err != nil {
			errs = append(errs, fmt.Errorf("environment %s: %w", environments.Items[i].Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.state.Moved = nil
	return s.state.save(s.dir)
}

func (s *Sandbox) followWith(ctx context.Context, k client.Client, env *v1alpha1.Environment) error {
	before := client.MergeFrom(env.DeepCopy())
	if path, moved := s.state.moved(Forge, env.Spec.Source.URL); moved {
		env.Spec.Source.URL = gitURL(s.state) + path
		if err := k.Patch(ctx, env, before); err != nil {
			return err
		}
		s.logf("environment %s follows the Git server to %s", env.Name, env.Spec.Source.URL)
	}
	name, ours := strings.CutPrefix(env.Spec.Source.URL, gitURL(s.state)+"/")
	if !ours {
		return nil
	}
	name = strings.TrimSuffix(name, ".git")
	server := forge.Client{URL: s.ForgeURL(), User: writers[0], Token: s.Token(writers[0])}
	hooks, err := server.Hooks(ctx, name)
	if err != nil {
		return fmt.Errorf("webhooks of %s: %w", name, err)
	}
	for _, h := range hooks {
		path, moved := s.state.moved(Controller, h.URL)
		if !moved {
			continue
		}
		if err := server.SetHook(ctx, name, h.Name, forge.Hook{URL: apiURL(s.state) + path, Secret: s.WebhookSecret()}); err != nil {
			return fmt.Errorf("webhook %s of %s: %w", h.Name, name, err)
		}
	}
	return nil
}

// moved tells whether the URL is at a port that the use had before, and returns
// what comes after it.
func (s *state) moved(use, url string) (path string, moved bool) {
	for _, port := range s.Moved[use] {
		if path, ok := strings.CutPrefix(url, "http://"+loopback(port)); ok && port != s.Ports[use] && strings.HasPrefix(path, "/") {
			return path, true
		}
	}
	return "", false
}
