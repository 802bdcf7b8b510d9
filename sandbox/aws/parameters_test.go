package aws_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ssm.NewFromConfig(w.Config)
	ctx := t.Context()
	put := func(name, value string, kind types.ParameterType, overwrite bool) (int64, error) {
		out, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String(value), Type: kind, Overwrite: aws.Bool(overwrite)})
		if err != nil {
			return 0, err
		}
		return out.Version, nil
	}
	for i, name := range []string{"/app/a", "/app/b/c", "/apple"} {
		if _, err := put(name, fmt.Sprint("value ", i), types.ParameterTypeString, false); err != nil {
			t.Fatal(err)
		}
	}
	_, err := put("/app/a", "x", types.ParameterTypeString, false)
	wantCode(t, err, "ParameterAlreadyExists")
	if version, err := put("/app/a", "second", "", true); err != nil || version != 2 {
		t.Errorf("overwriting = %d, %v", version, err)
	}
	if _, err := put("/secure", "hush", types.ParameterTypeSecureString, false); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"/app/a": "second", "/app/a:1": "value 0", "arn:aws:ssm:us-east-1:" + account + ":parameter/app/a": "second"} {
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(id)})
		if err != nil || *out.Parameter.Value != want {
			t.Errorf("GetParameter %s = %v, %v, want %s", id, out, err, want)
		}
	}
	secure, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/secure")})
	if err != nil || *secure.Parameter.Value == "hush" {
		t.Errorf("a SecureString without decryption = %v, %v", secure, err)
	}
	secure, err = client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/secure"), WithDecryption: aws.Bool(true)})
	if err != nil || *secure.Parameter.Value != "hush" {
		t.Errorf("a SecureString with decryption = %v, %v", secure, err)
	}
	_, err = client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/none")})
	wantCode(t, err, "ParameterNotFound")
	for recursive, want := range map[bool][]string{false: {"/app/a"}, true: {"/app/a", "/app/b/c"}} {
		var got []string
		pages := ssm.NewGetParametersByPathPaginator(client, &ssm.GetParametersByPathInput{Path: aws.String("/app"), Recursive: aws.Bool(recursive), MaxResults: aws.Int32(1)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Parameters {
				got = append(got, *p.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by path, recursive %v (-want +got):\n%s", recursive, diff)
		}
	}
	some, err := client.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{"/apple", "/none"}})
	if err != nil || len(some.Parameters) != 1 || !cmp.Equal(some.InvalidParameters, []string{"/none"}) {
		t.Errorf("GetParameters = %v, %v", some, err)
	}
	history, err := client.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: aws.String("/app/a")})
	if err != nil || len(history.Parameters) != 2 {
		t.Errorf("history = %v, %v", history, err)
	}
	if _, err := client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/apple")}); err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/apple")})
	wantCode(t, err, "ParameterNotFound")

	made := w.create(t, "AWS::SSM::Parameter", "one", map[string]any{"Name": "/made", "Type": "String", "Value": "1"})
	w.create(t, "AWS::SSM::Parameter", "one", map[string]any{"Name": "/made", "Type": "String", "Value": "1"})
	_, err = w.tryCreate(t, "AWS::SSM::Parameter", "two", map[string]any{"Name": "/made", "Type": "String", "Value": "1"})
	wantHandlerCode(t, err, resource.AlreadyExists)
	if _, err := w.update(t, "AWS::SSM::Parameter", "three", made.PhysicalID, nil, map[string]any{"Name": "/made", "Type": "String", "Value": 2}); err != nil {
		t.Fatal(err)
	}
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/made")})
	if err != nil || *out.Parameter.Value != "2" || out.Parameter.Version != 2 {
		t.Errorf("GetParameter = %v, %v", out, err)
	}
	if err := w.delete(t, "AWS::SSM::Parameter", "four", "/made", nil); err != nil {
		t.Fatal(err)
	}
}

func TestAccountsAndRegionsAreApart(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{Credentials: []sandbox.Credential{
		{AccessKeyID: "test", SecretAccessKey: "test"}, {AccessKeyID: "other", SecretAccessKey: "other", Account: "111122223333"},
	}})
	put := func(config aws.Config) error {
		_, err := ssm.NewFromConfig(config).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("p"), Value: aws.String("v"), Type: types.ParameterTypeString})
		return err
	}
	elsewhere, other := w.Copy(), w.Copy()
	elsewhere.Region = "eu-west-1"
	other.Credentials = static("other", "other")
	for _, config := range []aws.Config{w.Config, elsewhere, other} {
		if err := put(config); err != nil {
			t.Errorf("put: %v", err)
		}
	}
	wantCode(t, put(other), "ParameterAlreadyExists")
}

// TestConcurrentPuts checks that no version is lost.
func TestConcurrentPuts(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ssm.NewFromConfig(w.Config)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("p"), Value: aws.String(fmt.Sprint(i)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	out, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("p")})
	if err != nil || out.Parameter.Version != 20 {
		t.Errorf("after 20 puts: %v, %v", out, err)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := iam.NewFromConfig(w.Config)
	trust := map[string]any{"Version": "2012-10-17", "Statement": []any{}}
	made := w.create(t, "AWS::IAM::Role", "role", map[string]any{
		"AssumeRolePolicyDocument": trust, "Path": "/app/", "ManagedPolicyArns": []any{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
		"Policies": []any{map[string]any{"PolicyName": "inline", "PolicyDocument": trust}},
	})
	w.create(t, "AWS::IAM::Policy", "policy", map[string]any{"PolicyName": "extra", "PolicyDocument": trust, "Roles": []any{made.Ref}})
	role, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(made.Ref)})
	if err != nil {
		t.Fatal(err)
	}
	if *role.Role.Arn != made.Attributes["Arn"] || *role.Role.Path != "/app/" || *role.Role.AssumeRolePolicyDocument == "" {
		t.Errorf("role = %+v, made %+v", role.Role, made)
	}
	policies, err := client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String(made.Ref)})
	if err != nil || !cmp.Equal(policies.PolicyNames, []string{"extra", "inline"}) {
		t.Errorf("policies = %v, %v", policies, err)
	}
	list, err := client.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/app/")})
	if err != nil || len(list.Roles) != 1 {
		t.Errorf("roles = %v, %v", list, err)
	}
	if err := w.delete(t, "AWS::IAM::Role", "gone", made.Ref, nil); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(made.Ref)})
	wantCode(t, err, "NoSuchEntity")
}
