package aws_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// TestRotationByHand rotates a secret as a rotation function does: a pending version
// that becomes the current one.
func TestRotationByHand(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, id := secretsmanager.NewFromConfig(w.Config), aws.String("db")
	first := do(t, client.CreateSecret, &secretsmanager.CreateSecretInput{Name: id, SecretString: aws.String("old")})
	pending := do(t, client.PutSecretValue, &secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String("new"), VersionStages: []string{"AWSPENDING"}})
	value := func(stage string) string {
		t.Helper()
		return *do(t, client.GetSecretValue, &secretsmanager.GetSecretValueInput{SecretId: id, VersionStage: &stage}).SecretString
	}
	if got := value("AWSCURRENT"); got != "old" {
		t.Errorf("before the rotation the value is %q", got)
	}
	do(t, client.UpdateSecretVersionStage, &secretsmanager.UpdateSecretVersionStageInput{SecretId: id, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: pending.VersionId, RemoveFromVersionId: first.VersionId})
	do(t, client.UpdateSecretVersionStage, &secretsmanager.UpdateSecretVersionStageInput{SecretId: id, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: pending.VersionId})
	if current, previous := value("AWSCURRENT"), value("AWSPREVIOUS"); current != "new" || previous != "old" {
		t.Errorf("after the rotation the values are %q and %q", current, previous)
	}
}

func TestWhatSecretsManagerRefuses(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, id, ctx := secretsmanager.NewFromConfig(w.Config), aws.String("s"), t.Context()
	do(t, client.CreateSecret, &secretsmanager.CreateSecretInput{Name: id, SecretString: aws.String("x")})
	_, err := client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: id})
	wantCode(t, err, "InvalidRequestException")
	_, err = client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: id, RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:1:function:f")})
	wantCode(t, err, "InvalidRequestException")
	_, err = client.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: aws.String("none")})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = client.CancelRotateSecret(ctx, &secretsmanager.CancelRotateSecretInput{SecretId: id})
	wantCode(t, err, "InvalidRequestException")
	replicas := []types.ReplicaRegionType{{Region: aws.String("eu-west-1")}}
	_, err = client.ReplicateSecretToRegions(ctx, &secretsmanager.ReplicateSecretToRegionsInput{SecretId: id, AddReplicaRegions: replicas})
	wantCode(t, err, "InvalidRequestException")
	_, err = client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("r"), AddReplicaRegions: replicas})
	wantCode(t, err, "InvalidRequestException")
	_, err = w.tryCreate(t, "AWS::SecretsManager::Secret", "r", map[string]any{"ReplicaRegions": []any{map[string]any{"Region": "eu-west-1"}}})
	wantHandlerCode(t, err, resource.InvalidRequest)
}

func TestBatchOfSecrets(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := secretsmanager.NewFromConfig(w.Config)
	for _, name := range []string{"a/1", "a/2", "a/3", "b"} {
		do(t, client.CreateSecret, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("value of " + name)})
	}
	out := do(t, client.BatchGetSecretValue, &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"b", "none"}})
	if len(out.SecretValues) != 1 || *out.SecretValues[0].SecretString != "value of b" || len(out.Errors) != 1 || *out.Errors[0].ErrorCode != "ResourceNotFoundException" {
		t.Errorf("batch = %+v", out)
	}
	var names []string
	pages := secretsmanager.NewBatchGetSecretValuePaginator(client, &secretsmanager.BatchGetSecretValueInput{
		Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{"a/"}}}, MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.SecretValues {
			names = append(names, *v.Name)
		}
	}
	if diff := cmp.Diff([]string{"a/1", "a/2", "a/3"}, names); diff != "" {
		t.Errorf("by filter (-want +got):\n%s", diff)
	}
	_, err := client.BatchGetSecretValue(t.Context(), &secretsmanager.BatchGetSecretValueInput{})
	wantCode(t, err, "InvalidParameterException")
}

func TestPoliciesOfSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, id := secretsmanager.NewFromConfig(w.Config), aws.String("s")
	made := do(t, client.CreateSecret, &secretsmanager.CreateSecretInput{Name: id, SecretString: aws.String("x")})
	_, err := client.PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: id, ResourcePolicy: aws.String("{")})
	wantCode(t, err, "MalformedPolicyDocumentException")
	properties := map[string]any{"SecretId": *made.ARN, "ResourcePolicy": map[string]any{"Statement": []any{}}}
	state := w.create(t, "AWS::SecretsManager::ResourcePolicy", "p", properties)
	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = secretsmanager.NewFromConfig(w.Config)
	if out := do(t, client.GetResourcePolicy, &secretsmanager.GetResourcePolicyInput{SecretId: id}); aws.ToString(out.ResourcePolicy) != `{"Statement":[]}` {
		t.Errorf("policy = %+v", out)
	}
	for range 2 {
		if err := w.delete(t, "AWS::SecretsManager::ResourcePolicy", "d", state.PhysicalID, properties); err != nil {
			t.Error(err)
		}
	}
	if out := do(t, client.GetResourcePolicy, &secretsmanager.GetResourcePolicyInput{SecretId: id}); out.ResourcePolicy != nil {
		t.Errorf("policy = %s", *out.ResourcePolicy)
	}
	do(t, client.PutResourcePolicy, &secretsmanager.PutResourcePolicyInput{SecretId: id, ResourcePolicy: aws.String("{}")})
	do(t, client.DeleteResourcePolicy, &secretsmanager.DeleteResourcePolicyInput{SecretId: id})
}
