package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

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
	stackID, err := c.stackID(ctx, *stackNameOrID)
	if err != nil {
		return nil, err
	}
	err = c.Store.View(func(tx *store.Tx) error {
		id, _, err := changeSetIDs.Get(tx, scope, stackID+"/"+asked)
		if err != nil {
			return err
		}
		cs, ok, err := changeSets.Get(tx, scope, id)
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

// stackID is the ARN of the stack that is named by it, or by its name.
func (c *CloudFormation) stackID(ctx context.Context, nameOrID string) (string, error) {
	if strings.HasPrefix(nameOrID, "arn:") {
		return nameOrID, nil
	}
	_, s, err := c.find(ctx, &nameOrID)
	if err != nil {
		return "", invalid("Stack [%s] does not exist", nameOrID)
	}
	return s.ID, nil
}

// putChangeSet keeps a new change set.
func putChangeSet(tx *store.Tx, scope store.Scope, cs changeSet) error {
	return cmpOr(changeSets.Put(tx, scope, cs.ID, cs), changeSetIDs.Put(tx, scope, cs.StackID+"/"+cs.Name, cs.ID),
		operations.Put(tx, scope, cs.Operation, cs.ID))
}

// dropChangeSet forgets a change set.
func dropChangeSet(tx *store.Tx, scope store.Scope, cs changeSet) error {
	return cmpOr(changeSets.Delete(tx, scope, cs.ID), changeSetIDs.Delete(tx, scope, cs.StackID+"/"+cs.Name),
		operations.Delete(tx, scope, cs.Operation))
}

// changeSetsIn are the change sets of the stack with that ID, by name.
func changeSetsIn(tx *store.Tx, scope store.Scope, stackID string) (out []changeSet, err error) {
	ids, err := changeSetIDs.List(tx, scope, stackID+"/")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		cs, ok, err := changeSets.Get(tx, scope, id)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, cs)
		}
	}
	return out, nil
}

// changeSetsOf are a stack's change sets, the oldest first.
func (c *CloudFormation) changeSetsOf(ctx context.Context, nameOrID string) (out []changeSet, err error) {
	id, err := c.stackID(ctx, nameOrID)
	if err != nil {
		return nil, err
	}
	err = c.Store.View(func(tx *store.Tx) error {
		out, err = changeSetsIn(tx, scopeOf(ctx), id)
		return err
	})
	slices.SortFunc(out, func(a, b changeSet) int { return a.Created.Compare(b.Created) })
	return out, err
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
		IncludeNestedStacks: aws.Bool(cs.IncludeNested), ImportExistingResources: aws.Bool(cs.ImportExisting), DeploymentConfig: describeDeployment(cs.Target),
		ParentChangeSetId: optional(cs.Parent), RootChangeSetId: optional(cs.Root), DeploymentMode: cs.Mode,
		RollbackConfiguration: cs.Target.Rollback,
		NextToken:             next,
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
	if cs.Parent != "" {
		return nil, invalid("ChangeSet [%s] is for a nested stack: delete the root change set [%s]", cs.ID, cs.Root)
	}
	if c.executed(ctx, cs) == types.ExecutionStatusExecuteInProgress {
		return nil, &types.InvalidChangeSetStatusException{Message: aws.String(fmt.Sprintf("ChangeSet [%s] is being executed and can't be deleted", cs.ID))}
	}
	err = c.Store.Update(func(tx *store.Tx) error { return c.dropTree(tx, scopeOf(ctx), *cs) })
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
			ExecutionStatus: c.executed(ctx, &cs), IncludeNestedStacks: aws.Bool(cs.IncludeNested), ImportExistingResources: aws.Bool(cs.ImportExisting),
			ParentChangeSetId: optional(cs.Parent), RootChangeSetId: optional(cs.Root),
		})
	}
	return out, nil
}

// describeParameters masks the values of NoEcho parameters.
func describeParameters(t target) []types.Parameter {
	var out []types.Parameter
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		value := t.Parameters[name]
		if slices.Contains(t.NoEcho, name) {
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
