package logs

import (
	"context"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// What a batch of events may hold, and how far from now their times may be.
const (
	batchEvents   = 10_000
	batchBytes    = 1 << 20
	eventOverhead = 26 // bytes that each event counts beside its message
	pageEvents    = 10_000
	tooOld        = 14 * 24 * time.Hour
	tooNew        = 2 * time.Hour
)

func (l *Logs) putLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput) (*cloudwatchlogs.PutLogEventsOutput, error) {
	if n := len(in.LogEvents); n == 0 || n > batchEvents {
		return nil, invalid("A batch must have 1 to %d log events, not %d.", batchEvents, n)
	}
	size := 0
	for i, e := range in.LogEvents {
		if e.Timestamp == nil || aws.ToString(e.Message) == "" {
			return nil, invalid("Log event %d has no timestamp or no message.", i)
		}
		if i > 0 && *e.Timestamp < *in.LogEvents[i-1].Timestamp {
			return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		size += len(*e.Message) + eventOverhead
	}
	if size > batchBytes {
		return nil, invalid("Upload too large: %d bytes exceeds limit of %d", size, batchBytes)
	}
	out := &cloudwatchlogs.PutLogEventsOutput{}
	err := l.store.Update(func(tx *store.Tx) error {
		scope, groupName, now := scopeOf(ctx), aws.ToString(in.LogGroupName), l.now()
		into, err := findStream(tx, scope, groupName, aws.ToString(in.LogStreamName))
		if err != nil {
			return err
		}
		of, err := findGroup(tx, scope, groupName)
		if err != nil {
			return err
		}
		rejected := types.RejectedLogEventsInfo{}
		for i, e := range in.LogEvents {
			switch at := *e.Timestamp; {
			case at < now-tooOld.Milliseconds():
				rejected.TooOldLogEventEndIndex = aws.Int32(int32(i + 1))
			case at < of.since(now):
				rejected.ExpiredLogEventEndIndex = aws.Int32(int32(i + 1))
			case at > now+tooNew.Milliseconds():
				if rejected.TooNewLogEventStartIndex == nil {
					rejected.TooNewLogEventStartIndex = aws.Int32(int32(i))
				}
			default:
				key := streamKey(groupName, into.Name) + "\x00" + position(at, into.Next)
				if err := events.Put(tx, scope, key, event{Message: *e.Message, Timestamp: at, Ingested: now}); err != nil {
					return err
				}
				if into.Next == 0 || at < into.First {
					into.First = at
				}
				into.Last, into.LastIngest = max(into.Last, at), now
				into.Next++
			}
		}
		if rejected.TooOldLogEventEndIndex != nil || rejected.ExpiredLogEventEndIndex != nil || rejected.TooNewLogEventStartIndex != nil {
			out.RejectedLogEventsInfo = &rejected
		}
		return streams.Put(tx, scope, streamKey(groupName, into.Name), into)
	})
	return out, err
}

// placed is an event with its stream and its position in it.
type placed struct {
	event
	stream, at string
}

// read returns the events of a stream from one time up to before another, in order.
func read(tx *store.Tx, scope store.Scope, groupName, streamName string, from, to int64) (list []placed, err error) {
	prefix := streamKey(groupName, streamName) + "\x00"
	err = events.Walk(tx, scope, prefix, func(key string, e event) error {
		if e.Timestamp >= from && e.Timestamp < to {
			list = append(list, placed{e, streamName, key[len(prefix):]})
		}
		return nil
	})
	return list, err
}

// span is what the times of a request mean: all that the group still shows where
// they are missing.
func (l *Logs) span(g group, start, end *int64) (from, to int64) {
	from, to = g.since(l.now()), math.MaxInt64
	if start != nil {
		from = max(from, *start)
	}
	if end != nil {
		to = *end
	}
	return from, to
}

// getLogEvents answers with the newest events, or with the oldest where it is told to
// start from the head. A token is the direction and the position that the page goes
// on from; at an end the page is empty, and its token the one that was given.
func (l *Logs) getLogEvents(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	limit := pageEvents
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	direction, at, ok := strings.Cut(aws.ToString(in.NextToken), "/")
	if in.NextToken != nil && (!ok || direction != "f" && direction != "b") {
		return nil, invalid("The specified nextToken is invalid.")
	}
	groupName := nameOf(in.LogGroupName, in.LogGroupIdentifier)
	var page []placed
	err := l.store.View(func(tx *store.Tx) error {
		of, err := findGroup(tx, scopeOf(ctx), groupName)
		if err != nil {
			return err
		}
		if _, err := findStream(tx, scopeOf(ctx), groupName, aws.ToString(in.LogStreamName)); err != nil {
			return err
		}
		from, to := l.span(of, in.StartTime, in.EndTime)
		page, err = read(tx, scopeOf(ctx), groupName, *in.LogStreamName, from, to)
		return err
	})
	switch {
	case direction == "f":
		page = page[sort.Search(len(page), func(i int) bool { return page[i].at > at }):]
	case direction == "b":
		page = page[:sort.Search(len(page), func(i int) bool { return page[i].at >= at })]
	}
	if len(page) > limit {
		if direction == "f" || direction == "" && aws.ToBool(in.StartFromHead) {
			page = page[:limit]
		} else {
			page = page[len(page)-limit:]
		}
	}
	forward, backward := at, at
	out := &cloudwatchlogs.GetLogEventsOutput{}
	for i, e := range page {
		if i == 0 {
			backward = e.at
		}
		forward = e.at
		out.Events = append(out.Events, types.OutputLogEvent{Timestamp: &e.Timestamp, IngestionTime: &e.Ingested, Message: aws.String(e.Message)})
	}
	out.NextForwardToken, out.NextBackwardToken = aws.String("f/"+forward), aws.String("b/"+backward)
	return out, err
}

// filterLogEvents answers with the events of many streams that match a pattern, by
// time. A token is the time and the ID of the last event of the page before.
func (l *Logs) filterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	matches, err := parsePattern(aws.ToString(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive")
	}
	limit := pageEvents
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	groupName := nameOf(in.LogGroupName, in.LogGroupIdentifier)
	var all []placed
	err = l.store.View(func(tx *store.Tx) error {
		scope := scopeOf(ctx)
		of, err := findGroup(tx, scope, groupName)
		if err != nil {
			return err
		}
		names := in.LogStreamNames
		for _, name := range names {
			if _, err := findStream(tx, scope, groupName, name); err != nil {
				return err
			}
		}
		if names == nil {
			err = streams.Walk(tx, scope, streamKey(groupName, aws.ToString(in.LogStreamNamePrefix)), func(_ string, s stream) error {
				names = append(names, s.Name)
				return nil
			})
		}
		from, to := l.span(of, in.StartTime, in.EndTime)
		for _, name := range names {
			if err != nil {
				return err
			}
			var list []placed
			list, err = read(tx, scope, groupName, name, from, to)
			all = append(all, list...)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e placed) bool { return !matches(e.Message) })
	slices.SortFunc(all, func(a, b placed) int { return strings.Compare(a.id(), b.id()) })
	if in.NextToken != nil {
		all = all[sort.Search(len(all), func(i int) bool { return all[i].id() > *in.NextToken }):]
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	for _, e := range all[:min(limit, len(all))] {
		out.Events = append(out.Events, types.FilteredLogEvent{
			EventId: aws.String(e.id()), LogStreamName: aws.String(e.stream), Timestamp: &e.Timestamp, IngestionTime: &e.Ingested, Message: aws.String(e.Message),
		})
	}
	if len(all) > limit {
		out.NextToken = aws.String(all[limit-1].id())
	}
	return out, nil
}

// id names an event within its group, and sorts by time.
func (e placed) id() string { return e.at + "/" + e.stream }
