package install

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

// implied are actions that CloudFormation asks for when a call says something of
// the stack's tags.
var implied = []string{"cloudformation:TagResource", "cloudformation:UntagResource"}

// besides are what the methods of rollout.Account call, in IAM's words: a HeadObject
// needs GetObject, and ListBucket to be told from one that may not be seen.
var besides = map[string][]string{
	"ID": nil, "BucketURL": nil, // GetCallerIdentity needs no permission
	"Parameter":      {"ssm:GetParameter"},
	"SecretString":   {"secretsmanager:GetSecretValue"},
	"Session":        {"sts:AssumeRole"},
	"Publish":        {"s3:GetObject", "s3:ListBucket", "s3:PutObject"},
	"CanBuildImages": nil, // asks the machine
	// What a push calls is in ECR's user guide, "Pushing an image".
	"PublishImage": {
		"ecr:DescribeImages", "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload",
		"ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
	},
}

// looked are what the methods of verify.Account call.
var looked = map[string][]string{
	"Secret":              {"secretsmanager:DescribeSecret"},
	"Parameter":           {"ssm:DescribeParameters"},
	"Balancers":           {"elasticloadbalancing:DescribeLoadBalancers"},
	"TargetGroups":        {"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTags"},
	"Targets":             {"elasticloadbalancing:DescribeTargetHealth"},
	"BoundCertificates":   {"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerCertificates"},
	"Certificate":         {"acm:DescribeCertificate"},
	"PendingCertificates": {"acm:ListCertificates", "acm:DescribeCertificate"},
	"Zones":               {"route53:ListHostedZones"},
	"Records":             {"route53:ListResourceRecordSets"},
}

// TestPolicyNamesTheCalls holds the policy for an Environment's role against the
// calls that internal/stack, internal/account and internal/verify/awsaccount make.
func TestPolicyNamesTheCalls(t *testing.T) {
	t.Parallel()
	want := slices.Clone(implied)
	api := reflect.TypeFor[stack.API]()
	for i := range api.NumMethod() {
		want = append(want, "cloudformation:"+api.Method(i).Name)
	}
	account := reflect.TypeFor[rollout.Account]()
	for i := range account.NumMethod() {
		calls, ok := besides[account.Method(i).Name]
		if !ok {
			t.Errorf("what rollout.Account.%s calls is not known here", account.Method(i).Name)
		}
		want = append(want, calls...)
	}
	looks := reflect.TypeFor[verify.Account]()
	for i := range looks.NumMethod() {
		calls, ok := looked[looks.Method(i).Name]
		if !ok {
			t.Errorf("what verify.Account.%s calls is not known here", looks.Method(i).Name)
		}
		want = append(want, calls...)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if d := cmp.Diff(want, actions(t, "environment-role.json")); d != "" {
		t.Errorf("config/aws/environment-role.json (-calls +policy):\n%s", d)
	}
	if d := cmp.Diff([]string{"sts:AssumeRole"}, actions(t, "controller-role.json")); d != "" {
		t.Errorf("config/aws/controller-role.json (-calls +policy):\n%s", d)
	}
	if d := cmp.Diff([]string{"sts:AssumeRole"}, actions(t, "environment-trust.json")); d != "" {
		t.Errorf("config/aws/environment-trust.json (-calls +policy):\n%s", d)
	}
}

// actions that the policy allows, sorted.
func actions(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile("../../config/aws/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct {
			Effect string
			Action any // a text or a list of them
		}
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var all []string
	for _, s := range policy.Statement {
		if s.Effect != "Allow" {
			t.Errorf("%s: effect %q", file, s.Effect)
		}
		switch a := s.Action.(type) {
		case string:
			all = append(all, a)
		case []any:
			for _, one := range a {
				all = append(all, one.(string))
			}
		}
	}
	for _, a := range all {
		if strings.Contains(a, "*") {
			t.Errorf("%s: %s allows more than one call", file, a)
		}
	}
	slices.Sort(all)
	return all
}
