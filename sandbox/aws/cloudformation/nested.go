package cloudformation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// nested is the provider of stacks in stacks. A nested stack is a stack like any
// other, with an operation of its own, for which its parent's waits.
type nested struct {
	c *CloudFormation
	// begun, if given, is told the ID of a new stack as soon as there is one.
	begun func(id string) error
}

// deepest bounds how deep stacks nest, so that one that holds itself comes to an
// end.
const deepest = 10

func tooDeep(depth int) error {
	if depth > deepest {
		return errorText(fmt.Sprintf("stacks can't be nested more than %d deep in the sandbox", deepest))
	}
	return nil
}

// Create makes a stack and waits until it is complete.
func (n *nested) Create(ctx context.Context, q resource.Request) (resource.State, error) {
	scope := store.Scope{Account: q.Account, Region: q.Region}
	id, err := n.make(ctx, scope, q)
	if err != nil {
		return resource.State{}, inWords(err)
	}
	made := resource.State{PhysicalID: id, Ref: id}
	if n.begun != nil {
		if err := n.begun(id); err != nil {
			return made, err
		}
	}
	s, err := n.c.settled(ctx, key{scope, id})
	if err != nil {
		return made, err
	}
	if s.Status != types.StackStatusCreateComplete {
		return made, embedded(&s, "created")
	}
	return s.asResource(), nil
}

// make begins the creation of a nested stack, once for a token, and returns its
// ID.
func (n *nested) make(ctx context.Context, scope store.Scope, q resource.Request) (string, error) {
	parent, set, err := n.above(scope, q)
	if err != nil {
		return "", err
	}
	name := resource.Name(q, 128)
	k := key{scope, stackARN(scope, name, idOf(q.Token))}
	if set != nil {
		k.ID = set.StackID // it is there, in review
	}
	s, there, err := n.c.look(k)
	if err != nil || there && s.Tokens[q.Token] != "" {
		return k.ID, err
	}
	if !there {
		s = stack{ID: k.ID, Name: name, Created: n.c.now(), Parent: parent.ID, Root: cmp.Or(parent.Root, parent.ID)}
	}
	p, err := n.proposal(scope, q, parent, set)
	if err != nil {
		return "", err
	}
	t, _, err := n.c.target(ctx, scope, &s, p)
	if err != nil {
		return "", err
	}
	minutes, err := resource.Props(q.Properties).Int("TimeoutInMinutes")
	if err != nil {
		return "", err
	}
	t.Timeout, t.Validate = int32(minutes), set == nil
	_, err = n.c.commit(func(tx *store.Tx) (key, *stack, error) {
		s.remember(q.Token, "CreateStack")
		s.execute(set)
		s.begin(n.c, "create", parent.Operation.Token, t)
		s.Operation.ChangeSet, s.Operation.Imports = s.ChangeSetID, importsOf(set)
		return k, &s, names.Put(tx, scope, s.Name, s.ID)
	})
	return k.ID, err
}

// above returns the parent of a nested stack, and the change set for the nested
// stack that goes with the one that the parent executes, or nil.
func (n *nested) above(scope store.Scope, q resource.Request) (*stack, *changeSet, error) {
	parent, err := n.c.load(key{scope, q.StackID})
	if err != nil {
		return nil, nil, err
	}
	depth := 1
	for at := parent; at.Parent != ""; depth++ {
		if err := tooDeep(depth + 1); err != nil {
			return nil, nil, err
		}
		if at, err = n.c.load(key{scope, at.Parent}); err != nil {
			return nil, nil, err
		}
	}
	if parent.Operation == nil || parent.Operation.ChangeSet == "" {
		return &parent, nil, nil
	}
	var found *changeSet
	err = n.c.Store.View(func(tx *store.Tx) error {
		set, _, err := changeSets.Get(tx, scope, parent.Operation.ChangeSet)
		if err != nil || set.Nested[q.LogicalID] == "" {
			return err
		}
		of, ok, err := changeSets.Get(tx, scope, set.Nested[q.LogicalID])
		if ok {
			found = &of
		}
		return err
	})
	return &parent, found, err
}

// execute marks the stack as one that executes the change set, if there is one.
func (s *stack) execute(set *changeSet) {
	s.ChangeSetID = ""
	if set != nil {
		s.ChangeSetID = set.ID
	}
}

func importsOf(set *changeSet) map[string]string {
	if set == nil {
		return nil
	}
	return set.Imports
}

// proposal is what the properties of a nested stack ask for. Its template is the
// one that the change set showed, if there is one.
func (n *nested) proposal(scope store.Scope, q resource.Request, parent *stack, set *changeSet) (proposal, error) {
	t := parent.Deployed
	if parent.Operation != nil {
		t = parent.Operation.Target
	}
	p := nestedProposal(q.Properties, t)
	if set == nil {
		return p, nil
	}
	text, err := n.c.text(scope, set.Target.Template)
	p.body, p.url = &text, nil
	return p, err
}

