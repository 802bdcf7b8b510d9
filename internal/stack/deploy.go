package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// Tags by which a stack is known to be ours.
const (
	TagEnvironment = "drawbridge:environment"
	TagComponent   = "drawbridge:component"
)

type owner struct{ environment, component string }

// operation is one Deploy or Delete under way.
type operation struct {
	d          *Deployer
	stack      string
	token      string // of its requests and events, and the change set's name
	owner      owner
	parameters map[string]string
	onEvent    func(Event)

	emitted map[string]bool              // events that onEvent has seen
	at      map[string]types.StackStatus // by stack ID, as the events seen so far tell
	noEcho  map[string]bool              // parameters whose values CloudFormation hides
	moves   int
	refusal error // the newest answer that made us look again
}

// maxMoves bounds how often one Deploy changes something. Four are the most that
// any path needs: delete what failed, remove an obsolete change set, create,
// execute.
const maxMoves = 8

// move counts a step that changes something.
func (r *operation) move() error {
	if r.moves++; r.moves > maxMoves {
		err := fmt.Errorf("the stack does not come to rest: after %d steps it needs another one; somebody else may be working on it", maxMoves)
		return errors.Join(err, r.refusal)
	}
	return nil
}

// deploy looks, takes one step, and looks again.
func (r *operation) deploy(ctx context.Context, req Request) (Result, error) {
	if req.Change == "" || req.StackName == "" || req.Environment == "" || req.Component == "" {
		return Result{}, errors.New("the request names no change, stack, environment or component")
	}
	for {
		s, err := r.describe(ctx, r.stack)
		if err != nil {
			return Result{}, err
		}
		if err := r.ours(s, req.Adopt); err != nil {
			return Result{}, err
		}
		status := status(s)
		set, begun, err := r.progress(ctx, s)
		switch {
		case err != nil:
			return Result{}, err
		case begun == ended && answerTo(status) != wait:
			failpoint.Hit("stack/operation-ended")
			return r.outcome(ctx, s, set)
		case begun != notBegun || answerTo(status) == wait:
			if err := r.follow(ctx, *s.StackId, begun == notBegun); err != nil {
				return Result{}, err
			}
			continue
		}
		switch answerTo(status) {
		case explain:
			return Result{}, r.stuck(ctx, s)
		case recreate:
			err = r.clear(ctx, s, req)
		default:
			result, done, err := r.advance(ctx, s, set, req)
			if done || err != nil {
				return result, err
			}
		}
		if err != nil {
			return Result{}, err
		}
	}
}

// describe returns the stack, or nil when there is none.
func (r *operation) describe(ctx context.Context, name string) (*types.Stack, error) {
	out, err := call(ctx, r.d.pace, "describe the stack", func(ctx context.Context) (*cloudformation.DescribeStacksOutput, error) {
		return r.d.api.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	})
	switch {
	case err != nil && noSuchStack(err):
		return nil, nil
	case err != nil:
		return nil, err
	case len(out.Stacks) != 1 || out.Stacks[0].StackId == nil:
		return nil, fmt.Errorf("describe the stack: the answer holds %d stacks, want one with its ID", len(out.Stacks))
	}
	s := &out.Stacks[0]
	r.learn(s.Parameters)
	if s.StackStatus == types.StackStatusDeleteComplete && name == r.stack {
		return nil, nil
	}
	return s, nil
}

func status(s *types.Stack) types.StackStatus {
	if s == nil {
		return ""
	}
	return s.StackStatus
}

// ours refuses a stack of somebody else. A stack that only waits for its first
// change set holds nothing that could be anybody's.
func (r *operation) ours(s *types.Stack, adopt bool) error {
	if status(s) == "" || status(s) == types.StackStatusReviewInProgress {
		return nil
	}
	var got owner
	for _, t := range s.Tags {
		switch aws.ToString(t.Key) {
		case TagEnvironment:
			got.environment = aws.ToString(t.Value)
		case TagComponent:
			got.component = aws.ToString(t.Value)
		}
	}
	if got == r.owner || got == (owner{}) && adopt {
		return nil
	}
	return &OwnershipError{Environment: got.environment, Component: got.component}
}

