package aws_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// lines are log events a millisecond apart, from a time on.
func lines(from time.Time, messages ...string) []types.InputLogEvent {
	var out []types.InputLogEvent
	for i, message := range messages {
		out = append(out, types.InputLogEvent{Timestamp: aws.Int64(from.UnixMilli() + int64(i)), Message: aws.String(message)})
	}
	return out
}

func TestLogs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, ctx := cloudwatchlogs.NewFromConfig(w.Config), t.Context()
	group, stream, began := aws.String("/build/app"), aws.String("one"), time.Now()
	create := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group, Tags: map[string]string{"owner": "us"}}
	do(t, client.CreateLogGroup, create)
	_, err := client.CreateLogGroup(ctx, create)
	wantCode(t, err, "ResourceAlreadyExistsException")
	_, err = client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("a b")})
	wantCode(t, err, "InvalidParameterException")
	for _, name := range []string{"one", "two"} {
		do(t, client.CreateLogStream, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: &name})
	}
	_, err = client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	wantCode(t, err, "ResourceAlreadyExistsException")
	_, err = client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("none"), LogStreamName: stream})
	wantCode(t, err, "ResourceNotFoundException")
	put := func(stream string, events []types.InputLogEvent) (*cloudwatchlogs.PutLogEventsOutput, error) {
		return client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: &stream, LogEvents: events})
	}
	if _, err := put("one", lines(began, "start", "ERROR no room", "step", "end")); err != nil {
		t.Fatal(err)
	}
	if _, err := put("two", lines(began.Add(500*time.Microsecond), "other ERROR", "other end")); err != nil {
		t.Fatal(err)
	}
	late := lines(began, "a", "b")
	slices.Reverse(late)
	_, err = put("one", late)
	wantCode(t, err, "InvalidParameterException")
	_, err = put("none", lines(began, "a"))
	wantCode(t, err, "ResourceNotFoundException")
	out, err := put("one", lines(began.Add(-15*24*time.Hour), "too old"))
	if err != nil || out.RejectedLogEventsInfo == nil || *out.RejectedLogEventsInfo.TooOldLogEventEndIndex != 1 {
		t.Errorf("an old event: %+v, %v", out, err)
	}

	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = cloudwatchlogs.NewFromConfig(w.Config)
	get := func(token *string, fromHead bool) (messages []string, forward, backward *string) {
		t.Helper()
		page := do(t, client.GetLogEvents, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, Limit: aws.Int32(3), NextToken: token, StartFromHead: &fromHead})
		for _, e := range page.Events {
			messages = append(messages, *e.Message)
		}
		return messages, page.NextForwardToken, page.NextBackwardToken
	}
	tail, forward, backward := get(nil, false)
	before, _, _ := get(backward, false)
	if want := []string{"ERROR no room", "step", "end"}; !cmp.Equal(tail, want) || !cmp.Equal(before, []string{"start"}) {
		t.Errorf("tail = %v, before it %v", tail, before)
	}
	if at, again, _ := get(forward, false); len(at) != 0 || *again != *forward {
		t.Errorf("at the end: %v, token %s after %s", at, *again, *forward)
	}
	if head, _, _ := get(nil, true); head[0] != "start" || len(head) != 3 {
		t.Errorf("head = %v", head)
	}
	if _, err := put("one", lines(time.Now().Add(time.Second), "more")); err != nil {
		t.Fatal(err)
	}
	if more, _, _ := get(forward, false); !cmp.Equal(more, []string{"more"}) {
		t.Errorf("what came since = %v", more)
	}
	_, err = client.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream, NextToken: aws.String("x")})
	wantCode(t, err, "InvalidParameterException")

	for pattern, want := range map[string]int{"": 7, "ERROR": 2, `"no room"`: 1, "ERROR -other": 1, "?start ?step": 2, "ERROR room": 1} {
		got := 0
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: &pattern, Limit: aws.Int32(2)})
		last := int64(0)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				if got++; *e.Timestamp < last {
					t.Errorf("%q: %d comes after %d", pattern, *e.Timestamp, last)
				}
				last = *e.Timestamp
			}
		}
		if got != want {
			t.Errorf("pattern %q matches %d events, want %d", pattern, got, want)
		}
	}
	_, err = client.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("{ $.a = 1 }")})
	wantCode(t, err, "InvalidParameterException")
	streams := do(t, client.DescribeLogStreams, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(1)})
	if len(streams.LogStreams) != 1 || *streams.LogStreams[0].LogStreamName != "one" || streams.NextToken == nil {
		t.Errorf("streams = %+v", streams)
	}
	do(t, client.DeleteLogStream, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: group, LogStreamName: stream})
	_, err = client.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: stream})
	wantCode(t, err, "ResourceNotFoundException")
	do(t, client.DeleteLogGroup, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: group})
	_, err = client.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: group})
	wantCode(t, err, "ResourceNotFoundException")
}

