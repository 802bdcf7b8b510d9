package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

var stackName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

func checkName(name string) error {
	if !stackName.MatchString(name) {
		return invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	return nil
}

func (c *CloudFormation) createStack(ctx context.Context, in *cfn.CreateStackInput) (*cfn.CreateStackOutput, error) {
	name, token := aws.ToString(in.StackName), aws.ToString(in.ClientRequestToken)
	if err := checkName(name); err != nil {
		return nil, err
	}
	if in.OnFailure != "" && in.DisableRollback != nil {
		return nil, invalid("You can specify either DisableRollback or OnFailure, but not both.")
	}
	scope := scopeOf(ctx)
	s := &stack{ID: stackARN(scope, name, newID()), Name: name, Created: c.now(), Protected: aws.ToBool(in.EnableTerminationProtection)}
	t, _, err := c.target(ctx, scope, s, proposal{
		body: in.TemplateBody, url: in.TemplateURL, parameters: in.Parameters, tags: in.Tags, capabilities: in.Capabilities, role: in.RoleARN,
		notificationARNs: in.NotificationARNs, rollback: in.RollbackConfiguration, types: in.ResourceTypes,
		deployment: in.DeploymentConfig,
	})
	if err != nil {
		return nil, err
	}
	if s.Policy, err = c.policy(ctx, in.StackPolicyBody, in.StackPolicyURL); err != nil {
		return nil, err
	}
	t.Validate = !aws.ToBool(in.DisableValidation)
	t.OnFailure, t.Timeout = in.OnFailure, aws.ToInt32(in.TimeoutInMinutes)
	t.DisableRollback = t.DisableRollback || aws.ToBool(in.DisableRollback)
	t.RetainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
	existing := ""
	_, err = c.commit(func(tx *store.Tx) (key, *stack, error) {
		id, taken, err := names.Get(tx, scope, name)
		if err != nil {
			return key{}, nil, err
		}
		if taken {
			old, err := c.mustGet(tx, key{scope, id})
			if err == nil && (token == "" || old.Tokens[token] != "CreateStack") {
				err = &types.AlreadyExistsException{Message: aws.String(fmt.Sprintf("Stack [%s] already exists", name))}
			}
			existing = id
			return key{}, nil, err
		}
		s.remember(token, "CreateStack")
		s.begin(c, "create", token, t)
		return keyOf(scope, s), s, names.Put(tx, scope, name, s.ID)
	})
	if err != nil {
		return nil, err
	}
	if existing != "" {
		return &cfn.CreateStackOutput{StackId: aws.String(existing)}, nil
	}
	c.start(keyOf(scope, s))
	return &cfn.CreateStackOutput{StackId: aws.String(s.ID), OperationId: aws.String(s.LastOperation.ID)}, nil
}

// begin sets the stack to work on a target.
func (s *stack) begin(c *CloudFormation, kind, token string, t target) {
	op := &operation{ID: newID(), Kind: kind, From: s.Status, Phase: applying, Token: token, Target: t, Policy: s.Policy, Begun: c.now()}
	if s.Operation != nil {
		op.Doomed = s.Operation.Doomed // what a failed rollback left
	}
	if last := s.Unsettled; last != nil {
		op.Doomed = append(op.Doomed, last.Doomed...)
		op.Stable, op.Undo, op.Since = last.stable(), last.Undo, append(last.Since, last.ID)
	}
	s.Operation, s.Unsettled, s.Failure = op, nil, ""
	s.LastOperation = &begun{op.ID, operationTypes[kind]}
	at := c.now()
	switch kind {
	case "create":
		s.set(at, types.StackStatusCreateInProgress, "User Initiated")
	case "update":
		s.Updated = &at
		op.Before = maps.Clone(s.Resources)
		for _, r := range s.Resources {
			if r.PhysicalID != "" && !r.exists() {
				op.Doomed = append(op.Doomed, r) // begun, and never finished
			}
		}
		s.set(at, types.StackStatusUpdateInProgress, "User Initiated")
	case "import":
		op.Before = maps.Clone(s.Resources)
		s.set(at, types.StackStatusImportInProgress, "User Initiated")
	case "delete":
		op.Phase = deleting
		s.set(at, types.StackStatusDeleteInProgress, "User Initiated")
	}
}

var operationTypes = map[string]types.OperationType{
	"create": types.OperationTypeCreateStack, "update": types.OperationTypeUpdateStack,
	"import": types.OperationTypeUpdateStack, "delete": types.OperationTypeDeleteStack,
}

// updatable are the statuses in which a stack can be updated.
var updatable = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateFailed,
	types.StackStatusImportComplete, types.StackStatusImportRollbackComplete,
}

