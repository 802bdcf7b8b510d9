package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"

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
	case in.ChangeSetType == types.ChangeSetTypeImport && len(in.ResourcesToImport) == 0:
		return invalid("ResourcesToImport must be specified for a change set of type IMPORT")
	case in.ChangeSetType != types.ChangeSetTypeImport && len(in.ResourcesToImport) > 0:
		return invalid("ResourcesToImport can be specified only for a change set of type IMPORT")
	case in.ChangeSetType == types.ChangeSetTypeImport && (aws.ToBool(in.IncludeNestedStacks) || aws.ToBool(in.ImportExistingResources)):
		return invalid("IncludeNestedStacks and ImportExistingResources can't be used with a change set of type IMPORT")
	case in.DeploymentMode != "" && in.DeploymentMode != types.DeploymentModeRevertDrift:
		return invalid("1 validation error detected: Value '%s' at 'deploymentMode' failed to satisfy constraint: Member must satisfy enum value set: [REVERT_DRIFT]", in.DeploymentMode)
	case in.DeploymentMode != "" && (in.ChangeSetType == types.ChangeSetTypeCreate || in.ChangeSetType == types.ChangeSetTypeImport || aws.ToBool(in.IncludeNestedStacks)):
		return invalid("DeploymentMode %s can be used only with a change set of type UPDATE, without IncludeNestedStacks", in.DeploymentMode)
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
	p, err := c.plan(ctx, scope, s, proposal{
		body: in.TemplateBody, url: in.TemplateURL, previousTemplate: in.UsePreviousTemplate, parameters: in.Parameters, tags: in.Tags,
		capabilities: in.Capabilities, role: in.RoleARN, notificationARNs: in.NotificationARNs, rollback: in.RollbackConfiguration,
		types: in.ResourceTypes, deployment: in.DeploymentConfig, imports: in.ResourcesToImport,
	}, changeSet{
		ID: changeSetARN(scope, aws.ToString(in.ChangeSetName)), Name: aws.ToString(in.ChangeSetName), Type: in.ChangeSetType,
		Description: aws.ToString(in.Description), ClientToken: aws.ToString(in.ClientToken), OnStackFailure: in.OnStackFailure,
		IncludeNested: aws.ToBool(in.IncludeNestedStacks), ImportExisting: aws.ToBool(in.ImportExistingResources),
		DisableValidation: aws.ToBool(in.DisableValidation), Mode: in.DeploymentMode,
	})
	if err != nil {
		return nil, err
	}
	if err := c.keep(scope, p); err != nil {
		return nil, err
	}
	return &cfn.CreateChangeSetOutput{Id: aws.String(p.set.ID), StackId: aws.String(p.set.StackID)}, nil
}

// plan is a change set that was worked out and is not kept yet, with those of
// the nested stacks.
type plan struct {
	set    changeSet
	stack  *stack
	nested []*plan
}

// plan works out what a proposal changes.
func (c *CloudFormation) plan(ctx context.Context, scope store.Scope, s *stack, of proposal, cs changeSet) (*plan, error) {
	t, bound, err := c.target(ctx, scope, s, of)
	if err != nil {
		return nil, err
	}
	changes, err := c.changes(s, bound)
	if err != nil {
		return nil, err
	}
	cs.StackID, cs.StackName, cs.Created, cs.Operation, cs.Target = s.ID, s.Name, c.now(), newID(), t
	cs.Status, cs.Execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	if cs.Type == "" {
		cs.Type = types.ChangeSetTypeUpdate
	}
	p := &plan{set: cs, stack: s}
	if cs.Type == types.ChangeSetTypeImport { // which leaves all else alone
		changes = slices.DeleteFunc(changes, isAutomatic)
	}
	if cs.IncludeNested {
		if changes, err = c.planNested(ctx, scope, p, bound, changes); err != nil {
			return nil, err
		}
	}
	if cs.Mode == types.DeploymentModeRevertDrift {
		if changes, err = c.planReversal(ctx, scope, p, bound, changes); err != nil {
			return nil, err
		}
	}
	unfit, err := c.planImports(ctx, scope, p, bound, changes, of.imports)
	if err != nil {
		return nil, err
	}
	for _, ch := range changes {
		p.set.Changes = append(p.set.Changes, p.describe(ch))
	}
	if !cs.DisableValidation {
		var touched []template.Desired
		made := map[string]map[string]any{}
		for _, ch := range changes {
			if ch.After != nil {
				touched = append(touched, *ch.After)
			}
			if ch.Action == template.Add && p.set.Imports[ch.LogicalID] == "" {
				made[ch.LogicalID] = ch.After.Properties
			}
		}
		taken, err := c.taken(ctx, scope, bound.Template, made)
		if err != nil {
			return nil, err
		}
		p.set.Mistakes = append(lateMistakes(bound.Template, touched), taken...)
	}
	switch broken := slices.IndexFunc(p.nested, func(n *plan) bool { return n.set.Status == types.ChangeSetStatusFailed }); {
	case s.unchanged(t, bound, changes):
		p.set.fail(noChanges)
	case unfit != "":
		p.set.fail(unfit)
	case len(p.set.Mistakes) > 0:
		p.set.fail(earlyValidation(p.set.Mistakes))
	case broken >= 0:
		p.set.fail(fmt.Sprintf("Nested change set %s was not successfully created: Currently in %s.", p.nested[broken].set.ID, types.ChangeSetStatusFailed))
	}
	return p, nil
}

