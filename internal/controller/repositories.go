package controller

import (
	"context"
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// repositories is the mirror that all Environments read from. One object
// database for all: branches of one repository share their objects.
type repositories struct {
	secrets *secrets
	mirror  *git.Mirror
	// components remembers what the folders of earlier commits hold.
	components *component.Cache
}

// source is the Environment's repository, with the credentials for it.
func (r *repositories) source(ctx context.Context, env *v1alpha1.Environment) (git.Source, error) {
	src := git.Source{URL: env.Spec.Source.URL}
	if ref := env.Spec.Source.SecretRef; ref != nil {
		data, err := r.secrets.data(ctx, env, ref.Name)
		if err != nil {
			return src, fmt.Errorf("credentials of %s: %w", src, err)
		}
		src.Username, src.Password = string(data["username"]), string(data["password"])
		if src.Password == "" {
			return src, fmt.Errorf("credentials of %s: Secret %s/%s has no key \"password\" (a token, and \"username\" beside it)", src, env.Namespace, ref.Name)
		}
	}
	return src, nil
}

// fetch brings the branch of the Environment and returns its head.
func (r *repositories) fetch(ctx context.Context, env *v1alpha1.Environment) (*git.Mirror, string, error) {
	src, err := r.source(ctx, env)
	if err != nil {
		return nil, "", err
	}
	head, err := r.mirror.Fetch(ctx, src, env.Spec.Source.Branch)
	return r.mirror, head, err
}
