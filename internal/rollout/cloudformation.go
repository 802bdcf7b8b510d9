package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// templates are components of kind cloudformation.
type templates struct{}

// templateFile is a template as it is in the commit.
type templateFile struct {
	*template.Template
	body string
}

func (templates) outputs(ctx context.Context, p *prepared, n *node) ([]string, bool) {
	t, err := p.parse(ctx, n)
	if err != nil {
		return nil, false // told where the template is read
	}
	return outputNames(t.Template), true
}

// parse reads a component's template.
func (p *prepared) parse(ctx context.Context, n *node) (*templateFile, error) {
	body, _, err := p.tree.ReadFile(ctx, p.Repository, n.Template)
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(body, n.Template)
	if err != nil {
		return nil, err
	}
	return &templateFile{t, string(body)}, nil
}

// read checks the template, and the parameters as far as they are known.
func (templates) read(ctx context.Context, p *prepared, n *node, _ *values) error {
	t, err := p.parse(ctx, n)
	if err != nil {
		return err
	}
	errs := []error{t.Validate()}
	for _, name := range slices.Sorted(maps.Keys(n.Parameters)) {
		v := n.Parameters[name]
		parameter := t.Parameters[name]
		if parameter == nil {
			errs = append(errs, fmt.Errorf("%s: component %s: %s has no parameter %q: it has %s", v.Source, n.Name, n.Template, name, orNone(slices.Sorted(maps.Keys(t.Parameters)))))
			continue
		}
		if v.From == nil {
			if problem := parameter.Check(v.Literal); problem != "" {
				errs = append(errs, fmt.Errorf("%s: component %s: %s", v.Source, n.Name, problem))
			}
		}
	}
	for _, named := range t.ParameterNames() {
		if _, given := n.Parameters[named.Name]; !given && t.Parameters[named.Name].Default == nil {
			errs = append(errs, fmt.Errorf("%s: parameter %s has no default and is not given a value: give it one in drawbridge.yaml, under parameters of component %s", named.Position, named.Name, n.Name))
		}
	}
	n.template, n.ids = t, []string{stackPrefix + p.stackName(n)}
	return errors.Join(errs...)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (p *prepared) stackName(n *node) string {
	if n.StackName != "" {
		return n.StackName
	}
	return p.Environment.Name + "-" + n.Name
}

// stackPrefix marks a stack in ComponentSpec.Owns.
const stackPrefix = "AWS::CloudFormation::Stack/"

// regionMark comes after the name of a stack that is in another region than the
// Environment, and before that region.
const regionMark = "@"

// ownedStack is a stack that a component owns; its region is "" where that is the
// Environment's.
type ownedStack struct{ name, region string }

// ownedStacks are those of what a component owns that are stacks, in the order in which
// they are deleted: the last one first.
func ownedStacks(owns []string) []ownedStack {
	var all []ownedStack
	for _, owned := range slices.Backward(owns) {
		if id, ok := strings.CutPrefix(owned, stackPrefix); ok {
			name, region, _ := strings.Cut(id, regionMark)
			all = append(all, ownedStack{name, region})
		}
	}
	return all
}

// withoutAWS is the error of an Environment that no longer says where the stack is.
func (s ownedStack) withoutAWS() error {
	return fmt.Errorf("stack %s is to be deleted, but the Environment has no spec.aws any more: name the region there again", s.name)
}

// roll brings the component's stack to the commit.
func (templates) roll(ctx context.Context, p *prepared, n *node, v *values) error {
	name := p.stackName(n)
	if err := p.renamed(n, name); err != nil {
		return err
	}
	if err := p.State.Claim(ctx, n.spec(p.Environment.Name, n.ids, n.digest)); err != nil {
		return err
	}
	result, err := p.Stacks.Deploy(ctx, p.templateRequest(n, v), p.stackProgress(n.Name))
	p.Steps.resources(n.Name, result.Changes)
	if err != nil {
		return p.finish(ctx, n, n.recordedStatus(), err)
	}
	return p.finish(ctx, n, v1alpha1.ComponentStatus{StackID: result.StackID, Outputs: handedOn(n.template.Template, result.Outputs, v.Parameters)}, nil)
}

func (p *prepared) templateRequest(n *node, v *values) stack.Request {
	aws := p.Environment.Spec.AWS
	return stack.Request{
		Environment: p.environment(), Component: n.Name, StackName: p.stackName(n), Change: p.Change, ChangeUID: p.ChangeUID,
		Template: n.template.body, TemplateFile: n.Template, Parameters: v.Parameters,
		Capabilities: n.Capabilities, Tags: aws.Tags, RoleARN: aws.StackRoleARN,
		AllowDestructive: p.allowDestructive(),
	}
}

// renamed refuses to leave a stack behind.
func (p *prepared) renamed(n *node, name string) error {
	if n.recorded == nil {
		return nil
	}
	for _, owned := range n.recorded.Spec.Owns {
		if old, ok := strings.CutPrefix(owned, stackPrefix); ok && old != name {
			return fmt.Errorf("%s: component %s is deployed as stack %s and can't be renamed to %s, since stacks have no new names: keep the name, or make another component of it and remove this one", n.Source, n.Name, old, name)
		}
	}
	return nil
}

func (p *prepared) stackProgress(component string) func(stack.Event) {
	return func(e stack.Event) {
		text := fmt.Sprintf("%s %s", e.LogicalID, e.Status)
		if e.Reason != "" {
			text += ": " + e.Reason
		}
		if e.Earlier {
			text = "waiting for the operation before: " + text
		}
		p.Steps.say(component, text)
		p.say(component, text)
	}
}

func (p *prepared) allowDestructive() func(diff.Change) bool {
	if p.Environment.Spec.Gate.Destructive == v1alpha1.DestructiveAllow {
		return func(diff.Change) bool { return true }
	}
	return nil
}
