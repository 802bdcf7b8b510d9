package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/internal/cdk"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// apps are components of kind cdk: all the stacks of an app.
type apps struct{}

// synthesis is an app's assembly, made once a rollout.
type synthesis struct {
	once     sync.Once
	assembly *cdk.Assembly
	// templates by the ID of their stack.
	templates map[string]*template.Template
	err       error
}

// contextEnvironment is the context by which an app knows the Environment, so
// that two of them can share an account.
const contextEnvironment = "drawbridge:environment"

// read synthesizes the app and checks what came out. An app that waits for its
// context is read once that is known; one that is planned from files alone never is.
func (apps) read(ctx context.Context, p *prepared, n *node, v *values) error {
	if v == nil || p.Account == nil {
		return nil
	}
	return p.synthesize(ctx, n, v)
}

// outputs of all stacks: "STACK.OUTPUT", and "OUTPUT" where one stack alone has it.
func (apps) outputs(ctx context.Context, p *prepared, n *node) ([]string, bool) {
	if n.digest == "" || p.Account == nil {
		return nil, false
	}
	v, err := p.resolve(n)
	if err != nil || p.synthesize(ctx, n, v) != nil {
		return nil, false // told where the app is read
	}
	all := map[string]map[string]string{}
	for id, t := range n.app.templates {
		all[id] = map[string]string{}
		for _, name := range outputNames(t) {
			all[id][name] = ""
		}
	}
	return slices.Sorted(maps.Keys(joinOutputs(all))), true
}

// joinOutputs names the outputs of several stacks.
func joinOutputs(byStack map[string]map[string]string) map[string]string {
	out, owners := map[string]string{}, map[string]int{}
	for id, outputs := range byStack {
		for name, value := range outputs {
			out[id+"."+name] = value
			owners[name]++
			out[name] = value
		}
	}
	for name, n := range owners {
		if n > 1 {
			delete(out, name)
		}
	}
	return out
}

// synthesize makes the assembly, and looks whether it can be deployed here.
func (p *prepared) synthesize(ctx context.Context, n *node, v *values) error {
	n.app.once.Do(func() { n.app.err = p.makeAssembly(ctx, n, v) })
	return n.app.err
}

func (p *prepared) makeAssembly(ctx context.Context, n *node, v *values) error {
	failed := func(err error) error { return fmt.Errorf("%s: component %s: %w", n.Source, n.Name, err) }
	id, err := p.Account.ID(ctx)
	if err != nil {
		return failed(err)
	}
	at := cdk.Place{Account: id, Region: p.Environment.Spec.AWS.Region}
	given := maps.Clone(v.Inputs)
	given[contextEnvironment] = p.Environment.Name
	log := p.printed(n.Name)
	assembly, err := p.Apps.Synthesize(ctx, cdk.Request{
		Tree: p.tree, Read: p.Repository, Path: n.Path, Reads: n.Reads, OID: n.OID, Context: given, Place: at, Lookup: p.lookup, Log: log,
		Progress: func(what string) { p.Steps.say(n.Name, what) },
	})
	if err := errors.Join(err, log.Close()); err != nil {
		return failed(err)
	}
	for _, w := range assembly.Warnings {
		p.say(n.Name, "warning: "+w)
	}
	n.app.assembly, n.app.templates, n.ids = assembly, map[string]*template.Template{}, nil
	var errs []error
	for _, s := range assembly.Stacks {
		id := stackPrefix + s.Name
		if s.Place.Region != at.Region {
			id += regionMark + s.Place.Region
		}
		n.ids = append(n.ids, id)
		if err := p.checkStack(ctx, n, s, at); err != nil {
			errs = append(errs, fmt.Errorf("stack %s: %w", s.ID, err))
		}
	}
	if len(errs) > 0 {
		return failed(errors.Join(errs...))
	}
	return p.checkParameters(n)
}

// lookup gives the identity for context lookups: a role that may only read.
func (p *prepared) lookup(ctx context.Context, role string) ([]string, error) {
	if named := p.Environment.Spec.AWS.LookupRoleARN; named != "" {
		role = named
	}
	if role == "" {
		return nil, errors.New("the app names no role for lookups: name one in the Environment (spec.aws.lookupRoleARN)")
	}
	return p.Account.Session(ctx, role)
}

