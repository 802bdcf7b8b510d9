package cloudformation_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// chain is three resources, each of which needs the one before.
const chain = `
Parameters: {Size: {Type: String, Default: small}}
Resources:
  A: {Type: "AWS::SNS::Topic", Properties: {DisplayName: !Ref Size}}
  B: {Type: "AWS::SQS::Queue", Properties: {QueueName: !Sub "${AWS::StackName}-b", Tags: [{Key: a, Value: !Ref A}]}}
  C: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !GetAtt B.Arn}}
Outputs:
  Queue: {Value: !Ref B, Description: the queue}
`

func TestCreateUpdateDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.create("one", chain)
	if s.StackStatus != types.StackStatusCreateComplete || len(s.Outputs) != 1 || !strings.Contains(*s.Outputs[0].OutputValue, "one-b") {
		t.Fatalf("created: %s, outputs %+v", s.StackStatus, s.Outputs)
	}
	want := []string{"one CREATE_IN_PROGRESS",
		"A CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS", "A CREATE_COMPLETE",
		"B CREATE_IN_PROGRESS", "B CREATE_IN_PROGRESS", "B CREATE_COMPLETE",
		"C CREATE_IN_PROGRESS", "C CREATE_IN_PROGRESS", "C CREATE_COMPLETE", "one CREATE_COMPLETE"}
	if d := cmp.Diff(want, w.since(0)); d != "" {
		t.Errorf("events of the creation (-want +got):\n%s", d)
	}
	n, topic := len(want), w.physical("one", "A")
	s = w.update("one", chain, parameter("Size", "large"))
	want = []string{"one UPDATE_IN_PROGRESS", "A UPDATE_IN_PROGRESS", "A UPDATE_COMPLETE", "one UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "one UPDATE_COMPLETE"}
	if d := cmp.Diff(want, w.since(n)); d != "" {
		t.Errorf("events of the update (-want +got):\n%s", d)
	}
	if got := w.physical("one", "A"); got != topic {
		t.Errorf("updated in place, yet %s became %s", topic, got)
	}
	n += len(want)
	s = w.remove("one")
	want = []string{"one DELETE_IN_PROGRESS", "C DELETE_IN_PROGRESS", "C DELETE_COMPLETE", "B DELETE_IN_PROGRESS", "B DELETE_COMPLETE",
		"A DELETE_IN_PROGRESS", "A DELETE_COMPLETE", "one DELETE_COMPLETE"}
	if d := cmp.Diff(want, w.since(n)); d != "" {
		t.Errorf("events of the deletion (-want +got):\n%s", d)
	}
	if s.StackStatus != types.StackStatusDeleteComplete || s.DeletionTime == nil {
		t.Errorf("by its ARN: %s, want DELETE_COMPLETE", s.StackStatus)
	}
	_, err := w.client.DescribeStacks(t.Context(), &cfn.DescribeStacksInput{StackName: aws.String("one")})
	if err == nil || !strings.Contains(err.Error(), "ValidationError: Stack with id one does not exist") {
		t.Errorf("by its name: %v", err)
	}
}

func TestReplacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("r", strings.Replace(chain, "AWS::StackName", "Size", 1))
	old, n := w.physical("r", "B"), len(w.since(0))
	s := w.update("r", strings.Replace(chain, "AWS::StackName", "Size", 1), parameter("Size", "large"))
	if s.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("updated: %s %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	if now := w.physical("r", "B"); now == old || !strings.Contains(now, "large-b") {
		t.Errorf("the queue was %s and is %s, want another one", old, now)
	}
	got := w.since(n)
	created, deleted := slices.Index(got, "B UPDATE_COMPLETE"), slices.Index(got, "B DELETE_IN_PROGRESS")
	cleanup := slices.Index(got, "r UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
	referrer := slices.Index(got, "C UPDATE_COMPLETE")
	if !(0 <= created && created < referrer && referrer < cleanup && cleanup < deleted) {
		t.Errorf("want the new one created, references moved, then the old one deleted; got\n%s", strings.Join(got, "\n"))
	}
}

func TestAProviderDecidesConditionalReplacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const body = "Parameters: {M: {Type: String, Default: 'false'}}\nResources: {D: {Type: 'AWS::RDS::DBInstance', Properties: {MultiAZ: !Ref M}}}"
	w.create("c", body)
	first := w.physical("c", "D")
	w.update("c", body, parameter("M", "true"))
	if got := w.physical("c", "D"); got != first {
		t.Errorf("MultiAZ is changed in place, yet %s became %s", first, got)
	}
	w.providers.order("Update D", &resource.Error{Code: resource.NotUpdatable, Message: "not in place"})
	w.update("c", body, parameter("M", "false"))
	if got := w.physical("c", "D"); got == first {
		t.Errorf("the provider can't update it, yet it is %s still", got)
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const kept = "\n  K: {Type: 'AWS::SNS::Topic', DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Properties: {TopicName: %s}}"
	body := "Resources:\n  A: {Type: 'AWS::SNS::Topic'}"
	w.create("p", body+strings.Replace(kept, "%s", "one", 1))
	n := len(w.since(0))
	w.update("p", body+strings.Replace(kept, "%s", "two", 1))
	w.update("p", body)
	var skipped int
	for _, e := range w.since(n) {
		switch e {
		case "K DELETE_SKIPPED":
			skipped++
		case "K DELETE_COMPLETE":
			t.Error("a retained resource was deleted")
		}
	}
	if skipped != 2 {
		t.Errorf("skipped %d times, want once at the replacement and once at the removal", skipped)
	}
}

