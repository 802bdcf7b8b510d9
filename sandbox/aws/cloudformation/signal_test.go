package cloudformation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

const signalled = `
Resources:
  W: {Type: "AWS::SNS::Topic", CreationPolicy: {ResourceSignal: {Count: "2", Timeout: PT10M}}}
`

func TestSignals(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		status types.StackStatus
		reason string
	}{
		"success": {types.StackStatusCreateComplete, "Received SUCCESS signal with UniqueId two"},
		"failure": {types.StackStatusRollbackComplete, "W CREATE_FAILED: Received FAILURE signal with UniqueId two"},
		"timeout": {types.StackStatusRollbackComplete, "W CREATE_FAILED: Failed to receive 1 resource signal(s) within the specified duration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := simtime.NewManual(time.Now())
			w := newWorldAt(t, clock)
			signal := func(id string, status types.ResourceSignalStatus) error {
				_, err := w.client.SignalResource(t.Context(), &cfn.SignalResourceInput{StackName: aws.String("s"), LogicalResourceId: aws.String("W"), UniqueId: &id, Status: status})
				return err
			}
			out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(signalled)})
			if err != nil {
				t.Fatal(err)
			}
			clock.Waiting(1)
			if err := signal("one", types.ResourceSignalStatusSuccess); err != nil {
				t.Fatal(err)
			}
			w.restart() // it counts what came before
			switch name {
			case "success":
				err = signal("two", types.ResourceSignalStatusSuccess)
			case "failure":
				err = signal("two", types.ResourceSignalStatusFailure)
			default:
				clock.Waiting(2) // that of the process before is left
				clock.Advance(11 * time.Minute)
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := w.wait(*out.StackId); s.StackStatus != want.status || !strings.Contains(w.reasons(*out.StackId), want.reason) {
				t.Errorf("%s, want %s\n%s", s.StackStatus, want.status, w.reasons(*out.StackId))
			}
			if err := signal("three", types.ResourceSignalStatusSuccess); err == nil || !strings.Contains(err.Error(), "can not be signaled") {
				t.Errorf("when it is over: %v", err)
			}
		})
	}
}

func TestCreationTimesOut(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := newWorldAt(t, clock)
	gate := w.providers.hold("Create B")
	out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain), TimeoutInMinutes: aws.Int32(5)})
	if err != nil {
		t.Fatal(err)
	}
	<-gate
	clock.Waiting(1)
	clock.Advance(5 * time.Minute)
	if s := w.wait(*out.StackId); s.StackStatus != types.StackStatusRollbackComplete || !strings.Contains(w.reasons("s"), "Stack creation time exceeded the specified timeout of 5 minutes.") {
		t.Errorf("%s\n%s", s.StackStatus, w.reasons("s"))
	}
}

func TestWhatIsOnlyKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(chain), RollbackConfiguration: &types.RollbackConfiguration{
		MonitoringTimeInMinutes: aws.Int32(5), RollbackTriggers: []types.RollbackTrigger{{Arn: aws.String("arn:aws:cloudwatch:eu-west-1:1:alarm:a"), Type: aws.String("AWS::CloudWatch::Alarm")}}}}
	out, err := w.client.CreateStack(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if s := w.wait(*out.StackId); len(s.RollbackConfiguration.RollbackTriggers) != 1 || *s.RollbackConfiguration.MonitoringTimeInMinutes != 5 {
		t.Errorf("%+v", s.RollbackConfiguration)
	}
	limits, err := w.client.DescribeAccountLimits(t.Context(), &cfn.DescribeAccountLimitsInput{})
	if err != nil || len(limits.AccountLimits) != 3 {
		t.Errorf("%+v, %v", limits, err)
	}
	_, err = w.client.EstimateTemplateCost(t.Context(), &cfn.EstimateTemplateCostInput{TemplateBody: aws.String(chain)})
	if err == nil || !strings.Contains(err.Error(), "InvalidAction") {
		t.Errorf("costs: %v", err)
	}
}