// checkStack looks whether a stack of the app can be deployed by this Environment.
func (p *prepared) checkStack(ctx context.Context, n *node, s cdk.Stack, here cdk.Place) error {
	if s.Place != here && (s.Place.Account != here.Account || !slices.Contains(p.Environment.Spec.AWS.Regions, s.Place.Region)) {
		return fmt.Errorf("it is for account %s and region %s, and Environment %s deploys to account %s and region %s: let the app take them from CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION, allow the region in the Environment (spec.aws.regions), or give the stack to another Environment",
			s.Place.Account, s.Place.Region, p.Environment.Name, here.Account, here.Region)
	}
	if len(s.Images) > 0 {
		if err := p.Account.CanBuildImages(ctx); err != nil {
			return fmt.Errorf("it needs the container image %s built: %w", s.Images[0].Name, err)
		}
	}
	t, err := template.Parse([]byte(s.Template), path.Join(n.Path, "cdk.out", s.TemplateFile))
	if err != nil {
		return err
	}
	n.app.templates[s.ID] = t
	return errors.Join(t.Validate(), p.checkBootstrap(ctx, s))
}

// in is where stacks of a region are deployed.
func (p *prepared) in(ctx context.Context, region string) (Stacks, Account, error) {
	if region == p.Environment.Spec.AWS.Region {
		return p.Stacks, p.Account, nil
	}
	return p.Elsewhere(ctx, region)
}

// checkBootstrap looks whether the place has what the CDK makes once for it.
func (p *prepared) checkBootstrap(ctx context.Context, s cdk.Stack) error {
	if s.Bootstrap == 0 || s.BootstrapParameter == "" {
		return nil
	}
	advice := fmt.Sprintf("run 'cdk bootstrap aws://%s/%s'", s.Place.Account, s.Place.Region)
	_, there, err := p.in(ctx, s.Place.Region)
	if err != nil {
		return err
	}
	text, err := there.Parameter(ctx, s.BootstrapParameter)
	if errors.Is(err, account.ErrNoParameter) {
		return fmt.Errorf("account %s is not bootstrapped for the CDK in %s: there is no parameter %s; %s", s.Place.Account, s.Place.Region, s.BootstrapParameter, advice)
	}
	if err != nil {
		return err
	}
	if version, err := strconv.Atoi(text); err != nil || version < s.Bootstrap {
		return fmt.Errorf("account %s is bootstrapped with version %q of the CDK's resources in %s, and the stack needs %d: %s", s.Place.Account, text, s.Place.Region, s.Bootstrap, advice)
	}
	return nil
}

// checkParameters finds parameters that no stack has.
func (p *prepared) checkParameters(n *node) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(n.Parameters)) {
		v := n.Parameters[name]
		problem := fmt.Sprintf("no stack of the app has a parameter %q", name)
		for _, t := range n.app.templates {
			if parameter := t.Parameters[name]; parameter != nil {
				problem = ""
				if v.From == nil {
					problem = parameter.Check(v.Literal)
				}
				break
			}
		}
		if problem != "" {
			errs = append(errs, fmt.Errorf("%s: component %s: %s", v.Source, n.Name, problem))
		}
	}
	return errors.Join(errs...)
}

// roll publishes the app's assets and brings its stacks to the commit, each after
// those that it depends on. Stacks that the app no longer has are deleted at the end.
func (apps) roll(ctx context.Context, p *prepared, n *node, v *values) error {
	if err := p.synthesize(ctx, n, v); err != nil {
		return err
	}
	var left []string
	if n.recorded != nil {
		left = slices.DeleteFunc(slices.Clone(n.recorded.Spec.Owns), func(owned string) bool { return slices.Contains(n.ids, owned) })
	}
	if err := p.State.Claim(ctx, n.spec(p.Environment.Name, slices.Concat(n.ids, left), n.digest)); err != nil {
		return err
	}
	outputs, err := p.deployApp(ctx, n, v)
	if err != nil {
		return p.finish(ctx, n, n.recordedStatus(), err)
	}
	if len(left) > 0 && p.prunes() {
		if err := p.deleteStacks(ctx, n.Name, left); err != nil {
			return p.finish(ctx, n, n.recordedStatus(), err)
		}
		if err := p.State.Claim(ctx, n.spec(p.Environment.Name, n.ids, n.digest)); err != nil {
			return err
		}
	}
	return p.finish(ctx, n, v1alpha1.ComponentStatus{Outputs: outputs}, nil)
}

// stacksAtOnce bounds the stacks of one app that are deployed at the same time.
const stacksAtOnce = 8