// describe is a change as DescribeChangeSet shows it.
func (p *plan) describe(ch template.Change) types.ResourceChange {
	out := describeChange(ch)
	if r := p.stack.Resources[ch.LogicalID]; r != nil && ch.Action != template.Add {
		out.PhysicalResourceId = optional(r.PhysicalID)
	}
	if id, ok := p.set.Imports[ch.LogicalID]; ok {
		out.Action, out.PhysicalResourceId = types.ChangeActionImport, aws.String(id)
	}
	if p.set.Mode != "" && ch.Action != template.Add {
		out.ResourceDriftStatus = cmp.Or(p.set.Revert[ch.LogicalID], types.StackResourceDriftStatusInSync)
	}
	for _, n := range p.nested {
		if n.set.ID == p.set.Nested[ch.LogicalID] {
			out.ChangeSetId, out.PhysicalResourceId = aws.String(n.set.ID), aws.String(n.stack.ID)
		}
	}
	return out
}

// keep writes change sets, and the new stacks that they are for, all or none.
func (c *CloudFormation) keep(scope store.Scope, p *plan) error {
	return c.commitAll(func(tx *store.Tx) ([]keyed, error) {
		var made []keyed
		for n := range p.all() {
			if n.stack.Status == "" {
				// Somebody may have been faster.
				if _, taken, err := names.Get(tx, scope, n.stack.Name); err != nil || taken {
					return nil, cmpOr(err, alreadyExists(n.stack.Name, n.set.Name))
				}
				n.stack.set(c.now(), types.StackStatusReviewInProgress, "User Initiated")
				if err := names.Put(tx, scope, n.stack.Name, n.stack.ID); err != nil {
					return nil, err
				}
				made = append(made, keyed{keyOf(scope, n.stack), n.stack})
			}
			if err := putChangeSet(tx, scope, n.set); err != nil {
				return nil, err
			}
		}
		return made, nil
	})
}

// all are the plan and those in it.
func (p *plan) all() iter.Seq[*plan] {
	return func(yield func(*plan) bool) {
		if !yield(p) {
			return
		}
		for _, n := range p.nested {
			for m := range n.all() {
				if !yield(m) {
					return
				}
			}
		}
	}
}

func alreadyExists(stack, set string) error {
	return invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", stack, set)
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
	create := in.ChangeSetType == types.ChangeSetTypeCreate
	if create || in.ChangeSetType == types.ChangeSetTypeImport {
		switch {
		case err == nil && s.Status != types.StackStatusReviewInProgress && !create:
			return s, checkUpdatable(s)
		case err == nil && s.Status != types.StackStatusReviewInProgress:
			return nil, alreadyExists(s.Name, aws.ToString(in.ChangeSetName))
		case err == nil:
			return s, nil
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		return &stack{ID: stackARN(scopeOf(ctx), name, newID()), Name: name, Created: c.now()}, nil
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