// begun is how far the operation of this Change is.
type begun int

const (
	notBegun begun = iota
	running
	ended
)

// progress finds out whether this Change's operation was begun, by this process
// or by one before it, and returns its change set when there is one.
//
// The change set itself says so while it is there. CloudFormation may remove it
// once it is executed; then the events tell, by their token. The newest page of
// them will do, or all when the stack says that this was its last change set.
func (r *operation) progress(ctx context.Context, s *types.Stack) (*changeSet, begun, error) {
	if s == nil {
		return nil, notBegun, nil
	}
	set, err := r.findSet(ctx, *s.StackId)
	if err != nil {
		return nil, notBegun, err
	}
	if set != nil {
		switch set.ExecutionStatus {
		case types.ExecutionStatusExecuteInProgress:
			return set, running, nil
		case types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
			return set, ended, nil
		}
		return set, notBegun, nil
	}
	if s.StackStatus == types.StackStatusReviewInProgress {
		return nil, notBegun, nil
	}
	last := strings.Contains(aws.ToString(s.ChangeSetId), ":changeSet/"+r.token+"/")
	own, err := r.ownEvents(ctx, *s.StackId, last)
	switch {
	case err != nil || len(own) == 0:
		return nil, notBegun, err
	case answerTo(s.StackStatus) == wait && len(own) > 0:
		// An operation is under way; ours, if the newest event is.
		if stackStatus(own, *s.StackId) != "" && !settled(stackStatus(own, *s.StackId)) {
			return nil, running, nil
		}
	}
	return nil, ended, nil
}

// advance takes the next step towards an executed change set. It is done when
// there is nothing to do.
func (r *operation) advance(ctx context.Context, s *types.Stack, set *changeSet, req Request) (result Result, done bool, err error) {
	if set == nil {
		if err := r.move(); err != nil {
			return Result{}, false, err
		}
		return Result{}, false, r.createSet(ctx, s, req)
	}
	switch set.Status {
	case types.ChangeSetStatusFailed:
		if set.empty() {
			if err := r.deleteSet(ctx, set); err != nil {
				return Result{}, false, err
			}
			return Result{StackID: *s.StackId, Status: s.StackStatus, Outputs: outputs(s)}, true, nil
		}
		return Result{}, false, r.discard(ctx, s, set, &RejectedError{TemplateFile: req.TemplateFile, Reason: r.hide(aws.ToString(set.StatusReason))})
	case types.ChangeSetStatusDeleteFailed:
		return Result{}, false, fmt.Errorf("its change set %s can't be deleted: %s; delete it by hand", r.token, aws.ToString(set.StatusReason))
	case types.ChangeSetStatusCreateComplete:
		switch set.ExecutionStatus {
		case types.ExecutionStatusAvailable:
			return Result{}, false, r.execute(ctx, s, set, req)
		case types.ExecutionStatusObsolete: // the stack changed under it
			if err := r.move(); err != nil {
				return Result{}, false, err
			}
			return Result{}, false, r.deleteSet(ctx, set)
		}
	}
	return Result{}, false, r.d.pace.turn(ctx) // being created or deleted
}

// execute executes the change set, unless it would lose data.
func (r *operation) execute(ctx context.Context, s *types.Stack, set *changeSet, req Request) error {
	changes, err := r.changes(ctx, set)
	if err != nil {
		return err
	}
	var refused DestructiveError
	for _, c := range changes {
		if losesData(c) && (req.AllowDestructive == nil || !req.AllowDestructive(c)) {
			refused.Changes = append(refused.Changes, c)
		}
	}
	if len(refused.Changes) > 0 {
		return r.discard(ctx, s, set, &refused)
	}
	if err := r.move(); err != nil {
		return err
	}
	failpoint.Hit("stack/before-execute")
	_, err = call(ctx, r.d.pace, "execute the change set", func(ctx context.Context) (*cloudformation.ExecuteChangeSetOutput, error) {
		return r.d.api.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, ClientRequestToken: &r.token})
	})
	failpoint.Hit("stack/after-execute")
	return r.unlessMoved(err)
}

