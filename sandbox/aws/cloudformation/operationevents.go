package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// describeEvents shows the events of a stack, of one of its operations, or of
// the making of a change set.
func (c *CloudFormation) describeEvents(ctx context.Context, in *cfn.DescribeEventsInput) (*cfn.DescribeEventsOutput, error) {
	all, err := c.operationEvents(ctx, in)
	if err != nil {
		return nil, err
	}
	if in.Filters != nil && aws.ToBool(in.Filters.FailedEvents) {
		all = slices.DeleteFunc(all, func(e types.OperationEvent) bool { return !failedEvent(e) })
	}
	some, next, err := page(all, in.NextToken, 100)
	if err != nil {
		return nil, err
	}
	return &cfn.DescribeEventsOutput{OperationEvents: some, NextToken: next}, nil
}

func failedEvent(e types.OperationEvent) bool {
	return e.EventType == types.EventTypeValidationError || e.EventType == types.EventTypeProvisioningError
}

// operationEvents are the events that in asks for, the newest first.
func (c *CloudFormation) operationEvents(ctx context.Context, in *cfn.DescribeEventsInput) ([]types.OperationEvent, error) {
	switch {
	case aws.ToString(in.ChangeSetName) != "":
		cs, err := c.findChangeSet(ctx, in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		return cs.events(), nil
	case aws.ToString(in.OperationId) != "":
		return c.eventsOfOperation(ctx, *in.OperationId)
	case aws.ToString(in.StackName) != "":
		_, s, err := c.find(ctx, in.StackName)
		if err != nil {
			return nil, bracketed(err, in.StackName)
		}
		return c.eventsOf(ctx, s.ID, "")
	}
	return nil, invalid("At least one of ChangeSetName, OperationId or StackName must be specified.")
}

func (c *CloudFormation) eventsOfOperation(ctx context.Context, id string) ([]types.OperationEvent, error) {
	var of string
	err := c.Store.View(func(tx *store.Tx) (err error) {
		of, _, err = operations.Get(tx, scopeOf(ctx), id)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case of == "":
		return nil, invalid("Operation with id %s does not exist", id)
	case strings.Contains(of, ":changeSet/"):
		cs, err := c.findChangeSet(ctx, &of, nil)
		if err != nil {
			return nil, err
		}
		return cs.events(), nil
	}
	return c.eventsOf(ctx, of, id)
}

// eventsOf are the events of a stack, those of one operation where it is given.
func (c *CloudFormation) eventsOf(ctx context.Context, stackID, operation string) ([]types.OperationEvent, error) {
	var all []event
	err := c.Store.View(func(tx *store.Tx) (err error) {
		all, err = events.List(tx, scopeOf(ctx), stackID+"/")
		return err
	})
	var out []types.OperationEvent
	for _, e := range slices.Backward(all) {
		if operation == "" || e.Operation.ID == operation {
			out = append(out, e.inOperation())
		}
	}
	return out, err
}

// inOperation is the event as DescribeEvents shows it.
func (e event) inOperation() types.OperationEvent {
	if e.Mistake != nil {
		return e.Mistake.event(types.OperationEvent{EventId: aws.String(e.ID), StackId: aws.String(e.StackID), Timestamp: aws.Time(e.Time),
			OperationId: optional(e.Operation.ID), OperationType: e.Operation.Type, ClientRequestToken: optional(e.Token)})
	}
	out := types.OperationEvent{
		EventId: aws.String(e.ID), EventType: types.EventTypeProgressEvent, StackId: aws.String(e.StackID), Timestamp: aws.Time(e.Time),
		OperationId: optional(e.Operation.ID), OperationType: e.Operation.Type, ClientRequestToken: optional(e.Token),
		LogicalResourceId: aws.String(e.LogicalID), PhysicalResourceId: aws.String(e.PhysicalID), ResourceType: aws.String(e.Type),
		ResourceStatus: types.ResourceStatus(e.Status), ResourceStatusReason: optional(e.Reason), ResourceProperties: optional(e.Properties),
	}
	if e.PhysicalID == e.StackID {
		out.EventType, out.OperationStatus = types.EventTypeStackEvent, operationStatus(e.Status)
	} else if strings.HasSuffix(e.Status, "_FAILED") {
		out.EventType = types.EventTypeProvisioningError
	}
	return out
}

// operationStatus says how an operation is that has brought its stack to status.
func operationStatus(status string) types.BeaconStackOperationStatus {
	switch {
	case strings.HasSuffix(status, "_FAILED"), strings.HasSuffix(status, "ROLLBACK_COMPLETE"):
		return types.BeaconStackOperationStatusFailed
	case strings.HasSuffix(status, "_COMPLETE"):
		return types.BeaconStackOperationStatusSucceeded
	}
	return types.BeaconStackOperationStatusInProgress
}

// events are those of the making of the change set, the newest first.
func (cs *changeSet) events() []types.OperationEvent {
	event := types.OperationEvent{
		EventType: types.EventTypeStackEvent, StackId: aws.String(cs.StackID), OperationId: aws.String(cs.Operation),
		OperationType: types.OperationTypeCreateChangeset, ClientRequestToken: optional(cs.ClientToken), Timestamp: aws.Time(cs.Created),
		LogicalResourceId: aws.String(cs.StackName), PhysicalResourceId: aws.String(cs.StackID), ResourceType: aws.String(stackType),
	}
	end, begin := event, event
	end.EventId, end.OperationStatus = aws.String(cs.Operation+"-end"), types.BeaconStackOperationStatusSucceeded
	if cs.Status == types.ChangeSetStatusFailed {
		end.OperationStatus, end.ResourceStatusReason = types.BeaconStackOperationStatusFailed, optional(cs.Reason)
	}
	begin.EventId, begin.OperationStatus = aws.String(cs.Operation+"-begin"), types.BeaconStackOperationStatusInProgress
	out := []types.OperationEvent{end}
	for _, m := range cs.Mistakes {
		e := event
		e.EventId = aws.String(cs.Operation + "-" + m.Path)
		out = append(out, m.event(e))
	}
	return append(out, begin)
}

// event is e made one that tells of the mistake.
func (m mistake) event(e types.OperationEvent) types.OperationEvent {
	e.EventType = types.EventTypeValidationError
	e.LogicalResourceId, e.PhysicalResourceId, e.ResourceType = aws.String(m.LogicalID), aws.String(""), aws.String(m.Type)
	e.ValidationName, e.ValidationFailureMode, e.ValidationStatus = aws.String(m.Check), types.HookFailureModeFail, types.ValidationStatusFailed
	e.ValidationPath, e.ValidationStatusReason = aws.String(m.Path), aws.String(m.Message)
	return e
}

// listHookResults lists nothing: there are no hooks in the sandbox.
func (c *CloudFormation) listHookResults(_ context.Context, in *cfn.ListHookResultsInput) (*cfn.ListHookResultsOutput, error) {
	if (in.TargetType == "") != (aws.ToString(in.TargetId) == "") {
		return nil, invalid("TargetType and TargetId can only be specified together.")
	}
	return &cfn.ListHookResultsOutput{TargetId: in.TargetId, TargetType: in.TargetType}, nil
}
