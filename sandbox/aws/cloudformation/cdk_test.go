package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// synthesized has what the CDK adds to each template.
const synthesized = `{
 "Resources": {
  "Topic": {"Type": "AWS::SNS::Topic", "Metadata": {"aws:cdk:path": "App/Topic/Resource"}},
  "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4s"}, "Condition": "CDKMetadataAvailable"}
 },
 "Conditions": {"CDKMetadataAvailable": {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}, {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]}},
 "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version",
  "Description": "Version of the CDK Bootstrap resources in this environment [cdk:skip]"}},
 "Rules": {"CheckBootstrapVersion": {"Assertions": [{
  "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]},
  "AssertDescription": "CDK bootstrap stack version 6 required. Please run 'cdk bootstrap' with a recent version of the CDK CLI."}]}}
}`

// deploying is the change set that cdk deploy asks for.
func deploying(stack, body string, kind types.ChangeSetType) *cfn.CreateChangeSetInput {
	return &cfn.CreateChangeSetInput{
		StackName: &stack, ChangeSetName: aws.String("cdk-deploy-change-set"), ChangeSetType: kind, TemplateBody: &body,
		ClientToken: aws.String("create"), Description: aws.String("CDK Changeset for execution"), ImportExistingResources: aws.Bool(true),
		IncludeNestedStacks: aws.Bool(true), DeploymentConfig: &types.DeploymentConfig{Mode: types.DeploymentConfigModeStandard},
		Parameters: []types.Parameter{}, Tags: []types.Tag{}, NotificationARNs: []string{},
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
	}
}

func TestWhatTheCDKDeploys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.client.CreateChangeSet(t.Context(), deploying("app", synthesized, types.ChangeSetTypeCreate))
	if err != nil {
		t.Fatal(err)
	}
	set, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id, StackName: made.StackId})
	if err != nil || !*set.IncludeNestedStacks || !*set.ImportExistingResources || set.DeploymentConfig.Mode != types.DeploymentConfigModeStandard {
		t.Fatalf("change set: %+v, %v", set, err)
	}
	if _, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
		t.Fatal(err)
	}
	s := w.wait(*made.StackId)
	if s.StackStatus != types.StackStatusCreateComplete || len(s.LastOperations) != 1 || s.LastOperations[0].OperationType != types.OperationTypeCreateStack {
		t.Fatalf("%s %s, last operations %v", s.StackStatus, aws.ToString(s.StackStatusReason), s.LastOperations)
	}
	all, err := w.client.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{OperationId: s.LastOperations[0].OperationId})
	if err != nil || len(all.OperationEvents) != len(w.since(1)) || all.OperationEvents[0].OperationStatus != types.BeaconStackOperationStatusSucceeded {
		t.Errorf("events of the operation: %d, %v", len(all.OperationEvents), err)
	}
	hooks, err := w.client.ListHookResults(t.Context(), &cfn.ListHookResultsInput{TargetType: types.ListHookResultsTargetTypeChangeSet, TargetId: made.Id})
	if err != nil || len(hooks.HookResults) != 0 {
		t.Errorf("hooks: %v, %v", hooks, err)
	}
}

func TestBootstrapVersionIsAsserted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, want := range map[string]string{
		"/old/version":   "CDK bootstrap stack version 6 required.",
		"/not/there":     "Unable to fetch parameters [/not/there] from parameter store for this account",
		"/cdk-bootstrap": "Unable to fetch parameters [/cdk-bootstrap]",
	} {
		in := deploying("app", strings.Replace(synthesized, "/cdk-bootstrap/hnb659fds/version", name, 1), types.ChangeSetTypeCreate)
		_, err := w.client.CreateChangeSet(t.Context(), in)
		if err == nil || !strings.Contains(err.Error(), "ValidationError: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("with %s: %v, want %s", name, err, want)
		}
	}
}

// The CDK reads what is wrong with a change set from its events.
func TestValidationIsInTheEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := strings.Replace(synthesized, `"AWS::SNS::Topic",`, `"AWS::SNS::Topic", "Properties": {"DisplayNam": "x"},`, 1)
	made, err := w.client.CreateChangeSet(t.Context(), deploying("app", body, types.ChangeSetTypeCreate))
	if err != nil {
		t.Fatal(err)
	}
	set, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id})
	if err != nil || set.Status != types.ChangeSetStatusFailed || !strings.Contains(*set.StatusReason, "[AWS::EarlyValidation::PropertyValidation]") {
		t.Fatalf("change set: %+v, %v", set, err)
	}
	failed, err := w.client.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{ChangeSetName: made.Id, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	type finding struct{ Type, LogicalID, Path, Name string }
	var got []finding
	for _, e := range failed.OperationEvents {
		got = append(got, finding{string(e.EventType), *e.LogicalResourceId, *e.ValidationPath, *e.ValidationName})
	}
	want := []finding{{"VALIDATION_ERROR", "Topic", "/Resources/Topic/Properties", "PROPERTY_VALIDATION"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("failed events (-want +got):\n%s", d)
	}
}

func TestWaysToDeployThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*cfn.CreateChangeSetInput){
		"EXPRESS":      func(in *cfn.CreateChangeSetInput) { in.DeploymentConfig.Mode = types.DeploymentConfigModeExpress },
		"REVERT_DRIFT": func(in *cfn.CreateChangeSetInput) { in.DeploymentMode = types.DeploymentModeRevertDrift },
	} {
		in := deploying("app", synthesized, types.ChangeSetTypeCreate)
		change(in)
		if _, err := w.client.CreateChangeSet(t.Context(), in); err == nil || !strings.Contains(err.Error(), "ValidationError") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
