package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// PreviewRequest says what is asked about. Of Request, Change and ChangeUID are not used,
// and AllowDestructive is not called.
type PreviewRequest struct {
	Request
	// Open are the parameters whose values are not known yet.
	Open []string
}

// cleaning is how long a preview may take to clean up after it was cut off.
const cleaning = time.Minute

// Preview says what Deploy would do to each resource. It makes a change set, reads it and
// deletes it, and with it a stack that was there for this change set alone; also when it
// fails, or ctx ends. What one that was killed has left goes with the stack's next
// deployment; its name begins with "drawbridge-plan-".
//
// While a parameter is open, or where the caller may not make change sets, or the template
// would have to lie in a bucket and there is none, it compares the stack's template with
// the new one instead, as Files does, and says so in the Reason of each Change.
//
// The error is the one that Deploy would return: of a stack that is not ours, or stuck, or
// a change that CloudFormation rejects. While an operation is under way on the stack it is a
// *BusyError.
func (d *Deployer) Preview(ctx context.Context, req PreviewRequest) ([]diff.Change, error) {
	r := &operation{d: d, stack: req.StackName, token: "drawbridge-plan-" + strings.ToLower(rand.Text()[:12]), owner: owner{req.Environment, req.Component}, parameters: req.Parameters}
	changes, err := r.preview(ctx, req)
	return changes, r.name(err)
}

// BusyError says that an operation is under way on the stack, so that what comes after it
// can't be told.
type BusyError struct{ Status types.StackStatus }

func (e *BusyError) Error() string {
	return fmt.Sprintf("the stack is in %s: plan again once that is done", e.Status)
}

func (r *operation) preview(ctx context.Context, req PreviewRequest) (changes []diff.Change, err error) {
	s, err := r.describe(ctx, r.stack)
	if err == nil {
		err = r.ours(s, req.Adopt)
	}
	if err != nil {
		return nil, err
	}
	switch answerTo(status(s)) {
	case wait:
		return nil, &BusyError{s.StackStatus}
	case explain:
		return nil, r.stuck(ctx, s)
	case recreate:
		return r.anew(ctx, s, req)
	}
	if len(req.Open) > 0 {
		return r.compared(ctx, s, req, "")
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
		defer cancel()
		if e := r.sweep(clean); e != nil {
			err = errors.Join(err, fmt.Errorf("clean up the change set %s: %w", r.token, e))
		}
	}()
	changes, err = r.throughSet(ctx, s, req)
	switch {
	case denied(err):
		return r.compared(ctx, s, req, "compared with the deployed template: the right to make change sets is missing")
	case errors.Is(err, ErrNoBucket):
		return r.compared(ctx, s, req, "compared with the deployed template: this one is too large for a change set without a bucket")
	}
	return changes, err
}

// throughSet makes the change set and reads it.
func (r *operation) throughSet(ctx context.Context, s *types.Stack, req PreviewRequest) ([]diff.Change, error) {
	if err := r.createSet(ctx, s, req.Request); err != nil {
		return nil, err
	}
	for {
		var set *changeSet
		s, err := r.describe(ctx, r.stack)
		if err == nil && s != nil {
			set, err = r.findSet(ctx, *s.StackId)
		}
		switch {
		case err != nil:
			return nil, err
		case set == nil && r.refusal != nil:
			return nil, r.refusal // somebody else began something meanwhile
		case set == nil:
			return nil, errors.New("its change set was deleted by somebody else: plan again")
		case set.Status == types.ChangeSetStatusFailed && set.empty():
			return nil, nil
		case set.Status == types.ChangeSetStatusFailed:
			return nil, &RejectedError{TemplateFile: req.TemplateFile, Reason: r.hide(aws.ToString(set.StatusReason))}
		case set.Status == types.ChangeSetStatusCreateComplete:
			changes, err := r.changes(ctx, set)
			for i, c := range changes {
				if c.Action == diff.Update && c.Reason == unseen {
					changes[i].Action = diff.Unknown
				}
			}
			return changes, err
		}
		if err := r.d.pace.turn(ctx); err != nil {
			return nil, err
		}
	}
}

// sweep deletes the change set, and the stack if it has never had anything else, and waits
// until they are gone.
func (r *operation) sweep(ctx context.Context) error {
	for {
		s, err := r.describe(ctx, r.stack)
		if err != nil || s == nil {
			return err
		}
		set, err := r.findSet(ctx, *s.StackId)
		if err != nil {
			return err
		}
		if set != nil {
			err = r.deleteSet(ctx, set)
		} else if s.StackStatus == types.StackStatusReviewInProgress {
			var others bool
			if others, err = r.hasSets(ctx, s); err != nil || others {
				return err
			}
			err = r.deleteStack(ctx, s, r.token+"-empty", "")
		} else if s.StackStatus != types.StackStatusDeleteInProgress {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.d.pace.turn(ctx); err != nil {
			return err
		}
	}
}

// hasSets tells whether the stack has any change set: a rollout may have begun with it.
func (r *operation) hasSets(ctx context.Context, s *types.Stack) (bool, error) {
	page, err := call(ctx, r.d.pace, "list the change sets", func(ctx context.Context) (*cloudformation.ListChangeSetsOutput, error) {
		return r.d.api.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: s.StackId})
	})
	return err == nil && len(page.Summaries) > 0, err
}

