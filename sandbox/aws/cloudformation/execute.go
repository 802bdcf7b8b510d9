package cloudformation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

func (c *CloudFormation) executeChangeSet(ctx context.Context, in *cfn.ExecuteChangeSetInput) (*cfn.ExecuteChangeSetOutput, error) {
	found, err := c.findChangeSet(ctx, in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	if found.Parent != "" {
		return nil, invalid("ChangeSet [%s] is for a nested stack: execute the root change set [%s]", found.ID, found.Root)
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
		s, err := c.mustGet(tx, k)
		if err != nil {
			return k, nil, err
		}
		if cs.obsolete(&s) {
			return k, nil, &types.InvalidChangeSetStatusException{Message: aws.String(
				fmt.Sprintf("ChangeSet [%s] cannot be executed in its current execution status of [%s]", cs.ID, types.ExecutionStatusObsolete))}
		}
		t, kind := cs.Target, "update"
		if cs.Type == types.ChangeSetTypeCreate {
			kind = "create"
			if s.Status != types.StackStatusReviewInProgress {
				return k, nil, invalid("Stack:%s is in %s state and can not be created.", s.ID, s.Status)
			}
			t.OnFailure = types.OnFailure(cs.OnStackFailure)
		} else if cs.Type == types.ChangeSetTypeImport {
			kind = "import"
			if s.Status != types.StackStatusReviewInProgress {
				err = checkUpdatable(&s)
			}
			if err != nil {
				return k, nil, err
			}
		} else if err := checkUpdatable(&s); err != nil {
			return k, nil, err
		}
		t.DisableRollback = t.DisableRollback || aws.ToBool(in.DisableRollback) || cs.OnStackFailure == types.OnStackFailureDoNothing
		t.RetainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
		cs.ExecuteToken = token
		s.ChangeSetID = cs.ID
		s.begin(c, kind, token, t)
		s.Operation.ChangeSet, s.Operation.Imports = cs.ID, cs.Imports
		s.Operation.Revert = cs.Revert
		// The others were made for a stack that is no more.
		if err := c.forget(tx, scope, &s, cs.ID); err != nil {
			return k, nil, err
		}
		return k, &s, executing(tx, scope, cs)
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
	switch {
	case err == nil && cs.obsolete(s):
		return types.ExecutionStatusObsolete
	case err != nil || cs.Execution != types.ExecutionStatusExecuteInProgress:
		return cs.Execution
	case s.ChangeSetID != cs.ID && cs.Parent != "": // its turn has not come
		return cs.Execution
	case s.ChangeSetID != cs.ID:
		return types.ExecutionStatusExecuteComplete
	case s.Operation != nil:
		return cs.Execution
	case s.Status != types.StackStatusCreateComplete && s.Status != types.StackStatusUpdateComplete && s.Status != types.StackStatusImportComplete:
		return types.ExecutionStatusExecuteFailed
	}
	return types.ExecutionStatusExecuteComplete
}

// obsolete tells whether the stack has been updated since the change set was made.
func (cs *changeSet) obsolete(s *stack) bool {
	return cs.Execution == types.ExecutionStatusAvailable && cs.Parent == "" && s.Updated != nil && s.Updated.After(cs.Created)
}

// executing marks a change set, and those for the nested stacks, as one that is
// being executed.
func executing(tx *store.Tx, scope store.Scope, cs changeSet) error {
	cs.Execution = types.ExecutionStatusExecuteInProgress
	for _, id := range cs.Nested {
		of, ok, err := changeSets.Get(tx, scope, id)
		if err == nil && ok {
			err = executing(tx, scope, of)
		}
		if err != nil {
			return err
		}
	}
	return changeSets.Put(tx, scope, cs.ID, cs)
}
