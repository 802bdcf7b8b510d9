package secretsmanager

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Tagged lists the secrets for the Tagging API. One that is marked for deletion is
// there until its recovery window ends.
func (s *SecretsManager) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := secrets.Walk(tx, scope, "", func(_ string, found secret) error {
		if !s.gone(found) {
			out = append(out, resource.Tagged{ARN: found.ARN, Tags: found.Tags})
		}
		return nil
	})
	return out, err
}

// Retag changes the tags of a secret.
func (s *SecretsManager) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	found, err := s.find(tx, scope, arn)
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) || err == nil && found.ARN != arn {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if found.Tags == nil {
		found.Tags = map[string]string{}
	}
	change(found.Tags)
	return true, secrets.Put(tx, scope, found.Name, found)
}
