package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// What can't be made is refused before anything is.
func TestWhatNeedsAFunctionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct{ body, want string }{
		"custom": {"Resources: {A: {Type: 'AWS::SNS::Topic'}, C: {Type: 'Custom::Thing', Properties: {ServiceToken: x}}}", "Resource C (Custom::Thing) can't be made: it is a custom resource, and the sandbox has no functions to call"},
		"CloudFormation's": {"Resources: {C: {Type: 'AWS::CloudFormation::CustomResource', Properties: {ServiceToken: x}}}",
			"Resource C (AWS::CloudFormation::CustomResource) can't be made"},
		"macro":          {"Resources: {M: {Type: 'AWS::CloudFormation::Macro', Properties: {Name: m, FunctionName: f}}}", "the sandbox has no functions to call for macros"},
		"transform":      {"Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: 'AWS::SNS::Topic'}}", "Transform AWS::Serverless-2016-10-31 can't be applied: the sandbox has no functions to call"},
		"own transform":  {"Transform: [Mine]\nResources: {A: {Type: 'AWS::SNS::Topic'}}", "Transform Mine can't be applied"},
		"wait condition": {"Resources: {H: {Type: 'AWS::CloudFormation::WaitConditionHandle'}, W: {Type: 'AWS::CloudFormation::WaitCondition', Properties: {Handle: !Ref H, Timeout: '5'}}}", "signal with SignalResource"},
	} {
		_, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: &c.body})
		if err == nil || !strings.Contains(err.Error(), "ValidationError: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: CreateStack: %v\nwant %s", name, err, c.want)
		}
		in := deploying("s", c.body, types.ChangeSetTypeCreate)
		if _, err := w.client.CreateChangeSet(t.Context(), in); err == nil || !strings.Contains(err.Error(), "ValidationError: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: CreateChangeSet: %v\nwant %s", name, err, c.want)
		}
	}
	if n := len(w.since(0)); n != 0 {
		t.Errorf("%d events, want nothing begun", n)
	}
	s := w.create("s", "Conditions: {No: !Equals [a, b]}\nResources: {A: {Type: 'AWS::SNS::Topic'}, C: {Type: 'Custom::Thing', Condition: No, Properties: {ServiceToken: x}}}")
	if s.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("with a condition that does not hold: %s", s.StackStatus)
	}
}

func TestPropertiesAreValidated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ queue, want string }{
		"unknown":           {"{QueueNam: x}", "#: extraneous key [QueueNam] is not permitted"},
		"type":              {"{DelaySeconds: soon}", "#/DelaySeconds: expected type: Integer, found: String"},
		"type of parameter": {"{DelaySeconds: !Ref P}", "#/DelaySeconds: expected type: Integer, found: String"},
		"list":              {"{Tags: {Key: a, Value: b}}", "#/Tags: expected type: JSONArray, found: JSONObject"},
		"nested":            {"{Tags: [{Key: a}]}", "#/Tags/0: required key [Value] not found"},
		"no value":          {"{Tags: [{Key: a, Value: !If [Yes, !Ref AWS::NoValue, b]}]}", "#/Tags/0: required key [Value] not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			body := "Parameters: {P: {Type: String, Default: soon}}\nConditions: {Yes: !Equals [a, a]}\nResources:\n  First: {Type: 'AWS::SNS::Topic'}\n" +
				"  Q: {Type: 'AWS::SQS::Queue', DependsOn: First, Properties: " + c.queue + "}\n"
			set, _ := w.deploy("set", body, types.ChangeSetTypeCreate)
			if set.Status != types.ChangeSetStatusFailed || !strings.Contains(*set.StatusReason, "resource Q with message: "+c.want) {
				t.Errorf("change set: %s %s", set.Status, aws.ToString(set.StatusReason))
			}
			n := len(w.since(0))
			s := w.create("s", body)
			if s.StackStatus != types.StackStatusRollbackComplete || !strings.Contains(w.reasons("s"), c.want) {
				t.Errorf("stack: %s\n%s", s.StackStatus, w.reasons("s"))
			}
			for _, e := range w.since(n) {
				if strings.HasPrefix(e, "First CREATE") {
					t.Error("a resource was begun before the validation")
				}
			}
			failed, err := w.client.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{StackName: aws.String("s"), Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}})
			if err != nil || len(failed.OperationEvents) != 1 || *failed.OperationEvents[0].LogicalResourceId != "Q" {
				t.Errorf("failed events: %+v, %v", failed, err)
			}
			out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("late"), TemplateBody: &body, DisableValidation: aws.Bool(true)})
			if err != nil {
				t.Fatal(err)
			}
			if w.wait(*out.StackId); !strings.Contains(w.reasons("late"), "Q CREATE_FAILED: Properties validation failed for resource Q with message: "+c.want) {
				t.Errorf("without validation:\n%s", w.reasons("late"))
			}
		})
	}
}

func TestTakenNamesStopACreation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("one", kept)
	s := w.create("two", strings.Replace(kept, "Bucket:", "Other:", 1)+"  A: {Type: 'AWS::SNS::Topic'}")
	if s.StackStatus != types.StackStatusRollbackComplete || !strings.Contains(w.reasons("two"), "[AWS::EarlyValidation::ResourceExistenceCheck]") ||
		strings.Contains(w.reasons("two"), "Resource creation Initiated") {
		t.Errorf("%s\n%s", s.StackStatus, w.reasons("two"))
	}
}

// A resource with nothing behind it says so, in the event that it is begun with: a
// reason on its last one would have the CDK say that it is not ready.
func TestGenericResourcesAreMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", synthesized)
	out, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, e := range out.StackEvents {
		if strings.Contains(aws.ToString(e.ResourceStatusReason), "generic: created from its schema, with no behaviour behind it") {
			marked++
		}
		if strings.HasSuffix(string(e.ResourceStatus), "_COMPLETE") && e.ResourceStatusReason != nil {
			t.Errorf("%s %s has the reason %s", *e.LogicalResourceId, e.ResourceStatus, *e.ResourceStatusReason)
		}
	}
	if marked != 2 {
		t.Errorf("%d resources are marked, want 2", marked)
	}
}
