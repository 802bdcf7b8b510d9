package cloudformation

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// describe is the event as the API shows it.
func (e event) describe() types.StackEvent {
	return types.StackEvent{
		EventId: aws.String(e.ID), StackId: aws.String(e.StackID), StackName: aws.String(e.StackName), Timestamp: aws.Time(e.Time),
		LogicalResourceId: aws.String(e.LogicalID), PhysicalResourceId: aws.String(e.PhysicalID), ResourceType: aws.String(e.Type),
		ResourceStatus: types.ResourceStatus(e.Status), ResourceStatusReason: optional(e.Reason),
		ResourceProperties: optional(e.Properties), ClientRequestToken: optional(e.Token),
	}
}

func (c *CloudFormation) describeStackEvents(ctx context.Context, in *cfn.DescribeStackEventsInput) (*cfn.DescribeStackEventsOutput, error) {
	_, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	var all []event
	err = c.Store.View(func(tx *store.Tx) (err error) {
		all, err = events.List(tx, scopeOf(ctx), s.ID+"/")
		return err
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e event) bool { return e.Mistake != nil })
	slices.Reverse(all) // the newest first
	some, next, err := page(all, in.NextToken, 100)
	if err != nil {
		return nil, err
	}
	out := &cfn.DescribeStackEventsOutput{NextToken: next}
	for _, e := range some {
		out.StackEvents = append(out.StackEvents, e.describe())
	}
	return out, nil
}

// optional leaves out an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
