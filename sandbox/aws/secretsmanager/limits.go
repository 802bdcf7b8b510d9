package secretsmanager

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Rotation functions are not run, and secrets are not replicated: `RotateSecret` and `ReplicateSecretToRegions` are refused. Clients rotate by `PutSecretValue` and `UpdateSecretVersionStage`.",
	"Resource policies are kept and shown, and never enforced. Nothing is encrypted by KMS.",
}
