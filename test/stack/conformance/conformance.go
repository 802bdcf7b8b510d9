// Package conformance holds what internal/stack needs from anything that calls
// itself CloudFormation: the fake of its unit tests and the sandbox pass the same
// cases, and a real account would. A case deploys small stacks (SSM parameters
// and S3 buckets) through a Deployer and looks at the service's own record, its
// stack events, for what was executed.
package conformance

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

// World is an account to work in. Cases use names of their own in it.
type World struct {
	API stack.API
	// Interval between two looks at a stack.
	Interval time.Duration
}

// Run runs all cases. open calls its argument with a World, which several cases
// may share.
func Run(t *testing.T, open func(t *testing.T, use func(t *testing.T, w World))) {
	for _, c := range []struct {
		name string
		run  func(*run)
	}{
		{"create", create},
		{"update in place", updateInPlace},
		{"termination protection follows the request", protection},
		{"nothing to do", nothingToDo},
		{"the same request again", again},
		{"replacement of data", replacementOfData},
		{"removal of data", removalOfData},
		{"failed create", failedCreate},
		{"failed create of data", failedCreateOfData},
		{"failed update", failedUpdate},
		{"rejected template", rejected},
		{"secret parameter", secretParameter},
		{"a newer change waits", newerChange},
		{"delete", deletion},
		{"somebody else's stack", ownership},
		{"preview of a new stack", previewOfANewStack},
		{"preview of an update", previewOfAnUpdate},
		{"preview of what is open", previewOfWhatIsOpen},
		{"preview of what is rejected", previewOfWhatIsRejected},
		{"preview that is cut off", previewThatIsCutOff},
		{"preview beside a rollout", previewBesideARollout},
		{"preview of a stack that is not ours", previewOfAStackThatIsNotOurs},
		{"preview after a failed create", previewAfterAFailedCreate},
		{"preview of a secret", previewOfASecret},
		{"preview of a deletion", previewOfADeletion},
	} {
		t.Run(c.name, func(t *testing.T) {
			open(t, func(t *testing.T, w World) { c.run(newRun(t, w)) })
		})
	}
}

// run is one case under way.
type run struct {
	*testing.T
	World
	d      *stack.Deployer
	name   string // of the stack
	change int
	events []stack.Event
}

func newRun(t *testing.T, w World) *run {
	name := strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-"))
	if len(name) > 40 {
		name = strings.Trim(name[len(name)-40:], "-")
	}
	return &run{T: t, World: w, d: stack.New(w.API, stack.Options{Interval: w.Interval}), name: name}
}

// Template of two resources and two outputs.
func (r *run) template(bucket string, more ...string) string {
	return fmt.Sprintf(`{
  "Parameters": {
    "Size": {"Type": "String", "Default": "small"},
    "Hidden": {"Type": "String", "NoEcho": true, "Default": "correct-horse"}
  },
  "Resources": {
    %s
    "Setting": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": "/%s/setting", "Value": {"Ref": "Size"}}}%s
  },
  "Outputs": {"Setting": {"Value": {"Ref": "Setting"}}, "Size": {"Value": {"Ref": "Size"}}}
}`, bucketOf(r.name, bucket), r.name, strings.Join(more, ""))
}

func bucketOf(name, bucket string) string {
	if bucket == "" {
		return ""
	}
	return fmt.Sprintf(`"Store": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "%s-%s"}},`, name, bucket)
}

// conflict is two resources of one name, so that the second, Twin, can't be made. No
// change set can tell, as neither is there before.
func (r *run) conflict() string {
	const parameter = `, "%s": {"Type": "AWS::SSM::Parameter", "DependsOn": "%s", "Properties": {"Type": "String", "Name": "/%s/twin", "Value": "x"}}`
	return fmt.Sprintf(parameter, "Elder", "Setting", r.name) + fmt.Sprintf(parameter, "Twin", "Elder", r.name)
}

// request is the next Change's.
func (r *run) request(template string, parameters map[string]string) stack.Request {
	r.change++
	return stack.Request{
		Environment: "team/production", Component: "store", StackName: r.name, Change: fmt.Sprintf("%s.%d", r.name, r.change),
		Template: template, TemplateFile: "aws/template.json", Parameters: parameters, Tags: map[string]string{"team": "a"},
	}
}

func (r *run) deploy(req stack.Request) (stack.Result, error) {
	r.events = nil
	return r.d.Deploy(r.Context(), req, func(e stack.Event) { r.events = append(r.events, e) })
}

func (r *run) must(req stack.Request) stack.Result {
	r.Helper()
	result, err := r.deploy(req)
	if err != nil {
		r.Fatal(err)
	}
	return result
}

// changes as "action Name", sorted by name.
func changes(list []diff.Change) []string {
	var out []string
	for _, c := range list {
		out = append(out, string(c.Action)+" "+c.Name)
	}
	return out
}

// operations are the beginnings of operations in the stack's record, oldest
// first, of all stacks that had the ID.
func (r *run) operations(stackID string) []string {
	r.Helper()
	var found []string
	in := &cloudformation.DescribeStackEventsInput{StackName: &stackID}
	for {
		out, err := r.API.DescribeStackEvents(context.WithoutCancel(r.Context()), in)
		if err != nil {
			r.Fatal(err)
		}
		for _, e := range out.StackEvents {
			if aws.ToString(e.PhysicalResourceId) != stackID {
				continue
			}
			switch types.StackStatus(e.ResourceStatus) {
			case types.StackStatusCreateInProgress, types.StackStatusUpdateInProgress, types.StackStatusDeleteInProgress:
				found = append(found, string(e.ResourceStatus))
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			slices.Reverse(found)
			return found
		}
	}
}

// describe returns the stack of the name, or nil.
func (r *run) describe() *types.Stack {
	out, err := r.API.DescribeStacks(r.Context(), &cloudformation.DescribeStacksInput{StackName: &r.name})
	if err != nil || len(out.Stacks) == 0 || out.Stacks[0].StackStatus == types.StackStatusDeleteComplete {
		return nil
	}
	return &out.Stacks[0]
}

func (r *run) expectSets(n int) {
	r.Helper()
	out, err := r.API.ListChangeSets(r.Context(), &cloudformation.ListChangeSetsInput{StackName: &r.name})
	if err != nil {
		r.Fatal(err)
	}
	available := 0
	for _, s := range out.Summaries {
		if s.ExecutionStatus != types.ExecutionStatusExecuteComplete && s.ExecutionStatus != types.ExecutionStatusExecuteFailed && s.Status != types.ChangeSetStatusDeleteComplete {
			available++
		}
	}
	if available != n {
		r.Errorf("%d change sets are left that were not executed, want %d", available, n)
	}
}
