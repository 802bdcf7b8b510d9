package cloudformation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// headers are stacks without their resources, of which those are left out that keep
// refuses.
func (c *CloudFormation) headers(ctx context.Context, ids []string, keep func(*stack) bool) (out []*stack, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			s, there, err := stacks.Get(tx, scopeOf(ctx), id)
			if err != nil {
				return err
			}
			if op, under, err := operationRows.Get(tx, scopeOf(ctx), id); err != nil {
				return err
			} else if under {
				s.Operation = &op
			}
			if there && (keep == nil || keep(&s)) {
				out = append(out, &s)
			}
		}
		return nil
	})
	return out, err
}

// ids are those of the stacks of the caller's scope, the newest first.
func (c *CloudFormation) ids(ctx context.Context, deleted bool) (ids []string, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		ids, err = newestFirst(tx, scopeOf(ctx), deleted)
		return err
	})
	return ids, err
}

func (c *CloudFormation) describeStacks(ctx context.Context, in *cfn.DescribeStacksInput) (*cfn.DescribeStacksOutput, error) {
	out := &cfn.DescribeStacksOutput{Stacks: []types.Stack{}}
	if aws.ToString(in.StackName) != "" {
		_, s, err := c.find(ctx, in.StackName)
		if err != nil {
			return nil, err
		}
		out.Stacks = append(out.Stacks, s.describe())
		return out, nil
	}
	ids, err := c.ids(ctx, false)
	if err != nil {
		return nil, err
	}
	some, next, err := page(ids, in.NextToken, 100)
	if err != nil {
		return nil, err
	}
	found, err := c.headers(ctx, some, nil)
	out.NextToken = next
	for _, s := range found {
		out.Stacks = append(out.Stacks, s.describe())
	}
	return out, err
}

// describe is the stack as DescribeStacks shows it: under way, with what it is
// being brought to.
func (s *stack) describe() types.Stack {
	t := s.Deployed
	if s.Operation != nil && s.Operation.Kind != "delete" {
		t = s.Operation.Target
	}
	out := types.Stack{
		StackId: aws.String(s.ID), StackName: aws.String(s.Name), ChangeSetId: optional(s.ChangeSetID), Description: optional(t.Description),
		CreationTime: aws.Time(s.Created), LastUpdatedTime: s.Updated, DeletionTime: s.Deleted, StackStatus: s.Status, StackStatusReason: optional(s.Reason), ParentId: optional(s.Parent), RootId: optional(s.Root),
		Capabilities: t.Capabilities, DisableRollback: aws.Bool(t.DisableRollback), EnableTerminationProtection: aws.Bool(s.Protected),
		NotificationARNs: t.NotificationARNs, Parameters: describeParameters(t), Tags: describeTags(t.Tags), RoleARN: optional(t.RoleARN),
		DeploymentConfig: describeDeployment(t), RollbackConfiguration: t.Rollback,
		DriftInformation: s.driftInformation(),
	}
	if t.Timeout > 0 {
		out.TimeoutInMinutes = aws.Int32(t.Timeout)
	}
	if s.LastOperation != nil {
		out.LastOperations = []types.OperationEntry{{OperationId: aws.String(s.LastOperation.ID), OperationType: s.LastOperation.Type}}
	}
	for _, o := range s.Outputs {
		out.Outputs = append(out.Outputs, types.Output{OutputKey: aws.String(o.Key), OutputValue: aws.String(o.Value),
			Description: optional(o.Description), ExportName: optional(o.Export)})
	}
	return out
}

// describeDeployment is how a stack is, or is to be, deployed.
func describeDeployment(t target) *types.DeploymentConfig {
	mode := t.Mode
	if mode == "" {
		mode = types.DeploymentConfigModeStandard
	}
	return &types.DeploymentConfig{Mode: mode, DisableRollback: aws.Bool(t.DisableRollback)}
}

func (c *CloudFormation) listStacks(ctx context.Context, in *cfn.ListStacksInput) (*cfn.ListStacksOutput, error) {
	ids, err := c.ids(ctx, true)
	if err != nil {
		return nil, err
	}
	all, err := c.headers(ctx, ids, func(s *stack) bool {
		return len(in.StackStatusFilter) == 0 || slices.Contains(in.StackStatusFilter, s.Status)
	})
	if err != nil {
		return nil, err
	}
	some, next, err := page(all, in.NextToken, 100)
	out := &cfn.ListStacksOutput{NextToken: next}
	for _, s := range some {
		out.StackSummaries = append(out.StackSummaries, types.StackSummary{
			StackId: aws.String(s.ID), StackName: aws.String(s.Name), StackStatus: s.Status, StackStatusReason: optional(s.Reason),
			ParentId: optional(s.Parent), RootId: optional(s.Root), TemplateDescription: optional(s.Deployed.Description), CreationTime: aws.Time(s.Created), LastUpdatedTime: s.Updated, DeletionTime: s.Deleted,
			DriftInformation: summarized(s.driftInformation()),
		})
	}
	return out, err
}

// resources of the stack, by logical ID.
func (s *stack) resources() []*live {
	out := make([]*live, 0, len(s.Resources))
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		if s.Resources[id].Status != "" {
			out = append(out, s.Resources[id])
		}
	}
	return out
}

