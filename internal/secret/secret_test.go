package secret

import (
	"slices"
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

func TestValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"mysql://ghost:hunter2@db:3306/ghost": true,
		"redis://:hunter2@cache":              true,
		"https://blog.example.com:8443/a@b":   false,
		"https://ghost@db/x":                  false,
		"-----BEGIN RSA PRIVATE KEY-----":     true,
		"****":                                true,
		"plain":                               false,
		"--password=hunter2":                  true,
		"db.user=x\ndb.password = hunter2":    true,
		`{"apiKey": "hunter2"}`:               true,
		"secretName: tls":                     false,
		"the token is short":                  false,
		"password:":                           false,
	} {
		if got := Value(text); got != want {
			t.Errorf("Value(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	got := Values("apps/Deployment", map[string]any{
		"spec": map[string]any{
			"env": []any{
				map[string]any{"name": "DB_PASSWORD", "value": float64(98765432)},
				map[string]any{"name": "DB_HOST", "value": "db"},
				map[string]any{"name": "DB_TOKEN", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "db"}}},
			},
			"volume":   map[string]any{"secret": map[string]any{"secretName": "tls"}},
			"password": true,
		},
		"passwords": []any{"one", map[string]any{"name": "x"}},
		"url":       "mysql://u:p@h",
	})
	slices.Sort(got)
	if d := cmp.Diff([]string{"98765432", "mysql://u:p@h", "one"}, got); d != "" {
		t.Error(d)
	}
}
