package cloudformation_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

func (w *world) changeSet(stack, name, body string, kind types.ChangeSetType, parameters ...types.Parameter) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	made, err := w.client.CreateChangeSet(w.t.Context(), &cfn.CreateChangeSetInput{
		StackName: &stack, ChangeSetName: &name, TemplateBody: &body, ChangeSetType: kind, Parameters: parameters, ClientToken: aws.String("t-" + name)})
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.client.DescribeChangeSet(w.t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id, IncludePropertyValues: aws.Bool(true)})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestChangeSetCreatesAStack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.changeSet("s", "first", chain, types.ChangeSetTypeCreate)
	if set.Status != types.ChangeSetStatusCreateComplete || set.ExecutionStatus != types.ExecutionStatusAvailable || len(set.Changes) != 3 {
		t.Fatalf("change set: %s %s with %d changes", set.Status, set.ExecutionStatus, len(set.Changes))
	}
	after := aws.ToString(set.Changes[1].ResourceChange.AfterContext)
	if !strings.Contains(after, `{"Key":"a","Value":"{{changeSet:KNOWN_AFTER_APPLY}}"}`) || !strings.Contains(after, `"QueueName":"s-b"`) {
		t.Errorf("the queue is to be %s", after)
	}
	if s := w.describe("s"); s.StackStatus != types.StackStatusReviewInProgress {
		t.Errorf("before the execution: %s", s.StackStatus)
	}
	in := &cfn.ExecuteChangeSetInput{ChangeSetName: aws.String("first"), StackName: aws.String("s"), ClientRequestToken: aws.String("go")}
	for range 2 { // the second is the same call
		if _, err := w.client.ExecuteChangeSet(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	s := w.wait(*set.StackId)
	if s.StackStatus != types.StackStatusCreateComplete || *s.ChangeSetId != *set.ChangeSetId {
		t.Errorf("executed: %s by %s", s.StackStatus, aws.ToString(s.ChangeSetId))
	}
	done, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId})
	if err != nil || done.ExecutionStatus != types.ExecutionStatusExecuteComplete || done.Changes[0].ResourceChange.AfterContext != nil {
		t.Errorf("afterwards: %+v, %v", done, err)
	}
}

func TestChangeSetDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	set := w.changeSet("s", "bigger", chain, types.ChangeSetTypeUpdate, parameter("Size", "large"))
	got, err := json.Marshal(set.Changes[0].ResourceChange.Details)
	if err != nil {
		t.Fatal(err)
	}
	type target struct{ Attribute, Name, Path, RequiresRecreation, BeforeValue, AfterValue, AttributeChangeType string }
	type detail struct {
		CausingEntity, ChangeSource, Evaluation string
		Target                                  target
	}
	var details []detail
	if err := json.Unmarshal(got, &details); err != nil {
		t.Fatal(err)
	}
	to := target{"Properties", "DisplayName", "/Properties/DisplayName", "Never", "small", "large", "Modify"}
	if d := cmp.Diff([]detail{{"Size", "ParameterReference", "Static", to}, {"", "DirectModification", "Dynamic", to}}, details); d != "" {
		t.Errorf("details (-want +got):\n%s", d)
	}
	if ch := set.Changes[0].ResourceChange; ch.Action != types.ChangeActionModify || ch.Replacement != types.ReplacementFalse {
		t.Errorf("%s with replacement %s", ch.Action, ch.Replacement)
	}
}

func TestChangeSetWithoutChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	set := w.changeSet("s", "nothing", chain, types.ChangeSetTypeUpdate)
	if set.Status != types.ChangeSetStatusFailed || set.ExecutionStatus != types.ExecutionStatusUnavailable || aws.ToString(set.StatusReason) !=
		"The submitted information didn't contain changes. Submit different information to create a change set." {
		t.Errorf("%s %s: %s", set.Status, set.ExecutionStatus, aws.ToString(set.StatusReason))
	}
	_, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	var wrong *types.InvalidChangeSetStatusException
	if !errors.As(err, &wrong) {
		t.Errorf("executed: %v", err)
	}
	bad := w.changeSet("s", "bad", strings.Replace(chain, "DisplayName", "DisplayNam", 1), types.ChangeSetTypeUpdate)
	if bad.Status != types.ChangeSetStatusFailed || !strings.Contains(*bad.StatusReason, "extraneous key [DisplayNam] is not permitted") {
		t.Errorf("an unknown property: %s %s", bad.Status, aws.ToString(bad.StatusReason))
	}
}

func TestChangeSetsAreNamedListedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	first := w.changeSet("s", "a", updated, types.ChangeSetTypeUpdate)
	if again := w.changeSet("s", "a", updated, types.ChangeSetTypeUpdate); *again.ChangeSetId != *first.ChangeSetId {
		t.Error("the same call made another change set")
	}
	_, err := w.client.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{
		StackName: aws.String("s"), ChangeSetName: aws.String("a"), TemplateBody: aws.String(updated), ClientToken: aws.String("other")})
	var exists *types.AlreadyExistsException
	if !errors.As(err, &exists) {
		t.Errorf("another call with the name: %v", err)
	}
	w.changeSet("s", "b", updated, types.ChangeSetTypeUpdate)
	list, err := w.client.ListChangeSets(t.Context(), &cfn.ListChangeSetsInput{StackName: aws.String("s")})
	if err != nil || len(list.Summaries) != 2 {
		t.Errorf("list: %d, %v", len(list.Summaries), err)
	}
	if _, err := w.client.DeleteChangeSet(t.Context(), &cfn.DeleteChangeSetInput{ChangeSetName: aws.String("b"), StackName: aws.String("s")}); err != nil {
		t.Error(err)
	}
	_, err = w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: aws.String("b"), StackName: aws.String("s")})
	var absent *types.ChangeSetNotFoundException
	var response *awshttp.ResponseError
	if !errors.As(err, &absent) || !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusNotFound {
		t.Errorf("a deleted change set: %v, want ChangeSetNotFound with 404", err)
	}
}

func TestChangeSetBecomesObsolete(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := newWorldAt(t, clock)
	w.create("s", chain)
	set := w.changeSet("s", "late", updated, types.ChangeSetTypeUpdate)
	clock.Advance(time.Second)
	w.update("s", chain, parameter("Size", "large"))
	if now, _ := w.set(*set.ChangeSetId); now.ExecutionStatus != types.ExecutionStatusObsolete {
		t.Errorf("after another update: %s", now.ExecutionStatus)
	}
	_, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	var wrong *types.InvalidChangeSetStatusException
	if !errors.As(err, &wrong) {
		t.Errorf("executed: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("s", chain)
	role := "Resources: {R: {Type: 'AWS::IAM::Role', Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}"
	for name, c := range map[string]struct {
		body, want string
		parameters []types.Parameter
	}{
		"cycle":      {"Resources: {A: {Type: 'AWS::SNS::Topic', DependsOn: B}, B: {Type: 'AWS::SNS::Topic', DependsOn: A}}", "ValidationError: Circular dependency between resources: [A, B]", nil},
		"reference":  {"Resources: {A: {Type: 'AWS::SNS::Topic', DependsOn: B}}", "ValidationError: Template format error: Unresolved resource dependencies [B] in the Resources block of the template", nil},
		"type":       {"Resources: {A: {Type: 'AWS::No::Such'}}", "ValidationError: Template format error: Unrecognized resource types: [AWS::No::Such]", nil},
		"parameter":  {chain, "ValidationError: Parameters: [Nope] do not exist in the template", []types.Parameter{parameter("Nope", "1")}},
		"capability": {role, "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]", nil},
		"import":     {"Resources: {A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !ImportValue x}}}", "No export named x found.", nil},
	} {
		_, err := w.client.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{
			StackName: aws.String("s"), ChangeSetName: aws.String("x"), TemplateBody: &c.body, Parameters: c.parameters})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	nested := w.create("n", "Resources: {N: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://x'}}}")
	if nested.StackStatus != types.StackStatusRollbackComplete {
		t.Errorf("a nested stack whose template is not there: %s", nested.StackStatus)
	}
	_, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("n"), TemplateBody: aws.String(chain)})
	if err == nil || !strings.Contains(err.Error(), "is in ROLLBACK_COMPLETE state and can not be updated.") {
		t.Errorf("updating it: %v", err)
	}
	_, err = w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("nowhere")})
	if err == nil || !strings.Contains(err.Error(), "ValidationError: Stack [nowhere] does not exist") {
		t.Errorf("events of a stack that is not there: %v", err)
	}
}

func TestNoEchoIsMasked(t *testing.T) {
	t.Parallel()
	const body = "Parameters: {P: {Type: String, NoEcho: true}}\nResources: {A: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Ref P}}}"
	w := newWorld(t)
	w.create("s", body, parameter("P", "first-secret"))
	set := w.changeSet("s", "x", body, types.ChangeSetTypeUpdate, parameter("P", "second-secret"))
	if _, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); err != nil {
		t.Fatal(err)
	}
	stack := w.wait(*set.StackId)
	events, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal([]any{set, stack, events})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "-secret") || !strings.Contains(string(shown), `****`) {
		t.Errorf("the value is shown: %s", shown)
	}
	if got := w.providers.calls[len(w.providers.calls)-1].Properties["DisplayName"]; got != "second-secret" {
		t.Errorf("the provider got %v", got)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	body.WriteString("Resources:\n")
	for i := range 130 {
		body.WriteString("  T" + string(rune('A'+i/26)) + string(rune('A'+i%26)) + ": {Type: 'AWS::SNS::Topic'}\n")
	}
	w := newWorld(t)
	set := w.changeSet("many", "all", body.String(), types.ChangeSetTypeCreate)
	more, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId, NextToken: set.NextToken})
	if err != nil || len(set.Changes) != 100 || len(more.Changes) != 30 || more.NextToken != nil {
		t.Errorf("pages of %d and %d changes, %v", len(set.Changes), len(more.Changes), err)
	}
}
