package stack_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// patience is how long a client waits for an answer that is held back.
const patience = 250 * time.Millisecond

// disturbed is a sandbox whose AWS can be made to fail.
type disturbed struct {
	*aws.Endpoint
	url string

	mu    sync.Mutex
	calls map[string]int // by operation of CloudFormation
}

func newDisturbed(t *testing.T) *disturbed {
	t.Helper()
	e, err := aws.New(aws.Options{
		Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Durations: simtime.Durations{"*/Create": 5 * time.Millisecond, "*/Update": 5 * time.Millisecond, "*/Delete": 5 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &disturbed{Endpoint: e, calls: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.ServeHTTP(w, r.WithContext(wire.WithObserver(r.Context(), d.called)))
	}))
	d.url = server.URL
	t.Cleanup(func() {
		e.Faults().Clear()
		server.CloseClientConnections()
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *disturbed) called(_, operation string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[operation]++
}

// client is one that tries each call as often as it is told, with short breaks, and
// waits so long for each answer; 0 is for ever.
func (d *disturbed) client(attempts int, patience time.Duration) *cloudformation.Client {
	config := config(d.url)
	config.HTTPClient = &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	config.Retryer = func() awssdk.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = attempts, 5*time.Millisecond, nothingLimited{}
		})
	}
	return cloudformation.NewFromConfig(config)
}

// nothingLimited lets the client's retries be as many as its attempts.
type nothingLimited struct{}

func (nothingLimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (nothingLimited) AddTokens(uint) error { return nil }

// life is one thing that a Change does.
type life struct {
	name       string
	before     []string // templates that are deployed first; the last may fail
	template   string   // empty deletes the stack
	size       string
	fails      bool
	operations []string // that it begins
}

func lives() []life {
	good := strings.Replace(template, "%s", "", 1)
	twins := strings.Replace(template, "%s", `, "One": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": "/killed/twin", "Value": "x"}},
 "Two": {"Type": "AWS::SSM::Parameter", "DependsOn": "One", "Properties": {"Type": "String", "Name": "/killed/twin", "Value": "x"}}`, 1)
	return []life{
		{name: "create", template: good, size: "1", operations: []string{"CREATE"}},
		{name: "update", before: []string{good}, template: good, size: "2", operations: []string{"UPDATE"}},
		{name: "nothing to do", before: []string{good}, template: good, size: "1"},
		{name: "failed update", before: []string{good}, template: twins, size: "1", fails: true, operations: []string{"UPDATE"}},
		{name: "recreate", before: []string{twins}, template: good, size: "1", operations: []string{"DELETE", "CREATE"}},
		{name: "delete", before: []string{good}, operations: []string{"DELETE"}},
	}
}

func (l life) run(ctx context.Context, d *stack.Deployer, change, template, size string) error {
	if template == "" {
		_, err := d.Delete(ctx, stack.DeleteRequest{
			Environment: "team/production", Component: "db", StackName: "disturbed", Change: change, AllowDestructive: func(diff.Change) bool { return true },
		}, nil)
		return err
	}
	_, err := d.Deploy(ctx, stack.Request{
		Environment: "team/production", Component: "db", StackName: "disturbed", Change: change,
		Template: template, Parameters: map[string]string{"Size": size}, Capabilities: []string{"CAPABILITY_IAM"},
	}, nil)
	return err
}

// live runs a life with faults that are set once all before it is done, and checks
// that it came to its end with the operations that it is to begin and no more. It
// returns how often each operation of CloudFormation was called.
func (l life) live(t *testing.T, attempts int, faults ...fault.Fault) map[string]int {
	t.Helper()
	world := newDisturbed(t)
	calm := world.client(3, 0)
	for i, template := range l.before {
		err := l.run(t.Context(), stack.New(calm, stack.Options{Interval: 5 * time.Millisecond}), fmt.Sprintf("before-%d", i), template, "1")
		if err != nil && l.name != "recreate" {
			t.Fatal(err)
		}
	}
	begun := len(operations(t, calm))
	world.mu.Lock()
	clear(world.calls)
	world.mu.Unlock()
	for _, f := range faults {
		if err := world.Faults().Set(f); err != nil {
			t.Fatal(err)
		}
	}
	err := l.run(t.Context(), stack.New(world.client(attempts, patience), stack.Options{Interval: 5 * time.Millisecond}), "now", l.template, l.size)
	met := world.Faults().List()
	world.Faults().Clear()
	world.mu.Lock()
	calls := maps.Clone(world.calls)
	world.mu.Unlock()
	if (err != nil) != l.fails {
		t.Errorf("error: %v", err)
	}
	for _, f := range met {
		if f.Met == 0 && f.Rate == 0 && f.After == 0 { // how often it looks at the stack is a matter of time
			t.Errorf("the fault met nothing: %+v", f)
		}
	}
	after := operations(t, calm)[begun:]
	if d := cmp.Diff(l.operations, after); d != "" && len(l.operations)+len(after) > 0 {
		t.Errorf("operations (-want +got):\n%s", d)
	}
	l.noneLeft(t, calm)
	return calls
}

// noneLeft checks that no change set was left that could be executed, or that failed.
func (l life) noneLeft(t *testing.T, client *cloudformation.Client) {
	t.Helper()
	stacks, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stacks.Stacks {
		sets, err := client.ListChangeSets(t.Context(), &cloudformation.ListChangeSetsInput{StackName: s.StackId})
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sets.Summaries {
			if set.ExecutionStatus == types.ExecutionStatusAvailable || set.Status == types.ChangeSetStatusFailed {
				t.Errorf("the change set %s is left: %s, %s", *set.ChangeSetName, set.Status, set.ExecutionStatus)
			}
		}
	}
}

// TestEachFaultAtEachCall makes each operation of CloudFormation that a life calls
// fail in each way, at its first and at its second call; the deployer alone goes on.
func TestEachFaultAtEachCall(t *testing.T) {
	if testing.Short() {
		t.Skip("lives some hundred lives")
	}
	t.Parallel()
	for _, l := range lives() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			calls := l.live(t, 1)
			if len(calls) < 3 {
				t.Fatalf("only %v", calls)
			}
			for _, operation := range slices.Sorted(maps.Keys(calls)) {
				for _, kind := range []fault.Kind{fault.Throttle, fault.Fail, fault.Hang, fault.Lose} {
					for after := range min(calls[operation], 2) {
						t.Run(fmt.Sprintf("%s/%s/after %d", operation, kind, after), func(t *testing.T) {
							t.Parallel()
							l.live(t, 1, fault.Fault{Kind: kind, Service: "cloudformation", Operation: operation, After: after, Count: 1})
						})
					}
				}
			}
		})
	}
}

// TestStorm makes a third of all calls fail, in all ways but the slow one; the client
// tries again by itself before the deployer does.
func TestStorm(t *testing.T) {
	t.Parallel()
	for _, l := range lives() {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s/%d", l.name, seed), func(t *testing.T) {
				t.Parallel()
				l.live(t, 2,
					fault.Fault{Kind: fault.Throttle, Service: "cloudformation", Rate: 0.12, Seed: seed},
					fault.Fault{Kind: fault.Fail, Service: "cloudformation", Rate: 0.12, Seed: seed + 100},
					fault.Fault{Kind: fault.Lose, Service: "cloudformation", Rate: 0.12, Seed: seed + 200})
			})
		}
	}
}
