package aws_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

func TestSecretVersions(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := start(t, sandbox.Options{Clock: clock})
	client := secretsmanager.NewFromConfig(w.Config)
	ctx := t.Context()
	made, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String("x")})
	wantCode(t, err, "ResourceExistsException")
	id := made.ARN
	second, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: id, SecretString: aws.String("two")})
	if err != nil {
		t.Fatal(err)
	}
	read := func(in secretsmanager.GetSecretValueInput) string {
		t.Helper()
		out, err := client.GetSecretValue(ctx, &in)
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.SecretString)
	}
	for name, test := range map[string]struct {
		in   secretsmanager.GetSecretValueInput
		want string
	}{
		"current by name":     {secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")}, "two"},
		"previous":            {secretsmanager.GetSecretValueInput{SecretId: id, VersionStage: aws.String("AWSPREVIOUS")}, "one"},
		"by version":          {secretsmanager.GetSecretValueInput{SecretId: id, VersionId: made.VersionId}, "one"},
		"by ARN without tail": {secretsmanager.GetSecretValueInput{SecretId: aws.String((*id)[:len(*id)-7])}, "two"},
	} {
		if got := read(test.in); got != test.want {
			t.Errorf("%s = %q, want %q", name, got, test.want)
		}
	}
	_, err = client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: id, VersionStage: aws.String("NONE")})
	wantCode(t, err, "ResourceNotFoundException")
	if _, err := client.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: id, SecretString: aws.String("three"), Description: aws.String("d")}); err != nil {
		t.Fatal(err)
	}
	described, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: id})
	if err != nil {
		t.Fatal(err)
	}
	if got := described.VersionIdsToStages[*second.VersionId]; !cmp.Equal(got, []string{"AWSPREVIOUS"}) || len(described.VersionIdsToStages) != 2 || *described.Description != "d" {
		t.Errorf("described %v, %v", described.VersionIdsToStages, aws.ToString(described.Description))
	}
	list, err := client.ListSecrets(ctx, &secretsmanager.ListSecretsInput{Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{"app/"}}}})
	if err != nil || len(list.SecretList) != 1 {
		t.Errorf("ListSecrets = %v, %v", list, err)
	}

	if _, err := client.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(7)}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: id})
	wantCode(t, err, "InvalidRequestException")
	if _, err := client.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: id}); err != nil {
		t.Fatal(err)
	}
	if got := read(secretsmanager.GetSecretValueInput{SecretId: id}); got != "three" {
		t.Errorf("restored = %q", got)
	}
	if _, err := client.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(7)}); err != nil {
		t.Fatal(err)
	}
	again := map[string]any{"Name": "app/db", "SecretString": "four"}
	_, err = w.tryCreate(t, "AWS::SecretsManager::Secret", "early", again)
	wantHandlerCode(t, err, "InvalidRequest")
	clock.Advance(7*24*time.Hour + time.Second)
	w.create(t, "AWS::SecretsManager::Secret", "late", again)
}

func TestSecretResource(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := secretsmanager.NewFromConfig(w.Config)
	rules := map[string]any{
		"SecretStringTemplate": `{"username": "ghost"}`, "GenerateStringKey": "password", "PasswordLength": "40",
		"ExcludePunctuation": "true", "ExcludeCharacters": "abcABC", "IncludeSpace": false,
	}
	before := map[string]any{"GenerateSecretString": rules}
	made := w.create(t, "AWS::SecretsManager::Secret", "one", before)
	value := func() map[string]any {
		t.Helper()
		out, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(made.Ref)})
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(*out.SecretString), &object); err != nil {
			t.Fatal(err)
		}
		return object
	}
	first := value()
	password := fmt.Sprint(first["password"])
	if first["username"] != "ghost" || len(password) != 40 || strings.ContainsAny(password, "abcABC!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~ ") {
		t.Errorf("the secret is %v", first)
	}
	if again := w.create(t, "AWS::SecretsManager::Secret", "one", before); again.PhysicalID != made.PhysicalID || value()["password"] != password {
		t.Error("the repeated call made another secret")
	}
	if _, err := w.update(t, "AWS::SecretsManager::Secret", "two", made.PhysicalID, before, map[string]any{"GenerateSecretString": rules, "Description": "d"}); err != nil {
		t.Fatal(err)
	}
	if value()["password"] != password {
		t.Error("a new description made a new password")
	}
	_, err := w.tryCreate(t, "AWS::SecretsManager::Secret", "three", map[string]any{"GenerateSecretString": map[string]any{"PasswordLength": 5000}})
	wantHandlerCode(t, err, "InvalidRequest")
	if err := w.delete(t, "AWS::SecretsManager::Secret", "four", made.PhysicalID, before); err != nil {
		t.Fatal(err)
	}
	_, err = client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(made.Ref)})
	wantCode(t, err, "ResourceNotFoundException")
}

func TestRandomPassword(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := secretsmanager.NewFromConfig(w.Config)
	out, err := client.GetRandomPassword(t.Context(), &secretsmanager.GetRandomPasswordInput{
		PasswordLength: aws.Int64(4), ExcludePunctuation: aws.Bool(true), IncludeSpace: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", " "} {
		if !strings.ContainsAny(*out.RandomPassword, kind) {
			t.Errorf("%q holds none of %q", *out.RandomPassword, kind)
		}
	}
	_, err = client.GetRandomPassword(t.Context(), &secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(2)})
	wantCode(t, err, "InvalidParameterException")
}