// nestedProposal is what the properties of a nested stack ask for, where the
// stack above it is brought to t.
func nestedProposal(properties map[string]any, t target) proposal {
	p := proposal{
		capabilities: t.Capabilities, role: &t.RoleARN, notificationARNs: []string{}, tags: []types.Tag{},
		deployment: &types.DeploymentConfig{Mode: t.Mode, DisableRollback: aws.Bool(t.DisableRollback)},
	}
	if url, ok := properties["TemplateURL"].(string); ok {
		p.url = &url
	}
	given, _ := properties["Parameters"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value, known := given[name].(string)
		if !known {
			value, p.later = knownLater, append(p.later, name)
		}
		p.parameters = append(p.parameters, types.Parameter{ParameterKey: &name, ParameterValue: &value})
	}
	arns, _ := properties["NotificationARNs"].([]any)
	for _, arn := range arns {
		p.notificationARNs = append(p.notificationARNs, fmt.Sprint(arn))
	}
	// The tags of the stack above, and over them its own.
	tags, err := resource.Props(properties).Tags("Tags", t.Tags)
	if err != nil {
		tags = t.Tags
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		p.tags = append(p.tags, types.Tag{Key: &k, Value: aws.String(tags[k])})
	}
	return p
}

// Update brings a nested stack to what its properties say by now, if that is
// another thing. It leaves the cleanup to the parent's own.
func (n *nested) Update(ctx context.Context, q resource.Request) (resource.State, error) {
	k := key{store.Scope{Account: q.Account, Region: q.Region}, q.PhysicalID}
	changed, err := n.update(ctx, k, q)
	if err != nil {
		return resource.State{}, inWords(err)
	}
	s, err := n.c.settled(ctx, k)
	if err != nil && errors.Is(context.Cause(ctx), errCancelled) {
		n.c.cancelUpdate(k)
		if _, err := n.c.settled(n.c.ctx, k); err != nil {
			return resource.State{}, err
		}
		return resource.State{}, errCancelled
	}
	if err != nil {
		return resource.State{}, err
	}
	if changed && (s.Operation == nil || !s.Operation.Held) {
		return resource.State{}, embedded(&s, "updated")
	}
	return s.asResource(), nil
}

// update begins the update of a nested stack, once for a token. It is false
// where there is nothing to change.
func (n *nested) update(ctx context.Context, k key, q resource.Request) (bool, error) {
	s, err := n.c.load(k)
	if err != nil {
		return false, err
	}
	if s.Tokens[q.Token] != "" {
		return true, nil
	}
	if err := checkUpdatable(&s); err != nil {
		return false, err
	}
	parent, set, err := n.above(k.Scope, q)
	if err != nil {
		return false, err
	}
	p, err := n.proposal(k.Scope, q, parent, set)
	if err != nil {
		return false, err
	}
	t, bound, err := n.c.target(ctx, k.Scope, &s, p)
	if err != nil {
		return false, err
	}
	changes, err := n.c.changes(&s, bound)
	if err != nil || s.unchanged(t, bound, changes) {
		return false, err
	}
	_, err = n.c.change(k, func(s *stack) error {
		t.Validate = set == nil
		s.remember(q.Token, "UpdateStack")
		s.execute(set)
		s.begin(n.c, "update", parent.Operation.Token, t)
		s.Operation.Nested, s.Operation.ChangeSet, s.Operation.Imports = true, s.ChangeSetID, importsOf(set)
		return nil
	})
	return true, err
}

// Delete deletes a nested stack.
func (n *nested) Delete(ctx context.Context, q resource.Request) error {
	k := key{store.Scope{Account: q.Account, Region: q.Region}, q.PhysicalID}
	err := n.c.beginDelete(k, deletion{token: q.Token})
	if err != nil {
		return inWords(err)
	}
	s, err := n.c.settled(ctx, k)
	if err == nil && s.Deleted == nil {
		err = embedded(&s, "deleted")
	}
	return err
}

// asResource is a nested stack as its parent sees it.
func (s *stack) asResource() resource.State {
	out := resource.State{PhysicalID: s.ID, Ref: s.ID, Attributes: map[string]any{"StackId": s.ID}}
	for _, o := range s.Outputs {
		out.Attributes["Outputs."+o.Key] = o.Value
	}
	return out
}

// embedded is the failure of a nested stack in the words of its parent's event.
func embedded(s *stack, done string) error {
	reason := s.Reason
	if s.Operation != nil && s.Operation.Failure != "" {
		reason = s.Operation.Failure
	} else if s.Failure != "" {
		reason = s.Failure
	}
	if done == "updated" {
		return errorText(fmt.Sprintf("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", s.ID, s.Status, reason))
	}
	return errorText(fmt.Sprintf("Embedded stack %s was not successfully %s: %s", s.ID, done, strings.TrimSpace(reason)))
}

// inWords is a refusal by the API as a stack event words it: without its code.
func inWords(err error) error {
	if answer, ok := wire.As(err); ok {
		return errorText(answer.Message)
	}
	return err
}
