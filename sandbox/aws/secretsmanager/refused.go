package secretsmanager

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// What needs a function or another region is refused: the sandbox rotates nothing by
// itself and replicates nothing. A client rotates with PutSecretValue, the staging
// label AWSPENDING and UpdateSecretVersionStage.

func (s *SecretsManager) rotateSecret(ctx context.Context, in *secretsmanager.RotateSecretInput) (*secretsmanager.RotateSecretOutput, error) {
	return nil, s.change(ctx, in.SecretId, func(*secret) error {
		if in.RotationLambdaARN == nil {
			return invalidRequest("No Lambda rotation function ARN is associated with this secret.")
		}
		return invalidRequest("The sandbox runs no Lambda functions, so that %s can't rotate the secret.", *in.RotationLambdaARN)
	})
}

func (s *SecretsManager) cancelRotateSecret(ctx context.Context, in *secretsmanager.CancelRotateSecretInput) (*secretsmanager.CancelRotateSecretOutput, error) {
	return nil, s.change(ctx, in.SecretId, func(found *secret) error {
		return invalidRequest("You tried to cancel the rotation of the secret %s, which has none.", found.Name)
	})
}

func noReplicas() error {
	return invalidRequest("The sandbox keeps a secret in one region: it does not replicate.")
}

func (s *SecretsManager) replicateSecretToRegions(ctx context.Context, in *secretsmanager.ReplicateSecretToRegionsInput) (*secretsmanager.ReplicateSecretToRegionsOutput, error) {
	return nil, s.change(ctx, in.SecretId, func(*secret) error { return noReplicas() })
}

func (s *SecretsManager) removeRegionsFromReplication(ctx context.Context, in *secretsmanager.RemoveRegionsFromReplicationInput) (*secretsmanager.RemoveRegionsFromReplicationOutput, error) {
	return nil, s.change(ctx, in.SecretId, func(*secret) error { return noReplicas() })
}
