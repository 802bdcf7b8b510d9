package cloudformation_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/cloudformation"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/generic"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

// world is a CloudFormation over a store, with providers that can be told to
// fail, and the official client in front of it.
type world struct {
	t         testing.TB
	path      string
	state     *store.Store
	cf        *cloudformation.CloudFormation
	client    *cfn.Client
	providers *scripted
	objects   map[string]string // templates by their URL
	clock     *simtime.Manual   // the machine's when nil
	tell      func(event string)

	mu     sync.Mutex
	events []string // "LogicalID STATUS"
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldAt(t, nil)
}

// newWorldAt is newWorld with a clock of its own.
func newWorldAt(t testing.TB, clock *simtime.Manual) *world {
	t.Helper()
	w := &world{clock: clock, t: t, objects: map[string]string{}, path: filepath.Join(t.TempDir(), "aws.db"), providers: &scripted{verdicts: map[string]error{}, gates: map[string]chan struct{}{}}}
	w.open()
	t.Cleanup(w.shut)
	return w
}

// open starts the service over the state that is there.
func (w *world) open() {
	w.t.Helper()
	state, err := store.Open(w.path, store.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.state = state
	w.providers.inner = generic.New(state, simtime.New(nil, simtime.Durations{}))
	registry := &resource.Registry{}
	registry.SetFallback(w.providers)
	options := cloudformation.Options{
		Store: state, Resources: registry,
		Secret: func(_ context.Context, _, _, id, stage, version string) (string, error) {
			return `{"username": "ghost", "password": "hunter2"}`, nil
		},
		Parameter: func(_ context.Context, _, _, name, version string) (string, error) {
			value, ok := map[string]string{"/known": "from-the-store", "/cdk-bootstrap/hnb659fds/version": "31", "/old/version": "5"}[name]
			if !ok {
				return "", fmt.Errorf("parameter %s is not there", name)
			}
			return value, nil
		},
		Object: func(_ context.Context, _, url string) ([]byte, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			body, ok := w.objects[url]
			if !ok {
				return nil, errors.New("The specified key does not exist.")
			}
			return []byte(body), nil
		},
		OnEvent: func(e types.StackEvent) {
			w.mu.Lock()
			defer w.mu.Unlock()
			event := *e.LogicalResourceId + " " + string(e.ResourceStatus)
			w.events = append(w.events, event)
			if w.tell != nil {
				w.tell(event)
			}
		},
	}
	if w.clock != nil {
		options.Now, options.After = w.clock.Now, w.clock.After
	}
	w.cf = cloudformation.New(options)
	w.client = client(w.t, w.cf.Service(), wire.Call{Account: account, Region: region})
	if err := w.cf.Resume(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) shut() {
	if err := errors.Join(w.cf.Close(), w.state.Close()); err != nil {
		w.t.Error(err)
	}
}

// restart is what a crash and a new start do: what is in memory is lost.
func (w *world) restart() {
	w.t.Helper()
	w.shut()
	w.open()
}

// wait waits for the end of the stack's operation and returns the stack.
func (w *world) wait(stackID string) types.Stack {
	w.t.Helper()
	if err := w.cf.Wait(w.t.Context(), account, region, stackID); err != nil {
		w.t.Fatal(err)
	}
	return w.describe(stackID)
}

func (w *world) describe(nameOrID string) types.Stack {
	w.t.Helper()
	out, err := w.client.DescribeStacks(w.t.Context(), &cfn.DescribeStacksInput{StackName: &nameOrID})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Stacks[0]
}

func (w *world) create(name, body string, parameters ...types.Parameter) types.Stack {
	w.t.Helper()
	out, err := w.client.CreateStack(w.t.Context(), &cfn.CreateStackInput{StackName: &name, TemplateBody: &body, Parameters: parameters})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.wait(*out.StackId)
}

func (w *world) update(name, body string, parameters ...types.Parameter) types.Stack {
	w.t.Helper()
	out, err := w.client.UpdateStack(w.t.Context(), &cfn.UpdateStackInput{StackName: &name, TemplateBody: &body, Parameters: parameters})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.wait(*out.StackId)
}

func (w *world) remove(name string) types.Stack {
	w.t.Helper()
	id := *w.describe(name).StackId
	if _, err := w.client.DeleteStack(w.t.Context(), &cfn.DeleteStackInput{StackName: &name}); err != nil {
		w.t.Fatal(err)
	}
	return w.wait(id)
}

// reasons are those of the stack's events, for messages of failed tests.
func (w *world) reasons(stack string) string {
	w.t.Helper()
	out, err := w.client.DescribeStackEvents(w.t.Context(), &cfn.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	var lines strings.Builder
	for _, e := range out.StackEvents {
		if r := aws.ToString(e.ResourceStatusReason); r != "" {
			fmt.Fprintf(&lines, "%s %s: %s\n", *e.LogicalResourceId, e.ResourceStatus, r)
		}
	}
	return lines.String()
}

// upload puts a template where its URL finds it.
func (w *world) upload(url, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects[url] = body
}

// since returns the events after the first n.
func (w *world) since(n int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.events[n:]...)
}

func (w *world) physical(name, logical string) string {
	w.t.Helper()
	out, err := w.client.DescribeStackResource(w.t.Context(), &cfn.DescribeStackResourceInput{StackName: &name, LogicalResourceId: &logical})
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId)
}

func parameter(k, v string) types.Parameter {
	return types.Parameter{ParameterKey: &k, ParameterValue: &v}
}

// scripted is the generic provider with orders: to fail, or to wait.
type scripted struct {
	inner *generic.Provider

	mu       sync.Mutex
	verdicts map[string]error         // by "Create LogicalID"
	gates    map[string]chan struct{} // calls wait until the gate is closed
	calls    []resource.Request
}

func (p *scripted) before(ctx context.Context, verb string, q resource.Request) error {
	p.mu.Lock()
	p.calls = append(p.calls, q)
	verdict, gate := p.verdicts[verb+" "+q.LogicalID], p.gates[verb+" "+q.LogicalID]
	p.mu.Unlock()
	if gate != nil {
		select {
		case gate <- struct{}{}: // somebody waits for the call to have begun
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return verdict
}

func (p *scripted) order(call string, verdict error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verdicts[call] = verdict
}

// hold makes the call wait. Receive from the channel to wait until it has begun,
// send to it to let it go on.
func (p *scripted) hold(call string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	gate := make(chan struct{})
	p.gates[call] = gate
	return gate
}

func (p *scripted) release(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.gates, call)
}

func (p *scripted) Create(ctx context.Context, q resource.Request) (resource.State, error) {
	if err := p.before(ctx, "Create", q); err != nil {
		return resource.State{}, err
	}
	return p.inner.Create(ctx, q)
}

func (p *scripted) Read(ctx context.Context, q resource.Request) (resource.Found, error) {
	if err := p.before(ctx, "Read", q); err != nil {
		return resource.Found{}, err
	}
	return p.inner.Read(ctx, q)
}

func (p *scripted) Update(ctx context.Context, q resource.Request) (resource.State, error) {
	if err := p.before(ctx, "Update", q); err != nil {
		return resource.State{}, err
	}
	return p.inner.Update(ctx, q)
}

func (p *scripted) Delete(ctx context.Context, q resource.Request) error {
	if err := p.before(ctx, "Delete", q); err != nil {
		return err
	}
	return p.inner.Delete(ctx, q)
}
