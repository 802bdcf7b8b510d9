package stack

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// delete looks, takes one step, and looks again, as deploy does. A deleted stack
// is found by its ID only, so once it is seen it is looked at by that.
func (r *operation) delete(ctx context.Context, req DeleteRequest) (Result, error) {
	if req.Change == "" || req.StackName == "" || req.Environment == "" || req.Component == "" {
		return Result{}, errors.New("the request names no change, stack, environment or component")
	}
	name := r.stack
	for {
		s, err := r.describe(ctx, name)
		if err != nil || s == nil {
			return Result{Status: types.StackStatusDeleteComplete}, err
		}
		if err := r.ours(s, false); err != nil && status(s) != types.StackStatusDeleteComplete {
			return Result{}, err
		}
		name = *s.StackId
		own, err := r.ownEvents(ctx, name, false)
		if err != nil {
			return Result{}, err
		}
		switch {
		case s.StackStatus == types.StackStatusDeleteComplete:
			r.emit(own, false)
			return Result{StackID: name, Status: s.StackStatus, Changes: r.changesFromEvents(own, name)}, nil
		case s.StackStatus == types.StackStatusDeleteFailed && len(own) > 0:
			r.emit(own, false)
			return Result{StackID: name, Status: s.StackStatus}, r.deleteFailure(ctx, s, own)
		case answerTo(s.StackStatus) == wait:
			if err := r.follow(ctx, name, len(own) == 0); err != nil {
				return Result{}, err
			}
			continue
		case settled(stackStatus(own, name)):
			// It went back to what it was: an export of it is in use.
			r.emit(own, false)
			return Result{StackID: name, Status: s.StackStatus}, r.deleteFailure(ctx, s, own)
		case len(own) > 0: // asked for, and not shown yet
			if err := r.d.pace.turn(ctx); err != nil {
				return Result{}, err
			}
			continue
		}
		if err := r.beginDelete(ctx, s, req); err != nil {
			return Result{}, err
		}
	}
}

func (r *operation) beginDelete(ctx context.Context, s *types.Stack, req DeleteRequest) error {
	if err := r.move(); err != nil {
		return err
	}
	if aws.ToBool(s.EnableTerminationProtection) {
		return ErrProtected
	}
	if err := r.refuseData(ctx, s, "", req.AllowDestructive); err != nil {
		return err
	}
	failpoint.Hit("stack/before-delete")
	if err := r.deleteStack(ctx, s, r.token, req.RoleARN); err != nil {
		return err
	}
	failpoint.Hit("stack/after-delete")
	return r.d.pace.turn(ctx)
}

// deleteFailure says what is still there, and why.
func (r *operation) deleteFailure(ctx context.Context, s *types.Stack, own []types.StackEvent) error {
	failure := r.failure(s.StackStatus, own, *s.StackId)
	resources, err := r.resources(ctx, *s.StackId)
	if err != nil {
		return err
	}
	failure.Kept = nil
	for _, x := range resources {
		if there(x) {
			failure.Kept = append(failure.Kept, aws.ToString(x.LogicalResourceId))
		}
	}
	return failure
}

func (r *operation) deleteStack(ctx context.Context, s *types.Stack, token, roleARN string) error {
	in := &cloudformation.DeleteStackInput{StackName: s.StackId, ClientRequestToken: &token}
	if roleARN != "" {
		in.RoleARN = &roleARN
	}
	_, err := call(ctx, r.d.pace, "delete the stack", func(ctx context.Context) (*cloudformation.DeleteStackOutput, error) {
		return r.d.api.DeleteStack(ctx, in)
	})
	return r.unlessMoved(err)
}

// refuseData returns a *DestructiveError when a resource in the stack holds data
// and its deletion is not allowed. The stack's deletion policies may keep some of
// them, but nothing short of reading its template would tell.
func (r *operation) refuseData(ctx context.Context, s *types.Stack, reason string, allow func(diff.Change) bool) error {
	resources, err := r.resources(ctx, *s.StackId)
	if err != nil {
		return err
	}
	var refused DestructiveError
	for _, x := range resources {
		c := diff.Change{
			Resource: diff.Resource{Plane: diff.AWS, Type: aws.ToString(x.ResourceType), Namespace: r.stack, Name: aws.ToString(x.LogicalResourceId), ID: aws.ToString(x.PhysicalResourceId)},
			Action:   diff.Delete, HoldsData: true, Reason: reason,
		}
		if there(x) && r.d.mayHoldData(c.Type) && (allow == nil || !allow(c)) {
			refused.Changes = append(refused.Changes, c)
		}
	}
	if len(refused.Changes) > 0 {
		return &refused
	}
	return nil
}

// there tells whether the resource exists, as far as the stack knows. A create
// that failed before it had an ID left nothing.
func there(x types.StackResourceSummary) bool {
	return x.ResourceStatus != types.ResourceStatusDeleteComplete && aws.ToString(x.PhysicalResourceId) != ""
}

func (r *operation) resources(ctx context.Context, stackID string) ([]types.StackResourceSummary, error) {
	var all []types.StackResourceSummary
	in := &cloudformation.ListStackResourcesInput{StackName: &stackID}
	for {
		page, err := call(ctx, r.d.pace, "list the stack's resources", func(ctx context.Context) (*cloudformation.ListStackResourcesOutput, error) {
			return r.d.api.ListStackResources(ctx, in)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.StackResourceSummaries...)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}