func (p *prepared) deployApp(ctx context.Context, n *node, v *values) (map[string]string, error) {
	if err := p.publish(ctx, n); err != nil {
		return nil, err
	}
	byID := map[string]cdk.Stack{}
	var order []string
	for _, s := range n.app.assembly.Stacks {
		byID[s.ID] = s
		order = append(order, s.ID)
	}
	var mu sync.Mutex
	outputs := map[string]map[string]string{}
	results := walk(ctx, order, func(id string) []string { return byID[id].DependsOn }, stacksAtOnce, func(ctx context.Context, id string) error {
		failpoint.Hit("rollout/before-stack-of-app")
		stacks, there, err := p.in(ctx, byID[id].Place.Region)
		if err != nil {
			return err
		}
		request := p.stackRequest(n, byID[id], v, there)
		result, err := stacks.Deploy(ctx, request, p.stackProgress(n.Name))
		p.Steps.resources(n.Name, result.Changes)
		mu.Lock()
		defer mu.Unlock()
		outputs[id] = handedOn(n.app.templates[id], result.Outputs, request.Parameters)
		return err
	})
	var errs []error
	for _, id := range order {
		if err := results[id]; err != nil && !errors.As(err, new(dependencyError)) {
			errs = append(errs, err)
		}
	}
	return joinOutputs(outputs), errors.Join(errs...)
}

// cdkCapabilities are what the CDK CLI gives every stack.
var cdkCapabilities = []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}

func (p *prepared) stackRequest(n *node, s cdk.Stack, v *values, there Account) stack.Request {
	aws := p.Environment.Spec.AWS
	r := stack.Request{
		Environment: p.environment(), Component: n.Name, StackName: s.Name, Change: p.Change, ChangeUID: p.ChangeUID,
		Template: s.Template, TemplateFile: path.Join(n.Path, "cdk.out", s.TemplateFile), Parameters: maps.Clone(s.Parameters),
		Capabilities: n.Capabilities, Tags: maps.Clone(s.Tags), RoleARN: aws.StackRoleARN,
		TerminationProtection: &s.TerminationProtection, AllowDestructive: p.allowDestructive(),
	}
	if bucket, key, ok := strings.Cut(strings.TrimPrefix(s.TemplateURL, "s3://"), "/"); ok {
		r.TemplateURL = there.BucketURL(bucket) + "/" + key
	}
	if r.RoleARN == "" {
		r.RoleARN = s.ExecutionRole
	}
	if r.Capabilities == nil {
		r.Capabilities = cdkCapabilities
	}
	if r.Parameters == nil {
		r.Parameters = map[string]string{}
	}
	for name, value := range v.Parameters {
		if n.app.templates[s.ID].Parameters[name] != nil {
			r.Parameters[name] = value
		}
	}
	if r.Tags == nil {
		r.Tags = map[string]string{}
	}
	maps.Copy(r.Tags, aws.Tags)
	return r
}

// assetsAtOnce bounds the assets that are sent at the same time.
const assetsAtOnce = 4

// publish puts the assets of all stacks into their buckets, each once.
func (p *prepared) publish(ctx context.Context, n *node) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(assetsAtOnce)
	seen := map[cdk.Destination]bool{}
	for _, s := range n.app.assembly.Stacks {
		for _, i := range s.Images {
			for _, to := range i.Repositories {
				g.Go(func() error { return p.publishImage(ctx, n, s, i, to) })
			}
		}
		for _, a := range s.Assets {
			for _, d := range a.Destinations {
				if seen[d] {
					continue
				}
				seen[d] = true
				g.Go(func() error {
					sent, err := p.Account.Publish(ctx, account.Object{Bucket: d.Bucket, Key: d.Key, Region: d.Region, Path: a.Path, Zip: a.Zip})
					if errors.Is(err, account.ErrNoBucket) {
						err = fmt.Errorf("%w: run 'cdk bootstrap aws://%s/%s'", err, s.Place.Account, d.Region)
					}
					if err != nil {
						return fmt.Errorf("asset %s of stack %s: %w", a.Name, s.ID, err)
					}
					if sent {
						p.say(n.Name, fmt.Sprintf("published %s to s3://%s/%s", a.Name, d.Bucket, d.Key))
					}
					return nil
				})
			}
		}
	}
	return g.Wait()
}

// publishImage builds an image and pushes it to one of its repositories.
func (p *prepared) publishImage(ctx context.Context, n *node, s cdk.Stack, i cdk.Image, to cdk.Repository) error {
	log := p.printed(n.Name)
	sent, err := p.Account.PublishImage(ctx, account.Image{
		Repository: to.Name, Tag: to.Tag, Region: to.Region, Folder: i.Folder, File: i.File, Target: i.Target, Platform: i.Platform, Arguments: i.Arguments,
	}, log)
	if err := errors.Join(err, log.Close()); err != nil {
		return fmt.Errorf("image %s of stack %s: %w", i.Name, s.ID, err)
	}
	if sent {
		p.say(n.Name, fmt.Sprintf("pushed the image %s as %s:%s", i.Name, to.Name, to.Tag))
	}
	return nil
}
