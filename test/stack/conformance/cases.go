package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

func create(r *run) {
	result := r.must(r.request(r.template("a"), map[string]string{"Size": "large"}))
	if d := cmp.Diff([]string{"create Setting", "create Store"}, changes(result.Changes)); d != "" {
		r.Error(d)
	}
	if result.Outputs["Size"] != "large" || result.Outputs["Setting"] == "" || result.StackID == "" || result.Status != types.StackStatusCreateComplete {
		r.Errorf("%+v", result)
	}
	for _, c := range result.Changes {
		if c.ID == "" || c.Namespace != r.name || c.HoldsData != (c.Name == "Store") {
			r.Errorf("%+v", c)
		}
	}
	seen := map[string]bool{}
	for i, e := range r.events {
		if seen[e.ID] || e.Time.IsZero() || e.Earlier || i > 0 && e.Time.Before(r.events[i-1].Time) {
			r.Errorf("event %d is not in order, or came twice: %+v", i, e)
		}
		seen[e.ID] = true
	}
	if !slices.ContainsFunc(r.events, func(e stack.Event) bool {
		return e.LogicalID == "Store" && e.Type == "AWS::S3::Bucket" && e.Status == types.ResourceStatusCreateComplete && e.PhysicalID != ""
	}) {
		r.Errorf("no event says that Store is complete: %+v", r.events)
	}
	got := map[string]string{}
	for _, t := range r.describe().Tags {
		got[*t.Key] = *t.Value
	}
	if d := cmp.Diff(map[string]string{"drawbridge:environment": "team/production", "drawbridge:component": "store", "team": "a"}, got); d != "" {
		r.Error(d)
	}
}

func updateInPlace(r *run) {
	first := r.must(r.request(r.template("a"), nil))
	result := r.must(r.request(r.template("a"), map[string]string{"Size": "large"}))
	if d := cmp.Diff([]string{"update Setting"}, changes(result.Changes)); d != "" {
		r.Fatal(d)
	}
	c := result.Changes[0]
	if d := cmp.Diff([]diff.Field{{Path: "Value", Before: "small", After: "large"}}, c.Fields); d != "" {
		r.Error(d)
	}
	if c.ID == "" || result.StackID != first.StackID || result.Outputs["Size"] != "large" || result.Status != types.StackStatusUpdateComplete {
		r.Errorf("%+v", result)
	}
	for _, e := range r.events {
		if e.Earlier || strings.HasPrefix(string(e.Status), "CREATE") {
			r.Errorf("event of another operation: %+v", e)
		}
	}
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}, r.operations(result.StackID)); d != "" {
		r.Error(d)
	}
}

func nothingToDo(r *run) {
	r.must(r.request(r.template("a"), nil))
	result := r.must(r.request(r.template("a"), nil))
	if len(result.Changes) > 0 || len(r.events) > 0 || result.Outputs["Size"] != "small" {
		r.Errorf("%+v, %d events", result, len(r.events))
	}
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS"}, r.operations(result.StackID)); d != "" {
		r.Error(d)
	}
	r.expectSets(0)
}

// again: a controller that was killed asks again for what is done.
func again(r *run) {
	req := r.request(r.template("a"), nil)
	first := r.must(req)
	second := r.must(req)
	if d := cmp.Diff(changes(first.Changes), changes(second.Changes)); d != "" || second.StackID != first.StackID {
		r.Errorf("%s %+v", d, second)
	}
	update := r.request(r.template("a"), map[string]string{"Size": "large"})
	r.must(update)
	r.must(update)
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}, r.operations(first.StackID)); d != "" {
		r.Error(d)
	}
}

func replacementOfData(r *run) {
	first := r.must(r.request(r.template("a"), nil))
	_, err := r.deploy(r.request(r.template("b"), nil))
	r.refused(err, "replace Store")
	r.expectSets(0)
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS"}, r.operations(first.StackID)); d != "" {
		r.Error(d)
	}
	allowed := r.request(r.template("b"), nil)
	allowed.AllowDestructive = func(c diff.Change) bool { return c.Name == "Store" }
	result := r.must(allowed)
	if d := cmp.Diff([]string{"replace Store"}, changes(result.Changes)); d != "" {
		r.Fatal(d)
	}
	if was := first.Changes[1].ID; result.Changes[0].ID == was || result.Changes[0].Reason == "" {
		r.Errorf("%+v; the old ID is %s", result.Changes[0], was)
	}
}

func removalOfData(r *run) {
	r.must(r.request(r.template("a"), nil))
	_, err := r.deploy(r.request(r.template(""), nil))
	r.refused(err, "delete Store")
	allowed := r.request(r.template(""), nil)
	allowed.AllowDestructive = func(c diff.Change) bool { return c.Name == "Store" }
	if d := cmp.Diff([]string{"delete Store"}, changes(r.must(allowed).Changes)); d != "" {
		r.Error(d)
	}
}

