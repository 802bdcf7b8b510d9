package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// cloud is CloudFormation in memory: its state machine, with JSON templates that
// know Ref, parameters and outputs. Operations take time by the clock, which the
// tests run in a bubble of testing/synctest. engine_test.go has the operations.
type cloud struct {
	mu     sync.Mutex
	stacks []*fakeStack // newest last
	next   int

	perResource time.Duration
	perPage     int
	// fail makes a resource fail, by logical ID, with the reason.
	fail map[string]string
	// forget removes a change set when its execution begins, as CloudFormation
	// may.
	forget bool
	// before and after are asked at each call, by its name and how often it
	// was made, for an error to answer with: instead of making it, or once it
	// is made.
	before, after func(call string, n int) error
	calls         map[string]int
	// create sees each request for a change set first.
	create func(*cfn.CreateChangeSetInput)
}

func newCloud() *cloud {
	return &cloud{perResource: 3 * time.Second, perPage: 4, fail: map[string]string{}, calls: map[string]int{}}
}

type fakeStack struct {
	c                *cloud
	id, name, reason string
	status           types.StackStatus
	template         fakeTemplate
	params           map[string]string
	tags             []types.Tag
	resources        map[string]*fakeResource
	events           []types.StackEvent // oldest first
	sets             []*fakeSet
	lastSet          string
	protected        bool
	exportUsedBy     string // a stack
	steps            []step
}

type step struct {
	due time.Time
	do  func()
}

type fakeResource struct {
	kind, physical, reason string
	status                 types.ResourceStatus
	props                  map[string]any
}

type fakeSet struct {
	id, name, reason string
	status           types.ChangeSetStatus
	execution        types.ExecutionStatus
	template         fakeTemplate
	params           map[string]string
	tags             []types.Tag
	changes          []types.Change
}

type fakeTemplate struct {
	Parameters map[string]struct {
		Default string
		NoEcho  bool
	}
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
	Outputs map[string]struct{ Value any }

	body string
}

