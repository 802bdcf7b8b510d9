package cloudformation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// parent holds a stack, whose output it uses, and Last, which comes after it.
const parent = `
Parameters: {Size: {Type: String, Default: small}}
Resources:
  Child: {Type: "AWS::CloudFormation::Stack", Properties: {TemplateURL: "https://b/child", Parameters: {Size: !Ref Size}, Tags: [{Key: a, Value: b}]}}
  Last: {Type: "AWS::SNS::Topic", Properties: {DisplayName: !GetAtt Child.Outputs.Queue}}
Outputs:
  Queue: {Value: !GetAtt Child.Outputs.Queue}
`

const child = `
Parameters: {Size: {Type: String}}
Resources:
  Q: {Type: "AWS::SQS::Queue", Properties: {QueueName: !Ref Size}}
  T: {Type: "AWS::SNS::Topic"}
Outputs:
  Queue: {Value: !Ref Q}
`

// childWithout replaces Q where Size changes, and has no T.
var childWithout = strings.Replace(child, "  T: {Type: \"AWS::SNS::Topic\"}\n", "", 1)

func nestedWorld(t *testing.T) *world {
	w := newWorld(t)
	w.upload("https://b/child", child)
	return w
}

func (w *world) childOf(stack string) types.Stack {
	w.t.Helper()
	return w.describe(w.physical(stack, "Child"))
}

func (w *world) logicalIDs(stack string) (ids []string) {
	w.t.Helper()
	out, err := w.client.ListStackResources(w.t.Context(), &cfn.ListStackResourcesInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range out.StackResourceSummaries {
		ids = append(ids, *r.LogicalResourceId)
	}
	return ids
}

func TestNestedStacks(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	s := w.create("p", parent)
	if s.StackStatus != types.StackStatusCreateComplete || !strings.Contains(*s.Outputs[0].OutputValue, "small") {
		t.Fatalf("created: %s, outputs %v\n%s", s.StackStatus, s.Outputs, strings.Join(w.since(0), "\n"))
	}
	c := w.childOf("p")
	if *c.ParentId != *s.StackId || *c.RootId != *s.StackId || c.StackStatus != types.StackStatusCreateComplete || !strings.HasPrefix(*c.StackName, "p-Child-") {
		t.Errorf("child: %s %s, parent %v, root %v", *c.StackName, c.StackStatus, c.ParentId, c.RootId)
	}
	if len(c.Tags) != 1 || *c.Tags[0].Key != "a" {
		t.Errorf("tags of the child: %v", c.Tags)
	}
	all, err := w.client.DescribeStacks(t.Context(), &cfn.DescribeStacksInput{})
	if err != nil || len(all.Stacks) != 2 {
		t.Errorf("all stacks: %d, %v", len(all.Stacks), err)
	}
	events, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: s.StackId})
	if err != nil {
		t.Fatal(err)
	}
	begun := slices.ContainsFunc(events.StackEvents, func(e types.StackEvent) bool {
		return *e.LogicalResourceId == "Child" && e.ResourceStatus == types.ResourceStatusCreateInProgress && *e.PhysicalResourceId == *c.StackId
	})
	if !begun {
		t.Error("no event says which stack was begun, for those who follow its events")
	}

	n := len(w.since(0))
	s = w.update("p", parent, parameter("Size", "large"))
	if s.StackStatus != types.StackStatusUpdateComplete || !strings.Contains(*s.Outputs[0].OutputValue, "large") {
		t.Fatalf("updated: %s, outputs %v\n%s", s.StackStatus, s.Outputs, strings.Join(w.since(n), "\n"))
	}
	got := w.since(n)
	at := func(event string) int { return slices.Index(got, event) }
	if cleanup := at("p UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"); !(at("Child UPDATE_COMPLETE") < cleanup && cleanup < at("Q DELETE_IN_PROGRESS") &&
		at(*c.StackName+" UPDATE_COMPLETE") < at("p UPDATE_COMPLETE")) {
		t.Errorf("want the child to clean up with its parent; got\n%s", strings.Join(got, "\n"))
	}

	w.remove("p")
	if c := w.describe(*c.StackId); c.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("with its parent deleted, the child is %s", c.StackStatus)
	}
}

