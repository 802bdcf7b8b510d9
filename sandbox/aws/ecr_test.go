package aws_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

const lifecyclePolicy = `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":365},"action":{"type":"expire"}}]}`

func TestRepositories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, ctx := ecr.NewFromConfig(w.Config), t.Context()
	name := aws.String("team/api")
	made, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName: name, ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
		Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("us")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *made.Repository.RepositoryUri, account+".dkr.ecr.us-east-1.amazonaws.com/team/api"; got != want {
		t.Errorf("URI = %s, want %s", got, want)
	}
	_, err = client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: name})
	wantCode(t, err, "RepositoryAlreadyExistsException")
	_, err = client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("Upper")})
	wantCode(t, err, "InvalidParameterException")

	do(t, client.PutImageTagMutability, &ecr.PutImageTagMutabilityInput{RepositoryName: name, ImageTagMutability: types.ImageTagMutabilityImmutable})
	_, err = client.PutImageTagMutability(ctx, &ecr.PutImageTagMutabilityInput{RepositoryName: name, ImageTagMutability: "MAYBE"})
	wantCode(t, err, "InvalidParameterException")
	do(t, client.PutImageScanningConfiguration, &ecr.PutImageScanningConfigurationInput{RepositoryName: name, ImageScanningConfiguration: &types.ImageScanningConfiguration{}})
	_, err = client.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: name})
	wantCode(t, err, "LifecyclePolicyNotFoundException")
	_, err = client.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: name, LifecyclePolicyText: aws.String(`{"rules":[{}]}`)})
	wantCode(t, err, "InvalidParameterException")
	do(t, client.PutLifecyclePolicy, &ecr.PutLifecyclePolicyInput{RepositoryName: name, LifecyclePolicyText: aws.String(lifecyclePolicy)})
	_, err = client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: name})
	wantCode(t, err, "RepositoryPolicyNotFoundException")
	do(t, client.SetRepositoryPolicy, &ecr.SetRepositoryPolicyInput{RepositoryName: name, PolicyText: aws.String(`{"Statement":[]}`)})
	do(t, client.TagResource, &ecr.TagResourceInput{ResourceArn: made.Repository.RepositoryArn, Tags: []types.Tag{{Key: aws.String("stage"), Value: aws.String("test")}}})
	do(t, client.UntagResource, &ecr.UntagResourceInput{ResourceArn: made.Repository.RepositoryArn, TagKeys: []string{"owner"}})
	_, err = client.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: aws.String(*made.Repository.RepositoryArn + "-none"), Tags: []types.Tag{}})
	wantCode(t, err, "RepositoryNotFoundException")

	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = ecr.NewFromConfig(w.Config)
	described, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"team/api"}})
	if err != nil {
		t.Fatal(err)
	}
	if r := described.Repositories[0]; r.ImageTagMutability != types.ImageTagMutabilityImmutable || r.ImageScanningConfiguration.ScanOnPush {
		t.Errorf("repository = %+v", r)
	}
	lifecycle, err := client.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: name})
	if err != nil || *lifecycle.LifecyclePolicyText != lifecyclePolicy {
		t.Errorf("lifecycle policy = %v, %v", lifecycle, err)
	}
	policy, err := client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: name})
	if err != nil || *policy.PolicyText != `{"Statement":[]}` {
		t.Errorf("policy = %v, %v", policy, err)
	}
	tags, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: made.Repository.RepositoryArn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "test" {
		t.Errorf("tags = %v, %v", tags, err)
	}
	do(t, client.DeleteLifecyclePolicy, &ecr.DeleteLifecyclePolicyInput{RepositoryName: name})
	_, err = client.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: name})
	wantCode(t, err, "LifecyclePolicyNotFoundException")
	do(t, client.DeleteRepositoryPolicy, &ecr.DeleteRepositoryPolicyInput{RepositoryName: name})
	_, err = client.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: name})
	wantCode(t, err, "RepositoryPolicyNotFoundException")
	do(t, client.DeleteRepository, &ecr.DeleteRepositoryInput{RepositoryName: name})
	_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"team/api"}})
	wantCode(t, err, "RepositoryNotFoundException")
}

