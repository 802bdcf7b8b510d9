// Package logs is the sandbox's CloudWatch Logs: log groups, streams and events, and
// the resource types AWS::Logs::LogGroup and AWS::Logs::LogStream.
//
// Events are kept by time, and are no longer shown when the group's retention is
// over. A filter pattern may have terms, quoted phrases, "?any" and "-none" of them;
// patterns over fields ({ $.a = 1 } and [a, b]) are refused. There are no metrics,
// subscriptions and queries.
//
// Times are in milliseconds since 1970. Source: the CloudWatch Logs API reference.
package logs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Logs is the service. It is safe for concurrent use.
type Logs struct {
	store *store.Store
	pace  *simtime.Pace
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *Logs { return &Logs{store: state, pace: pace} }

type group struct {
	Name, ARN, KMSKeyID string
	Class               types.LogGroupClass
	Created             int64
	Retention           int32 // in days; 0 is for ever
	Protected           bool
	Tags                map[string]string
	Token               string // of the CloudFormation operation that made it
}

type stream struct {
	Name, ARN               string
	Created                 int64
	First, Last, LastIngest int64 // 0 where there are no events
	Next                    int64 // the number of the next event
	Token                   string
}

// event is a line of a log. Its key says its stream, time and number.
type event struct {
	Message             string
	Timestamp, Ingested int64
}

var (
	groups  = store.Table[group]{Name: "logs/groups"}
	streams = store.Table[stream]{Name: "logs/streams"} // by group, a zero byte, stream
	events  = store.Table[event]{Name: "logs/events"}   // by the same, a zero byte, position
)

func streamKey(groupName, streamName string) string { return groupName + "\x00" + streamName }

// position sorts the events of a stream by time, and those of one time by arrival.
func position(timestamp, number int64) string { return fmt.Sprintf("%015d-%012d", timestamp, number) }

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

var (
	groupForm  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	streamForm = regexp.MustCompile(`^[^:*]{1,512}$`)
)

// retentions are the numbers of days that a group may keep its events.
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (l *Logs) newGroup(scope store.Scope, name string) (group, error) {
	if !groupForm.MatchString(name) {
		return group{}, invalid("1 validation error detected: Value at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+")
	}
	return group{
		Name: name, ARN: "arn:aws:logs:" + scope.Region + ":" + scope.Account + ":log-group:" + name,
		Class: types.LogGroupClassStandard, Created: l.now(), Tags: map[string]string{},
	}, nil
}

func (l *Logs) now() int64 { return l.pace.Now().UnixMilli() }

// addGroup puts a new group into the store. One of the same token is the same call.
func addGroup(tx *store.Tx, scope store.Scope, made group) error {
	old, exists, err := groups.Get(tx, scope, made.Name)
	if err != nil || exists && made.Token != "" && old.Token == made.Token {
		return err
	}
	if exists {
		return alreadyExists("The specified log group already exists")
	}
	return groups.Put(tx, scope, made.Name, made)
}

// addStream puts a new stream into a group.
func (l *Logs) addStream(tx *store.Tx, scope store.Scope, groupName, name, token string) error {
	if !streamForm.MatchString(name) {
		return invalid("1 validation error detected: Value at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*")
	}
	in, err := findGroup(tx, scope, groupName)
	if err != nil {
		return err
	}
	old, exists, err := streams.Get(tx, scope, streamKey(groupName, name))
	if err != nil || exists && token != "" && old.Token == token {
		return err
	}
	if exists {
		return alreadyExists("The specified log stream already exists")
	}
	return streams.Put(tx, scope, streamKey(groupName, name), stream{Name: name, ARN: in.ARN + ":log-stream:" + name, Created: l.now(), Token: token})
}

func findGroup(tx *store.Tx, scope store.Scope, name string) (group, error) {
	found, exists, err := groups.Get(tx, scope, name)
	if err == nil && !exists {
		err = notFound("The specified log group does not exist.")
	}
	return found, err
}

func findStream(tx *store.Tx, scope store.Scope, groupName, name string) (stream, error) {
	if _, err := findGroup(tx, scope, groupName); err != nil {
		return stream{}, err
	}
	found, exists, err := streams.Get(tx, scope, streamKey(groupName, name))
	if err == nil && !exists {
		err = notFound("The specified log stream does not exist.")
	}
	return found, err
}

// nameOf is the name of a group that a request names or gives the ARN of.
func nameOf(name, identifier *string) string {
	id := aws.ToString(name)
	if identifier != nil {
		id = *identifier
	}
	if _, after, ok := strings.Cut(id, ":log-group:"); ok {
		id = strings.TrimSuffix(after, ":*")
	}
	return id
}

// clear deletes what a table has under a prefix.
func clear[T any](tx *store.Tx, scope store.Scope, table store.Table[T], prefix string) error {
	var keys []string
	err := table.Walk(tx, scope, prefix, func(key string, _ T) error {
		keys = append(keys, key)
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = table.Delete(tx, scope, key)
		}
	}
	return err
}

// dropStream deletes a stream with its events.
func dropStream(tx *store.Tx, scope store.Scope, groupName, name string) error {
	if err := clear(tx, scope, events, streamKey(groupName, name)+"\x00"); err != nil {
		return err
	}
	return streams.Delete(tx, scope, streamKey(groupName, name))
}

// dropGroup deletes a group with its streams and events.
func dropGroup(tx *store.Tx, scope store.Scope, name string) error {
	if err := clear(tx, scope, events, name+"\x00"); err != nil {
		return err
	}
	if err := clear(tx, scope, streams, name+"\x00"); err != nil {
		return err
	}
	return groups.Delete(tx, scope, name)
}

func (g *group) setRetention(days int32) error {
	if days != 0 && !slices.Contains(retentions, days) {
		return invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", days, retentions)
	}
	g.Retention = days
	return nil
}

// since is the time of the oldest event that the group still shows.
func (g group) since(now int64) int64 {
	if g.Retention == 0 {
		return 0
	}
	return now - int64(g.Retention)*(24*time.Hour).Milliseconds()
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func notFound(message string) error { return &types.ResourceNotFoundException{Message: &message} }

func alreadyExists(message string) error {
	return &types.ResourceAlreadyExistsException{Message: &message}
}

// Tagged lists the groups for the Tagging API.
func (l *Logs) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := groups.Walk(tx, scope, "", func(_ string, g group) error {
		out = append(out, resource.Tagged{ARN: g.ARN, Tags: g.Tags})
		return nil
	})
	return out, err
}

// Retag changes the tags of a group, whose ARN may end in ":*".
func (l *Logs) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	name, ok := strings.CutPrefix(strings.TrimSuffix(arn, ":*"), "arn:aws:logs:"+scope.Region+":"+scope.Account+":log-group:")
	if !ok {
		return false, nil
	}
	found, exists, err := groups.Get(tx, scope, name)
	if err != nil || !exists {
		return false, err
	}
	if found.Tags == nil {
		found.Tags = map[string]string{}
	}
	change(found.Tags)
	return true, groups.Put(tx, scope, name, found)
}
