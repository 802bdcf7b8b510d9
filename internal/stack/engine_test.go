package stack_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

func (t fakeTemplate) shown(params map[string]string) []types.Parameter {
	var out []types.Parameter
	for _, k := range slices.Sorted(maps.Keys(params)) {
		v := params[k]
		if t.Parameters[k].NoEcho {
			v = "****"
		}
		out = append(out, types.Parameter{ParameterKey: aws.String(k), ParameterValue: aws.String(v)})
	}
	return out
}

// resolve puts parameters and physical IDs in the place of Refs.
func (s *fakeStack) resolve(t fakeTemplate, params map[string]string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		if ref, ok := x["Ref"].(string); ok && len(x) == 1 {
			if p, ok := params[ref]; ok {
				return p
			}
			if r := s.resources[ref]; r != nil {
				return r.physical
			}
			return "{{changeSet:KNOWN_AFTER_APPLY}}"
		}
		out := map[string]any{}
		for k, e := range x {
			out[k] = s.resolve(t, params, e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = s.resolve(t, params, e)
		}
		return out
	}
	return v
}

func (s *fakeStack) props(t fakeTemplate, params map[string]string, id string) map[string]any {
	p, _ := s.resolve(t, params, t.Resources[id].Properties).(map[string]any)
	return p
}

// masked is what a change set shows: NoEcho parameters as stars.
func (t fakeTemplate) masked(params map[string]string) map[string]string {
	out := maps.Clone(params)
	for k := range out {
		if t.Parameters[k].NoEcho {
			out[k] = "****"
		}
	}
	return out
}

// compare finishes the creation of a change set.
func (s *fakeStack) compare(x *fakeSet) {
	for _, id := range slices.Sorted(maps.Keys(x.template.Resources)) {
		r := x.template.Resources[id]
		if _, ok := schema.Lookup(r.Type); !ok {
			x.status, x.execution = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable
			x.reason = "Template error: Unrecognized resource types: [" + r.Type + "]"
			return
		}
		c := types.ResourceChange{LogicalResourceId: aws.String(id), ResourceType: aws.String(r.Type)}
		shown := s.props(x.template, x.template.masked(x.params), id)
		old := s.resources[id]
		if old == nil || old.status == types.ResourceStatusDeleteComplete {
			c.Action = types.ChangeActionAdd
			c.AfterContext = encode(map[string]any{"Properties": shown})
			x.changes = append(x.changes, types.Change{ResourceChange: &c})
			continue
		}
		before := s.props(s.template, s.template.masked(s.params), id)
		if len(diff.Values(old.props, s.props(x.template, x.params, id))) == 0 {
			continue
		}
		c.Action, c.Replacement, c.PhysicalResourceId = types.ChangeActionModify, types.ReplacementFalse, aws.String(old.physical)
		kind, _ := schema.Lookup(r.Type)
		for _, name := range slices.Sorted(maps.Keys(shown)) {
			if len(diff.Values(old.props[name], s.props(x.template, x.params, id)[name])) == 0 {
				continue
			}
			t := types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(name), Path: aws.String("/Properties/" + name),
				RequiresRecreation: types.RequiresRecreationNever, BeforeValue: aws.String(fmt.Sprint(before[name])), AfterValue: aws.String(fmt.Sprint(shown[name]))}
			switch kind.ReplacementBy(name) {
			case schema.Always:
				t.RequiresRecreation, c.Replacement = types.RequiresRecreationAlways, types.ReplacementTrue
			case schema.Conditionally:
				t.RequiresRecreation = types.RequiresRecreationConditionally
				if c.Replacement == types.ReplacementFalse {
					c.Replacement = types.ReplacementConditional
				}
			}
			c.Details = append(c.Details, types.ResourceChangeDetail{Target: &t, ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic})
		}
		x.changes = append(x.changes, types.Change{ResourceChange: &c})
	}
	for _, id := range slices.Sorted(maps.Keys(s.resources)) {
		if _, ok := x.template.Resources[id]; !ok && s.resources[id].status != types.ResourceStatusDeleteComplete {
			x.changes = append(x.changes, types.Change{ResourceChange: &types.ResourceChange{LogicalResourceId: aws.String(id), ResourceType: aws.String(s.resources[id].kind),
				PhysicalResourceId: aws.String(s.resources[id].physical), Action: types.ChangeActionRemove, PolicyAction: types.PolicyActionDelete}})
		}
	}
	x.status, x.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	if len(x.changes) == 0 && fmt.Sprint(x.template.Outputs, tags(x.tags)) == fmt.Sprint(s.template.Outputs, tags(s.tags)) {
		x.status, x.execution = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable
		x.reason = "The submitted information didn't contain changes. Submit different information to create a change set."
	}
}