func TestRepositoryPages(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ecr.NewFromConfig(w.Config)
	want := []string{"aa", "bb", "cc"}
	for _, name := range want {
		if _, err := client.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	pages := ecr.NewDescribeRepositoriesPaginator(client, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Repositories {
			got = append(got, *r.RepositoryName)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("repositories (-want +got):\n%s", diff)
	}
}

// TestNoImages checks that a repository says that nothing was pushed to it.
func TestNoImages(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx, name := ecr.NewFromConfig(w.Config), t.Context(), aws.String("app")
	do(t, client.CreateRepository, &ecr.CreateRepositoryInput{RepositoryName: name})
	id := []types.ImageIdentifier{{ImageTag: aws.String("latest")}}
	_, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name, ImageIds: id})
	wantCode(t, err, "ImageNotFoundException")
	got, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: name, ImageIds: id})
	if err != nil || len(got.Images) != 0 || len(got.Failures) != 1 || *got.Failures[0].ImageId.ImageTag != "latest" {
		t.Errorf("BatchGetImage = %+v, %v", got, err)
	}
	for _, repository := range []*string{name, aws.String("none")} {
		images, err := client.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: repository})
		if *repository == "none" {
			wantCode(t, err, "RepositoryNotFoundException")
		} else if err != nil || len(images.ImageIds) != 0 {
			t.Errorf("ListImages = %+v, %v", images, err)
		}
	}
	token, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := base64.StdEncoding.DecodeString(*token.AuthorizationData[0].AuthorizationToken)
	if err != nil || !strings.HasPrefix(string(plain), "AWS:") || *token.AuthorizationData[0].ProxyEndpoint != "https://"+account+".dkr.ecr.us-east-1.amazonaws.com" {
		t.Errorf("token = %q of %s, %v", plain, *token.AuthorizationData[0].ProxyEndpoint, err)
	}
}

func TestRepositoryResource(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ecr.NewFromConfig(w.Config)
	properties := map[string]any{
		"RepositoryName": "cdk-hnb659fds-container-assets", "ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": map[string]any{"ScanOnPush": "true"},
		"LifecyclePolicy":      map[string]any{"LifecyclePolicyText": lifecyclePolicy},
		"RepositoryPolicyText": map[string]any{"Version": "2012-10-17", "Statement": []any{}},
		"Tags":                 []any{map[string]any{"Key": "owner", "Value": "us"}},
	}
	made := w.create(t, "AWS::ECR::Repository", "one", properties)
	if again := w.create(t, "AWS::ECR::Repository", "one", properties); !cmp.Equal(made, again) {
		t.Errorf("the repeated call made %+v, after %+v", again, made)
	}
	_, err := w.tryCreate(t, "AWS::ECR::Repository", "two", properties)
	wantHandlerCode(t, err, resource.AlreadyExists)
	_, err = w.tryCreate(t, "AWS::ECR::Repository", "three", map[string]any{"LifecyclePolicy": map[string]any{"LifecyclePolicyText": "{}"}})
	wantHandlerCode(t, err, resource.InvalidRequest)
	if got, want := made.Attributes["RepositoryUri"], account+".dkr.ecr.us-east-1.amazonaws.com/"+made.Ref; got != want {
		t.Errorf("RepositoryUri = %v, want %s", got, want)
	}
	if _, err := w.update(t, "AWS::ECR::Repository", "four", made.PhysicalID, properties, map[string]any{"ImageTagMutability": "MUTABLE"}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetRepositoryPolicy(t.Context(), &ecr.GetRepositoryPolicyInput{RepositoryName: &made.Ref})
	wantCode(t, err, "RepositoryPolicyNotFoundException")
	for range 2 {
		if err := w.delete(t, "AWS::ECR::Repository", "five", made.PhysicalID, properties); err != nil {
			t.Error(err)
		}
	}
	_, err = w.update(t, "AWS::ECR::Repository", "six", made.PhysicalID, properties, nil)
	wantHandlerCode(t, err, resource.NotFound)
}
