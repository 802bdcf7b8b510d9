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

var broken = &resource.Error{Code: resource.GeneralService, Message: "out of order"}

func TestCreateRollsBack(t *testing.T) {
	t.Parallel()
	for onFailure, want := range map[types.OnFailure]types.StackStatus{
		"":                       types.StackStatusRollbackComplete,
		types.OnFailureRollback:  types.StackStatusRollbackComplete,
		types.OnFailureDoNothing: types.StackStatusCreateFailed,
		types.OnFailureDelete:    types.StackStatusDeleteComplete,
	} {
		w := newWorld(t)
		w.providers.order("Create C", broken)
		out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain), OnFailure: onFailure})
		if err != nil {
			t.Fatal(err)
		}
		if s := w.wait(*out.StackId); s.StackStatus != want {
			t.Errorf("OnFailure %q: %s, want %s", onFailure, s.StackStatus, want)
		}
		events, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: out.StackId})
		if err != nil {
			t.Fatal(err)
		}
		reasons := ""
		for _, e := range events.StackEvents {
			reasons += aws.ToString(e.ResourceStatusReason) + "\n"
		}
		if !strings.Contains(reasons, `Resource handler returned message: "out of order"`) || !strings.Contains(reasons, "The following resource(s) failed to create: [C].") {
			t.Errorf("OnFailure %q: reasons\n%s", onFailure, reasons)
		}
	}
}

// A failure cancels what is under way beside it.
func TestFailureCancelsTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := w.providers.hold("Create Slow")
	w.providers.order("Create Bad", broken)
	hold := w.providers.hold("Create Bad")
	out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"),
		TemplateBody: aws.String("Resources: {Slow: {Type: 'AWS::SNS::Topic'}, Bad: {Type: 'AWS::SNS::Topic'}}")})
	if err != nil {
		t.Fatal(err)
	}
	<-gate
	<-hold
	hold <- struct{}{}
	if s := w.wait(*out.StackId); s.StackStatus != types.StackStatusRollbackComplete {
		t.Errorf("status %s", s.StackStatus)
	}
	events, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: out.StackId})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.StackEvents {
		if *e.LogicalResourceId == "Slow" && e.ResourceStatus == types.ResourceStatusCreateFailed && *e.ResourceStatusReason == "Resource creation cancelled" {
			return
		}
	}
	t.Error("no event says that the slow one was cancelled")
}

const updated = `
Resources:
  A: {Type: "AWS::SNS::Topic", Properties: {DisplayName: changed}}
  B: {Type: "AWS::SQS::Queue", Properties: {QueueName: replaced, Tags: [{Key: a, Value: !Ref A}]}}
  C: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !GetAtt B.Arn}}
  D: {Type: "AWS::SNS::Topic", DependsOn: B}
`

func TestUpdateRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	queue, n := w.physical("s", "B"), len(w.since(0))
	w.providers.order("Update C", broken)
	gate := w.providers.hold("Update C")
	id := aws.String("s")
	if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: id, TemplateBody: aws.String(updated)}); err != nil {
		t.Fatal(err)
	}
	<-gate
	w.providers.release("Update C")
	// The rollback updates C once more, and then it works.
	w.providers.order("Update C", nil)
	gate <- struct{}{}
	s := w.wait(*w.describe("s").StackId)
	if s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("status %s: %s\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), strings.Join(w.since(n), "\n"))
	}
	if got := w.physical("s", "B"); got != queue {
		t.Errorf("the queue is %s, want %s again", got, queue)
	}
	resources, err := w.client.ListStackResources(t.Context(), &cfn.ListStackResourcesInput{StackName: id})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, r := range resources.StackResourceSummaries {
		left = append(left, *r.LogicalResourceId)
	}
	if d := cmp.Diff([]string{"A", "B", "C"}, left); d != "" {
		t.Errorf("resources (-want +got):\n%s", d)
	}
	template, err := w.client.GetTemplate(t.Context(), &cfn.GetTemplateInput{StackName: id})
	if err != nil || *template.TemplateBody != chain {
		t.Errorf("the template is not the old one: %v", err)
	}
	if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: id, TemplateBody: aws.String(chain)}); err == nil || !strings.Contains(err.Error(), "No updates") {
		t.Errorf("the old template again: %v, want no updates", err)
	}
	if s := w.update("s", updated); s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("the next update: %s", s.StackStatus)
	}
}

func TestRollbackFailsAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	w.providers.order("Update C", broken)
	s := w.update("s", updated)
	if s.StackStatus != types.StackStatusUpdateRollbackFailed || !strings.Contains(*s.StackStatusReason, "[C]") {
		t.Fatalf("status %s: %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	w.restart() // it stays as it is
	in := &cfn.ContinueUpdateRollbackInput{StackName: aws.String("s"), ResourcesToSkip: []string{"A"}}
	if _, err := w.client.ContinueUpdateRollback(t.Context(), in); err == nil {
		t.Error("a resource that did not fail can't be skipped, yet it was")
	}
	in.ResourcesToSkip, in.ClientRequestToken = []string{"C"}, aws.String("go on")
	for range 2 { // the second is the same call
		if _, err := w.client.ContinueUpdateRollback(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.wait(*s.StackId); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s", s.StackStatus)
	}
}

func TestDeleteFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	w.providers.order("Delete B", broken)
	s := w.remove("s")
	if s.StackStatus != types.StackStatusDeleteFailed || !strings.Contains(*s.StackStatusReason, "failed to delete: [B]") {
		t.Fatalf("status %s: %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	if _, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: aws.String("s"), RetainResources: []string{"B"}}); err != nil {
		t.Fatal(err)
	}
	if s := w.wait(*s.StackId); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("with B retained: %s", s.StackStatus)
	}
}

func TestCancelUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create("s", chain).StackId
	gate := w.providers.hold("Update A")
	if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: id, TemplateBody: aws.String(updated)}); err != nil {
		t.Fatal(err)
	}
	<-gate
	w.providers.release("Update A")
	if _, err := w.client.CancelUpdateStack(t.Context(), &cfn.CancelUpdateStackInput{StackName: id}); err != nil {
		t.Fatal(err)
	}
	if s := w.wait(*id); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s", s.StackStatus)
	}
}

func TestDeleteWhileCreating(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := w.providers.hold("Create B")
	out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain)})
	if err != nil {
		t.Fatal(err)
	}
	<-gate
	if _, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: aws.String("s")}); err != nil {
		t.Fatal(err)
	}
	if s := w.wait(*out.StackId); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("status %s: %s", s.StackStatus, strings.Join(w.since(0), "\n"))
	}
}

// The process ends while a call is under way; the next one repeats the call with
// the same token, and nothing is made twice.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Create B", "Update A", "Delete B"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := ""
			var gate chan struct{}
			if call == "Create B" {
				gate = w.providers.hold(call)
				out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain)})
				if err != nil {
					t.Fatal(err)
				}
				id = *out.StackId
			} else {
				id = *w.create("s", chain).StackId
				gate = w.providers.hold(call)
				// Replaces B, so that the old one is deleted in the cleanup.
				body := strings.Replace(updated, "QueueName: replaced", "QueueName: other", 1)
				if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: &id, TemplateBody: &body}); err != nil {
					t.Fatal(err)
				}
			}
			<-gate
			before := w.providers.calls[len(w.providers.calls)-1]
			w.providers.release(call)
			w.restart()
			s := w.wait(id)
			if s.StackStatus != types.StackStatusCreateComplete && s.StackStatus != types.StackStatusUpdateComplete {
				t.Fatalf("status %s: %s", s.StackStatus, strings.Join(w.since(0), "\n"))
			}
			tokens := 0
			for _, q := range w.providers.calls {
				if q.Token == before.Token {
					tokens++
				}
			}
			if tokens != 2 {
				t.Errorf("the call was made %d times with its token, want 2: before the end of the process and after", tokens)
			}
		})
	}
}

func TestUpdateWithoutRollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	w.providers.order("Create D", broken)
	in := &cfn.UpdateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(updated), DisableRollback: aws.Bool(true)}
	if _, err := w.client.UpdateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	s := w.wait(*w.describe("s").StackId)
	if s.StackStatus != types.StackStatusUpdateFailed {
		t.Fatalf("status %s", s.StackStatus)
	}
	w.providers.order("Create D", nil)
	if s := w.update("s", updated); s.StackStatus != types.StackStatusUpdateComplete || w.physical("s", "D") == "" {
		t.Errorf("the same again, now that it works: %s", s.StackStatus)
	}
	if s := w.remove("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleted: %s", s.StackStatus)
	}
	left := 0
	for _, q := range w.providers.calls {
		if q.Type == "AWS::SQS::Queue" && q.PhysicalID != "" {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d queues were deleted, want both: the replaced one too", left)
	}
}