func TestNoUpdates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("n", chain)
	_, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("n"), TemplateBody: aws.String(chain)})
	if err == nil || !strings.Contains(err.Error(), "ValidationError: No updates are to be performed.") {
		t.Errorf("the same template: %v", err)
	}
	s := w.update("n", strings.Replace(chain, "the queue", "a queue", 1))
	if *s.Outputs[0].Description != "a queue" {
		t.Errorf("an output alone was changed, and is %+v", s.Outputs)
	}
}

func TestProtectionTokensAndExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const exporter = "Resources: {A: {Type: 'AWS::SNS::Topic', Properties: {TopicName: t}}}\nOutputs: {O: {Value: v, Export: {Name: shared}}}"
	const importer = "Resources: {B: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !ImportValue shared}}}"
	in := &cfn.CreateStackInput{StackName: aws.String("e"), TemplateBody: aws.String(exporter), ClientRequestToken: aws.String("once"),
		EnableTerminationProtection: aws.Bool(true), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}}
	first, err := w.client.CreateStack(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	w.wait(*first.StackId)
	if again, err := w.client.CreateStack(t.Context(), in); err != nil || *again.StackId != *first.StackId {
		t.Errorf("the same call again: %v, %v", again, err)
	}
	in.ClientRequestToken = aws.String("twice")
	if _, err := w.client.CreateStack(t.Context(), in); err == nil || !strings.Contains(err.Error(), "AlreadyExistsException: Stack [e] already exists") {
		t.Errorf("another call: %v", err)
	}
	if got := w.providers.calls[0].Tags; got["team"] != "blue" || got["aws:cloudformation:logical-id"] != "A" {
		t.Errorf("tags of the resource: %v", got)
	}
	w.create("i", importer)
	if _, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: aws.String("e")}); err == nil || !strings.Contains(err.Error(), "TerminationProtection is enabled") {
		t.Errorf("deleting a protected stack: %v", err)
	}
	if _, err := w.client.UpdateTerminationProtection(t.Context(), &cfn.UpdateTerminationProtectionInput{
		StackName: aws.String("e"), EnableTerminationProtection: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	s := w.update("e", strings.Replace(exporter, "Name: shared", "Name: other", 1))
	if s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("removing an export that is in use: %s", s.StackStatus)
	}
	// It is as it was before, and says why.
	if s := w.remove("e"); s.StackStatus != types.StackStatusUpdateRollbackComplete || aws.ToString(s.StackStatusReason) != "Export shared cannot be deleted as it is in use by i" {
		t.Errorf("deleting a stack whose export is in use: %s %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	w.remove("i")
	if s := w.remove("e"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting it afterwards: %s", s.StackStatus)
	}
}

func TestTheExample(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "template", "testdata", "database.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	s := w.create("blog", string(body))
	if s.StackStatus != types.StackStatusCreateComplete || len(s.Outputs) != 3 {
		t.Fatalf("created: %s %s, outputs %v", s.StackStatus, aws.ToString(s.StackStatusReason), s.Outputs)
	}
	zones := map[string]any{}
	for _, q := range w.providers.calls {
		switch q.LogicalID {
		case "Database":
			if q.Properties["MasterUserPassword"] != "hunter2" || q.Properties["MasterUsername"] != "ghost" {
				t.Error("the dynamic references were not resolved for the database")
			}
		case "SubnetA", "SubnetB":
			zones[q.LogicalID] = q.Properties["AvailabilityZone"]
		}
	}
	if d := cmp.Diff(map[string]any{"SubnetA": "eu-west-1a", "SubnetB": "eu-west-1b"}, zones); d != "" {
		t.Errorf("zones (-want +got):\n%s", d)
	}
	shown, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("blog")})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range shown.StackEvents {
		if strings.Contains(aws.ToString(e.ResourceProperties), "hunter2") {
			t.Errorf("an event of %s shows the password", *e.LogicalResourceId)
		}
	}
	db := w.physical("blog", "Database")
	s = w.update("blog", string(body), parameter("MultiAZ", "true"))
	if s.StackStatus != types.StackStatusUpdateComplete || len(s.Outputs) != 4 || w.physical("blog", "Database") != db {
		t.Errorf("updated: %s, outputs %v, database %s → %s", s.StackStatus, s.Outputs, db, w.physical("blog", "Database"))
	}
	got, err := w.client.GetTemplate(t.Context(), &cfn.GetTemplateInput{StackName: aws.String("blog")})
	if err != nil || *got.TemplateBody != string(body) {
		t.Errorf("GetTemplate is not the template byte for byte: %v", err)
	}
}