func checkUpdatable(s *stack) error {
	if s.Deleted != nil {
		return noStack(s.ID)
	}
	if !slices.Contains(updatable, s.Status) {
		return invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
	}
	return nil
}

func (c *CloudFormation) updateStack(ctx context.Context, in *cfn.UpdateStackInput) (*cfn.UpdateStackOutput, error) {
	k, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && s.Tokens[token] == "UpdateStack" {
		return &cfn.UpdateStackOutput{StackId: aws.String(s.ID)}, nil
	}
	if err := checkUpdatable(s); err != nil {
		return nil, err
	}
	t, bound, err := c.target(ctx, k.Scope, s, proposal{
		body: in.TemplateBody, url: in.TemplateURL, previousTemplate: in.UsePreviousTemplate, parameters: in.Parameters, tags: in.Tags,
		capabilities: in.Capabilities, role: in.RoleARN, notificationARNs: in.NotificationARNs, rollback: in.RollbackConfiguration,
		types: in.ResourceTypes, deployment: in.DeploymentConfig,
	})
	if err != nil {
		return nil, err
	}
	t.Validate = !aws.ToBool(in.DisableValidation)
	t.DisableRollback, t.RetainExceptOnCreate = t.DisableRollback || aws.ToBool(in.DisableRollback), aws.ToBool(in.RetainExceptOnCreate)
	changes, err := c.changes(s, bound)
	if err != nil {
		return nil, err
	}
	if s.unchanged(t, bound, changes) && s.Status != types.StackStatusUpdateFailed {
		return nil, invalid("No updates are to be performed.")
	}
	policy, err := c.policy(ctx, in.StackPolicyBody, in.StackPolicyURL)
	if err != nil {
		return nil, err
	}
	during, err := c.policy(ctx, in.StackPolicyDuringUpdateBody, in.StackPolicyDuringUpdateURL)
	if err != nil {
		return nil, err
	}
	now, err := c.change(k, func(s *stack) error {
		if err := checkUpdatable(s); err != nil { // another request may have been faster
			return err
		}
		s.remember(token, "UpdateStack")
		s.begin(c, "update", token, t)
		s.Operation.Policy = cmp.Or(during, s.Policy)
		s.Policy = cmp.Or(policy, s.Policy)
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.start(k)
	return &cfn.UpdateStackOutput{StackId: aws.String(s.ID), OperationId: aws.String(now.LastOperation.ID)}, nil
}

func (c *CloudFormation) deleteStack(ctx context.Context, in *cfn.DeleteStackInput) (*cfn.DeleteStackOutput, error) {
	out := &cfn.DeleteStackOutput{}
	k, _, err := c.find(ctx, in.StackName)
	if answer, ok := wire.As(err); err != nil && ok && strings.HasSuffix(answer.Message, "does not exist") {
		return out, nil // deleting what is not there succeeds
	}
	if err != nil {
		return nil, err
	}
	if err := checkDeployment(in.DeploymentConfig); err != nil {
		return nil, err
	}
	return out, c.beginDelete(k, deletion{aws.ToString(in.ClientRequestToken), in.RetainResources, in.DeletionMode == types.DeletionModeForceDeleteStack})
}

// deletion is how a stack is to be deleted.
type deletion struct {
	token  string
	retain []string
	force  bool // and keep what can't be deleted
}

// beginDelete sets a stack to be deleted, if it is not at it already.
func (c *CloudFormation) beginDelete(k key, d deletion) error {
	begun := false
	_, err := c.change(k, func(s *stack) error {
		switch {
		case s.Deleted != nil || s.Status == types.StackStatusDeleteInProgress:
			return nil
		case s.Protected:
			return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.Name)
		case len(d.retain) > 0 && s.Status != types.StackStatusDeleteFailed:
			return invalid("Invalid operation on stack [%s]. Resources can be retained only when the stack is in DELETE_FAILED", s.ID)
		case d.force && s.Status != types.StackStatusDeleteFailed:
			return invalid("Invalid operation on stack [%s]. DeletionMode %s can be used only when the stack is in DELETE_FAILED", s.ID, types.DeletionModeForceDeleteStack)
		case s.Status != types.StackStatusCreateInProgress && s.Status != types.StackStatusReviewInProgress && strings.HasSuffix(string(s.Status), "_IN_PROGRESS"):
			return invalid("Stack [%s] cannot be deleted while in status %s", s.Name, s.Status)
		}
		begun = true
		s.begin(c, "delete", d.token, s.Deployed)
		s.Operation.Skip, s.Operation.Force = d.retain, d.force
		return nil
	})
	if err == nil && begun {
		c.cancelWork(k) // a creation that is under way
		c.start(k)
	}
	return err
}

// cancelWork cancels what is being done to the stack's resources.
func (c *CloudFormation) cancelWork(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.running[k]; r != nil {
		r.cancelWork(errCancelled)
	}
}

func (c *CloudFormation) cancelUpdateStack(ctx context.Context, in *cfn.CancelUpdateStackInput) (*cfn.CancelUpdateStackOutput, error) {
	k, _, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	_, err = c.change(k, func(s *stack) error {
		if s.Status != types.StackStatusUpdateInProgress {
			return invalid("CancelUpdateStack cannot be called from current stack status")
		}
		s.Operation.Cancelled = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.cancelWork(k)
	return &cfn.CancelUpdateStackOutput{}, nil
}

func (c *CloudFormation) continueUpdateRollback(ctx context.Context, in *cfn.ContinueUpdateRollbackInput) (*cfn.ContinueUpdateRollbackOutput, error) {
	k, found, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && found.Tokens[token] == "ContinueUpdateRollback" {
		return &cfn.ContinueUpdateRollbackOutput{}, nil
	}
	_, err = c.change(k, func(s *stack) error {
		if s.Status != types.StackStatusUpdateRollbackFailed || s.Operation == nil {
			return invalid("Stack:%s is in %s state and can not continue rollback.", s.ID, s.Status)
		}
		skip := in.ResourcesToSkip
		for _, id := range skip {
			// NESTED.ID is one of a nested stack, which looks at it itself.
			if of, _, _ := strings.Cut(id, "."); !slices.Contains(s.Operation.Failed, of) {
				return invalid("[%s] is not valid for ResourcesToSkip: only resources that failed to roll back can be skipped", id)
			}
		}
		if aws.ToBool(in.ForceRollback) {
			skip = s.Operation.Failed
		}
		s.LastOperation = &begun{newID(), types.OperationTypeContinueRollback}
		s.remember(token, "ContinueUpdateRollback")
		s.goOn(c, skip, token)
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.start(k)
	return &cfn.ContinueUpdateRollbackOutput{}, nil
}

// goOn takes up a rollback that failed, without the resources to skip.
func (s *stack) goOn(c *CloudFormation, skip []string, token string) {
	op := *s.Operation
	op.Stuck, op.Phase, op.Skip, op.Token = false, rollingBack, skip, token
	op.Attempt++
	s.Operation = &op
	s.set(c.now(), types.StackStatusUpdateRollbackInProgress, "User Initiated")
}

func (c *CloudFormation) updateTerminationProtection(ctx context.Context, in *cfn.UpdateTerminationProtectionInput) (*cfn.UpdateTerminationProtectionOutput, error) {
	k, _, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	s, err := c.change(k, func(s *stack) error {
		if s.Deleted != nil {
			return noStack(s.ID)
		}
		if s.Parent != "" {
			return invalid("Termination protection can be changed on the root stack only; %s is nested in %s", s.Name, s.Parent)
		}
		s.Protected = aws.ToBool(in.EnableTerminationProtection)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cfn.UpdateTerminationProtectionOutput{StackId: aws.String(s.ID)}, nil
}
