package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

func (w *world) updateKeeping(stack, body string, parameters ...types.Parameter) types.Stack {
	w.t.Helper()
	in := &cfn.UpdateStackInput{StackName: &stack, TemplateBody: &body, DisableRollback: aws.Bool(true), Parameters: parameters}
	out, err := w.client.UpdateStack(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.wait(*out.StackId)
}

func (w *world) rollBack(stack string) types.Stack {
	w.t.Helper()
	out, err := w.client.RollbackStack(w.t.Context(), &cfn.RollbackStackInput{StackName: &stack, ClientRequestToken: aws.String("back")})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.wait(*out.StackId)
}

func TestRollbackStackAfterACreation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.providers.order("Create C", broken)
	out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain), DisableRollback: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if s := w.wait(*out.StackId); s.StackStatus != types.StackStatusCreateFailed {
		t.Fatal(s.StackStatus)
	}
	if s := w.rollBack("s"); s.StackStatus != types.StackStatusRollbackComplete {
		t.Errorf("%s\n%s", s.StackStatus, w.reasons("s"))
	}
	if _, err := w.client.RollbackStack(t.Context(), &cfn.RollbackStackInput{StackName: aws.String("s")}); err == nil || !strings.Contains(err.Error(), "ValidationError") {
		t.Errorf("once more: %v", err)
	}
}

// Two updates fail and stay; the rollback goes back to what was before the first.
func TestRollbackStackAfterUpdates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	topic, queue := w.physical("s", "A"), w.physical("s", "B")
	w.providers.order("Create D", broken)
	if s := w.updateKeeping("s", updated); s.StackStatus != types.StackStatusUpdateFailed || w.physical("s", "B") == queue {
		t.Fatalf("%s, the queue is %s", s.StackStatus, w.physical("s", "B"))
	}
	again := strings.Replace(updated, "DisplayName: changed", "DisplayName: changed more", 1)
	if s := w.updateKeeping("s", again); s.StackStatus != types.StackStatusUpdateFailed {
		t.Fatal(s.StackStatus)
	}
	w.restart()
	s := w.rollBack("s")
	if s.StackStatus != types.StackStatusUpdateRollbackComplete || w.physical("s", "A") != topic || w.physical("s", "B") != queue {
		t.Fatalf("%s, topic %s, queue %s\n%s", s.StackStatus, w.physical("s", "A"), w.physical("s", "B"), w.reasons("s"))
	}
	if d := cmp.Diff([]string{"A", "B", "C"}, w.logicalIDs("s")); d != "" {
		t.Errorf("resources (-want +got):\n%s", d)
	}
	last := map[string]any{}
	for _, q := range w.providers.calls {
		if q.Properties != nil && q.LogicalID == "A" {
			last = q.Properties
		}
	}
	if last["DisplayName"] != "small" {
		t.Errorf("the topic was last given %v", last)
	}
	if body, err := w.client.GetTemplate(t.Context(), &cfn.GetTemplateInput{StackName: aws.String("s")}); err != nil || *body.TemplateBody != chain {
		t.Errorf("the template is not the old one: %v", err)
	}
	if s := w.remove("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleted: %s", s.StackStatus)
	}
}

func TestRollbackStackTakesNestedStacksAlong(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	w.create("p", parent)
	w.providers.order("Update Last", broken)
	s := w.updateKeeping("p", parent, parameter("Size", "large"))
	if c := w.childOf("p"); s.StackStatus != types.StackStatusUpdateFailed || c.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("parent %s, child %s", s.StackStatus, c.StackStatus)
	}
	w.providers.order("Update Last", nil)
	s = w.rollBack("p")
	if c := w.childOf("p"); s.StackStatus != types.StackStatusUpdateRollbackComplete || c.StackStatus != types.StackStatusUpdateComplete ||
		!strings.Contains(*c.Outputs[0].OutputValue, "small") {
		t.Errorf("parent %s, child %s with %v\n%s", s.StackStatus, c.StackStatus, c.Outputs, w.reasons("p"))
	}
}

func TestForcedDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	force := &cfn.DeleteStackInput{StackName: aws.String("s"), DeletionMode: types.DeletionModeForceDeleteStack}
	if _, err := w.client.DeleteStack(t.Context(), force); err == nil || !strings.Contains(err.Error(), "ValidationError") {
		t.Errorf("a stack that is well: %v", err)
	}
	w.providers.order("Delete B", broken)
	id := w.remove("s").StackId
	if _, err := w.client.DeleteStack(t.Context(), force); err != nil {
		t.Fatal(err)
	}
	if s := w.wait(*id); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("%s\n%s", s.StackStatus, w.reasons(*id))
	}
}

func TestForcedRollbackSkips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	w.providers.order("Update C", broken)
	s := w.update("s", updated)
	if _, err := w.client.ContinueUpdateRollback(t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: s.StackId, ForceRollback: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	s = w.wait(*s.StackId)
	if s.StackStatus != types.StackStatusUpdateRollbackComplete || !strings.Contains(w.reasons("s"), "C UPDATE_COMPLETE: Resource skipped during UpdateRollback") {
		t.Errorf("%s\n%s", s.StackStatus, w.reasons("s"))
	}
}
