package aws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

// TestTaggedResources makes a resource of each service that has tags, as a stack
// would, finds them all by the stack's tag, changes their tags, and deletes them.
func TestTaggedResources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	group := w.subnetGroup(t) // with a VPC and two subnets
	type made struct{ typeName, id string }
	var all []made
	for typeName, properties := range map[string]map[string]any{
		"AWS::IAM::Role":                           {"AssumeRolePolicyDocument": map[string]any{}},
		"AWS::IAM::OIDCProvider":                   {"Url": "https://issuer.local"},
		"AWS::IAM::InstanceProfile":                {},
		"AWS::RDS::DBInstance":                     mysql(group, nil),
		"AWS::RDS::DBParameterGroup":               {"Family": "mysql8.4", "Description": "d"},
		"AWS::SecretsManager::Secret":              {"SecretString": "x"},
		"AWS::SSM::Parameter":                      {"Type": "String", "Value": "x"},
		"AWS::Logs::LogGroup":                      {},
		"AWS::ECR::Repository":                     {},
		"AWS::S3::Bucket":                          {},
		"AWS::EC2::SecurityGroup":                  {"GroupDescription": "d"},
		"AWS::SQS::Queue":                          {},
		"AWS::Route53::HostedZone":                 {"Name": "example.test"},
		"AWS::ElasticLoadBalancingV2::TargetGroup": {"TargetType": "lambda"},
		"AWS::Lambda::Function":                    {"Code": map[string]any{"ZipFile": "x"}, "Role": "r"},
		"AWS::CloudFront::CachePolicy":             {"CachePolicyConfig": map[string]any{"Name": "c"}}, // can have no tags
	} {
		if typeName == "AWS::EC2::SecurityGroup" {
			properties["VpcId"] = w.create(t, "AWS::EC2::VPC", "vpc2", map[string]any{"CidrBlock": "10.1.0.0/16"}).Ref
		}
		all = append(all, made{typeName, w.create(t, typeName, typeName, properties).PhysicalID})
	}
	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client, ctx := resourcegroupstaggingapi.NewFromConfig(w.Config), t.Context()
	find := func(types []string, filters ...types.TagFilter) (kinds []string, arns []string) {
		t.Helper()
		pages := resourcegroupstaggingapi.NewGetResourcesPaginator(client, &resourcegroupstaggingapi.GetResourcesInput{TagFilters: filters, ResourceTypeFilters: types, ResourcesPerPage: aws.Int32(4)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.ResourceTagMappingList {
				parts := strings.SplitN(*r.ResourceARN, ":", 6)
				kind, _, _ := strings.Cut(parts[5], "/")
				kinds = append(kinds, parts[2]+":"+strings.SplitN(kind, ":", 2)[0])
				arns = append(arns, *r.ResourceARN)
			}
		}
		slices.Sort(kinds)
		return kinds, arns
	}
	stack := types.TagFilter{Key: aws.String("aws:cloudformation:stack-name"), Values: []string{"other", "blog"}}
	kinds, arns := find(nil, stack)
	want := []string{
		"ec2:security-group", "ec2:subnet", "ec2:subnet", "ec2:vpc", "ec2:vpc", "ecr:repository", "elasticloadbalancing:targetgroup", "iam:instance-profile", "iam:oidc-provider", "iam:role",
		"lambda:function", "logs:log-group", "rds:db", "rds:pg", "rds:subgrp", "route53:hostedzone", "secretsmanager:secret", "ssm:parameter",
	}
	// A bucket and a queue have their names in the place of a kind.
	got := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return strings.HasPrefix(k, "s3:") || strings.HasPrefix(k, "sqs:") })
	if diff := cmp.Diff(want, got); diff != "" || len(kinds) != len(want)+2 {
		t.Errorf("tagged resources (-want +got):\n%s and %v", diff, kinds)
	}
	if kinds, _ := find([]string{"rds:db", "s3"}, stack); len(kinds) != 2 {
		t.Errorf("of two types: %v", kinds)
	}
	if kinds, _ := find(nil, stack, types.TagFilter{Key: aws.String("none")}); len(kinds) != 0 {
		t.Errorf("with a tag that nothing has: %v", kinds)
	}

	for part := range slices.Chunk(arns, 20) {
		out := do(t, client.TagResources, &resourcegroupstaggingapi.TagResourcesInput{ResourceARNList: part, Tags: map[string]string{"owner": "us", "stage": "test"}})
		if len(out.FailedResourcesMap) != 0 {
			t.Errorf("tagging failed for %+v", out.FailedResourcesMap)
		}
		do(t, client.UntagResources, &resourcegroupstaggingapi.UntagResourcesInput{ResourceARNList: part, TagKeys: []string{"stage"}})
	}
	if _, again := find(nil, types.TagFilter{Key: aws.String("owner"), Values: []string{"us"}}); !cmp.Equal(again, arns) {
		t.Errorf("with the new tag: %v", again)
	}
	if values := do(t, client.GetTagValues, &resourcegroupstaggingapi.GetTagValuesInput{Key: aws.String("owner")}).TagValues; !slices.Equal(values, []string{"us"}) {
		t.Errorf("values = %v", values)
	}
	if keys := do(t, client.GetTagKeys, &resourcegroupstaggingapi.GetTagKeysInput{}).TagKeys; slices.Contains(keys, "stage") || !slices.Contains(keys, "owner") {
		t.Errorf("keys = %v", keys)
	}
	failed := do(t, client.TagResources, &resourcegroupstaggingapi.TagResourcesInput{ResourceARNList: []string{"arn:aws:s3:::none"}, Tags: map[string]string{"a": "b"}})
	if f := failed.FailedResourcesMap["arn:aws:s3:::none"]; f.StatusCode != 400 {
		t.Errorf("failures = %+v", failed.FailedResourcesMap)
	}
	_, err := client.TagResources(ctx, &resourcegroupstaggingapi.TagResourcesInput{ResourceARNList: arns[:1], Tags: map[string]string{"aws:mine": "b"}})
	wantCode(t, err, "InvalidParameterException")
	_, err = client.GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{ResourceARNList: arns[:1], TagFilters: []types.TagFilter{stack}})
	wantCode(t, err, "InvalidParameterException")

	for _, m := range all {
		if err := w.delete(t, m.typeName, "delete", m.id, nil); err != nil {
			t.Error(fmt.Errorf("%s: %w", m.typeName, err))
		}
	}
	left, _ := find(nil, types.TagFilter{Key: aws.String("owner")})
	if want := []string{"ec2:subnet", "ec2:subnet", "ec2:vpc", "ec2:vpc", "rds:subgrp"}; !slices.Equal(left, want) {
		t.Errorf("what is left = %v, want %v", left, want)
	}
}
