// Package stack_test deploys to the sandbox's CloudFormation with the official
// client: the conformance suite, and a deploying program that is killed with
// SIGKILL at each named place and started again.
package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/test/stack/conformance"
)

const interval = 20 * time.Millisecond

// endpoint starts the sandbox's AWS and returns its URL.
func endpoint(t *testing.T) string {
	t.Helper()
	e, err := aws.New(aws.Options{
		Dir:       t.TempDir(),
		Durations: simtime.Durations{"*/Create": 150 * time.Millisecond, "*/Update": 150 * time.Millisecond, "*/Delete": 50 * time.Millisecond},
		Log:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

func config(url string) awssdk.Config {
	return awssdk.Config{Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	url := endpoint(t)
	client := cloudformation.NewFromConfig(config(url))
	t.Run("cases", func(t *testing.T) {
		conformance.Run(t, func(t *testing.T, use func(*testing.T, conformance.World)) {
			t.Parallel()
			use(t, conformance.World{API: client, Interval: interval})
		})
	})
}

// job is what the child is to do.
type job struct {
	URL, Change, Size string
	Template          string
	Delete            bool
}

// TestMain makes the test binary a program that deploys once.
func TestMain(m *testing.M) {
	if text := os.Getenv("STACK_CHILD"); text != "" {
		if err := child(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	d := stack.New(cloudformation.NewFromConfig(config(j.URL)), stack.Options{Interval: interval})
	all := func(diff.Change) bool { return true }
	if j.Delete {
		_, err := d.Delete(context.Background(), stack.DeleteRequest{Environment: "team/production", Component: "db", StackName: "killed", Change: j.Change, AllowDestructive: all}, nil)
		return err
	}
	result, err := d.Deploy(context.Background(), stack.Request{
		Environment: "team/production", Component: "db", StackName: "killed", Change: j.Change,
		Template: j.Template, Parameters: map[string]string{"Size": j.Size}, Capabilities: []string{"CAPABILITY_IAM"},
	}, nil)
	if err != nil {
		return err
	}
	if result.Outputs["Size"] != j.Size {
		return fmt.Errorf("outputs %v, want size %s", result.Outputs, j.Size)
	}
	return nil
}

func start(j job, env ...string) (string, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "STACK_CHILD="+string(text)), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const template = `{"Parameters": {"Size": {"Type": "String"}},
 "Resources": {"Setting": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": "/killed/setting", "Value": {"Ref": "Size"}}},
  "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}}%s},
 "Outputs": {"Size": {"Value": {"Ref": "Size"}}}}`

// TestKilledAndResumed kills the deploying program at each failpoint of a create,
// an update, one without changes, a recreation and a deletion, and starts it again
// with the same request: it goes on with the same change set, and each operation
// was begun once.
func TestKilledAndResumed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs for ten seconds")
	}
	t.Parallel()
	good := strings.Replace(template, "%s", "", 1)
	bad := strings.Replace(template, "%s", `, "Twin": {"Type": "AWS::SSM::Parameter", "DependsOn": "Setting", "Properties": {"Type": "String", "Name": "/killed/setting", "Value": "x"}}`, 1)
	for _, c := range []struct {
		name       string
		before     []job // the last may fail
		job        job
		points     []string
		operations []string // of the job
	}{
		{name: "create", job: job{Change: "c9", Size: "1", Template: good}, operations: []string{"CREATE"},
			points: []string{"stack/before-create-change-set", "stack/after-create-change-set", "stack/before-execute", "stack/after-execute", "stack/operation-ended"}},
		{name: "update", before: []job{{Change: "c1", Size: "1", Template: good}}, job: job{Change: "c9", Size: "2", Template: good}, operations: []string{"UPDATE"},
			points: []string{"stack/before-create-change-set", "stack/after-create-change-set", "stack/before-execute", "stack/after-execute", "stack/operation-ended"}},
		{name: "nothing", before: []job{{Change: "c1", Size: "1", Template: good}}, job: job{Change: "c9", Size: "1", Template: good},
			points: []string{"stack/before-delete-change-set"}},
		{name: "recreate", before: []job{{Change: "c1", Size: "1", Template: bad}}, job: job{Change: "c9", Size: "1", Template: good}, operations: []string{"DELETE", "CREATE"},
			points: []string{"stack/after-clear", "stack/after-execute"}},
		{name: "delete", before: []job{{Change: "c1", Size: "1", Template: good}}, job: job{Change: "c9", Delete: true}, operations: []string{"DELETE"},
			points: []string{"stack/before-delete", "stack/after-delete"}},
	} {
		for _, point := range c.points {
			t.Run(c.name+" "+strings.TrimPrefix(point, "stack/"), func(t *testing.T) {
				t.Parallel()
				url := endpoint(t)
				for _, j := range c.before {
					j.URL = url
					if out, err := start(j); err != nil && c.name != "recreate" {
						t.Fatalf("%v\n%s", err, out)
					}
				}
				client := cloudformation.NewFromConfig(config(url))
				begun := operations(t, client)
				job := c.job
				job.URL = url
				out, err := start(job, failpoint.Variable+"="+point+"=kill")
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the program was not killed: %v\n%s", err, out)
				}
				if out, err := start(job); err != nil {
					t.Fatalf("it did not go on: %v\n%s", err, out)
				}
				if d := cmp.Diff(c.operations, operations(t, client)[len(begun):]); d != "" && c.operations != nil {
					t.Errorf("operations: %s", d)
				} else if c.operations == nil && len(operations(t, client)) != len(begun) {
					t.Errorf("operations: %v, before it %v", operations(t, client), begun)
				}
				if c.operations == nil || c.job.Delete {
					return
				}
				described, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: awssdk.String("killed")})
				if err != nil || !strings.Contains(awssdk.ToString(described.Stacks[0].ChangeSetId), ":changeSet/drawbridge-c9/") {
					t.Errorf("the stack was not made by the change set of the Change: %+v, %v", described, err)
				}
			})
		}
	}
}

// operations are the operations that were begun on any stack, oldest first.
func operations(t *testing.T, client *cloudformation.Client) []string {
	t.Helper()
	stacks, err := client.ListStacks(t.Context(), &cloudformation.ListStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	type beginning struct {
		at   time.Time
		what string
	}
	var all []beginning
	for _, s := range stacks.StackSummaries {
		pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: s.StackId})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.StackEvents {
				what, begins := strings.CutSuffix(string(e.ResourceStatus), "_IN_PROGRESS")
				if begins && awssdk.ToString(e.PhysicalResourceId) == awssdk.ToString(s.StackId) && (what == "CREATE" || what == "UPDATE" || what == "DELETE") {
					all = append(all, beginning{*e.Timestamp, what})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b beginning) int { return a.at.Compare(b.at) })
	var names []string
	for _, b := range all {
		names = append(names, b.what)
	}
	return names
}

// TestTheStory makes the example's database Multi-AZ: in place, with nothing
// allowed. Another engine is refused.
func TestTheStory(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../../examples/ghost/aws/database/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := stack.New(cloudformation.NewFromConfig(config(endpoint(t))), stack.Options{Interval: interval})
	deploy := func(change, old, replacement string) (stack.Result, error) {
		text := strings.Replace(string(body), old, replacement, 1)
		return d.Deploy(t.Context(), stack.Request{Environment: "team/production", Component: "database", StackName: "production-database", Change: change, Template: text}, nil)
	}
	first, err := deploy("c1", "", "")
	if err != nil {
		t.Fatal(err)
	}
	database := func(r stack.Result) diff.Change {
		for _, c := range r.Changes {
			if c.Name == "Database" {
				return c
			}
		}
		t.Fatalf("Database is not among the changes: %+v", r.Changes)
		return diff.Change{}
	}
	second, err := deploy("c2", "MultiAZ: false", "MultiAZ: true")
	if err != nil {
		t.Fatal(err)
	}
	got := database(second)
	if got.Action != diff.Update || len(got.Fields) != 1 || got.Fields[0].Path != "MultiAZ" || got.ID != database(first).ID {
		t.Errorf("%+v, the database was %s", got, database(first).ID)
	}
	// The change set names what refers to the database too, since CloudFormation
	// can't tell; afterwards it is known that nothing came of it.
	if len(second.Changes) != 1 {
		t.Errorf("changes: %+v", second.Changes)
	}
	var refused *stack.DestructiveError
	if _, err := deploy("c3", "Engine: mysql", "Engine: postgres"); !errors.As(err, &refused) {
		t.Errorf("another engine: %v, want a DestructiveError", err)
	}
}

func TestLargeTemplate(t *testing.T) { // sets the environment, so not in parallel
	url := endpoint(t)
	objects := s3.NewFromConfig(config(url), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: awssdk.String("templates"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}}); err != nil {
		t.Fatal(err)
	}
	cfg := config(url)
	identity, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": identity.AccessKeyID, "AWS_SECRET_ACCESS_KEY": identity.SecretAccessKey, "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	a, err := account.Connect(t.Context(), account.Place{Region: cfg.Region})
	if err != nil {
		t.Fatal(err)
	}
	d := stack.Connect(a, "templates", stack.Options{Interval: interval})
	body := strings.Replace(template, "%s", "", 1) + strings.Repeat(" ", 60_000)
	result, err := d.Deploy(t.Context(), stack.Request{Environment: "team/production", Component: "db", StackName: "large", Change: "c1", Template: body, Parameters: map[string]string{"Size": "1"}, Capabilities: []string{"CAPABILITY_IAM"}}, nil)
	if err != nil || result.Status != types.StackStatusCreateComplete {
		t.Errorf("%+v, %v", result, err)
	}
	// S3 may fail, too: the client tries again by itself.
	for i, kind := range []fault.Kind{fault.Throttle, fault.Fail, fault.Lose} {
		if _, err := fault.Remote(url).Set(t.Context(), fault.Fault{Kind: kind, Service: "s3", Count: 1}); err != nil {
			t.Fatal(err)
		}
		size := fmt.Sprint(i + 2)
		result, err := d.Deploy(t.Context(), stack.Request{Environment: "team/production", Component: "db", StackName: "large", Change: "c" + size, Template: body + strings.Repeat(" ", i+1), Parameters: map[string]string{"Size": size}, Capabilities: []string{"CAPABILITY_IAM"}}, nil)
		if err != nil || result.Status != types.StackStatusUpdateComplete {
			t.Errorf("with S3 that meets %s: %+v, %v", kind, result, err)
		}
	}
	list, err := fault.Remote(url).List(t.Context())
	if err != nil || slices.ContainsFunc(list, func(s fault.Status) bool { return s.Met != 1 }) {
		t.Errorf("faults = %+v, %v", list, err)
	}
}
