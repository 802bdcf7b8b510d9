package stack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

const (
	oneSetting = `{"Parameters": {"Size": {"Default": "small"}}, "Resources": {"Setting": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Size"}}}}}`
	twoThings  = `{"Resources": {"Setting": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}, "Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "mysql"}}}}`
)

func request(change int, template string) stack.Request {
	return stack.Request{Environment: "team/production", Component: "db", StackName: "production-db", Change: fmt.Sprint("production-", change), Template: template}
}

func deploy(t *testing.T, c stack.API, req stack.Request) (stack.Result, error) {
	t.Helper()
	return stack.New(c, stack.Options{}).Deploy(t.Context(), req, nil)
}

func must(t *testing.T, c stack.API, req stack.Request) stack.Result {
	t.Helper()
	result, err := deploy(t, c, req)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// operations are the operations that were begun, over all stacks of the cloud.
func operations(c *cloud) []string {
	var found []string
	for _, s := range c.stacks {
		for _, e := range s.events {
			switch e.ResourceStatus {
			case "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS":
				if *e.PhysicalResourceId == s.id {
					found = append(found, strings.TrimSuffix(string(e.ResourceStatus), "_IN_PROGRESS"))
				}
			}
		}
	}
	return found
}

// TestEveryStatus puts a stack with one resource, which holds no data, into each
// status and deploys to it.
func TestEveryStatus(t *testing.T) {
	t.Parallel()
	for _, status := range types.StackStatus("").Values() {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				must(t, c, request(1, oneSetting))
				s := c.stacks[0]
				s.status = status
				s.resources["Setting"].status, s.resources["Setting"].reason = types.ResourceStatusUpdateFailed, "out of ink"
				s.event("theirs", s.name, s.id, "AWS::CloudFormation::Stack", string(status), "")
				var settles types.StackStatus
				switch status {
				case types.StackStatusDeleteInProgress:
					settles = types.StackStatusDeleteComplete
				case types.StackStatusCreateInProgress:
					settles = types.StackStatusCreateComplete
				case types.StackStatusRollbackInProgress:
					settles = types.StackStatusRollbackComplete
				default:
					settles = types.StackStatusUpdateRollbackComplete
				}
				if strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress {
					s.then(func() { s.become(settles, "theirs", "") })
				}
				req := request(2, oneSetting)
				req.Parameters = map[string]string{"Size": "large"}
				begun := operations(c)
				_, err := deploy(t, c, req)
				var stuck *stack.StuckError
				switch status {
				case "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED", "DELETE_FAILED":
					if !errors.As(err, &stuck) || stuck.Status != status || !strings.Contains(err.Error(), "Setting (AWS::SSM::Parameter): out of ink") {
						t.Errorf("%v, want a StuckError that names the resource", err)
					}
					if d := cmp.Diff(begun, operations(c)); d != "" {
						t.Errorf("operations: %s", d)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				want := map[types.StackStatus][]string{
					"DELETE_COMPLETE": {"CREATE"}, "DELETE_IN_PROGRESS": {"CREATE"}, "REVIEW_IN_PROGRESS": {"CREATE"},
					"ROLLBACK_COMPLETE": {"DELETE", "CREATE"}, "ROLLBACK_IN_PROGRESS": {"DELETE", "CREATE"}, "ROLLBACK_FAILED": {"DELETE", "CREATE"}, "CREATE_FAILED": {"DELETE", "CREATE"},
				}[status]
				if want == nil {
					want = []string{"UPDATE"}
				}
				if d := cmp.Diff(want, operations(c)[len(begun):]); d != "" {
					t.Errorf("operations: %s", d)
				}
			})
		})
	}
}

// TestFailedCreateThatHoldsData: what a create left behind may be all there is.
func TestFailedCreateThatHoldsData(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		must(t, c, request(1, twoThings))
		s := c.stacks[0]
		s.become(types.StackStatusRollbackFailed, "theirs", "")
		req := request(2, twoThings)
		_, err := deploy(t, c, req)
		var destructive *stack.DestructiveError
		if !errors.As(err, &destructive) || len(destructive.Changes) != 1 || destructive.Changes[0].Name != "Database" || !strings.Contains(err.Error(), "ROLLBACK_FAILED") {
			t.Fatalf("%v, want a DestructiveError for Database", err)
		}
		s.protected = true
		req.AllowDestructive = func(c diff.Change) bool { return c.Name == "Database" }
		if _, err := deploy(t, c, req); !errors.Is(err, stack.ErrProtected) {
			t.Errorf("%v, want ErrProtected", err)
		}
		s.protected = false
		if result := must(t, c, req); result.StackID == s.id {
			t.Error("the stack was not created anew")
		}
	})
}

