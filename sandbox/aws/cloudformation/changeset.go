package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
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
	case in.ChangeSetType == types.ChangeSetTypeImport || len(in.ResourcesToImport) > 0 || aws.ToBool(in.ImportExistingResources):
		return invalid("importing resources is not implemented in the sandbox")
	case in.DeploymentMode != "":
		return invalid("DeploymentMode %s is not implemented in the sandbox", in.DeploymentMode)
	case in.DeploymentConfig != nil && in.DeploymentConfig.Mode != "" && in.DeploymentConfig.Mode != types.DeploymentConfigModeStandard:
		return invalid("DeploymentConfig.Mode %s is not implemented in the sandbox", in.DeploymentConfig.Mode)
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
		types: in.ResourceTypes,
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
	}
	if cs.Type == "" {
		cs.Type = types.ChangeSetTypeUpdate
	}
	for _, ch := range changes {
		cs.Changes = append(cs.Changes, describeChange(ch))
	}
	unchanged := len(changes) == 0 && s.Deployed.Template != "" && sameOutputs(s, bound) && sameTags(t.Tags, s.Deployed.Tags)
	switch late := lateMistakes(bound.Template); {
	case unchanged:
		cs.fail(noChanges)
	case late != "" && !aws.ToBool(in.DisableValidation):
		cs.fail(late)
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
			return keyOf(scope, s), s, changeSets.Put(tx, scope, cs.ID, cs)
		}
		return key{}, nil, changeSets.Put(tx, scope, cs.ID, cs)
	})
	if err != nil {
		return nil, err
	}
	return &cfn.CreateChangeSetOutput{Id: aws.String(cs.ID), StackId: aws.String(cs.StackID)}, nil
}

func (cs *changeSet) fail(reason string) {
	cs.Status, cs.Execution, cs.Reason = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable, reason
}

