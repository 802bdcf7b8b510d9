package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// drift is what a detection found for a stack as a whole, and the ID of the last
// one.
type drift struct {
	Detection string
	Status    types.StackDriftStatus
	At        time.Time
}

// detection is a drift detection as the store keeps it, under its ID.
type detection struct {
	store.Scope
	ID, StackID string
	LogicalIDs  []string
	Status      types.StackDriftDetectionStatus
	Reason      string
	Drift       types.StackDriftStatus
	Drifted     int32
	Begun       time.Time
}

var (
	detections = store.Table[detection]{Name: "cloudformation/detections"}
	// drifts holds what was last found of a resource, under "stack ID/logical ID".
	drifts = store.Table[types.StackResourceDrift]{Name: "cloudformation/drifts"}
)

// checkable are the statuses in which a stack can be compared with what is there.
var checkable = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateRollbackFailed,
	types.StackStatusImportComplete, types.StackStatusImportRollbackComplete, types.StackStatusUpdateFailed,
}

func (c *CloudFormation) findCheckable(ctx context.Context, name *string, ids []string) (key, *stack, error) {
	k, s, err := c.find(ctx, name)
	if err != nil {
		return k, nil, bracketed(err, name)
	}
	if !slices.Contains(checkable, s.Status) {
		return k, nil, invalid("Drift detection cannot be performed on stack [%s] while it is in %s state.", s.ID, s.Status)
	}
	for _, id := range ids {
		if s.Resources[id] == nil {
			return k, nil, invalid("Resource %s does not exist for stack %s", id, s.Name)
		}
	}
	return k, s, nil
}

func (c *CloudFormation) detectStackDrift(ctx context.Context, in *cfn.DetectStackDriftInput) (*cfn.DetectStackDriftOutput, error) {
	k, s, err := c.findCheckable(ctx, in.StackName, in.LogicalResourceIds)
	if err != nil {
		return nil, err
	}
	d := detection{Scope: k.Scope, ID: newID(), StackID: s.ID, LogicalIDs: in.LogicalResourceIds, Begun: c.now(),
		Status: types.StackDriftDetectionStatusDetectionInProgress, Drift: types.StackDriftStatusNotChecked}
	_, err = c.commit(func(tx *store.Tx) (key, *stack, error) {
		s, err := c.mustGet(tx, k)
		if err != nil {
			return k, nil, err
		}
		last, _, err := detections.Get(tx, k.Scope, s.Drift.Detection)
		if err == nil && last.Status == types.StackDriftDetectionStatusDetectionInProgress {
			err = invalid("Drift detection is already in progress for stack [%s].", s.ID)
		}
		// Of each stack the last one is kept.
		err = cmpOr(err, detections.Delete(tx, k.Scope, s.Drift.Detection), detections.Put(tx, k.Scope, d.ID, d))
		s.Drift.Detection = d.ID
		return k, &s, err
	})
	if err != nil {
		return nil, err
	}
	c.detect(d)
	return &cfn.DetectStackDriftOutput{StackDriftDetectionId: aws.String(d.ID)}, nil
}

// detect compares a stack with what is there, in the background, a resource at a
// time.
func (c *CloudFormation) detect(d detection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.launch(key{d.Scope, d.ID}, func(ctx, _ context.Context) error {
		s, err := c.load(key{d.Scope, d.StackID})
		if err != nil {
			return err
		}
		var unknown []string
		for _, of := range s.resources() {
			if len(d.LogicalIDs) > 0 && !slices.Contains(d.LogicalIDs, of.LogicalID) || c.reader(of.Type) == nil || !of.exists() {
				continue
			}
			found, err := c.driftOf(ctx, d.Scope, s.ID, of)
			if err != nil {
				return err
			}
			switch found.StackResourceDriftStatus {
			case types.StackResourceDriftStatusModified, types.StackResourceDriftStatusDeleted:
				d.Drifted++
			case types.StackResourceDriftStatusUnknown:
				unknown = append(unknown, of.LogicalID)
			}
		}
		return c.detected(d, unknown)
	})
}

// detected keeps the result of a detection.
func (c *CloudFormation) detected(d detection, unknown []string) error {
	d.Status, d.Drift = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusInSync
	if unknown != nil {
		d.Status, d.Drift = types.StackDriftDetectionStatusDetectionFailed, types.StackDriftStatusUnknown
		d.Reason = fmt.Sprintf("Failed to detect drift on resource [%s]", strings.Join(unknown, ", "))
	}
	if d.Drifted > 0 {
		d.Drift = types.StackDriftStatusDrifted
	}
	_, err := c.commit(func(tx *store.Tx) (key, *stack, error) {
		k := key{d.Scope, d.StackID}
		s, err := c.mustGet(tx, k)
		s.Drift.Status, s.Drift.At = d.Drift, c.now()
		return k, &s, cmpOr(err, detections.Put(tx, d.Scope, d.ID, d))
	})
	return err
}