// anew says what becomes of a stack whose first create failed: it is deleted, with what
// holds data in it, and made again.
func (r *operation) anew(ctx context.Context, s *types.Stack, req PreviewRequest) ([]diff.Change, error) {
	reason := fmt.Sprintf("the first create failed (%s), so the stack is deleted and made anew", s.StackStatus)
	var lost *DestructiveError
	if err := r.refuseData(ctx, s, reason, nil); err != nil && !errors.As(err, &lost) {
		return nil, err
	}
	made, err := compare(nil, wanted(req), r.stack, region(s), reason)
	if err != nil || lost == nil {
		return made, err
	}
	return append(lost.Changes, made...), nil
}

// compared compares the template and the parameters of the stack with those to come.
func (r *operation) compared(ctx context.Context, s *types.Stack, req PreviewRequest, reason string) ([]diff.Change, error) {
	if status(s) == "" || s.StackStatus == types.StackStatusReviewInProgress {
		return compare(nil, wanted(req), r.stack, region(s), reason)
	}
	out, err := call(ctx, r.d.pace, "read the stack's template", func(ctx context.Context) (*cloudformation.GetTemplateOutput, error) {
		return r.d.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: s.StackId})
	})
	if err != nil {
		return nil, err
	}
	deployed := Deployed{Template: aws.ToString(out.TemplateBody), Parameters: map[string]string{}}
	for _, p := range s.Parameters {
		name, value := aws.ToString(p.ParameterKey), aws.ToString(p.ParameterValue)
		if r.noEcho[name] { // it is not shown; nobody could see that it changes
			value = req.Parameters[name]
		}
		deployed.Parameters[name] = value
	}
	after := wanted(req)
	deployed.Tags, after.Tags = byKey(s.Tags), byKey(r.tags(req.Tags))
	return compare(&deployed, after, r.stack, region(s), reason)
}

func byKey(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

// region of a stack, from its ARN; "" where there is none.
func region(s *types.Stack) string {
	if s == nil {
		return ""
	}
	if parts := strings.SplitN(aws.ToString(s.StackId), ":", 5); len(parts) == 5 {
		return parts[3]
	}
	return ""
}

func denied(err error) bool {
	switch code(err) {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return true
	}
	return false
}

// PreviewDelete says what Delete would delete: every resource of the stack, but for those
// that its template retains.
func (d *Deployer) PreviewDelete(ctx context.Context, req DeleteRequest) ([]diff.Change, error) {
	r := &operation{d: d, stack: req.StackName, owner: owner{req.Environment, req.Component}}
	changes, err := r.previewDelete(ctx)
	return changes, r.name(err)
}

func (r *operation) previewDelete(ctx context.Context) ([]diff.Change, error) {
	s, err := r.describe(ctx, r.stack)
	if err != nil || s == nil {
		return nil, err
	}
	if err := r.ours(s, false); err != nil {
		return nil, err
	}
	if aws.ToBool(s.EnableTerminationProtection) {
		return nil, ErrProtected
	}
	resources, err := r.resources(ctx, *s.StackId)
	if err != nil {
		return nil, err
	}
	var changes []diff.Change
	retained := r.retained(ctx, s)
	for _, x := range resources {
		if !there(x) {
			continue
		}
		c := diff.Change{
			Resource: diff.Resource{Plane: diff.AWS, Type: aws.ToString(x.ResourceType), Namespace: r.stack, Name: aws.ToString(x.LogicalResourceId), ID: aws.ToString(x.PhysicalResourceId)},
			Action:   diff.Delete, HoldsData: r.d.mayHoldData(aws.ToString(x.ResourceType)),
		}
		if retained[c.Name] {
			c.Retained, c.Reason = true, leaves
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// retained are the resources that outlive the stack, as far as its template can be read.
func (r *operation) retained(ctx context.Context, s *types.Stack) map[string]bool {
	kept := map[string]bool{}
	out, err := r.d.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: s.StackId})
	if err != nil {
		return kept // then all of it counts as lost
	}
	t, err := template.Parse([]byte(aws.ToString(out.TemplateBody)), r.stack)
	if err != nil {
		return kept
	}
	for id, x := range t.Resources {
		kept[id] = strings.HasPrefix(x.DeletionPolicy, "Retain")
	}
	return kept
}