// lateMistakes are what the early validation of a change set finds.
func lateMistakes(t *template.Template) string {
	var found []string
	for _, e := range template.All(t.Validate()) {
		if e.Late {
			found = append(found, e.Message)
		}
	}
	return strings.Join(found, "; ")
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

const codeNoChangeSet = "ChangeSetNotFound"

func noChangeSet(name string) error {
	return &wire.Error{Code: codeNoChangeSet, Message: fmt.Sprintf("ChangeSet [%s] does not exist", name), HTTPStatus: http.StatusNotFound}
}

// findChangeSet finds a change set by its ARN, or by its name and its stack.
func (c *CloudFormation) findChangeSet(ctx context.Context, nameOrID, stackNameOrID *string) (*changeSet, error) {
	asked, scope := aws.ToString(nameOrID), scopeOf(ctx)
	var found *changeSet
	if strings.HasPrefix(asked, "arn:") {
		err := c.Store.View(func(tx *store.Tx) error {
			cs, ok, err := changeSets.Get(tx, scope, asked)
			if ok {
				found = &cs
			}
			return err
		})
		if err == nil && found == nil {
			err = noChangeSet(asked)
		}
		return found, err
	}
	if aws.ToString(stackNameOrID) == "" {
		return nil, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	all, err := c.changeSetsOf(ctx, *stackNameOrID)
	if err != nil {
		return nil, err
	}
	for _, cs := range all {
		if cs.Name == asked {
			return &cs, nil
		}
	}
	return nil, noChangeSet(asked)
}

// changeSetsOf are a stack's change sets, the oldest first.
func (c *CloudFormation) changeSetsOf(ctx context.Context, nameOrID string) (out []changeSet, err error) {
	id := nameOrID
	if !strings.HasPrefix(nameOrID, "arn:") {
		_, s, err := c.find(ctx, &nameOrID)
		if err != nil {
			return nil, invalid("Stack [%s] does not exist", nameOrID)
		}
		id = s.ID
	}
	err = c.Store.View(func(tx *store.Tx) error {
		return changeSets.Walk(tx, scopeOf(ctx), "", func(_ string, cs changeSet) error {
			if cs.StackID == id {
				out = append(out, cs)
			}
			return nil
		})
	})
	slices.SortFunc(out, func(a, b changeSet) int { return a.Created.Compare(b.Created) })
	return out, err
}

func (c *CloudFormation) executeChangeSet(ctx context.Context, in *cfn.ExecuteChangeSetInput) (*cfn.ExecuteChangeSetOutput, error) {
	found, err := c.findChangeSet(ctx, in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	token, scope := aws.ToString(in.ClientRequestToken), scopeOf(ctx)
	k, repeated := key{scope, found.StackID}, false
	_, err = c.commit(func(tx *store.Tx) (key, *stack, error) {
		cs, ok, err := changeSets.Get(tx, scope, found.ID)
		if err != nil || !ok {
			return k, nil, cmpOr(err, noChangeSet(found.ID))
		}
		if token != "" && cs.ExecuteToken == token {
			repeated = true
			return k, nil, nil
		}
		if cs.Execution != types.ExecutionStatusAvailable {
			return k, nil, &types.InvalidChangeSetStatusException{Message: aws.String(
				fmt.Sprintf("ChangeSet [%s] cannot be executed in its current status of [%s]", cs.ID, cs.Status))}
		}
		s, err := mustGet(tx, k)
		if err != nil {
			return k, nil, err
		}
		t, kind := cs.Target, "update"
		if cs.Type == types.ChangeSetTypeCreate {
			kind = "create"
			if s.Status != types.StackStatusReviewInProgress {
				return k, nil, invalid("Stack:%s is in %s state and can not be created.", s.ID, s.Status)
			}
			t.OnFailure = types.OnFailure(cs.OnStackFailure)
		} else if err := checkUpdatable(&s); err != nil {
			return k, nil, err
		}
		t.DisableRollback = aws.ToBool(in.DisableRollback) || cs.OnStackFailure == types.OnStackFailureDoNothing
		t.RetainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
		cs.Execution, cs.ExecuteToken = types.ExecutionStatusExecuteInProgress, token
		s.ChangeSetID = cs.ID
		s.begin(c, kind, token, t)
		// The others were made for a stack that is no more.
		if err := forget(tx, scope, &s, cs.ID); err != nil {
			return k, nil, err
		}
		return k, &s, changeSets.Put(tx, scope, cs.ID, cs)
	})
	if err != nil {
		return nil, err
	}
	if !repeated {
		c.start(k)
	}
	return &cfn.ExecuteChangeSetOutput{}, nil
}

func cmpOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// executed is the execution status as it is by now.
func (c *CloudFormation) executed(ctx context.Context, cs *changeSet) types.ExecutionStatus {
	_, s, err := c.find(ctx, &cs.StackID)
	if err != nil || cs.Execution != types.ExecutionStatusExecuteInProgress || s.ChangeSetID == cs.ID && s.Operation != nil {
		return cs.Execution
	}
	if s.ChangeSetID == cs.ID && s.Status != types.StackStatusCreateComplete && s.Status != types.StackStatusUpdateComplete {
		return types.ExecutionStatusExecuteFailed
	}
	return types.ExecutionStatusExecuteComplete
}

func (c *CloudFormation) describeChangeSet(ctx context.Context, in *cfn.DescribeChangeSetInput) (*cfn.DescribeChangeSetOutput, error) {
	cs, err := c.findChangeSet(ctx, in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	some, next, err := page(cs.Changes, in.NextToken, 100)
	if err != nil {
		return nil, err
	}
	out := &cfn.DescribeChangeSetOutput{
		ChangeSetId: aws.String(cs.ID), ChangeSetName: aws.String(cs.Name), StackId: aws.String(cs.StackID), StackName: aws.String(cs.StackName),
		Description: optional(cs.Description), CreationTime: aws.Time(cs.Created), Status: cs.Status, StatusReason: optional(cs.Reason),
		ExecutionStatus: c.executed(ctx, cs), Capabilities: cs.Target.Capabilities, NotificationARNs: cs.Target.NotificationARNs,
		Tags: describeTags(cs.Target.Tags), Parameters: describeParameters(cs.Target), OnStackFailure: cs.OnStackFailure,
		IncludeNestedStacks: aws.Bool(false), ImportExistingResources: aws.Bool(false), NextToken: next,
	}
	for _, ch := range some {
		if !aws.ToBool(in.IncludePropertyValues) {
			ch = withoutValues(ch)
		}
		out.Changes = append(out.Changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: &ch})
	}
	return out, nil
}

func (c *CloudFormation) deleteChangeSet(ctx context.Context, in *cfn.DeleteChangeSetInput) (*cfn.DeleteChangeSetOutput, error) {
	cs, err := c.findChangeSet(ctx, in.ChangeSetName, in.StackName)
	if answer, ok := wire.As(err); err != nil && ok && answer.Code == codeNoChangeSet {
		return &cfn.DeleteChangeSetOutput{}, nil // deleting what is not there succeeds
	}
	if err != nil {
		return nil, err
	}
	if c.executed(ctx, cs) == types.ExecutionStatusExecuteInProgress {
		return nil, &types.InvalidChangeSetStatusException{Message: aws.String(fmt.Sprintf("ChangeSet [%s] is being executed and can't be deleted", cs.ID))}
	}
	err = c.Store.Update(func(tx *store.Tx) error { return changeSets.Delete(tx, scopeOf(ctx), cs.ID) })
	return &cfn.DeleteChangeSetOutput{}, err
}

func (c *CloudFormation) listChangeSets(ctx context.Context, in *cfn.ListChangeSetsInput) (*cfn.ListChangeSetsOutput, error) {
	all, err := c.changeSetsOf(ctx, aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	some, next, err := page(all, in.NextToken, 100)
	if err != nil {
		return nil, err
	}
	out := &cfn.ListChangeSetsOutput{NextToken: next}
	for _, cs := range some {
		out.Summaries = append(out.Summaries, types.ChangeSetSummary{
			ChangeSetId: aws.String(cs.ID), ChangeSetName: aws.String(cs.Name), StackId: aws.String(cs.StackID), StackName: aws.String(cs.StackName),
			CreationTime: aws.Time(cs.Created), Description: optional(cs.Description), Status: cs.Status, StatusReason: optional(cs.Reason),
			ExecutionStatus: c.executed(ctx, &cs),
		})
	}
	return out, nil
}

// describeParameters masks the values of NoEcho parameters.
func describeParameters(t target) []types.Parameter {
	parsed, err := template.Parse([]byte(t.Template), "template")
	var out []types.Parameter
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		value := t.Parameters[name]
		if err != nil || parsed.Parameters[name] == nil || parsed.Parameters[name].NoEcho {
			value = template.NoEcho
		}
		out = append(out, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
	}
	return out
}

func describeTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}