// driftOf compares one resource with what is there, and keeps what it finds.
func (c *CloudFormation) driftOf(ctx context.Context, scope store.Scope, stackID string, of *live) (types.StackResourceDrift, error) {
	out := types.StackResourceDrift{
		LogicalResourceId: aws.String(of.LogicalID), PhysicalResourceId: optional(of.PhysicalID), ResourceType: aws.String(of.Type),
		StackId: aws.String(stackID), Timestamp: aws.Time(c.now()), StackResourceDriftStatus: types.StackResourceDriftStatusInSync,
	}
	found, there, err := c.read(ctx, scope, of.Type, of.PhysicalID)
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case err != nil:
		out.StackResourceDriftStatus, out.DriftStatusReason = types.StackResourceDriftStatusUnknown, aws.String(reasonOf(err, of))
	case !there:
		out.StackResourceDriftStatus = types.StackResourceDriftStatusDeleted
	default:
		expected, actual := toCompare(of, found)
		if out.PropertyDifferences = differences("", expected, actual); out.PropertyDifferences != nil {
			out.StackResourceDriftStatus = types.StackResourceDriftStatusModified
		}
		out.ExpectedProperties, out.ActualProperties = jsonText(expected), jsonText(actual)
	}
	return out, c.Store.Update(func(tx *store.Tx) error { return drifts.Put(tx, scope, stackID+"/"+of.LogicalID, out) })
}

func jsonText(v any) *string {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return aws.String(string(text))
}

func (c *CloudFormation) detectStackResourceDrift(ctx context.Context, in *cfn.DetectStackResourceDriftInput) (*cfn.DetectStackResourceDriftOutput, error) {
	id := aws.ToString(in.LogicalResourceId)
	k, s, err := c.findCheckable(ctx, in.StackName, []string{id})
	if err != nil {
		return nil, err
	}
	of := s.Resources[id]
	if c.reader(of.Type) == nil {
		return nil, invalid("Drift detection is not supported for resource type %s", of.Type)
	}
	found, err := c.driftOf(ctx, k.Scope, s.ID, of)
	if err != nil {
		return nil, err
	}
	return &cfn.DetectStackResourceDriftOutput{StackResourceDrift: &found}, nil
}

func (c *CloudFormation) describeStackDriftDetectionStatus(ctx context.Context, in *cfn.DescribeStackDriftDetectionStatusInput) (*cfn.DescribeStackDriftDetectionStatusOutput, error) {
	var d detection
	err := c.Store.View(func(tx *store.Tx) (err error) {
		d, _, err = detections.Get(tx, scopeOf(ctx), aws.ToString(in.StackDriftDetectionId))
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.ID == "" {
		return nil, invalid("Drift detection with id %s does not exist", aws.ToString(in.StackDriftDetectionId))
	}
	out := &cfn.DescribeStackDriftDetectionStatusOutput{
		DetectionStatus: d.Status, DetectionStatusReason: optional(d.Reason), StackDriftDetectionId: aws.String(d.ID), StackId: aws.String(d.StackID),
		StackDriftStatus: d.Drift, Timestamp: aws.Time(d.Begun),
	}
	if d.Status != types.StackDriftDetectionStatusDetectionInProgress {
		out.DriftedStackResourceCount = aws.Int32(d.Drifted)
	}
	return out, nil
}

func (c *CloudFormation) describeStackResourceDrifts(ctx context.Context, in *cfn.DescribeStackResourceDriftsInput) (*cfn.DescribeStackResourceDriftsOutput, error) {
	_, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	found, err := c.driftsOf(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	var all []types.StackResourceDrift
	for _, r := range s.resources() {
		d, ok := found[r.LogicalID]
		if ok && (len(in.StackResourceDriftStatusFilters) == 0 || slices.Contains(in.StackResourceDriftStatusFilters, d.StackResourceDriftStatus)) {
			all = append(all, d)
		}
	}
	size := 100
	if in.MaxResults != nil && *in.MaxResults >= 1 {
		size = min(size, int(*in.MaxResults))
	}
	some, next, err := page(all, in.NextToken, size)
	return &cfn.DescribeStackResourceDriftsOutput{StackResourceDrifts: some, NextToken: next}, err
}

// found are the results of a stack's resources, by logical ID.
type found map[string]types.StackResourceDrift

func (c *CloudFormation) driftsOf(ctx context.Context, stackID string) (found, error) {
	out := found{}
	err := c.Store.View(func(tx *store.Tx) error {
		return drifts.Walk(tx, scopeOf(ctx), stackID+"/", func(_ string, d types.StackResourceDrift) error {
			out[*d.LogicalResourceId] = d
			return nil
		})
	})
	return out, err
}

// of is what is known of a resource's drift: nothing after a change of it.
func (f found) of(r *live) *types.StackResourceDriftInformation {
	if d, ok := f[r.LogicalID]; ok && !r.Changed.After(*d.Timestamp) {
		return &types.StackResourceDriftInformation{StackResourceDriftStatus: d.StackResourceDriftStatus, LastCheckTimestamp: d.Timestamp}
	}
	return &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked}
}

// driftInformation is what is known of the stack's drift: nothing after an update.
func (s *stack) driftInformation() *types.StackDriftInformation {
	if s.Drift.Status == "" || s.Updated != nil && s.Updated.After(s.Drift.At) {
		return &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked}
	}
	return &types.StackDriftInformation{StackDriftStatus: s.Drift.Status, LastCheckTimestamp: aws.Time(s.Drift.At)}
}

func summarized(d *types.StackDriftInformation) *types.StackDriftInformationSummary {
	return &types.StackDriftInformationSummary{StackDriftStatus: d.StackDriftStatus, LastCheckTimestamp: d.LastCheckTimestamp}
}
