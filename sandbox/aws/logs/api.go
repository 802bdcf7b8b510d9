package logs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (l *Logs) Service() *wire.Service {
	service := &wire.Service{Name: "logs", Protocol: wire.JSON11, Differences: differsFromAWS, Target: "Logs_20140328"}
	wire.Register(service, "CreateLogGroup", l.createLogGroup)
	wire.Register(service, "DescribeLogGroups", l.describeLogGroups)
	wire.Register(service, "DeleteLogGroup", l.deleteLogGroup)
	wire.Register(service, "PutRetentionPolicy", l.putRetentionPolicy)
	wire.Register(service, "DeleteRetentionPolicy", l.deleteRetentionPolicy)
	wire.Register(service, "CreateLogStream", l.createLogStream)
	wire.Register(service, "DescribeLogStreams", l.describeLogStreams)
	wire.Register(service, "DeleteLogStream", l.deleteLogStream)
	wire.Register(service, "PutLogEvents", l.putLogEvents)
	wire.Register(service, "GetLogEvents", l.getLogEvents)
	wire.Register(service, "FilterLogEvents", l.filterLogEvents)
	wire.Register(service, "TagResource", l.tagResource)
	wire.Register(service, "UntagResource", l.untagResource)
	wire.Register(service, "ListTagsForResource", l.listTagsForResource)
	return service
}

func (l *Logs) createLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	made, err := l.newGroup(scopeOf(ctx), aws.ToString(in.LogGroupName))
	if err != nil {
		return nil, err
	}
	if in.LogGroupClass != "" {
		made.Class = in.LogGroupClass
	}
	made.KMSKeyID, made.Protected = aws.ToString(in.KmsKeyId), aws.ToBool(in.DeletionProtectionEnabled)
	maps.Copy(made.Tags, in.Tags)
	return nil, l.store.Update(func(tx *store.Tx) error { return addGroup(tx, scopeOf(ctx), made) })
}

func (l *Logs) describeLogGroups(ctx context.Context, in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePattern != nil && in.LogGroupNamePrefix != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	out := &cloudwatchlogs.DescribeLogGroupsOutput{}
	err := l.store.View(func(tx *store.Tx) error {
		all, err := groups.List(tx, scopeOf(ctx), aws.ToString(in.LogGroupNamePrefix))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(g group) bool {
			return !strings.Contains(strings.ToLower(g.Name), strings.ToLower(aws.ToString(in.LogGroupNamePattern))) ||
				in.LogGroupClass != "" && g.Class != in.LogGroupClass
		})
		all, out.NextToken = wire.Page(all, in.NextToken, in.Limit, 50, func(g group) string { return g.Name })
		for _, g := range all {
			answer := types.LogGroup{
				LogGroupName: aws.String(g.Name), Arn: aws.String(g.ARN + ":*"), LogGroupArn: aws.String(g.ARN), CreationTime: aws.Int64(g.Created),
				LogGroupClass: g.Class, MetricFilterCount: aws.Int32(0), DeletionProtectionEnabled: aws.Bool(g.Protected),
			}
			if g.Retention > 0 {
				answer.RetentionInDays = aws.Int32(g.Retention)
			}
			if g.KMSKeyID != "" {
				answer.KmsKeyId = aws.String(g.KMSKeyID)
			}
			size := 0
			err := events.Walk(tx, scopeOf(ctx), g.Name+"\x00", func(_ string, e event) error {
				size += len(e.Message)
				return nil
			})
			if err != nil {
				return err
			}
			answer.StoredBytes = aws.Int64(int64(size))
			out.LogGroups = append(out.LogGroups, answer)
		}
		return nil
	})
	return out, err
}

func (l *Logs) deleteLogGroup(ctx context.Context, in *cloudwatchlogs.DeleteLogGroupInput) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	return nil, l.store.Update(func(tx *store.Tx) error {
		found, err := findGroup(tx, scopeOf(ctx), aws.ToString(in.LogGroupName))
		if err == nil && found.Protected {
			err = &types.ValidationException{Message: aws.String("The log group " + found.Name + " is protected from deletion.")}
		}
		if err != nil {
			return err
		}
		return dropGroup(tx, scopeOf(ctx), found.Name)
	})
}

