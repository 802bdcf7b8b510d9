package stack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

var errKilled = errors.New("killed")

// life is one thing that a Change does, from the first call to the last.
type life struct {
	name string
	// before is done first, undisturbed.
	before func(t *testing.T, c *cloud)
	run    func(ctx context.Context, d *stack.Deployer) error
	// operations that it begins, and its error, whether it is disturbed or not.
	operations []string
	fails      bool
}

var lives = []life{
	{name: "create", operations: []string{"CREATE"}, run: func(ctx context.Context, d *stack.Deployer) error {
		_, err := d.Deploy(ctx, request(9, twoThings), nil)
		return err
	}},
	{name: "update", operations: []string{"UPDATE"},
		before: func(t *testing.T, c *cloud) { must(t, c, request(1, oneSetting)) },
		run: func(ctx context.Context, d *stack.Deployer) error {
			req := request(9, oneSetting)
			req.Parameters = map[string]string{"Size": "large"}
			_, err := d.Deploy(ctx, req, nil)
			return err
		}},
	{name: "nothing to do",
		before: func(t *testing.T, c *cloud) { must(t, c, request(1, oneSetting)) },
		run: func(ctx context.Context, d *stack.Deployer) error {
			_, err := d.Deploy(ctx, request(9, oneSetting), nil)
			return err
		}},
	{name: "refused", fails: true,
		before: func(t *testing.T, c *cloud) { must(t, c, request(1, twoThings)) },
		run: func(ctx context.Context, d *stack.Deployer) error {
			_, err := d.Deploy(ctx, request(9, oneSetting), nil)
			return err
		}},
	{name: "failed update", operations: []string{"UPDATE"}, fails: true,
		before: func(t *testing.T, c *cloud) {
			must(t, c, request(1, oneSetting))
			c.fail["Database"] = "no room"
		},
		run: func(ctx context.Context, d *stack.Deployer) error {
			_, err := d.Deploy(ctx, request(9, twoThings), nil)
			return err
		}},
	{name: "recreate", operations: []string{"DELETE", "CREATE"},
		before: func(t *testing.T, c *cloud) {
			c.fail["Database"] = "no room"
			if _, err := deploy(t, c, request(1, twoThings)); err == nil {
				t.Fatal("the first create did not fail")
			}
			delete(c.fail, "Database")
		},
		run: func(ctx context.Context, d *stack.Deployer) error {
			_, err := d.Deploy(ctx, request(9, twoThings), nil)
			return err
		}},
	{name: "delete", operations: []string{"DELETE"},
		before: func(t *testing.T, c *cloud) { must(t, c, request(1, twoThings)) },
		run: func(ctx context.Context, d *stack.Deployer) error {
			_, err := d.Delete(ctx, stack.DeleteRequest{Environment: "team/production", Component: "db", StackName: "production-db", Change: "production-9", AllowDestructive: func(diff.Change) bool { return true }}, nil)
			return err
		}},
}

// live runs a life in a bubble, on a cloud disturbed by disturb, with a new
// Deployer each time it was killed. It returns how many calls were made.
func live(t *testing.T, l life, disturb func(c *cloud)) (calls int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		if l.before != nil {
			l.before(t, c)
		}
		begun := len(operations(c))
		clear(c.calls)
		disturb(c)
		var err error
		for range 3 {
			if err = l.run(t.Context(), stack.New(c, stack.Options{})); !errors.Is(err, errKilled) {
				break
			}
			// The next process does not start at once; the operation goes on.
			time.Sleep(5 * time.Second)
		}
		if (err != nil) != l.fails {
			t.Errorf("error: %v", err)
		}
		if d := cmp.Diff(l.operations, operations(c)[begun:]); d != "" && len(l.operations)+len(operations(c)[begun:]) > 0 {
			t.Errorf("operations: %s", d)
		}
		for _, n := range c.calls {
			calls += n
		}
		for _, s := range c.stacks {
			for _, x := range s.sets {
				if x.execution == "AVAILABLE" || x.status == "FAILED" {
					t.Errorf("the change set %s is left in %s", x.name, x.status)
				}
			}
		}
	})
	return calls
}

// TestKilledAtEachCall ends the process before and after each call that a life
// makes; another one starts with the same request.
func TestKilledAtEachCall(t *testing.T) {
	t.Parallel()
	for _, l := range lives {
		for _, forget := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/forget %v", l.name, forget), func(t *testing.T) {
				t.Parallel()
				total := live(t, l, func(c *cloud) { c.forget = forget })
				if total < 5 {
					t.Fatalf("only %d calls", total)
				}
				for at := 1; at <= total; at++ {
					killAt(t, l, at, false, forget)
					killAt(t, l, at, true, forget)
				}
			})
		}
	}
}

// killAt ends the process at a call, once the call is done or instead of it.
func killAt(t *testing.T, l life, at int, done, forget bool) {
	t.Run(fmt.Sprintf("%d done %v", at, done), func(t *testing.T) {
		live(t, l, func(c *cloud) {
			c.forget = forget
			n := 0
			kill := func(string, int) error {
				if n++; n == at {
					return errKilled
				}
				return nil
			}
			if done {
				c.after = kill
			} else {
				c.before = kill
			}
		})
	})
}

// TestLostAnswersAndThrottling disturbs each kind of call; the same process goes
// on by itself.
func TestLostAnswersAndThrottling(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"throttled":        &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"},
		"connection reset": &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF},
		"answer cut off":   &smithy.DeserializationError{Err: io.ErrUnexpectedEOF},
		"service error":    &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 503}}, Err: &smithy.GenericAPIError{Code: "InternalFailure", Fault: smithy.FaultServer}},
	} {
		for _, l := range lives {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/done %v", name, l.name, done), func(t *testing.T) {
					t.Parallel()
					live(t, l, func(c *cloud) {
						disturb := func(_ string, n int) error {
							if slices.Contains([]int{1, 2, 4, 7}, n) {
								return fault
							}
							return nil
						}
						if done {
							c.after = disturb
						} else {
							c.before = disturb
						}
					})
				})
			}
		}
	}
}

func TestAnOutageEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		outage := &smithyhttp.RequestSendError{Err: io.EOF}
		c.before = func(string, int) error { return outage }
		start := time.Now()
		_, err := deploy(t, c, request(1, oneSetting))
		if !errors.Is(err, outage) || c.calls["DescribeStacks"] != 10 {
			t.Errorf("%v after %v", err, c.calls)
		}
		if d := time.Since(start); d < 2*time.Minute || d > 10*time.Minute {
			t.Errorf("gave up after %s", d)
		}
		_, err = deploy(t, c, request(1, oneSetting))
		if want := "environment team/production: component db: stack production-db: describe the stack: "; err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
			t.Errorf("%v, want %s…", err, want)
		}
	})
}