func invalid(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationError", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// enter begins a call: what is due by now happens first.
func (c *cloud) enter(name string) (leave func(*error), err error) {
	c.mu.Lock()
	c.calls[name]++
	n := c.calls[name]
	if c.before != nil {
		if err := c.before(name, n); err != nil {
			c.mu.Unlock()
			return nil, err
		}
	}
	for _, s := range c.stacks {
		s.catchUp()
	}
	return func(err *error) {
		if c.after != nil && *err == nil {
			*err = c.after(name, n)
		}
		c.mu.Unlock()
	}, nil
}

func (s *fakeStack) catchUp() {
	for len(s.steps) > 0 && !s.steps[0].due.After(time.Now()) {
		do := s.steps[0].do
		s.steps = s.steps[1:]
		do()
	}
}

func (c *cloud) stack(name string) *fakeStack {
	for _, s := range slices.Backward(c.stacks) {
		if s.id == name || s.name == name && s.status != types.StackStatusDeleteComplete {
			return s
		}
	}
	return nil
}

func (c *cloud) DescribeStacks(_ context.Context, in *cfn.DescribeStacksInput, _ ...func(*cfn.Options)) (out *cfn.DescribeStacksOutput, err error) {
	leave, err := c.enter("DescribeStacks")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	if s == nil {
		return nil, invalid("Stack with id %s does not exist", *in.StackName)
	}
	d := types.Stack{StackId: &s.id, StackName: &s.name, StackStatus: s.status, Tags: s.tags, EnableTerminationProtection: &s.protected, Parameters: s.template.shown(s.params)}
	if s.lastSet != "" {
		d.ChangeSetId = aws.String(s.lastSet)
	}
	for _, k := range slices.Sorted(maps.Keys(s.template.Outputs)) {
		d.Outputs = append(d.Outputs, types.Output{OutputKey: aws.String(k), OutputValue: aws.String(fmt.Sprint(s.resolve(s.template, s.params, s.template.Outputs[k].Value)))})
	}
	return &cfn.DescribeStacksOutput{Stacks: []types.Stack{d}}, nil
}

// page returns the part of n items that a token asks for, and the next token.
func (c *cloud) page(n int, token *string) (from, to int, next *string) {
	from, _ = strconv.Atoi(aws.ToString(token))
	to = min(from+c.perPage, n)
	if to < n {
		next = aws.String(strconv.Itoa(to))
	}
	return from, to, next
}

func (c *cloud) GetTemplate(_ context.Context, in *cfn.GetTemplateInput, _ ...func(*cfn.Options)) (out *cfn.GetTemplateOutput, err error) {
	leave, err := c.enter("GetTemplate")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	if s == nil {
		return nil, invalid("Stack with id %s does not exist", *in.StackName)
	}
	return &cfn.GetTemplateOutput{TemplateBody: &s.template.body}, nil
}

func (c *cloud) DescribeStackEvents(_ context.Context, in *cfn.DescribeStackEventsInput, _ ...func(*cfn.Options)) (out *cfn.DescribeStackEventsOutput, err error) {
	leave, err := c.enter("DescribeStackEvents")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	if s == nil {
		return nil, invalid("Stack [%s] does not exist", *in.StackName)
	}
	newest := slices.Clone(s.events)
	slices.Reverse(newest)
	from, to, next := c.page(len(newest), in.NextToken)
	return &cfn.DescribeStackEventsOutput{StackEvents: newest[from:to], NextToken: next}, nil
}

func (c *cloud) ListStackResources(_ context.Context, in *cfn.ListStackResourcesInput, _ ...func(*cfn.Options)) (out *cfn.ListStackResourcesOutput, err error) {
	leave, err := c.enter("ListStackResources")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	if s == nil {
		return nil, invalid("Stack with id %s does not exist", *in.StackName)
	}
	ids := slices.Sorted(maps.Keys(s.resources))
	from, to, next := c.page(len(ids), in.NextToken)
	out = &cfn.ListStackResourcesOutput{NextToken: next}
	for _, id := range ids[from:to] {
		r := s.resources[id]
		out.StackResourceSummaries = append(out.StackResourceSummaries, types.StackResourceSummary{
			LogicalResourceId: aws.String(id), PhysicalResourceId: aws.String(r.physical), ResourceType: aws.String(r.kind),
			ResourceStatus: r.status, ResourceStatusReason: aws.String(r.reason)})
	}
	return out, nil
}

func (c *cloud) CreateChangeSet(_ context.Context, in *cfn.CreateChangeSetInput, _ ...func(*cfn.Options)) (out *cfn.CreateChangeSetOutput, err error) {
	leave, err := c.enter("CreateChangeSet")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	if c.create != nil {
		c.create(in)
	}
	set := &fakeSet{name: *in.ChangeSetName, params: map[string]string{}, tags: in.Tags, status: types.ChangeSetStatusCreatePending, execution: types.ExecutionStatusUnavailable}
	if err := json.Unmarshal([]byte(aws.ToString(in.TemplateBody)), &set.template); err != nil {
		return nil, invalid("Template format error: %v", err)
	}
	set.template.body = *in.TemplateBody
	for k, p := range set.template.Parameters {
		set.params[k] = p.Default
	}
	for _, p := range in.Parameters {
		if _, ok := set.template.Parameters[*p.ParameterKey]; !ok {
			return nil, invalid("Parameters: [%s] do not exist in the template", *p.ParameterKey)
		}
		set.params[*p.ParameterKey] = *p.ParameterValue
	}
	s := c.stack(*in.StackName)
	exists := s != nil && s.status != types.StackStatusReviewInProgress
	switch {
	case in.ChangeSetType == types.ChangeSetTypeCreate && exists:
		return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.name, set.name)
	case in.ChangeSetType != types.ChangeSetTypeCreate && !exists:
		return nil, invalid("Stack [%s] does not exist", *in.StackName)
	case s == nil:
		c.next++
		s = &fakeStack{c: c, name: *in.StackName, id: fmt.Sprintf("arn:aws:cloudformation:eu-west-1:111122223333:stack/%s/%d", *in.StackName, c.next), resources: map[string]*fakeResource{}}
		c.stacks = append(c.stacks, s)
		s.become(types.StackStatusReviewInProgress, aws.ToString(in.ClientToken), "User Initiated")
	case strings.HasSuffix(string(s.status), "_IN_PROGRESS") && exists:
		return nil, invalid("Stack:%s is in %s state and can not be updated.", s.id, s.status)
	}
	if s.set(set.name) != nil {
		return nil, &types.AlreadyExistsException{Message: aws.String("ChangeSet " + set.name + " already exists")}
	}
	c.next++
	set.id = fmt.Sprintf("arn:aws:cloudformation:eu-west-1:111122223333:changeSet/%s/%d", set.name, c.next)
	s.sets = append(s.sets, set)
	s.steps = append(s.steps, step{time.Now().Add(time.Second), func() { s.compare(set) }})
	return &cfn.CreateChangeSetOutput{Id: &set.id, StackId: &s.id}, nil
}

func (s *fakeStack) set(name string) *fakeSet {
	for _, x := range s.sets {
		if x.name == name || x.id == name {
			return x
		}
	}
	return nil
}