func (r *run) refused(err error, want ...string) {
	r.Helper()
	var destructive *stack.DestructiveError
	if !errors.As(err, &destructive) {
		r.Fatalf("%v, want a DestructiveError", err)
	}
	if d := cmp.Diff(want, changes(destructive.Changes)); d != "" {
		r.Error(d)
	}
}

func (r *run) failedAt(err error, id, reason string, status types.StackStatus) {
	r.Helper()
	var failure *stack.OperationError
	if !errors.As(err, &failure) {
		r.Fatalf("%v, want an OperationError", err)
	}
	if failure.First.LogicalID != id || !strings.Contains(failure.First.Reason, reason) || failure.Status != status {
		r.Errorf("%+v", failure)
	}
	for _, part := range []string{r.name, "team/production", "store", id, reason, string(status)} {
		if !strings.Contains(err.Error(), part) {
			r.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func failedCreate(r *run) {
	bad := r.request(r.template("", r.conflict()), nil)
	for range 2 { // asked again, the answer is the same, and nothing is done
		_, err := r.deploy(bad)
		r.failedAt(err, "Twin", "already exists", types.StackStatusRollbackComplete)
	}
	failed := *r.describe().StackId
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS"}, r.operations(failed)); d != "" {
		r.Error(d)
	}
	result := r.must(r.request(r.template(""), nil))
	if result.StackID == failed || result.Status != types.StackStatusCreateComplete {
		r.Errorf("%+v; the failed stack was %s", result, failed)
	}
}

// failedCreateOfData: what was rolled back is gone, so nothing is lost.
func failedCreateOfData(r *run) {
	_, err := r.deploy(r.request(r.template("a", r.conflict()), nil))
	r.failedAt(err, "Twin", "already exists", types.StackStatusRollbackComplete)
	if result := r.must(r.request(r.template("a"), nil)); result.Status != types.StackStatusCreateComplete {
		r.Errorf("%+v", result)
	}
}

func failedUpdate(r *run) {
	r.must(r.request(r.template("a"), nil))
	_, err := r.deploy(r.request(r.template("a", r.conflict()), map[string]string{"Size": "large"}))
	r.failedAt(err, "Twin", "already exists", types.StackStatusUpdateRollbackComplete)
	if s := r.describe(); !slices.ContainsFunc(s.Outputs, func(o types.Output) bool { return *o.OutputKey == "Size" && *o.OutputValue == "small" }) {
		r.Errorf("the outputs are not as before: %+v", s.Outputs)
	}
	result := r.must(r.request(r.template("a"), map[string]string{"Size": "large"}))
	if d := cmp.Diff([]string{"update Setting"}, changes(result.Changes)); d != "" {
		r.Error(d)
	}
}

func rejected(r *run) {
	for _, c := range []struct {
		template   string
		parameters map[string]string
	}{
		{`{"Resources": {"X": {"Type": "AWS::Nonsense::Thing"}}}`, nil},
		{`{"Resources": `, nil},
		{r.template("a"), map[string]string{"Unknown": "x"}},
	} {
		_, err := r.deploy(r.request(c.template, c.parameters))
		var rejection *stack.RejectedError
		if !errors.As(err, &rejection) || rejection.Reason == "" || !strings.Contains(err.Error(), "aws/template.json") {
			r.Errorf("%s: %v, want a RejectedError", c.template, err)
		}
		if s := r.describe(); s != nil {
			r.Errorf("%s: the stack is left in %s", c.template, s.StackStatus)
		}
	}
	r.must(r.request(r.template("a"), nil))
}

func secretParameter(r *run) {
	const hidden, other = "hunter2-hunter2", "swordfish-swordfish"
	with := strings.Replace(r.template(""), `{"Ref": "Size"}`, `{"Ref": "Hidden"}`, 1)
	for _, value := range []string{hidden, other} {
		result := r.must(r.request(with, map[string]string{"Hidden": value}))
		if len(result.Changes) != 1 {
			r.Fatalf("%+v", result.Changes)
		}
		sensitive := slices.ContainsFunc(result.Changes[0].Fields, func(f diff.Field) bool { return f.Path == "Value" && f.Sensitive })
		text, err := json.Marshal(struct{ A, B any }{result, r.events})
		if err != nil || !sensitive || strings.Contains(string(text), hidden) || strings.Contains(string(text), other) {
			r.Errorf("%s: %v", text, err)
		}
	}
}

// newerChange: the older one is given up while its operation runs; the newer one
// waits for it and goes on from there.
func newerChange(r *run) {
	ctx, cancel := context.WithCancelCause(r.Context())
	superseded := errors.New("superseded")
	_, err := r.d.Deploy(ctx, r.request(r.template("a"), nil), func(stack.Event) { cancel(superseded) })
	if !errors.Is(err, superseded) {
		r.Fatalf("%v, want the cause of the cancellation", err)
	}
	if s := r.describe(); s == nil || s.StackStatus != types.StackStatusCreateInProgress {
		r.Fatalf("the operation does not run on: %+v", s)
	}
	result := r.must(r.request(r.template("a"), map[string]string{"Size": "large"}))
	if d := cmp.Diff([]string{"update Setting"}, changes(result.Changes)); d != "" {
		r.Error(d)
	}
	if !r.events[0].Earlier || r.events[len(r.events)-1].Earlier {
		r.Errorf("events of the earlier operation are not marked: %+v", r.events)
	}
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}, r.operations(result.StackID)); d != "" {
		r.Error(d)
	}
}

