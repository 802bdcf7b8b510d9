package secret

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

func TestField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, path string
		want       bool
	}{
		{"AWS::RDS::DBInstance", "MasterUserPassword", true},
		{"AWS::RDS::DBInstance", "ManageMasterUserPassword", false},
		{"AWS::RDS::DBInstance", "MultiAZ", false},
		{"AWS::RDS::DBInstance", "KmsKeyId", false},
		{"AWS::SecretsManager::Secret", "SecretString", true},
		{"AWS::SecretsManager::Secret", "GenerateSecretString", false},
		{"AWS::SecretsManager::Secret", "GenerateSecretString.PasswordLength", false},
		{"AWS::IAM::User", "LoginProfile.Password", true},
		{"AWS::ElastiCache::ReplicationGroup", "AuthToken", true},
		{"AWS::EC2::KeyPair", "KeyName", false},
		{"Secret", "data.url", true},
		{"Secret", "stringData", true},
		{"Secret", "metadata.labels.app", false},
		{"ConfigMap", "data.site", false},
		{"ConfigMap", "data.db-password", true},
		{"apps/Deployment", "spec.template.spec.containers[ghost].env[DB_PASSWORD].value", true},
		{"apps/Deployment", "spec.template.spec.containers[ghost].env[DB_HOST].value", false},
		{"apps/Deployment", "spec.template.spec.containers[ghost].env[DB_PASSWORD].valueFrom.secretKeyRef.name", false},
		{"apps/Deployment", "spec.template.spec.volumes[tls].secret.secretName", false},
		{"apps/Deployment", `metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]`, true},
		{"apps/Deployment", "spec.replicas", false},
		{"x/App", "spec.tokens", false},
		{"x/App", "spec.API_KEY", true},
		{"x/App", "spec.passwords[0]", true},
		{"x/App", "", false},
	} {
		if got := Field(c.kind, c.path); got != c.want {
			t.Errorf("Field(%s, %s) = %v, want %v", c.kind, c.path, got, c.want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	const s = "hunter2-hunter2"
	in := diff.Change{Resource: diff.Resource{Type: "apps/Deployment", Name: "x"}, Fields: []diff.Field{
		{Path: "marked", Before: s, After: s, Sensitive: true},
		{Path: "spec.containers[a]", After: map[string]any{"image": "x", "env": []any{map[string]any{"name": "API_TOKEN", "value": s}}}},
		{Path: "spec.config", After: map[string]any{"db": map[string]any{"password": s}}},
		{Path: "spec.reference", After: "{{resolve:secretsmanager:db:SecretString:password}}"},
		{Path: "spec.noEcho", Before: "****", After: "****"},
		{Path: "spec.volume", After: map[string]any{"secret": map[string]any{"secretName": "tls"}}},
		{Path: "spec.replicas", Before: 1, After: 2},
	}}
	want := []diff.Field{
		{Path: "marked", Sensitive: true},
		{Path: "spec.containers[a]", Sensitive: true},
		{Path: "spec.config", Sensitive: true},
		{Path: "spec.reference", Sensitive: true},
		{Path: "spec.noEcho", Sensitive: true},
		{Path: "spec.volume", After: map[string]any{"secret": map[string]any{"secretName": "tls"}}},
		{Path: "spec.replicas", Before: 1, After: 2},
	}
	if d := cmp.Diff(want, Redact(in).Fields); d != "" {
		t.Error(d)
	}
	if in.Fields[0].After != s {
		t.Error("Redact altered its argument")
	}
}