func tags(list []types.Tag) string {
	var b strings.Builder
	for _, t := range list {
		fmt.Fprint(&b, *t.Key, "=", *t.Value, ";")
	}
	return b.String()
}

func encode(v any) *string {
	text, _ := json.Marshal(v)
	return aws.String(string(text))
}

func (s *fakeStack) event(token, id, physical, kind, status, reason string) {
	s.c.next++
	e := types.StackEvent{EventId: aws.String(fmt.Sprint("event-", s.c.next)), StackId: &s.id, StackName: &s.name, Timestamp: aws.Time(time.Now()), ClientRequestToken: aws.String(token),
		LogicalResourceId: aws.String(id), PhysicalResourceId: aws.String(physical), ResourceType: aws.String(kind), ResourceStatus: types.ResourceStatus(status)}
	if reason != "" {
		e.ResourceStatusReason = aws.String(reason)
	}
	s.events = append(s.events, e)
}

func (s *fakeStack) become(status types.StackStatus, token, reason string) {
	s.status, s.reason = status, reason
	s.event(token, s.name, s.id, "AWS::CloudFormation::Stack", string(status), reason)
}

func (s *fakeStack) put(token, id string, status types.ResourceStatus, reason string) {
	r := s.resources[id]
	r.status, r.reason = status, reason
	s.event(token, id, r.physical, r.kind, string(status), reason)
}

// then queues a step, one resource's time after the one before.
func (s *fakeStack) then(do func()) {
	due := time.Now()
	if n := len(s.steps); n > 0 {
		due = s.steps[n-1].due
	}
	s.steps = append(s.steps, step{due.Add(s.c.perResource), do})
}

func (s *fakeStack) execute(x *fakeSet, token string) {
	creating := s.status == types.StackStatusReviewInProgress
	old := struct {
		template  fakeTemplate
		params    map[string]string
		tags      []types.Tag
		resources map[string]*fakeResource
	}{s.template, s.params, s.tags, map[string]*fakeResource{}}
	for id, r := range s.resources {
		saved := *r
		old.resources[id] = &saved
	}
	for _, y := range s.sets {
		if y != x && y.execution == types.ExecutionStatusAvailable {
			y.execution = types.ExecutionStatusObsolete
		}
	}
	x.execution, s.lastSet = types.ExecutionStatusExecuteInProgress, x.id
	if s.c.forget {
		s.sets = nil
	}
	s.template, s.params, s.tags = x.template, x.params, x.tags
	start := types.StackStatusUpdateInProgress
	if creating {
		start = types.StackStatusCreateInProgress
	}
	s.become(start, token, "User Initiated")

	undo := func() {
		x.execution = types.ExecutionStatusExecuteFailed
		s.steps = nil
		if creating {
			s.become(types.StackStatusRollbackInProgress, token, "The following resource(s) failed to create. Rollback requested by user.")
			for _, id := range slices.Backward(slices.Sorted(maps.Keys(s.resources))) {
				s.then(func() { s.put(token, id, types.ResourceStatusDeleteComplete, "") })
			}
			s.then(func() { s.become(types.StackStatusRollbackComplete, token, "") })
			return
		}
		s.become(types.StackStatusUpdateRollbackInProgress, token, "The following resource(s) failed to update.")
		s.then(func() {
			s.template, s.params, s.tags, s.resources = old.template, old.params, old.tags, old.resources
			s.become(types.StackStatusUpdateRollbackCompleteCleanupInProgress, token, "")
		})
		s.then(func() { s.become(types.StackStatusUpdateRollbackComplete, token, "") })
	}
	for _, c := range x.changes {
		id := *c.ResourceChange.LogicalResourceId
		switch c.ResourceChange.Action {
		case types.ChangeActionAdd:
			s.then(func() { s.createResource(x, token, id, undo) })
		case types.ChangeActionModify:
			s.then(func() { s.updateResource(x, token, id, c.ResourceChange.Replacement == types.ReplacementTrue, undo) })
		}
	}
	s.then(func() {
		if creating {
			x.execution = types.ExecutionStatusExecuteComplete
			s.become(types.StackStatusCreateComplete, token, "")
			return
		}
		s.become(types.StackStatusUpdateCompleteCleanupInProgress, token, "")
		for id := range s.resources {
			if _, ok := s.template.Resources[id]; !ok {
				s.put(token, id, types.ResourceStatusDeleteComplete, "")
				delete(s.resources, id)
			}
		}
		s.then(func() {
			x.execution = types.ExecutionStatusExecuteComplete
			s.become(types.StackStatusUpdateComplete, token, "")
		})
	})
}

