package rollout

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/plan"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

func (manifests) preview(ctx context.Context, l *planner, n *node, v *values, _ []plan.Input) ([]diff.Change, string, error) {
	if err := l.render(ctx, n, v); err != nil {
		return nil, "", err
	}
	if err := l.identify(ctx, n); err != nil {
		return nil, "", err
	}
	changes, err := l.request.Cluster.Preview(ctx, l.owner(n.Name), n.objects, kube.PreviewOptions{
		ApplyOptions: kube.ApplyOptions{
			DefaultNamespace: l.namespace(), ServiceAccount: l.Environment.Spec.Cluster.ServiceAccount, TakeFrom: l.gaveUp,
		},
		CRDs: l.crds,
	})
	if err != nil || n.recorded == nil || !l.prunes() {
		return changes, "", err
	}
	pruned, err := l.request.Cluster.PreviewPrune(ctx, l.owner(n.Name), l.unwanted(n.Name, n.recorded.Spec.Owns, n.ids))
	return append(changes, pruned...), "", err
}

func (templates) preview(ctx context.Context, l *planner, n *node, v *values, open []plan.Input) ([]diff.Change, string, error) {
	if err := l.renamed(n, l.stackName(n)); err != nil {
		return nil, "", err
	}
	stacks, err := l.request.Stacks(ctx, l.Environment.Spec.AWS.Region)
	if err != nil {
		return nil, "", err
	}
	changes, err := stacks.Preview(ctx, stack.PreviewRequest{Request: l.templateRequest(n, v), Open: names(open)})
	return sourced(changes, l.stackName(n), n.template.Template), "", err
}

func names(open []plan.Input) []string {
	var all []string
	for _, i := range open {
		all = append(all, i.Name)
	}
	return all
}

// sourced says where the template defines the resources.
func sourced(changes []diff.Change, stackName string, t *template.Template) []diff.Change {
	for i, c := range changes {
		if r := t.Resources[c.Name]; r != nil && c.Namespace == stackName {
			changes[i].Source = document.Position{File: r.File, Line: r.Line}.String()
		}
	}
	return changes
}

func (apps) preview(ctx context.Context, l *planner, n *node, v *values, open []plan.Input) ([]diff.Change, string, error) {
	unknown := slices.DeleteFunc(names(open), func(name string) bool { _, parameter := n.Parameters[name]; return parameter })
	switch {
	case l.Account == nil:
		return nil, "the app is not run without an account, so nothing is known of its stacks", nil
	case len(unknown) > 0:
		return nil, "the app is run once it is known what it takes from others: " + strings.Join(unknown, ", "), nil
	}
	if err := l.synthesize(ctx, n, v); err != nil {
		return nil, "", err
	}
	var all []diff.Change
	for _, s := range n.app.assembly.Stacks {
		stacks, err := l.request.Stacks(ctx, s.Place.Region)
		if err != nil {
			return all, "", err
		}
		_, there, err := l.in(ctx, s.Place.Region)
		if err != nil {
			return all, "", err
		}
		t := n.app.templates[s.ID]
		request := stack.PreviewRequest{Request: l.stackRequest(n, s, v, there)}
		request.TemplateURL = "" // it is published by the rollout
		for _, name := range names(open) {
			if t.Parameters[name] != nil {
				request.Open = append(request.Open, name)
			}
		}
		changes, err := stacks.Preview(ctx, request)
		all = append(all, sourced(changes, s.Name, t)...)
		if err != nil {
			return all, "", err
		}
	}
	if n.recorded == nil || !l.prunes() {
		return all, "", nil
	}
	left := slices.DeleteFunc(slices.Clone(n.recorded.Spec.Owns), func(owned string) bool { return slices.Contains(n.ids, owned) })
	gone, err := l.stacksGone(ctx, n.Name, left)
	return append(all, gone...), "", err
}

func (builds) preview(context.Context, *planner, *node, *values, []plan.Input) ([]diff.Change, string, error) {
	return nil, "its commands run; what they do can't be told beforehand", nil
}

// stacksGone plans the deletion of stacks, the last one first.
func (l *planner) stacksGone(ctx context.Context, name string, owns []string) ([]diff.Change, error) {
	var all []diff.Change
	for _, owned := range ownedStacks(owns) {
		if l.Environment.Spec.AWS == nil {
			return all, owned.withoutAWS()
		}
		stacks, err := l.request.Stacks(ctx, cmp.Or(owned.region, l.Environment.Spec.AWS.Region))
		if err != nil {
			return all, err
		}
		changes, err := stacks.PreviewDelete(ctx, stack.DeleteRequest{Environment: l.environment(), Component: name, StackName: owned.name})
		all = append(all, changes...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// mayChange tells whether an output of a component may be another one afterwards. The
// output of a template stays where it is written as before and all that it shows of
// resources stays: a Ref through an update in place too, an attribute not for certain.
func (l *planner) mayChange(ctx context.Context, name, output string) bool {
	from := l.all[name]
	if from == nil || !l.pending[name] {
		return false
	}
	l.mu.Lock()
	c := l.made[name]
	l.mu.Unlock()
	if c == nil {
		return false
	}
	if from.Kind != component.CloudFormation || from.recorded == nil || len(c.errors) > 0 {
		return true
	}
	now, before := from.template.Outputs[output], l.deployedOutput(ctx, from, output)
	if now == nil || before == nil || len(diff.Values(now.Value.Plain(), before.Value.Plain())) > 0 || now.Condition != before.Condition {
		return true
	}
	decided := false
	now.Value.Walk(func(x *template.Node) bool {
		decided = decided || x.Kind == template.Call && x.Function == "Fn::If"
		return true
	})
	return decided || slices.ContainsFunc(now.Value.References(), func(r template.Reference) bool {
		if from.template.Parameters[r.Name] != nil {
			return true
		}
		return slices.ContainsFunc(c.Resources, func(change diff.Change) bool {
			return change.Name == r.Name && change.Action != diff.NoOp && (change.Action != diff.Update || r.Attribute != "")
		})
	})
}

// deployedOutput is how the template that is deployed defines an output; nil where that
// can't be read any more.
func (l *planner) deployedOutput(ctx context.Context, n *node, output string) *template.Output {
	tree, err := l.Repository.Tree(ctx, n.recorded.Status.Revision, "")
	if err != nil {
		return nil
	}
	body, _, err := tree.ReadFile(ctx, l.Repository, n.Template)
	if err != nil {
		return nil
	}
	t, err := template.Parse(body, n.Template)
	if err != nil {
		return nil
	}
	return t.Outputs[output]
}
