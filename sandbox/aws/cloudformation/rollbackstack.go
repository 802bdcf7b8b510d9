package cloudformation

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// rollbackStack rolls back an operation that failed and was left as it was.
func (c *CloudFormation) rollbackStack(ctx context.Context, in *cfn.RollbackStackInput) (*cfn.RollbackStackOutput, error) {
	k, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	if err := checkDeployment(in.DeploymentConfig); err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && s.Tokens[token] == "RollbackStack" {
		return &cfn.RollbackStackOutput{StackId: aws.String(s.ID)}, nil
	}
	now, err := c.change(k, func(s *stack) error {
		switch {
		case s.Status == types.StackStatusCreateFailed:
			s.begin(c, "create", token, s.Deployed)
			s.Operation.Phase = rollingBack
			s.set(c.now(), types.StackStatusRollbackInProgress, "User Initiated")
		case s.Status == types.StackStatusUpdateFailed && s.Unsettled != nil:
			s.rollBackUnsettled(c, token)
		default:
			return invalid("Stack [%s] is in %s state and can not be rolled back. It must be in CREATE_FAILED or UPDATE_FAILED", s.Name, s.Status)
		}
		s.remember(token, "RollbackStack")
		s.LastOperation.Type = types.OperationTypeRollback
		s.Operation.Target.RetainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
		if in.RoleARN != nil {
			s.Operation.Target.RoleARN = *in.RoleARN
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.start(k)
	return &cfn.RollbackStackOutput{StackId: aws.String(now.ID), OperationId: aws.String(now.LastOperation.ID)}, nil
}

// rollBackUnsettled sets the stack to roll back the updates that failed since it
// was well.
func (s *stack) rollBackUnsettled(c *CloudFormation, token string) {
	op := *s.Unsettled
	op.Phase, op.Token, op.Nested = rollingBack, token, false
	op.Attempt++
	s.Operation, s.Unsettled, s.Failure = &op, nil, ""
	s.LastOperation = &begun{newID(), types.OperationTypeRollback}
	s.set(c.now(), types.StackStatusUpdateRollbackInProgress, "User Initiated")
}

// describeAccountLimits shows AWS's quotas. The sandbox keeps to that of outputs.
func (c *CloudFormation) describeAccountLimits(context.Context, *cfn.DescribeAccountLimitsInput) (*cfn.DescribeAccountLimitsOutput, error) {
	limit := func(name string, value int32) types.AccountLimit {
		return types.AccountLimit{Name: &name, Value: &value}
	}
	return &cfn.DescribeAccountLimitsOutput{AccountLimits: []types.AccountLimit{
		limit("StackLimit", 2000), limit("StackOutputsLimit", 200), limit("ConcurrentResourcesLimit", 2500)}}, nil
}