func (c *cloud) findSet(name, stack *string) (*fakeStack, *fakeSet, error) {
	for _, s := range slices.Backward(c.stacks) {
		if stack != nil && s != c.stack(*stack) {
			continue
		}
		if x := s.set(*name); x != nil {
			return s, x, nil
		}
	}
	return nil, nil, &types.ChangeSetNotFoundException{Message: aws.String("ChangeSet [" + *name + "] does not exist")}
}

func (c *cloud) DescribeChangeSet(_ context.Context, in *cfn.DescribeChangeSetInput, _ ...func(*cfn.Options)) (out *cfn.DescribeChangeSetOutput, err error) {
	leave, err := c.enter("DescribeChangeSet")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s, x, err := c.findSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	from, to, next := c.page(len(x.changes), in.NextToken)
	return &cfn.DescribeChangeSetOutput{
		ChangeSetId: &x.id, ChangeSetName: &x.name, StackId: &s.id, Status: x.status, StatusReason: aws.String(x.reason), ExecutionStatus: x.execution,
		Changes: x.changes[from:to], NextToken: next, Parameters: x.template.shown(x.params), Tags: x.tags,
	}, nil
}

func (c *cloud) ListChangeSets(_ context.Context, in *cfn.ListChangeSetsInput, _ ...func(*cfn.Options)) (out *cfn.ListChangeSetsOutput, err error) {
	leave, err := c.enter("ListChangeSets")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	if s == nil {
		return nil, invalid("Stack [%s] does not exist", *in.StackName)
	}
	out = &cfn.ListChangeSetsOutput{}
	for _, x := range s.sets {
		out.Summaries = append(out.Summaries, types.ChangeSetSummary{ChangeSetName: aws.String(x.name), ChangeSetId: aws.String(x.id), Status: x.status, ExecutionStatus: x.execution})
	}
	return out, nil
}

func (c *cloud) DeleteChangeSet(_ context.Context, in *cfn.DeleteChangeSetInput, _ ...func(*cfn.Options)) (out *cfn.DeleteChangeSetOutput, err error) {
	leave, err := c.enter("DeleteChangeSet")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s, x, err := c.findSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return &cfn.DeleteChangeSetOutput{}, nil
	}
	if x.execution == types.ExecutionStatusExecuteInProgress {
		return nil, &types.InvalidChangeSetStatusException{Message: aws.String("it is being executed")}
	}
	s.sets = slices.DeleteFunc(s.sets, func(y *fakeSet) bool { return x == y })
	return &cfn.DeleteChangeSetOutput{}, nil
}

func (c *cloud) ExecuteChangeSet(_ context.Context, in *cfn.ExecuteChangeSetInput, _ ...func(*cfn.Options)) (out *cfn.ExecuteChangeSetOutput, err error) {
	leave, err := c.enter("ExecuteChangeSet")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s, x, err := c.findSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	if x.execution != types.ExecutionStatusAvailable {
		return nil, &types.InvalidChangeSetStatusException{Message: aws.String(fmt.Sprintf("ChangeSet [%s] cannot be executed in its current execution status of [%s]", x.id, x.execution))}
	}
	s.execute(x, aws.ToString(in.ClientRequestToken))
	return &cfn.ExecuteChangeSetOutput{}, nil
}

func (c *cloud) DeleteStack(_ context.Context, in *cfn.DeleteStackInput, _ ...func(*cfn.Options)) (out *cfn.DeleteStackOutput, err error) {
	leave, err := c.enter("DeleteStack")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	switch {
	case s == nil || s.status == types.StackStatusDeleteComplete || s.status == types.StackStatusDeleteInProgress:
		return &cfn.DeleteStackOutput{}, nil
	case s.protected:
		return nil, invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
	}
	s.delete(aws.ToString(in.ClientRequestToken))
	return &cfn.DeleteStackOutput{}, nil
}

func (c *cloud) UpdateTerminationProtection(_ context.Context, in *cfn.UpdateTerminationProtectionInput, _ ...func(*cfn.Options)) (out *cfn.UpdateTerminationProtectionOutput, err error) {
	leave, err := c.enter("UpdateTerminationProtection")
	if err != nil {
		return nil, err
	}
	defer leave(&err)
	s := c.stack(*in.StackName)
	if s == nil {
		return nil, invalid("Stack [%s] does not exist", *in.StackName)
	}
	s.protected = *in.EnableTerminationProtection
	return &cfn.UpdateTerminationProtectionOutput{StackId: &s.id}, nil
}
