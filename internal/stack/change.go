package stack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// Reasons that a Change is read by.
const (
	mayBeReplaced = "may be replaced"
	leaves        = "leaves the stack and is retained"
	unseen        = "what happens inside it can't be seen"
)

// change says in our words what a change set would do to a resource. One that
// may be replaced counts as replaced until it is done; see asDone.
func (r *operation) change(c types.ResourceChange) diff.Change {
	out := diff.Change{
		Resource: diff.Resource{
			Plane: diff.AWS, Type: aws.ToString(c.ResourceType), Namespace: r.stack,
			Name: aws.ToString(c.LogicalResourceId), ID: aws.ToString(c.PhysicalResourceId),
		},
		Action:    diff.Unknown,
		HoldsData: r.d.mayHoldData(aws.ToString(c.ResourceType)),
	}
	switch c.Action {
	case types.ChangeActionAdd:
		out.Action = diff.Create
		out.Fields = contextFields(nil, c.AfterContext)
	case types.ChangeActionRemove:
		out.Action = diff.Delete
		if c.PolicyAction == types.PolicyActionRetain {
			out.Reason, out.Retained = leaves, true
		}
	case types.ChangeActionModify:
		out.Action = diff.Update
		causes := r.details(c, &out)
		switch c.Replacement {
		case types.ReplacementTrue:
			out.Action, out.Causes = diff.Replace, causes
			out.Reason = because("replaced", causes)
		case types.ReplacementConditional:
			if inPlace(out.Type, causes) {
				break
			}
			out.Action, out.Causes = diff.Replace, causes
			out.Reason = because(mayBeReplaced, causes)
		default:
			if out.Type == nestedStack && aws.ToString(c.ChangeSetId) == "" {
				out.Reason = unseen
			}
		}
	case types.ChangeActionImport:
		out.Action, out.Reason = diff.Update, "imported into the stack"
	case types.ChangeActionSyncWithActual:
		out.Action = diff.NoOp
	case types.ChangeActionDynamic:
		out.Reason = "CloudFormation can't tell before it is done"
	}
	for i, f := range out.Fields {
		if r.holdsSecretParameter(f.Before) || r.holdsSecretParameter(f.After) {
			out.Fields[i].Sensitive = true
		}
	}
	return secret.Redact(out)
}

// inPlace tells whether all that a replacement could be due to is known to change
// in place.
func inPlace(resourceType string, causes []string) bool {
	return len(causes) > 0 && !slices.ContainsFunc(causes, func(property string) bool { return !schema.InPlace(resourceType, property) })
}

func because(what string, causes []string) string {
	if len(causes) == 0 {
		return what
	}
	return what + " because of " + strings.Join(causes, ", ")
}

// losesData tells whether the change would delete or replace what holds data, or may
// do so where nobody can see it.
func losesData(c diff.Change) bool {
	return c.LosesData() || c.Action == diff.Update && c.Reason == unseen
}

// details reads the fields of a modification, one a path though CloudFormation
// may name several causes for one, and returns what forces a replacement.
func (r *operation) details(c types.ResourceChange, out *diff.Change) (causes []string) {
	at := map[string]int{}
	for _, d := range c.Details {
		t := d.Target
		if t == nil {
			continue
		}
		path := fieldPath(*t)
		if t.RequiresRecreation != "" && t.RequiresRecreation != types.RequiresRecreationNever && !slices.Contains(causes, path) {
			causes = append(causes, path)
		}
		i, known := at[path]
		if !known {
			i = len(out.Fields)
			at[path] = i
			out.Fields = append(out.Fields, diff.Field{Path: path})
		}
		f := &out.Fields[i]
		if t.BeforeValue != nil {
			f.Before = value(*t.BeforeValue)
		}
		if t.AfterValue != nil {
			f.After = value(*t.AfterValue)
			f.Unknown = strings.Contains(*t.AfterValue, knownLater)
		}
		if d.ChangeSource == types.ChangeSourceParameterReference && r.noEcho[aws.ToString(d.CausingEntity)] {
			f.Sensitive = true
		}
	}
	if len(out.Fields) == 0 {
		out.Fields = contextFields(c.BeforeContext, c.AfterContext)
	}
	slices.SortFunc(out.Fields, func(a, b diff.Field) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(causes)
	return causes
}

// fieldPath turns "/Properties/Tags/0/Value" into "Tags[0].Value". Attributes
// beside the properties keep their name: "DeletionPolicy".
func fieldPath(t types.ResourceTargetDefinition) string {
	pointer := strings.TrimPrefix(aws.ToString(t.Path), "/")
	if pointer == "" {
		if t.Attribute == types.ResourceAttributeProperties {
			return aws.ToString(t.Name)
		}
		return string(t.Attribute)
	}
	var b strings.Builder
	for i, s := range strings.Split(strings.TrimPrefix(pointer, "Properties/"), "/") {
		s = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
		switch {
		case i > 0 && strings.Trim(s, "0123456789") == "":
			fmt.Fprintf(&b, "[%s]", s)
		case strings.ContainsAny(s, "./[]"):
			fmt.Fprintf(&b, "[%q]", s)
		case i > 0:
			b.WriteString("." + s)
		default:
			b.WriteString(s)
		}
	}
	return b.String()
}

// contextFields compares the properties in two of a change set's contexts.
func contextFields(before, after *string) []diff.Field {
	properties := func(context *string) map[string]any {
		var c struct{ Properties map[string]any }
		if json.Unmarshal([]byte(aws.ToString(context)), &c) != nil || c.Properties == nil {
			return map[string]any{} // long contexts arrive cut off
		}
		return c.Properties
	}
	fields := diff.Values(properties(before), properties(after))
	for i := range fields {
		fields[i].After = known(fields[i].After)
		fields[i].Unknown = holdsLater(fields[i].After)
	}
	return fields
}

// value decodes objects and lists, so that secrets in them are found by name.
func value(text string) any {
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			return known(v)
		}
	}
	return known(text)
}