func TestRetentionAndTagsOfLogs(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx, group := cloudwatchlogs.NewFromConfig(w.Config), t.Context(), aws.String("g")
	do(t, client.CreateLogGroup, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	do(t, client.CreateLogStream, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: aws.String("s")})
	do(t, client.PutLogEvents, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: aws.String("s"), LogEvents: append(lines(time.Now().Add(-48*time.Hour), "old"), lines(time.Now(), "new")...)})
	count := func() int {
		return len(do(t, client.FilterLogEvents, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group}).Events)
	}
	if n := count(); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	_, err := client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(2000)})
	wantCode(t, err, "InvalidParameterException")
	do(t, client.PutRetentionPolicy, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(1)})
	if n := count(); n != 1 {
		t.Errorf("%d events with a retention of a day, want 1", n)
	}
	described := do(t, client.DescribeLogGroups, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: group}).LogGroups[0]
	if *described.RetentionInDays != 1 || *described.StoredBytes != 6 {
		t.Errorf("group = %+v", described)
	}
	do(t, client.DeleteRetentionPolicy, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: group})
	do(t, client.TagResource, &cloudwatchlogs.TagResourceInput{ResourceArn: described.LogGroupArn, Tags: map[string]string{"a": "1", "b": "2"}})
	do(t, client.UntagResource, &cloudwatchlogs.UntagResourceInput{ResourceArn: described.LogGroupArn, TagKeys: []string{"a"}})
	if tags := do(t, client.ListTagsForResource, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: described.LogGroupArn}).Tags; !cmp.Equal(tags, map[string]string{"b": "2"}) {
		t.Errorf("tags = %v", tags)
	}
	for i := range 3 {
		do(t, client.CreateLogGroup, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(fmt.Sprint("page/", i))})
	}
	n := 0
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("page/"), Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.LogGroups)
	}
	if n != 3 {
		t.Errorf("%d groups by pages, want 3", n)
	}
}

func TestLogResources(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := cloudwatchlogs.NewFromConfig(w.Config)
	properties := map[string]any{"LogGroupName": "/app", "RetentionInDays": "7"}
	made := w.create(t, "AWS::Logs::LogGroup", "one", properties)
	if again := w.create(t, "AWS::Logs::LogGroup", "one", properties); !cmp.Equal(made, again) {
		t.Errorf("the repeated call made %+v, after %+v", again, made)
	}
	_, err := w.tryCreate(t, "AWS::Logs::LogGroup", "two", properties)
	wantHandlerCode(t, err, resource.AlreadyExists)
	_, err = w.tryCreate(t, "AWS::Logs::LogGroup", "three", map[string]any{"RetentionInDays": 8})
	wantHandlerCode(t, err, resource.InvalidRequest)
	if want := "arn:aws:logs:us-east-1:" + account + ":log-group:/app:*"; made.Attributes["Arn"] != want {
		t.Errorf("Arn = %v, want %s", made.Attributes["Arn"], want)
	}
	inside := map[string]any{"LogGroupName": "/app", "LogStreamName": "s"}
	stream := w.create(t, "AWS::Logs::LogStream", "s", inside)
	if stream.Ref != "s" {
		t.Errorf("Ref of the stream = %s", stream.Ref)
	}
	_, err = w.tryCreate(t, "AWS::Logs::LogStream", "x", map[string]any{"LogGroupName": "none"})
	wantHandlerCode(t, err, resource.NotFound)
	if err := w.delete(t, "AWS::Logs::LogStream", "d", stream.PhysicalID, inside); err != nil {
		t.Error(err)
	}
	if n := len(do(t, client.DescribeLogStreams, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/app")}).LogStreams); n != 0 {
		t.Errorf("%d streams are left", n)
	}
	if _, err := w.update(t, "AWS::Logs::LogGroup", "u", made.PhysicalID, properties, map[string]any{"LogGroupName": "/app"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.delete(t, "AWS::Logs::LogGroup", "e", made.PhysicalID, properties); err != nil {
			t.Error(err)
		}
	}
}
