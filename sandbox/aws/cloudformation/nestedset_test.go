package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// deploy makes the CDK's change set and returns it and the change of each
// resource.
func (w *world) deploy(stack, body string, kind types.ChangeSetType, parameters ...types.Parameter) (*cfn.DescribeChangeSetOutput, map[string]types.ResourceChange) {
	w.t.Helper()
	in := deploying(stack, body, kind)
	in.ClientToken = nil
	in.Parameters = parameters
	made, err := w.client.CreateChangeSet(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.set(*made.Id)
}

func (w *world) set(id string) (*cfn.DescribeChangeSetOutput, map[string]types.ResourceChange) {
	w.t.Helper()
	set, err := w.client.DescribeChangeSet(w.t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: &id, IncludePropertyValues: aws.Bool(true)})
	if err != nil {
		w.t.Fatal(err)
	}
	changes := map[string]types.ResourceChange{}
	for _, ch := range set.Changes {
		changes[*ch.ResourceChange.LogicalResourceId] = *ch.ResourceChange
	}
	return set, changes
}

func (w *world) execute(set *cfn.DescribeChangeSetOutput) types.Stack {
	w.t.Helper()
	if _, err := w.client.ExecuteChangeSet(w.t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); err != nil {
		w.t.Fatal(err)
	}
	return w.wait(*set.StackId)
}

func TestNestedChangeSets(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	root, changes := w.deploy("p", parent, types.ChangeSetTypeCreate)
	ch := changes["Child"]
	if root.Status != types.ChangeSetStatusCreateComplete || ch.ChangeSetId == nil {
		t.Fatalf("root: %s %s, %+v", root.Status, aws.ToString(root.StatusReason), changes)
	}
	set, inner := w.set(*ch.ChangeSetId)
	if *set.ParentChangeSetId != *root.ChangeSetId || *set.RootChangeSetId != *root.ChangeSetId || *set.StackId != *ch.PhysicalResourceId || len(inner) != 2 {
		t.Errorf("nested: %+v", set)
	}
	if c := w.describe(*set.StackId); c.StackStatus != types.StackStatusReviewInProgress || *c.RootId != *root.StackId {
		t.Errorf("the child to be: %s", c.StackStatus)
	}
	if _, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); err == nil || !strings.Contains(err.Error(), "ValidationError") {
		t.Errorf("executing the nested one alone: %v", err)
	}
	w.upload("https://b/child", "this is not what was shown")
	if s := w.execute(root); s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("%s %s\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), strings.Join(w.since(0), "\n"))
	}
	if id := w.physical("p", "Child"); id != *set.StackId {
		t.Errorf("the child is %s, want %s", id, *set.StackId)
	}
	if set, _ := w.set(*set.ChangeSetId); set.ExecutionStatus != types.ExecutionStatusExecuteComplete {
		t.Errorf("nested change set: %s", set.ExecutionStatus)
	}

	w.upload("https://b/child", child)
	w.forgetSet("p")
	if same, _ := w.deploy("p", parent, types.ChangeSetTypeUpdate); same.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(*same.StatusReason, "The submitted information didn't contain changes.") {
		t.Errorf("the same again: %s %s", same.Status, aws.ToString(same.StatusReason))
	}
	w.forgetSet("p")
	root, changes = w.deploy("p", parent, types.ChangeSetTypeUpdate, parameter("Size", "large"))
	_, inner = w.set(*changes["Child"].ChangeSetId)
	if ch := inner["Q"]; ch.Replacement != types.ReplacementTrue || *ch.PhysicalResourceId != w.physical(*set.StackId, "Q") || len(inner) != 1 {
		t.Errorf("nested: %+v", inner)
	}
	if s := w.execute(root); s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("executed: %s", s.StackStatus)
	}
}

func (w *world) forgetSet(stack string) {
	w.t.Helper()
	in := &cfn.DeleteChangeSetInput{StackName: &stack, ChangeSetName: aws.String("cdk-deploy-change-set")}
	if _, err := w.client.DeleteChangeSet(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func TestNestedChangeSetFails(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	for name, body := range map[string]string{
		"property":     strings.Replace(child, "QueueName", "QueueNam", 1),
		"no template":  "Resources: {",
		"no parameter": strings.Replace(child, "{Size: {Type: String}}", "{Size: {Type: String}, More: {Type: String}}", 1),
	} {
		w.upload("https://b/child", body)
		root, changes := w.deploy("p", parent, types.ChangeSetTypeCreate)
		id := *changes["Child"].ChangeSetId
		if root.Status != types.ChangeSetStatusFailed || *root.StatusReason != "Nested change set "+id+" was not successfully created: Currently in FAILED." {
			t.Errorf("%s: root %s: %s", name, root.Status, aws.ToString(root.StatusReason))
		}
		if set, _ := w.set(id); set.Status != types.ChangeSetStatusFailed {
			t.Errorf("%s: nested %s", name, set.Status)
		}
		w.forgetSet("p")
		if c := w.describe(*changes["Child"].PhysicalResourceId); c.StackStatus != types.StackStatusDeleteComplete {
			t.Errorf("%s: a stack that never came to be is left: %s", name, c.StackStatus)
		}
	}
}

// Without IncludeNestedStacks a nested stack is one that may change.
func TestNestedStackInAPlainChangeSet(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	w.create("p", parent)
	set := w.changeSet("p", "plain", parent, types.ChangeSetTypeUpdate)
	if len(set.Changes) != 1 {
		t.Fatalf("%s %s with %d changes", set.Status, aws.ToString(set.StatusReason), len(set.Changes))
	}
	ch := set.Changes[0].ResourceChange
	if *ch.LogicalResourceId != "Child" || ch.Details[0].ChangeSource != types.ChangeSourceAutomatic || ch.Replacement != types.ReplacementFalse {
		t.Errorf("%+v", ch)
	}
	n := len(w.since(0))
	if s := w.execute(set); s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("executed: %s", s.StackStatus)
	}
	for _, e := range w.since(n) {
		if strings.HasPrefix(e, "Q ") {
			t.Errorf("nothing changed in the child, yet there is %s", e)
		}
	}
}

// What only the execution knows does not stop a change set.
func TestNestedChangeSetWithUnknownParameter(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	const body = `
Resources:
  Name: {Type: "AWS::SNS::Topic"}
  Child: {Type: "AWS::CloudFormation::Stack", Properties: {TemplateURL: "https://b/child", Parameters: {Size: !GetAtt Name.TopicName}}}
`
	root, changes := w.deploy("p", body, types.ChangeSetTypeCreate)
	if root.Status != types.ChangeSetStatusCreateComplete {
		t.Fatalf("%s %s", root.Status, aws.ToString(root.StatusReason))
	}
	_, inner := w.set(*changes["Child"].ChangeSetId)
	if after := aws.ToString(inner["Q"].AfterContext); !strings.Contains(after, `"QueueName":"{{changeSet:KNOWN_AFTER_APPLY}}"`) {
		t.Errorf("the queue is to be %s", after)
	}
	if s := w.execute(root); s.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("executed: %s %s\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), strings.Join(w.since(0), "\n"))
	}
}