func (c *CloudFormation) describeStackResource(ctx context.Context, in *cfn.DescribeStackResourceInput) (*cfn.DescribeStackResourceOutput, error) {
	_, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, invalid("Stack '%s' does not exist", aws.ToString(in.StackName))
	}
	r := s.Resources[aws.ToString(in.LogicalResourceId)]
	if r == nil || r.Status == "" {
		return nil, invalid("Resource %s does not exist for stack %s", aws.ToString(in.LogicalResourceId), s.Name)
	}
	drifts, err := c.driftsOf(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	out := &types.StackResourceDetail{
		StackId: aws.String(s.ID), StackName: aws.String(s.Name), LogicalResourceId: aws.String(r.LogicalID), PhysicalResourceId: optional(r.PhysicalID),
		ResourceType: aws.String(r.Type), ResourceStatus: r.Status, ResourceStatusReason: optional(r.Reason), LastUpdatedTimestamp: aws.Time(r.Changed),
		DriftInformation: drifts.of(r),
	}
	if r.Metadata != nil {
		if text, err := json.Marshal(r.Metadata); err == nil {
			out.Metadata = aws.String(string(text))
		}
	}
	return &cfn.DescribeStackResourceOutput{StackResourceDetail: out}, nil
}

func (c *CloudFormation) describeStackResources(ctx context.Context, in *cfn.DescribeStackResourcesInput) (*cfn.DescribeStackResourcesOutput, error) {
	var found []*stack
	if physical := aws.ToString(in.PhysicalResourceId); physical != "" && in.StackName == nil {
		stackID, err := c.stackOf(ctx, physical)
		if err != nil {
			return nil, err
		}
		if stackID != "" {
			_, s, err := c.find(ctx, &stackID)
			if err != nil {
				return nil, err
			}
			found = append(found, s)
		}
		if found == nil {
			return nil, invalid("Stack for %s does not exist", physical)
		}
	} else {
		_, s, err := c.find(ctx, in.StackName)
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	out := &cfn.DescribeStackResourcesOutput{}
	for _, s := range found {
		drifts, err := c.driftsOf(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		for _, r := range s.resources() {
			if in.LogicalResourceId != nil && *in.LogicalResourceId != r.LogicalID {
				continue
			}
			out.StackResources = append(out.StackResources, types.StackResource{
				StackId: aws.String(s.ID), StackName: aws.String(s.Name), LogicalResourceId: aws.String(r.LogicalID),
				PhysicalResourceId: optional(r.PhysicalID), ResourceType: aws.String(r.Type), ResourceStatus: r.Status,
				ResourceStatusReason: optional(r.Reason), Timestamp: aws.Time(r.Changed), DriftInformation: drifts.of(r),
			})
		}
	}
	return out, nil
}

// stackOf is the ID of the stack that has a resource of the physical ID, or "".
func (c *CloudFormation) stackOf(ctx context.Context, physicalID string) (stackID string, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		return resourceRows.Walk(tx, scopeOf(ctx), "", func(at string, r *live) error {
			if r.PhysicalID != physicalID {
				return nil
			}
			id := at[:strings.LastIndex(at, "/")]
			s, _, err := stacks.Get(tx, scopeOf(ctx), id)
			if err == nil && s.Deleted == nil {
				stackID, err = id, store.Stop
			}
			return err
		})
	})
	return stackID, err
}

func (c *CloudFormation) listStackResources(ctx context.Context, in *cfn.ListStackResourcesInput) (*cfn.ListStackResourcesOutput, error) {
	_, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	drifts, err := c.driftsOf(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	some, next, err := page(s.resources(), in.NextToken, 100)
	out := &cfn.ListStackResourcesOutput{NextToken: next}
	for _, r := range some {
		out.StackResourceSummaries = append(out.StackResourceSummaries, types.StackResourceSummary{
			LogicalResourceId: aws.String(r.LogicalID), PhysicalResourceId: optional(r.PhysicalID), ResourceType: aws.String(r.Type),
			ResourceStatus: r.Status, ResourceStatusReason: optional(r.Reason), LastUpdatedTimestamp: aws.Time(r.Changed),
			DriftInformation: (*types.StackResourceDriftInformationSummary)(drifts.of(r)),
		})
	}
	return out, err
}

func (c *CloudFormation) listExports(ctx context.Context, in *cfn.ListExportsInput) (*cfn.ListExportsOutput, error) {
	var all []exported
	err := c.Store.View(func(tx *store.Tx) (err error) {
		all, err = exports.List(tx, scopeOf(ctx), "") // by name
		return err
	})
	if err != nil {
		return nil, err
	}
	some, next, err := page(all, in.NextToken, 100)
	out := &cfn.ListExportsOutput{NextToken: next}
	for _, e := range some {
		out.Exports = append(out.Exports, types.Export{ExportingStackId: aws.String(e.StackID), Name: aws.String(e.Name), Value: aws.String(e.Value)})
	}
	return out, err
}

func (c *CloudFormation) listImports(ctx context.Context, in *cfn.ListImportsInput) (*cfn.ListImportsOutput, error) {
	var users []string
	err := c.Store.View(func(tx *store.Tx) (err error) {
		users, err = importers(tx, scopeOf(ctx), aws.ToString(in.ExportName))
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, invalid("Export '%s' is not imported by any stack.", aws.ToString(in.ExportName))
	}
	some, next, err := page(users, in.NextToken, 100)
	return &cfn.ListImportsOutput{Imports: some, NextToken: next}, err
}
