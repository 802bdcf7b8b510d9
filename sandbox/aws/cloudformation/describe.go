package cloudformation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// all lists the stacks of the caller's scope, the newest first.
func (c *CloudFormation) all(ctx context.Context) (out []stack, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		out, err = stacks.List(tx, scopeOf(ctx), "")
		return err
	})
	slices.SortStableFunc(out, func(a, b stack) int { return b.Created.Compare(a.Created) })
	return out, err
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
	all, err := c.all(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s stack) bool { return s.Deleted != nil })
	some, next, err := page(all, in.NextToken, 100)
	out.NextToken = next
	for _, s := range some {
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
	all, err := c.all(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s stack) bool {
		return len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, s.Status)
	})
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
		all, err := c.all(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			if s.Deleted == nil && slices.ContainsFunc(s.resources(), func(r *live) bool { return r.PhysicalID == physical }) {
				found = append(found, &s)
			}
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
	all, err := c.all(ctx)
	if err != nil {
		return nil, err
	}
	var exports []types.Export
	for _, s := range all {
		for _, o := range s.Outputs {
			if o.Export != "" && s.Deleted == nil {
				exports = append(exports, types.Export{ExportingStackId: aws.String(s.ID), Name: aws.String(o.Export), Value: aws.String(o.Value)})
			}
		}
	}
	slices.SortFunc(exports, func(a, b types.Export) int {
		if *a.Name < *b.Name {
			return -1
		}
		return 1
	})
	some, next, err := page(exports, in.NextToken, 100)
	return &cfn.ListExportsOutput{Exports: some, NextToken: next}, err
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
