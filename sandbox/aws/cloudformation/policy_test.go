package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func TestStackPolicies(t *testing.T) {
	t.Parallel()
	const all = `{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}`
	deny := func(action, resource string) string {
		return `{"Statement": [` + all + `, {"Effect": "Deny", "Action": "` + action + `", "Principal": "*", "Resource": "` + resource + `"}]}`
	}
	modified := strings.Replace(chain, "DisplayName: !Ref Size", "DisplayName: other", 1)
	replaced := strings.Replace(chain, "-b\"", "-c\"", 1)
	removed := strings.Replace(chain[:strings.Index(chain, "Outputs:")], "  C: {Type: \"AWS::SSM::Parameter\", Properties: {Type: String, Value: !GetAtt B.Arn}}\n", "", 1)
	for name, c := range map[string]struct{ policy, body, denied string }{
		"all":                {`{"Statement": [` + all + `]}`, modified, ""},
		"modify":             {deny("Update:Modify", "LogicalResourceId/A"), modified, "A"},
		"modify another":     {deny("Update:Modify", "LogicalResourceId/B"), modified, ""},
		"replace":            {deny("Update:Replace", "LogicalResourceId/B*"), replaced, "B"},
		"replace is not":     {deny("Update:Modify", "LogicalResourceId/B"), replaced, ""},
		"delete":             {deny("Update:Delete", "*"), removed, "C"},
		"nothing allowed":    {`{"Statement": [{"Effect": "Allow", "Action": ["Update:Replace"], "Principal": "*", "Resource": "*"}]}`, modified, "A"},
		"by type":            {`{"Statement": [` + all + `, {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"StringLike": {"ResourceType": ["AWS::SNS::*"]}}}]}`, modified, "A"},
		"by another type":    {`{"Statement": [` + all + `, {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"StringEquals": {"ResourceType": ["AWS::SNS::*"]}}}]}`, modified, ""},
		"all but a resource": {`{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "NotResource": "LogicalResourceId/A"}]}`, modified, "A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create("s", chain)
			if _, err := w.client.SetStackPolicy(t.Context(), &cfn.SetStackPolicyInput{StackName: aws.String("s"), StackPolicyBody: &c.policy}); err != nil {
				t.Fatal(err)
			}
			if got, err := w.client.GetStackPolicy(t.Context(), &cfn.GetStackPolicyInput{StackName: aws.String("s")}); err != nil || *got.StackPolicyBody != c.policy {
				t.Errorf("GetStackPolicy: %+v, %v", got, err)
			}
			s := w.update("s", c.body)
			reasons := w.reasons("s")
			if c.denied == "" {
				if s.StackStatus != types.StackStatusUpdateComplete {
					t.Errorf("%s\n%s", s.StackStatus, reasons)
				}
				return
			}
			if s.StackStatus != types.StackStatusUpdateRollbackComplete || !strings.Contains(reasons, c.denied+" UPDATE_FAILED: Action ") || !strings.Contains(reasons, "by stack policy") {
				t.Errorf("%s, want %s denied\n%s", s.StackStatus, c.denied, reasons)
			}
			// For one update another policy holds.
			in := &cfn.UpdateStackInput{StackName: aws.String("s"), TemplateBody: &c.body, StackPolicyDuringUpdateBody: aws.String(`{"Statement": [` + all + `]}`)}
			if _, err := w.client.UpdateStack(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if s := w.wait(*s.StackId); s.StackStatus != types.StackStatusUpdateComplete {
				t.Errorf("during the update all is allowed, yet %s", s.StackStatus)
			}
		})
	}
}

func TestStackPoliciesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	for name, body := range map[string]string{
		"no JSON":      "{",
		"no statement": `{}`,
		"effect":       `{"Statement": [{"Effect": "Perhaps", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`,
		"action":       `{"Statement": [{"Effect": "Allow", "Action": "Update:Some", "Principal": "*", "Resource": "*"}]}`,
		"principal":    `{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Resource": "*"}]}`,
	} {
		_, err := w.client.SetStackPolicy(t.Context(), &cfn.SetStackPolicyInput{StackName: aws.String("s"), StackPolicyBody: &body})
		if err == nil || !strings.Contains(err.Error(), "ValidationError: Error validating stack policy") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResourceTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for pattern, want := range map[string]string{"AWS::SNS::*": "ValidationError: Resource types [AWS::SQS::Queue, AWS::SSM::Parameter] are not allowed", "AWS::*": ""} {
		_, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain), ResourceTypes: []string{pattern}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