// TestObsoleteChangeSet: somebody else's update came between the change set and
// its execution.
func TestObsoleteChangeSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		must(t, c, request(1, oneSetting))
		req := request(2, oneSetting)
		req.Parameters = map[string]string{"Size": "large"}
		once := false
		c.before = func(call string, _ int) error {
			if x := c.stacks[0].set("drawbridge-production-2"); x != nil && x.execution == types.ExecutionStatusAvailable && !once {
				once = true
				x.execution = types.ExecutionStatusObsolete
			}
			return nil
		}
		if result := must(t, c, req); !once || len(result.Changes) != 1 {
			t.Errorf("%v %+v", once, result)
		}
		if d := cmp.Diff([]string{"CREATE", "UPDATE"}, operations(c)); d != "" {
			t.Error(d)
		}
	})
}

// TestRejectedBesideAnother: an empty stack goes with our change set, unless
// somebody else's is on it.
func TestRejectedBesideAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		_, err := c.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("production-db"), ChangeSetName: aws.String("theirs"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(oneSetting)})
		if err != nil {
			t.Fatal(err)
		}
		var rejected *stack.RejectedError
		if _, err := deploy(t, c, request(1, `{"Resources": {"X": {"Type": "AWS::No::Thing"}}}`)); !errors.As(err, &rejected) {
			t.Fatal(err)
		}
		if s := c.stack("production-db"); s == nil || len(s.sets) != 1 || s.sets[0].name != "theirs" {
			t.Errorf("the other's change set is gone: %+v", s)
		}
	})
}

func TestCancelledAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.perResource = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		d := stack.New(c, stack.Options{})
		done := make(chan error)
		go func() {
			_, err := d.Deploy(ctx, request(1, oneSetting), nil)
			done <- err
		}()
		time.Sleep(10 * time.Minute) // of the bubble's clock
		start := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || time.Since(start) != 0 {
			t.Errorf("%v after %s, want the end of the context at once", err, time.Since(start))
		}
	})
}

// TestManyStacksShareOnePace: how often the service is asked does not grow with
// the number of stacks in flight.
func TestManyStacksShareOnePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.perResource = 10 * time.Minute
		d := stack.New(c, stack.Options{})
		start := time.Now()
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				req := request(1, oneSetting)
				req.StackName = fmt.Sprint("stack-", n)
				if _, err := d.Deploy(t.Context(), req, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if rate := float64(c.calls["DescribeStackEvents"]) / time.Since(start).Seconds(); rate > 11 {
			t.Errorf("%.1f looks a second, want ten at most", rate)
		}
	})
}

func TestDeleteOfAnExportInUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		must(t, c, request(1, twoThings))
		c.stacks[0].exportUsedBy = "reader"
		d := stack.New(c, stack.Options{})
		req := stack.DeleteRequest{Environment: "team/production", Component: "db", StackName: "production-db", Change: "bye", AllowDestructive: func(diff.Change) bool { return true }}
		for range 2 { // the same request, the same answer
			_, err := d.Delete(t.Context(), req, nil)
			var failure *stack.OperationError
			if !errors.As(err, &failure) || failure.Status != types.StackStatusCreateComplete || !strings.Contains(failure.First.Reason, "in use by reader") {
				t.Fatalf("%v, want an OperationError that names who uses the export", err)
			}
		}
		c.stacks[0].exportUsedBy = ""
		req.Change = "bye-again"
		if _, err := d.Delete(t.Context(), req, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestDeleteThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		must(t, c, request(1, twoThings))
		c.fail["Setting"] = "it is in use"
		d := stack.New(c, stack.Options{})
		req := stack.DeleteRequest{Environment: "team/production", Component: "db", StackName: "production-db", Change: "bye", AllowDestructive: func(diff.Change) bool { return true }}
		for range 2 { // the same request, the same answer
			_, err := d.Delete(t.Context(), req, nil)
			var failure *stack.OperationError
			if !errors.As(err, &failure) || failure.First.LogicalID != "Setting" || failure.First.Reason != "it is in use" || cmp.Diff([]string{"Setting"}, failure.Kept) != "" {
				t.Fatalf("%v, want an OperationError for Setting", err)
			}
		}
		delete(c.fail, "Setting")
		req.Change = "bye-again"
		c.stacks[0].protected = true
		if _, err := d.Delete(t.Context(), req, nil); !errors.Is(err, stack.ErrProtected) {
			t.Errorf("%v, want ErrProtected", err)
		}
		c.stacks[0].protected = false
		if _, err := d.Delete(t.Context(), req, nil); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff([]string{"CREATE", "DELETE", "DELETE"}, operations(c)); d != "" {
			t.Error(d)
		}
	})
}

