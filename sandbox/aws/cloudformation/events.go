package cloudformation

import (
	"context"
	"strconv"

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
	// The newest first, from the one after which the page before ended.
	last := s.LastEvent
	if token := aws.ToString(in.NextToken); token != "" {
		if last, err = strconv.Atoi(token); err != nil || last < 0 || last > s.LastEvent {
			return nil, invalid("NextToken is not valid")
		}
	}
	out := &cfn.DescribeStackEventsOutput{}
	err = c.Store.View(func(tx *store.Tx) error {
		for ; last > 0 && len(out.StackEvents) < 100; last-- {
			e, there, err := events.Get(tx, scopeOf(ctx), eventKey(s.ID, last))
			if err != nil {
				return err
			}
			if there && e.Mistake == nil {
				out.StackEvents = append(out.StackEvents, e.describe())
			}
		}
		return nil
	})
	if last > 0 {
		out.NextToken = aws.String(strconv.Itoa(last))
	}
	return out, err
}

// optional leaves out an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