func (l *Logs) changeGroup(ctx context.Context, name *string, do func(*group) error) error {
	return l.store.Update(func(tx *store.Tx) error {
		found, err := findGroup(tx, scopeOf(ctx), aws.ToString(name))
		if err != nil {
			return err
		}
		if err := do(&found); err != nil {
			return err
		}
		return groups.Put(tx, scopeOf(ctx), found.Name, found)
	})
}

func (l *Logs) putRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return nil, l.changeGroup(ctx, in.LogGroupName, func(g *group) error {
		if aws.ToInt32(in.RetentionInDays) == 0 {
			return invalid("retentionInDays must be one of %v", retentions)
		}
		return g.setRetention(*in.RetentionInDays)
	})
}

func (l *Logs) deleteRetentionPolicy(ctx context.Context, in *cloudwatchlogs.DeleteRetentionPolicyInput) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	return nil, l.changeGroup(ctx, in.LogGroupName, func(g *group) error { return g.setRetention(0) })
}

func (l *Logs) createLogStream(ctx context.Context, in *cloudwatchlogs.CreateLogStreamInput) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	return nil, l.store.Update(func(tx *store.Tx) error {
		return l.addStream(tx, scopeOf(ctx), aws.ToString(in.LogGroupName), aws.ToString(in.LogStreamName), "")
	})
}

// describeLogStreams lists streams by name or by their last event. A token is the
// name of the last stream of the page before.
func (l *Logs) describeLogStreams(ctx context.Context, in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	byTime := in.OrderBy == types.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	limit := 50
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	out := &cloudwatchlogs.DescribeLogStreamsOutput{}
	groupName := nameOf(in.LogGroupName, in.LogGroupIdentifier)
	err := l.store.View(func(tx *store.Tx) error {
		if _, err := findGroup(tx, scopeOf(ctx), groupName); err != nil {
			return err
		}
		all, err := streams.List(tx, scopeOf(ctx), streamKey(groupName, aws.ToString(in.LogStreamNamePrefix)))
		if err != nil {
			return err
		}
		if byTime {
			slices.SortStableFunc(all, func(a, b stream) int { return int(a.Last - b.Last) })
		}
		if aws.ToBool(in.Descending) {
			slices.Reverse(all)
		}
		if in.NextToken != nil {
			all = all[slices.IndexFunc(all, func(s stream) bool { return s.Name == *in.NextToken })+1:]
		}
		for _, s := range all[:min(limit, len(all))] {
			answer := types.LogStream{LogStreamName: aws.String(s.Name), Arn: aws.String(s.ARN), CreationTime: aws.Int64(s.Created)}
			if s.Next > 0 {
				answer.FirstEventTimestamp, answer.LastEventTimestamp, answer.LastIngestionTime = &s.First, &s.Last, &s.LastIngest
			}
			out.LogStreams = append(out.LogStreams, answer)
		}
		if len(all) > limit {
			out.NextToken = aws.String(all[limit-1].Name)
		}
		return nil
	})
	return out, err
}

func (l *Logs) deleteLogStream(ctx context.Context, in *cloudwatchlogs.DeleteLogStreamInput) (*cloudwatchlogs.DeleteLogStreamOutput, error) {
	return nil, l.store.Update(func(tx *store.Tx) error {
		found, err := findStream(tx, scopeOf(ctx), aws.ToString(in.LogGroupName), aws.ToString(in.LogStreamName))
		if err != nil {
			return err
		}
		return dropStream(tx, scopeOf(ctx), *in.LogGroupName, found.Name)
	})
}

func (l *Logs) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	return l.store.Update(func(tx *store.Tx) error {
		found, err := l.Retag(tx, scopeOf(ctx), aws.ToString(arn), change)
		if err == nil && !found {
			err = notFound("The specified log group does not exist.")
		}
		return err
	})
}

func (l *Logs) tagResource(ctx context.Context, in *cloudwatchlogs.TagResourceInput) (*cloudwatchlogs.TagResourceOutput, error) {
	return nil, l.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (l *Logs) untagResource(ctx context.Context, in *cloudwatchlogs.UntagResourceInput) (*cloudwatchlogs.UntagResourceOutput, error) {
	return nil, l.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (l *Logs) listTagsForResource(ctx context.Context, in *cloudwatchlogs.ListTagsForResourceInput) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	out := &cloudwatchlogs.ListTagsForResourceOutput{}
	err := l.store.View(func(tx *store.Tx) error {
		found, err := findGroup(tx, scopeOf(ctx), nameOf(in.ResourceArn, nil))
		out.Tags = found.Tags
		return err
	})
	return out, err
}