func (s *fakeStack) createResource(x *fakeSet, token, id string, undo func()) {
	r := &fakeResource{kind: x.template.Resources[id].Type, props: s.props(x.template, x.params, id)}
	s.resources[id] = r
	s.put(token, id, types.ResourceStatusCreateInProgress, "")
	if reason := s.refusal(id, r.props); reason != "" {
		s.put(token, id, types.ResourceStatusCreateFailed, reason)
		undo()
		return
	}
	s.c.next++
	r.physical = fmt.Sprint(id, "-", s.c.next)
	s.put(token, id, types.ResourceStatusCreateComplete, "")
}

func (s *fakeStack) updateResource(x *fakeSet, token, id string, replace bool, undo func()) {
	r := s.resources[id]
	s.put(token, id, types.ResourceStatusUpdateInProgress, "")
	props := s.props(x.template, x.params, id)
	if reason := s.refusal(id, props); reason != "" {
		s.put(token, id, types.ResourceStatusUpdateFailed, reason)
		undo()
		return
	}
	r.props = props
	if replace {
		s.c.next++
		r.physical = fmt.Sprint(id, "-", s.c.next)
	}
	s.put(token, id, types.ResourceStatusUpdateComplete, "")
}

// refusal: as told by the test, or because another resource has the name.
func (s *fakeStack) refusal(id string, props map[string]any) string {
	if reason := s.c.fail[id]; reason != "" {
		return reason
	}
	for _, o := range s.c.stacks {
		for other, r := range o.resources {
			if (o != s || other != id) && r.status != types.ResourceStatusDeleteComplete && r.physical != "" && props["Name"] != nil && r.props["Name"] == props["Name"] {
				return fmt.Sprintf("%v already exists", props["Name"])
			}
		}
	}
	return ""
}

func (s *fakeStack) delete(token string) {
	s.steps = nil
	if s.status == types.StackStatusReviewInProgress {
		s.become(types.StackStatusDeleteComplete, token, "")
		return
	}
	before := s.status
	s.become(types.StackStatusDeleteInProgress, token, "User Initiated")
	if s.exportUsedBy != "" {
		s.then(func() {
			s.become(before, token, "Export shared cannot be deleted as it is in use by "+s.exportUsedBy)
		})
		return
	}
	failed := false
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(s.resources))) {
		s.then(func() {
			if reason := s.c.fail[id]; reason != "" {
				failed = true
				s.put(token, id, types.ResourceStatusDeleteFailed, reason)
				return
			}
			s.put(token, id, types.ResourceStatusDeleteComplete, "")
		})
	}
	s.then(func() {
		if failed {
			s.become(types.StackStatusDeleteFailed, token, "The following resource(s) failed to delete.")
			return
		}
		s.become(types.StackStatusDeleteComplete, token, "")
	})
}