// knownLater stands in a change set for a value that CloudFormation can't tell yet.
const knownLater = "{{changeSet:KNOWN_AFTER_APPLY}}"

// known says in words where CloudFormation can't tell a value yet. It alters v.
func known(v any) any {
	switch x := v.(type) {
	case string:
		return strings.ReplaceAll(x, knownLater, diff.Later)
	case map[string]any:
		for k, e := range x {
			x[k] = known(e)
		}
	case []any:
		for i, e := range x {
			x[i] = known(e)
		}
	}
	return v
}

// holdsSecretParameter tells whether a secret parameter's value is in v.
func (r *operation) holdsSecretParameter(v any) bool {
	if v == nil {
		return false
	}
	text, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			return true
		}
		text = string(encoded)
	}
	return r.hide(text) != text
}

// asDone corrects changes, once they are done, by the resources that the stack
// has now: IDs of what was created, and whether what might have been replaced was.
// What came out as it was is left out.
func asDone(changes []diff.Change, resources []types.StackResourceSummary) []diff.Change {
	ids := map[string]string{}
	for _, x := range resources {
		ids[aws.ToString(x.LogicalResourceId)] = aws.ToString(x.PhysicalResourceId)
	}
	for i := range changes {
		c := &changes[i]
		now, ok := ids[c.Name]
		if !ok || c.Action == diff.Delete || strings.Contains(c.Namespace, "/") { // in a nested stack
			continue
		}
		if c.Action == diff.Replace && strings.HasPrefix(c.Reason, mayBeReplaced) {
			c.Reason = ""
			if now == c.ID {
				c.Action, c.Causes = diff.Update, nil
			}
		} else if c.Action == diff.Update && c.ID != "" && now != c.ID {
			c.Action, c.Reason = diff.Replace, "replaced, though CloudFormation's guide says that it is changed in place"
		}
		c.ID = now
		settle(c)
	}
	return slices.DeleteFunc(changes, func(c diff.Change) bool { return c.Action == diff.NoOp })
}

// settle drops the fields that came out as they were: those that refer to a
// resource that might have been replaced, and was not.
func settle(c *diff.Change) {
	if c.Action != diff.Update || len(c.Fields) == 0 {
		return
	}
	c.Fields = slices.DeleteFunc(slices.Clone(c.Fields), func(f diff.Field) bool {
		return !f.Sensitive && f.Before != nil && len(diff.Values(f.Before, f.After)) == 0
	})
	if len(c.Fields) == 0 {
		c.Action = diff.NoOp
	}
}

// changesFromEvents tells what an operation did when its change set is gone: the
// actions, without fields.
func (r *operation) changesFromEvents(own []types.StackEvent, stackID string) []diff.Change {
	found := map[string]*diff.Change{}
	for _, e := range own {
		var action diff.Action
		switch e.ResourceStatus {
		case types.ResourceStatusCreateComplete:
			action = diff.Create
		case types.ResourceStatusUpdateComplete:
			action = diff.Update
		case types.ResourceStatusDeleteComplete:
			action = diff.Delete
		}
		if action == "" || ofStack(e, stackID) {
			continue
		}
		name := aws.ToString(e.LogicalResourceId)
		c := found[name]
		if c == nil {
			c = &diff.Change{Resource: diff.Resource{Plane: diff.AWS, Type: aws.ToString(e.ResourceType), Namespace: r.stack, Name: name}}
			c.HoldsData = r.d.mayHoldData(c.Type)
			found[name] = c
		}
		id := aws.ToString(e.PhysicalResourceId)
		if action == diff.Delete && c.Action == diff.Update && id != c.ID {
			c.Action = diff.Replace // the old one went after the new one came
			continue
		}
		c.Action, c.ID = action, id
	}
	changes := make([]diff.Change, 0, len(found))
	for _, c := range found {
		changes = append(changes, *c)
	}
	slices.SortFunc(changes, func(a, b diff.Change) int { return strings.Compare(a.Name, b.Name) })
	return changes
}