// unlessMoved returns the error, or nil when it means that we have to look again.
func (r *operation) unlessMoved(err error) error {
	if err != nil && moved(err) {
		r.refusal = err
		return nil
	}
	return err
}

// clear deletes a stack whose first create failed, when nothing in it holds data.
func (r *operation) clear(ctx context.Context, s *types.Stack, req Request) error {
	if err := r.move(); err != nil {
		return err
	}
	if aws.ToBool(s.EnableTerminationProtection) {
		return fmt.Errorf("its first create failed (%s), so it has to be deleted and created anew: %w", s.StackStatus, ErrProtected)
	}
	if err := r.refuseData(ctx, s, fmt.Sprintf("as the first create failed (%s) and the stack has to be deleted and created anew", s.StackStatus), req.AllowDestructive); err != nil {
		return err
	}
	if err := r.deleteStack(ctx, s, r.token+"-recreate", req.RoleARN); err != nil {
		return err
	}
	failpoint.Hit("stack/after-clear")
	return r.d.pace.turn(ctx)
}

// stuck explains a status that a person has to decide about.
func (r *operation) stuck(ctx context.Context, s *types.Stack) error {
	resources, err := r.resources(ctx, *s.StackId)
	if err != nil {
		return err
	}
	e := &StuckError{Status: s.StackStatus}
	for _, x := range resources {
		if failed(string(x.ResourceStatus)) {
			e.Resources = append(e.Resources, r.hide(fmt.Sprintf("%s (%s): %s", aws.ToString(x.LogicalResourceId), aws.ToString(x.ResourceType), aws.ToString(x.ResourceStatusReason))))
		}
	}
	slices.Sort(e.Resources)
	return e
}

// outcome is how the operation of this Change ended. The stack may have moved on
// since, so its own last event goes before the stack's status.
func (r *operation) outcome(ctx context.Context, s *types.Stack, set *changeSet) (Result, error) {
	own, err := r.ownEvents(ctx, *s.StackId, true)
	if err != nil {
		return Result{}, err
	}
	r.emit(own, false)
	end, last := s.StackStatus, stackStatus(own, *s.StackId)
	if settled(last) {
		end = last
	}
	result := Result{StackID: *s.StackId, Status: end, Outputs: outputs(s)}
	if set != nil && set.ExecutionStatus == types.ExecutionStatusExecuteFailed && !settled(last) && success(end) {
		return result, fmt.Errorf("its change set %s could not be executed and the stack is as it was: %s; correct the cause and push again", r.token, r.hide(aws.ToString(set.StatusReason)))
	}
	if !success(end) {
		return result, r.failure(end, own, *s.StackId)
	}
	if set == nil {
		result.Changes = r.changesFromEvents(own, *s.StackId)
		return result, nil
	}
	changes, err := r.changes(ctx, set)
	if err != nil {
		return result, err
	}
	resources, err := r.resources(ctx, *s.StackId)
	if err != nil {
		return result, err
	}
	result.Changes = asDone(changes, resources)
	return result, nil
}

// protect brings the stack's termination protection to what was asked for.
func (r *operation) protect(ctx context.Context, want *bool) error {
	if want == nil {
		return nil
	}
	s, err := r.describe(ctx, r.stack)
	if err != nil || s == nil || aws.ToBool(s.EnableTerminationProtection) == *want {
		return err
	}
	_, err = call(ctx, r.d.pace, "set the termination protection", func(ctx context.Context) (*cloudformation.UpdateTerminationProtectionOutput, error) {
		return r.d.api.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: s.StackId, EnableTerminationProtection: want})
	})
	return err
}

func outputs(s *types.Stack) map[string]string {
	m := make(map[string]string, len(s.Outputs))
	for _, o := range s.Outputs {
		m[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return m
}

// tags of the stack: those asked for, and ours.
func (r *operation) tags(asked map[string]string) []types.Tag {
	all := maps.Clone(asked)
	if all == nil {
		all = map[string]string{}
	}
	all[TagEnvironment], all[TagComponent] = r.owner.environment, r.owner.component
	var tags []types.Tag
	for _, k := range slices.Sorted(maps.Keys(all)) {
		tags = append(tags, types.Tag{Key: aws.String(k), Value: aws.String(all[k])})
	}
	return tags
}
