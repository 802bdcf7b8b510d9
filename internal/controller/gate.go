package controller

import (
	"errors"
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/gate"
)

// barred says why the Environment's policy lets nothing through at all, or
// returns nil. Rules are not judged here yet, so a policy that has any bars all
// changes: it must not look as if they were kept.
func barred(env *v1alpha1.Environment) error {
	policy, err := gate.Compile(env.Spec.Gate)
	switch {
	case err != nil:
		return fmt.Errorf("the policy can't be used, so nothing is deployed: %w", err)
	case !policy.Open():
		return errors.New("spec.gate has rules that this version can't keep yet, so nothing is deployed; take out all but destructive, people, groups and breakGlass")
	}
	return nil
}