func TestNestedStackRollsBackWithItsParent(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	w.create("p", parent)
	id := w.physical("p", "Child")
	n := len(w.since(0))
	w.upload("https://b/child", childWithout)
	w.providers.order("Update Last", broken)
	gate := w.providers.hold("Update Last")
	if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("p"), TemplateBody: aws.String(parent),
		Parameters: []types.Parameter{parameter("Size", "large")}}); err != nil {
		t.Fatal(err)
	}
	<-gate
	if c := w.describe(id); c.StackStatus != types.StackStatusUpdateCompleteCleanupInProgress {
		t.Errorf("until its parent is done, the child is %s", c.StackStatus)
	}
	w.providers.release("Update Last")
	w.providers.order("Update Last", nil)
	w.restart() // the child waits still
	s := w.wait(*w.describe("p").StackId)
	if s.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("after a restart: %s\n%s", s.StackStatus, strings.Join(w.since(n), "\n"))
	}

	w.upload("https://b/child", child)
	w.update("p", parent)
	queue, topic := w.physical(id, "Q"), w.physical(id, "T")
	w.upload("https://b/child", childWithout)
	w.providers.order("Update Last", broken)
	gate = w.providers.hold("Update Last")
	n = len(w.since(0))
	if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("p"), TemplateBody: aws.String(parent),
		Parameters: []types.Parameter{parameter("Size", "large")}}); err != nil {
		t.Fatal(err)
	}
	<-gate
	w.providers.release("Update Last")
	w.providers.order("Update Last", nil) // for the rollback
	gate <- struct{}{}
	s = w.wait(*s.StackId)
	if s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("parent: %s %s\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), strings.Join(w.since(n), "\n"))
	}
	c := w.describe(id)
	if c.StackStatus != types.StackStatusUpdateRollbackComplete || !strings.Contains(*c.Outputs[0].OutputValue, "small") {
		t.Errorf("child: %s, outputs %v", c.StackStatus, c.Outputs)
	}
	if w.physical(id, "Q") != queue || w.physical(id, "T") != topic {
		t.Errorf("the child's resources are not the old ones:\n%s", strings.Join(w.since(n), "\n"))
	}
	body, err := w.client.GetTemplate(t.Context(), &cfn.GetTemplateInput{StackName: &id})
	if err != nil || *body.TemplateBody != child {
		t.Errorf("the child's template is not the old one: %v", err)
	}
	if again := w.update("p", parent, parameter("Size", "large")); again.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("the update, now that it works: %s", again.StackStatus)
	}
	if d := cmp.Diff([]string{"Q"}, w.logicalIDs(id)); d != "" {
		t.Errorf("resources of the child (-want +got):\n%s", d)
	}
}

func TestNestedStackFails(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]struct {
		status types.StackStatus
		reason string
	}{
		"Create Q": {types.StackStatusRollbackComplete, "was not successfully created: The following resource(s) failed to create: [Q"},
		"Update T": {types.StackStatusUpdateRollbackComplete, "was not successfully updated. Currently in UPDATE_ROLLBACK_COMPLETE with reason: The following resource(s) failed to update: [T]."},
		"Delete T": {types.StackStatusDeleteFailed, "was not successfully deleted: The following resource(s) failed to delete: [T]."},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			w := nestedWorld(t)
			var s types.Stack
			switch call {
			case "Create Q":
				w.providers.order(call, broken)
				s = w.create("p", parent)
			case "Update T":
				s = w.create("p", parent)
				w.upload("https://b/child", strings.Replace(child, `"AWS::SNS::Topic"}`, `"AWS::SNS::Topic", Properties: {DisplayName: x}}`, 1))
				gate := w.providers.hold(call)
				w.providers.order(call, broken)
				if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: s.StackId, TemplateBody: aws.String(parent)}); err != nil {
					t.Fatal(err)
				}
				<-gate
				w.providers.release(call)
				w.providers.order(call, nil) // for the rollback
				gate <- struct{}{}
				s = w.wait(*s.StackId)
			default:
				w.create("p", parent)
				w.providers.order(call, broken)
				s = w.remove("p")
			}
			events, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: s.StackId})
			if err != nil {
				t.Fatal(err)
			}
			reasons, begun := "", 0
			for _, e := range events.StackEvents {
				reasons += aws.ToString(e.ResourceStatusReason) + "\n"
				if *e.LogicalResourceId == "Child" && e.ResourceStatus == types.ResourceStatusUpdateInProgress {
					begun++
				}
			}
			if begun > 1 {
				t.Error("the rollback begins the child again, though it has rolled back by itself: the CDK would miss why it failed")
			}
			if s.StackStatus != want.status || !strings.Contains(reasons, want.reason) {
				t.Errorf("%s, want %s; reasons\n%s", s.StackStatus, want.status, reasons)
			}
		})
	}
}

// The child's creation is under way when the process ends.
func TestNestedStackResumes(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	gate := w.providers.hold("Create Q")
	out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("p"), TemplateBody: aws.String(parent)})
	if err != nil {
		t.Fatal(err)
	}
	<-gate
	w.providers.release("Create Q")
	w.restart()
	if s := w.wait(*out.StackId); s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("%s %s\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), strings.Join(w.since(0), "\n"))
	}
	all, err := w.client.DescribeStacks(t.Context(), &cfn.DescribeStacksInput{})
	if err != nil || len(all.Stacks) != 2 {
		t.Errorf("%d stacks, want the parent and one child; %v", len(all.Stacks), err)
	}
}

// A rollback of the parent goes on once the child's can.
func TestNestedRollbackGoesOn(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	w.create("p", parent)
	w.upload("https://b/child", strings.Replace(child, `"AWS::SNS::Topic"}`, `"AWS::SNS::Topic", Properties: {DisplayName: x}}`, 1))
	w.providers.order("Update T", broken)
	s := w.update("p", parent)
	if s.StackStatus != types.StackStatusUpdateRollbackFailed || w.childOf("p").StackStatus != types.StackStatusUpdateRollbackFailed {
		t.Fatalf("parent %s, child %s", s.StackStatus, w.childOf("p").StackStatus)
	}
	if _, err := w.client.ContinueUpdateRollback(t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: s.StackId, ResourcesToSkip: []string{"Child.T"}}); err != nil {
		t.Fatal(err)
	}
	if s = w.wait(*s.StackId); s.StackStatus != types.StackStatusUpdateRollbackComplete || w.childOf("p").StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("parent %s, child %s", s.StackStatus, w.childOf("p").StackStatus)
	}
}