type objects map[string]int64

func (o objects) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	n, err := in.Body.(interface {
		Seek(int64, int) (int64, error)
	}).Seek(0, 2)
	o[*in.Bucket+"/"+*in.Key] = n
	return &s3.PutObjectOutput{}, err
}

func TestLargeTemplate(t *testing.T) {
	t.Parallel()
	large := oneSetting + strings.Repeat(" ", 60_000)
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		if _, err := deploy(t, c, request(1, large)); !errors.Is(err, stack.ErrNoBucket) {
			t.Errorf("%v, want ErrNoBucket", err)
		}
		bucket := objects{}
		d := stack.New(c, stack.Options{Templates: &stack.Bucket{Client: bucket, Name: "templates", URL: "https://templates.example.com/"}})
		if _, err := d.Deploy(t.Context(), request(1, large+strings.Repeat(" ", 1<<20)), nil); !errors.Is(err, stack.ErrTooLarge) {
			t.Errorf("%v, want ErrTooLarge", err)
		}
		var url string
		c.create = func(in *cfn.CreateChangeSetInput) {
			url = aws.ToString(in.TemplateURL)
			in.TemplateBody = aws.String(large)
		}
		if _, err := d.Deploy(t.Context(), request(1, large), nil); err != nil {
			t.Fatal(err)
		}
		key, ok := strings.CutPrefix(url, "https://templates.example.com/")
		if n := bucket["templates/"+key]; !ok || n != int64(len(large)) || !strings.HasPrefix(key, "drawbridge/") {
			t.Errorf("%s: %v", url, bucket)
		}
	})
}

func TestManyPages(t *testing.T) {
	t.Parallel()
	var resources []string
	for n := range 23 {
		resources = append(resources, fmt.Sprintf(`"R%02d": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}`, n))
	}
	template := `{"Resources": {` + strings.Join(resources, ",") + `}}`
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		var complete []string
		result, err := stack.New(c, stack.Options{Interval: time.Minute}).Deploy(t.Context(), request(1, template), func(e stack.Event) {
			if e.Status == types.ResourceStatusCreateComplete {
				complete = append(complete, e.LogicalID)
			}
		})
		if err != nil || len(result.Changes) != 23 || result.Changes[22].ID == "" || len(complete) != 24 {
			t.Errorf("%v: %d changes, %d complete, last %+v", err, len(result.Changes), len(complete), result.Changes[len(result.Changes)-1])
		}
		c.forget = true
		req := request(2, oneSetting)
		if result := must(t, c, req); len(result.Changes) != 24 {
			t.Errorf("%d changes told from events, want 24", len(result.Changes))
		}
	})
}

// TestExecutionThatNeverBegan: CloudFormation took the request and then could not
// begin. The stack looks well, and the Change is not done.
func TestExecutionThatNeverBegan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		must(t, c, request(1, oneSetting))
		req := request(2, oneSetting)
		req.Parameters = map[string]string{"Size": "large"}
		c.before = func(call string, _ int) error {
			if x := c.stacks[0].set("drawbridge-production-2"); x != nil && x.execution == types.ExecutionStatusAvailable {
				x.execution, x.reason = types.ExecutionStatusExecuteFailed, "the role may not be assumed"
			}
			return nil
		}
		if _, err := deploy(t, c, req); err == nil || !strings.Contains(err.Error(), "the role may not be assumed") {
			t.Errorf("%v, want the reason of the failed execution", err)
		}
	})
}
