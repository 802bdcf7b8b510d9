// Package account tests internal/account against the sandbox's AWS, with the
// official clients underneath.
package account

import (
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

const region = "us-east-1"

// world is an account of the sandbox's AWS, and the program's environment in it.
func world(t *testing.T) (*account.Account, string) {
	t.Helper()
	e, err := aws.New(aws.Options{
		Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Credentials: []aws.Credential{{AccessKeyID: "test", SecretAccessKey: "test"}, {AccessKeyID: "other", SecretAccessKey: "other", Account: "210987654321"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	a, err := account.Connect(t.Context(), account.Place{Region: region})
	if err != nil {
		t.Fatal(err)
	}
	return a, server.URL
}

func bucket(t *testing.T, url, key, name string) *s3.Client {
	t.Helper()
	client := s3.NewFromConfig(awssdk.Config{Region: region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider(key, key, "")}, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAssetsArePublishedOnce(t *testing.T) {
	a, url := world(t)
	client := bucket(t, url, "test", "assets")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.js"), []byte("exports.handler = () => 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]account.Object{
		"a file":   {Bucket: "assets", Key: "index.js", Path: filepath.Join(dir, "index.js")},
		"a folder": {Bucket: "assets", Key: "code.zip", Path: dir, Zip: true},
	} {
		for i, want := range []bool{true, false} {
			if sent, err := a.Publish(t.Context(), o); err != nil || sent != want {
				t.Errorf("%s, time %d: sent %t, %v", name, i, sent, err)
			}
		}
	}
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: awssdk.String("assets"), Key: awssdk.String("code.zip")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if data, err := io.ReadAll(out.Body); err != nil || !strings.HasPrefix(string(data), "PK") {
		t.Errorf("the archive has %d bytes, %v", len(data), err)
	}
}

func TestConcurrentAssets(t *testing.T) {
	a, url := world(t)
	bucket(t, url, "test", "assets")
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("f"), 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := a.Publish(t.Context(), account.Object{Bucket: "assets", Key: "f", Path: file}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAssetsThatCantBePublished(t *testing.T) {
	a, url := world(t)
	bucket(t, url, "test", "assets")
	bucket(t, url, "other", "theirs")
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("f"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Publish(t.Context(), account.Object{Bucket: "missing", Key: "k", Path: file}); !errors.Is(err, account.ErrNoBucket) {
		t.Errorf("no bucket: %v", err)
	}
	if _, err := a.Publish(t.Context(), account.Object{Bucket: "theirs", Key: "k", Path: file}); err == nil || !strings.Contains(err.Error(), "belong to the account") {
		t.Errorf("a bucket of another account: %v", err)
	}
	if _, err := a.Publish(t.Context(), account.Object{Bucket: "assets", Key: "k", Path: file + "-missing"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestParametersAndSecrets(t *testing.T) {
	a, _ := world(t)
	parameters, secrets := ssm.NewFromConfig(a.Config()), secretsmanager.NewFromConfig(a.Config())
	if _, err := parameters.PutParameter(t.Context(), &ssm.PutParameterInput{Name: awssdk.String("/a"), Value: awssdk.String("one"), Type: ssmtypes.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: awssdk.String("s"), SecretString: awssdk.String("hunter2")}); err != nil {
		t.Fatal(err)
	}
	if v, err := a.Parameter(t.Context(), "/a"); err != nil || v != "one" {
		t.Errorf("%q, %v", v, err)
	}
	if _, err := a.Parameter(t.Context(), "/b"); !errors.Is(err, account.ErrNoParameter) {
		t.Errorf("a parameter that is not there: %v", err)
	}
	if v, err := a.SecretString(t.Context(), "s", "AWSCURRENT", ""); err != nil || v != "hunter2" {
		t.Errorf("%q, %v", v, err)
	}
	if _, err := a.SecretString(t.Context(), "other", "", ""); err == nil || !strings.Contains(err.Error(), "secret other in us-east-1") {
		t.Errorf("a secret that is not there: %v", err)
	}
}

func TestASessionIsTheRole(t *testing.T) {
	a, url := world(t)
	if id, err := a.ID(t.Context()); err != nil || id != aws.DefaultAccount {
		t.Fatalf("%s, %v", id, err)
	}
	for role, want := range map[string]string{
		"arn:aws:iam::" + aws.DefaultAccount + ":role/builds": ":assumed-role/builds/drawbridge",
		"": ":user/test",
	} {
		variables, err := a.Session(t.Context(), role)
		if err != nil {
			t.Fatal(err)
		}
		env := map[string]string{}
		for _, v := range variables {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		if env["AWS_ENDPOINT_URL"] != url || env["AWS_REGION"] != region {
			t.Errorf("role %q: the program is sent to %s in %s", role, env["AWS_ENDPOINT_URL"], env["AWS_REGION"])
		}
		who, err := sts.NewFromConfig(awssdk.Config{
			Region: region, BaseEndpoint: &url,
			Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"]),
		}).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil || !strings.HasSuffix(*who.Arn, want) {
			t.Errorf("role %q: the program is %+v, %v", role, who, err)
		}
	}
	if _, err := a.Session(t.Context(), "no ARN"); err == nil {
		t.Error("a role that is none was assumed")
	}
}
