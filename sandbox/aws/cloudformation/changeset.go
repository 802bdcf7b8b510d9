package cloudformation

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// noChanges are CloudFormation's words for a change set that would do nothing.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

var changeSetName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// refuseOptions refuses what would change the meaning of a change set and is
// not done here.
func refuseOptions(in *cfn.CreateChangeSetInput) error {
	name := aws.ToString(in.ChangeSetName)
	switch {
	case !changeSetName.MatchString(name):
		return invalid("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	case in.ChangeSetType == types.ChangeSetTypeImport || len(in.ResourcesToImport) > 0:
		return invalid("importing resources is not implemented in the sandbox")
	case in.DeploymentMode != "":
		return invalid("DeploymentMode %s is not implemented in the sandbox", in.DeploymentMode)
	}
	return nil
}

func (c *CloudFormation) createChangeSet(ctx context.Context, in *cfn.CreateChangeSetInput) (*cfn.CreateChangeSetOutput, error) {
	if err := refuseOptions(in); err != nil {
		return nil, err
	}
	scope := scopeOf(ctx)
	s, err := c.changed(ctx, in)
	if err != nil {
		return nil, err
	}
	if same, err := c.sameChangeSet(ctx, s, in); err != nil || same != nil {
		return same, err
	}
	t, bound, err := c.target(ctx, s, proposal{
		body: in.TemplateBody, url: in.TemplateURL, previousTemplate: in.UsePreviousTemplate, parameters: in.Parameters, tags: in.Tags,
		capabilities: in.Capabilities, role: in.RoleARN, notificationARNs: in.NotificationARNs, rollback: in.RollbackConfiguration,
		types: in.ResourceTypes, deployment: in.DeploymentConfig,
	})
	if err != nil {
		return nil, err
	}
	changes, err := c.changes(s, bound)
	if err != nil {
		return nil, err
	}
	cs := changeSet{
		ID: changeSetARN(scope, aws.ToString(in.ChangeSetName)), Name: aws.ToString(in.ChangeSetName), StackID: s.ID, StackName: s.Name,
		Type: in.ChangeSetType, Description: aws.ToString(in.Description), ClientToken: aws.ToString(in.ClientToken), Created: c.now(),
		Status: types.ChangeSetStatusCreateComplete, Execution: types.ExecutionStatusAvailable, Target: t, OnStackFailure: in.OnStackFailure,
		IncludeNested: aws.ToBool(in.IncludeNestedStacks), ImportExisting: aws.ToBool(in.ImportExistingResources), Operation: newID(),
	}
	if cs.Type == "" {
		cs.Type = types.ChangeSetTypeUpdate
	}
	for _, ch := range changes {
		cs.Changes = append(cs.Changes, describeChange(ch))
	}
	unchanged := len(changes) == 0 && s.Deployed.Template != "" && sameOutputs(s, bound) && sameTags(t.Tags, s.Deployed.Tags)
	if !aws.ToBool(in.DisableValidation) {
		cs.Mistakes = lateMistakes(bound.Template)
	}
	switch {
	case unchanged:
		cs.fail(noChanges)
	case len(cs.Mistakes) > 0:
		cs.fail(earlyValidation(cs.Mistakes))
	}
	_, err = c.commit(func(tx *store.Tx) (key, *stack, error) {
		if cs.Type == types.ChangeSetTypeCreate && s.Status == "" {
			// Somebody may have been faster.
			if _, taken, err := names.Get(tx, scope, s.Name); err != nil || taken {
				if err == nil {
					err = invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.Name, cs.Name)
				}
				return key{}, nil, err
			}
			s.set(c.now(), types.StackStatusReviewInProgress, "User Initiated")
			if err := names.Put(tx, scope, s.Name, s.ID); err != nil {
				return key{}, nil, err
			}
			return keyOf(scope, s), s, putChangeSet(tx, scope, cs)
		}
		return key{}, nil, putChangeSet(tx, scope, cs)
	})
	if err != nil {
		return nil, err
	}
	return &cfn.CreateChangeSetOutput{Id: aws.String(cs.ID), StackId: aws.String(cs.StackID)}, nil
}

func (cs *changeSet) fail(reason string) {
	cs.Status, cs.Execution, cs.Reason = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable, reason
}

// changed returns the stack that the change set is for; for a new one it has no
// status yet.
func (c *CloudFormation) changed(ctx context.Context, in *cfn.CreateChangeSetInput) (*stack, error) {
	_, s, err := c.find(ctx, in.StackName)
	name := aws.ToString(in.StackName)
	if err == nil && s.Deleted != nil {
		err = noStack(name)
	}
	if in.ChangeSetType == types.ChangeSetTypeCreate {
		switch {
		case err == nil && s.Status != types.StackStatusReviewInProgress:
			return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.Name, aws.ToString(in.ChangeSetName))
		case err == nil:
			return s, nil
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		return &stack{ID: stackARN(scopeOf(ctx), name), Name: name, Created: c.now()}, nil
	}
	if err != nil {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	return s, checkUpdatable(s)
}

// sameChangeSet finds a change set of the name: one made by the same call is the
// answer to it, any other an error.
func (c *CloudFormation) sameChangeSet(ctx context.Context, s *stack, in *cfn.CreateChangeSetInput) (*cfn.CreateChangeSetOutput, error) {
	cs, err := c.findChangeSet(ctx, in.ChangeSetName, &s.ID)
	if answer, ok := wire.As(err); err != nil && ok && answer.Code == codeNoChangeSet {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if cs.ClientToken == "" || cs.ClientToken != aws.ToString(in.ClientToken) {
		return nil, &types.AlreadyExistsException{Message: aws.String(fmt.Sprintf("ChangeSet %s already exists", cs.ID))}
	}
	return &cfn.CreateChangeSetOutput{Id: aws.String(cs.ID), StackId: aws.String(cs.StackID)}, nil
}