func deletion(r *run) {
	first := r.must(r.request(r.template("a"), nil))
	req := stack.DeleteRequest{Environment: "team/production", Component: "store", StackName: r.name, Change: "delete-1"}
	_, err := r.d.Delete(r.Context(), req, nil)
	r.refused(err, "delete Store")
	req.AllowDestructive = func(diff.Change) bool { return true }
	var events []stack.Event
	result, err := r.d.Delete(r.Context(), req, func(e stack.Event) { events = append(events, e) })
	if err != nil {
		r.Fatal(err)
	}
	if d := cmp.Diff([]string{"delete Setting", "delete Store"}, changes(result.Changes)); d != "" || result.StackID != first.StackID || len(events) == 0 {
		r.Errorf("%s %+v, %d events", d, result, len(events))
	}
	if s := r.describe(); s != nil {
		r.Errorf("the stack is in %s", s.StackStatus)
	}
	if _, err := r.d.Delete(r.Context(), req, nil); err != nil {
		r.Errorf("again: %v", err)
	}
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}, r.operations(first.StackID)); d != "" {
		r.Error(d)
	}
}

func ownership(r *run) {
	ours := r.request(r.template(""), nil)
	theirs := ours
	theirs.Component = "other"
	r.must(theirs)
	ours.Change = "mine"
	_, err := r.deploy(ours)
	var owner *stack.OwnershipError
	if !errors.As(err, &owner) || owner.Component != "other" {
		r.Errorf("%v, want an OwnershipError", err)
	}
	ours.Adopt = true
	if _, err := r.deploy(ours); !errors.As(err, &owner) {
		r.Errorf("a stack of another component was adopted: %v", err)
	}

	r.name += "-by-hand"
	r.byHand()
	mine := r.request(r.template(""), nil)
	if _, err := r.deploy(mine); !errors.As(err, &owner) || owner.Component != "" {
		r.Errorf("%v, want an OwnershipError", err)
	}
	mine.Adopt = true
	r.must(mine)
	mine.Adopt, mine.Change = false, "next"
	r.must(mine)
}

// byHand makes a stack as somebody else would.
func (r *run) byHand() {
	_, err := r.API.CreateChangeSet(r.Context(), &cloudformation.CreateChangeSetInput{
		StackName: &r.name, ChangeSetName: aws.String("by-hand"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(r.template(""))})
	if err != nil {
		r.Fatal(err)
	}
	in := &cloudformation.DescribeChangeSetInput{StackName: &r.name, ChangeSetName: aws.String("by-hand")}
	waiter := cloudformation.NewChangeSetCreateCompleteWaiter(r.API, func(o *cloudformation.ChangeSetCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = r.Interval, r.Interval
	})
	if err := waiter.Wait(r.Context(), in, 1<<40); err != nil {
		r.Fatal(err)
	}
	if _, err := r.API.ExecuteChangeSet(r.Context(), &cloudformation.ExecuteChangeSetInput{StackName: &r.name, ChangeSetName: aws.String("by-hand")}); err != nil {
		r.Fatal(err)
	}
	created := cloudformation.NewStackCreateCompleteWaiter(r.API, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = r.Interval, r.Interval
	})
	if err := created.Wait(r.Context(), &cloudformation.DescribeStacksInput{StackName: &r.name}, 1<<40); err != nil {
		r.Fatal(fmt.Errorf("the stack made by hand: %w", err))
	}
}

func protection(r *run) {
	request := r.request(r.template("a"), nil)
	for i, want := range []*bool{aws.Bool(true), nil, aws.Bool(false)} {
		request.Change = fmt.Sprintf("protect-%d", i)
		request.TerminationProtection = want
		r.must(request)
		expected := i < 2 // nil leaves it as it is
		if got := aws.ToBool(r.describe().EnableTerminationProtection); got != expected {
			r.Errorf("after request %d the protection is %t, want %t", i, got, expected)
		}
	}
}
