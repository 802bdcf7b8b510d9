package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// tamper changes a resource behind the stack's back; no properties delete it.
func (w *world) tamper(typeName, physicalID string, properties map[string]any) {
	w.t.Helper()
	q := resource.Request{Account: account, Region: region, Type: typeName, PhysicalID: physicalID, Token: "by hand", Properties: properties}
	var err error
	if properties == nil {
		err = w.providers.inner.Delete(w.t.Context(), q)
	} else {
		_, err = w.providers.inner.Update(w.t.Context(), q)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// detect finds the drift of a stack.
func (w *world) detect(stack string) (*cfn.DescribeStackDriftDetectionStatusOutput, map[string]types.StackResourceDrift) {
	w.t.Helper()
	begun, err := w.client.DetectStackDrift(w.t.Context(), &cfn.DetectStackDriftInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.detected(stack, *begun.StackDriftDetectionId)
}

func (w *world) detected(stack, id string) (*cfn.DescribeStackDriftDetectionStatusOutput, map[string]types.StackResourceDrift) {
	w.t.Helper()
	if err := w.cf.Wait(w.t.Context(), account, region, id); err != nil {
		w.t.Fatal(err)
	}
	status, err := w.client.DescribeStackDriftDetectionStatus(w.t.Context(), &cfn.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := w.client.DescribeStackResourceDrifts(w.t.Context(), &cfn.DescribeStackResourceDriftsInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	of := map[string]types.StackResourceDrift{}
	for _, d := range found.StackResourceDrifts {
		of[*d.LogicalResourceId] = d
	}
	return status, of
}

const drifting = `
Parameters: {P: {Type: String, NoEcho: true, Default: hidden}}
Resources:
  Changed:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: changed
      Tags: [{Key: a, Value: "1"}, {Key: b, Value: "2"}]
      VersioningConfiguration: {Status: Enabled}
      ObjectLockEnabled: "true"
  Gone: {Type: "AWS::S3::Bucket", Properties: {BucketName: gone}}
  Same: {Type: "AWS::SNS::Topic", Properties: {DisplayName: !Ref P}}
  Handle: {Type: "AWS::CloudFormation::WaitConditionHandle"}
`

func TestDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.create("s", drifting)
	if s.DriftInformation.StackDriftStatus != types.StackDriftStatusNotChecked {
		t.Errorf("at first: %s", s.DriftInformation.StackDriftStatus)
	}
	status, of := w.detect("s")
	if status.DetectionStatus != types.StackDriftDetectionStatusDetectionComplete || status.StackDriftStatus != types.StackDriftStatusInSync ||
		*status.DriftedStackResourceCount != 0 || len(of) != 3 {
		t.Fatalf("%+v, resources %v", status, of)
	}
	w.tamper("AWS::S3::Bucket", "gone", nil)
	w.tamper("AWS::S3::Bucket", "changed", map[string]any{"Tags": []any{map[string]any{"Key": "b", "Value": "2"}, map[string]any{"Key": "c", "Value": "3"},
		map[string]any{"Key": "d", "Value": "4"}}, "VersioningConfiguration": map[string]any{"Status": "Suspended"}, "AccessControl": "Private"})
	w.tamper("AWS::SNS::Topic", w.physical("s", "Same"), map[string]any{"DisplayName": "no longer hidden"})
	status, of = w.detect("s")
	if status.StackDriftStatus != types.StackDriftStatusDrifted || *status.DriftedStackResourceCount != 2 {
		t.Errorf("%+v", status)
	}
	got := map[string]types.StackResourceDriftStatus{}
	for id, d := range of {
		got[id] = d.StackResourceDriftStatus
	}
	if d := cmp.Diff(map[string]types.StackResourceDriftStatus{"Changed": "MODIFIED", "Gone": "DELETED", "Same": "IN_SYNC"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	type difference struct{ Type, Path, Expected, Actual string }
	var differences []difference
	for _, d := range of["Changed"].PropertyDifferences {
		differences = append(differences, difference{string(d.DifferenceType), *d.PropertyPath, *d.ExpectedValue, *d.ActualValue})
	}
	want := []difference{
		{"REMOVE", "/ObjectLockEnabled", "true", "null"},
		{"REMOVE", "/Tags/0", `{"Key":"a","Value":"1"}`, "null"},
		{"ADD", "/Tags/1", "null", `{"Key":"c","Value":"3"}`},
		{"ADD", "/Tags/2", "null", `{"Key":"d","Value":"4"}`},
		{"NOT_EQUAL", "/VersioningConfiguration/Status", "Enabled", "Suspended"},
	}
	if d := cmp.Diff(want, differences); d != "" {
		t.Errorf("differences (-want +got):\n%s", d)
	}
	if strings.Contains(*of["Same"].ExpectedProperties+*of["Same"].ActualProperties, "hidden") {
		t.Error("a NoEcho parameter is shown")
	}
	s = w.describe("s")
	if s.DriftInformation.StackDriftStatus != types.StackDriftStatusDrifted || s.DriftInformation.LastCheckTimestamp == nil {
		t.Errorf("the stack says %+v", s.DriftInformation)
	}
	listed, err := w.client.ListStackResources(t.Context(), &cfn.ListStackResourcesInput{StackName: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range listed.StackResourceSummaries {
		if want := got[*r.LogicalResourceId]; want != "" && r.DriftInformation.StackResourceDriftStatus != want ||
			want == "" && r.DriftInformation.StackResourceDriftStatus != types.StackResourceDriftStatusNotChecked {
			t.Errorf("%s is listed with %s", *r.LogicalResourceId, r.DriftInformation.StackResourceDriftStatus)
		}
	}
	one, err := w.client.DetectStackResourceDrift(t.Context(), &cfn.DetectStackResourceDriftInput{StackName: aws.String("s"), LogicalResourceId: aws.String("Gone")})
	if err != nil || one.StackResourceDrift.StackResourceDriftStatus != types.StackResourceDriftStatusDeleted {
		t.Errorf("one resource: %+v, %v", one, err)
	}
	_, err = w.client.DetectStackResourceDrift(t.Context(), &cfn.DetectStackResourceDriftInput{StackName: aws.String("s"), LogicalResourceId: aws.String("Handle")})
	if err == nil || !strings.Contains(err.Error(), "ValidationError: Drift detection is not supported for resource type") {
		t.Errorf("one that can't be checked: %v", err)
	}
}

// A detection takes its time, and is taken up again after a crash.
func TestDriftDetectionResumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", drifting)
	gate := w.providers.hold("Read ")
	begun, err := w.client.DetectStackDrift(t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	<-gate
	status, err := w.client.DescribeStackDriftDetectionStatus(t.Context(), &cfn.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: begun.StackDriftDetectionId})
	if err != nil || status.DetectionStatus != types.StackDriftDetectionStatusDetectionInProgress || status.DriftedStackResourceCount != nil {
		t.Errorf("%+v, %v", status, err)
	}
	if _, err := w.client.DetectStackDrift(t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String("s")}); err == nil || !strings.Contains(err.Error(), "already in progress") {
		t.Errorf("a second one: %v", err)
	}
	w.providers.release("Read ")
	w.restart()
	if status, _ := w.detected("s", *begun.StackDriftDetectionId); status.StackDriftStatus != types.StackDriftStatusInSync {
		t.Errorf("after a restart: %+v", status)
	}
}

func TestDriftIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", drifting)
	w.providers.order("Read ", broken)
	status, of := w.detect("s")
	if status.DetectionStatus != types.StackDriftDetectionStatusDetectionFailed || status.StackDriftStatus != types.StackDriftStatusUnknown ||
		!strings.Contains(*status.DetectionStatusReason, "[Changed, Gone, Same]") || !strings.Contains(*of["Gone"].DriftStatusReason, "out of order") {
		t.Errorf("%+v, %+v", status, of["Gone"])
	}
}

func TestDriftIsReverted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", drifting)
	w.tamper("AWS::S3::Bucket", "gone", nil)
	w.tamper("AWS::S3::Bucket", "changed", map[string]any{"VersioningConfiguration": map[string]any{"Status": "Suspended"}, "ObjectLockEnabled": true})
	made, err := w.client.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("s"), ChangeSetName: aws.String("revert"),
		UsePreviousTemplate: aws.Bool(true), DeploymentMode: types.DeploymentModeRevertDrift})
	if err != nil {
		t.Fatal(err)
	}
	set, changes := w.set(*made.Id)
	changed := changes["Changed"]
	if changed.Action != types.ChangeActionModify || changed.ResourceDriftStatus != types.StackResourceDriftStatusModified ||
		changes["Gone"].Action != types.ChangeActionAdd || len(changes) != 2 {
		t.Fatalf("%s: %+v", set.Status, changes)
	}
	if s := w.execute(set); s.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("%s\n%s", s.StackStatus, w.reasons("s"))
	}
	if status, of := w.detect("s"); status.StackDriftStatus != types.StackDriftStatusInSync {
		t.Errorf("afterwards: %+v", of)
	}
	again, err := w.client.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("s"), ChangeSetName: aws.String("again"),
		UsePreviousTemplate: aws.Bool(true), DeploymentMode: types.DeploymentModeRevertDrift})
	if err != nil {
		t.Fatal(err)
	}
	if set, _ := w.set(*again.Id); set.Status != types.ChangeSetStatusFailed || !strings.Contains(*set.StatusReason, "didn't contain changes") {
		t.Errorf("with nothing to revert: %s", set.Status)
	}
}
