package stack

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// follow looks at the stack's events, turn by turn, until its operation is over,
// and hands on what is new. It takes a turn before the first look, so that its
// caller, who looks at the stack in between, does not ask too often.
func (r *operation) follow(ctx context.Context, stackID string, earlier bool) error {
	if r.at == nil {
		r.at = map[string]types.StackStatus{}
	}
	for {
		if err := r.d.pace.turn(ctx); err != nil {
			return err
		}
		events, err := r.news(ctx, stackID)
		if err != nil {
			return err
		}
		r.emit(events, earlier)
		if s := stackStatus(events, stackID); s != "" {
			r.at[stackID] = s
		}
		if settled(r.at[stackID]) {
			return nil
		}
	}
}

// events calls take for each event, newest first, until it returns false.
func (r *operation) events(ctx context.Context, stackID string, take func(types.StackEvent) bool) error {
	in := &cloudformation.DescribeStackEventsInput{StackName: &stackID}
	for {
		page, err := call(ctx, r.d.pace, "read the stack's events", func(ctx context.Context) (*cloudformation.DescribeStackEventsOutput, error) {
			return r.d.api.DescribeStackEvents(ctx, in)
		})
		if err != nil {
			return err
		}
		for _, e := range page.StackEvents {
			if !take(e) {
				return nil
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
}

// news returns the events of the newest operation that were not emitted yet,
// oldest first.
func (r *operation) news(ctx context.Context, stackID string) ([]types.StackEvent, error) {
	var found []types.StackEvent
	err := r.events(ctx, stackID, func(e types.StackEvent) bool {
		if r.emitted[aws.ToString(e.EventId)] {
			return false
		}
		found = append(found, e)
		if !ofStack(e, stackID) {
			return true
		}
		switch types.StackStatus(e.ResourceStatus) {
		case types.StackStatusCreateInProgress, types.StackStatusUpdateInProgress, types.StackStatusDeleteInProgress,
			types.StackStatusImportInProgress, types.StackStatusReviewInProgress:
			return false // the operation's beginning
		}
		return true
	})
	slices.Reverse(found)
	return found, err
}

// ownEvents returns the events of this Change's operation, oldest first: as far
// back as the newest page of events goes, or all.
func (r *operation) ownEvents(ctx context.Context, stackID string, all bool) ([]types.StackEvent, error) {
	var found []types.StackEvent
	n := 0
	err := r.events(ctx, stackID, func(e types.StackEvent) bool {
		n++
		if aws.ToString(e.ClientRequestToken) == r.token && e.ResourceStatus != types.ResourceStatus(types.StackStatusReviewInProgress) {
			found = append(found, e)
			return true
		}
		// Operations on a stack don't overlap: before ours there is nothing
		// of ours.
		return len(found) == 0 && (all || n < 100)
	})
	slices.Reverse(found)
	return found, err
}

// ofStack tells whether the event is about the stack itself.
func ofStack(e types.StackEvent, stackID string) bool {
	return aws.ToString(e.PhysicalResourceId) == stackID && aws.ToString(e.ResourceType) == nestedStack
}

// stackStatus is the status of the stack after the newest of the events, which
// come oldest first, that is about the stack itself; "" when there is none.
func stackStatus(events []types.StackEvent, stackID string) types.StackStatus {
	for _, e := range slices.Backward(events) {
		if ofStack(e, stackID) {
			return types.StackStatus(e.ResourceStatus)
		}
	}
	return ""
}

func settled(s types.StackStatus) bool {
	return s != "" && (answerTo(s) != wait)
}

func failed(status string) bool { return strings.HasSuffix(status, "_FAILED") }

// emit hands on the events that were not handed on before.
func (r *operation) emit(events []types.StackEvent, earlier bool) {
	if r.emitted == nil {
		r.emitted = map[string]bool{}
	}
	for _, e := range events {
		if id := aws.ToString(e.EventId); !r.emitted[id] {
			r.emitted[id] = true
			if r.onEvent != nil {
				event := r.event(e)
				event.Earlier = earlier
				r.onEvent(event)
			}
		}
	}
}

func (r *operation) event(e types.StackEvent) Event {
	return Event{
		ID:         aws.ToString(e.EventId),
		Time:       aws.ToTime(e.Timestamp),
		LogicalID:  aws.ToString(e.LogicalResourceId),
		Type:       aws.ToString(e.ResourceType),
		Status:     e.ResourceStatus,
		Reason:     r.hide(aws.ToString(e.ResourceStatusReason)),
		PhysicalID: aws.ToString(e.PhysicalResourceId),
	}
}

// failure makes the error of an operation from its events, oldest first. What was
// cancelled because another resource failed is no cause.
func (r *operation) failure(end types.StackStatus, own []types.StackEvent, stackID string) *OperationError {
	e := &OperationError{Status: end}
	for _, x := range own {
		event := r.event(x)
		switch {
		case event.Status == types.ResourceStatusDeleteSkipped:
			e.Kept = append(e.Kept, event.LogicalID)
		case !failed(string(event.Status)) || ofStack(x, stackID) || strings.Contains(event.Reason, "cancelled"):
		case e.First.LogicalID == "":
			e.First = event
		default:
			e.Others = append(e.Others, event)
		}
	}
	if e.First.LogicalID != "" {
		return e
	}
	// No resource failed: the stack itself says why, for example because of an
	// export that is in use.
	for _, x := range own {
		if event := r.event(x); ofStack(x, stackID) && event.Reason != "" && event.Reason != "User Initiated" {
			e.First = event
			break
		}
	}
	return e
}

// learn notes which parameters CloudFormation hides.
func (r *operation) learn(parameters []types.Parameter) {
	for _, p := range parameters {
		if v := aws.ToString(p.ParameterValue); len(v) >= 4 && strings.Trim(v, "*") == "" {
			if r.noEcho == nil {
				r.noEcho = map[string]bool{}
			}
			r.noEcho[aws.ToString(p.ParameterKey)] = true
		}
	}
}

// hide takes the values of secret parameters out of a text of CloudFormation's.
func (r *operation) hide(text string) string {
	for name, value := range r.parameters {
		if len(value) >= 4 && (r.noEcho[name] || secret.Name(name)) {
			text = strings.ReplaceAll(text, value, "****")
		}
	}
	return text
}
