package stack

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// Deployed is a stack as it is, or as it is taken to be.
type Deployed struct {
	Template, TemplateFile string
	Parameters             map[string]string
	// Open are the parameters whose values are not known.
	Open []string
	Tags map[string]string
}

// Files previews stacks from templates alone, by the schemas of package template. What
// happens inside nested stacks is not seen.
type Files struct {
	Region string
	// Stack is what a stack is taken to be; nil for one that is not there.
	Stack func(name string) *Deployed
}

// Preview says what deploying would do to each resource, as far as files tell.
func (f Files) Preview(_ context.Context, req PreviewRequest) ([]diff.Change, error) {
	before := f.Stack(req.StackName)
	after := wanted(req)
	if before != nil {
		after.Tags = before.Tags // which are the Environment's, and in no file
	}
	return compare(before, after, req.StackName, f.Region, "")
}

// PreviewDelete says what deleting the stack would do.
func (f Files) PreviewDelete(_ context.Context, req DeleteRequest) ([]diff.Change, error) {
	deployed := f.Stack(req.StackName)
	if deployed == nil {
		return nil, nil
	}
	state, err := deployed.state(req.StackName, f.Region)
	if err != nil {
		return nil, err
	}
	var changes []diff.Change
	for id, d := range state.Resources {
		c := template.Change{LogicalID: id, Type: d.Type, Action: template.Remove, HoldsData: template.HoldsData(d.Type)}
		if strings.HasPrefix(d.DeletionPolicy, "Retain") {
			c.PolicyAction = "Retain"
		}
		changes = append(changes, asChange(c, req.StackName))
	}
	slices.SortFunc(changes, func(a, b diff.Change) int { return strings.Compare(a.Name, b.Name) })
	return changes, nil
}

func wanted(req PreviewRequest) Deployed {
	return Deployed{Template: req.Template, TemplateFile: req.TemplateFile, Parameters: req.Parameters, Open: req.Open, Tags: req.Tags}
}

// compare says what a change set would, from the templates. The reason, if there is one,
// stands on each change.
func compare(before *Deployed, after Deployed, stack, region, reason string) ([]diff.Change, error) {
	state := &template.State{}
	if before != nil {
		var err error
		if state, err = before.state(stack, region); err != nil {
			return nil, err
		}
	}
	bound, err := after.bind(stack, region)
	if err != nil {
		return nil, err
	}
	found, err := template.Compare(state, bound)
	if err != nil {
		return nil, &RejectedError{TemplateFile: after.TemplateFile, Reason: err.Error()}
	}
	var changes []diff.Change
	for _, c := range found {
		change := asChange(c, stack)
		if change.Reason == "" {
			change.Reason = reason
		}
		changes = append(changes, change)
	}
	slices.SortStableFunc(changes, func(a, b diff.Change) int { return strings.Compare(a.Name, b.Name) })
	return changes, nil
}

func (d *Deployed) state(stack, region string) (*template.State, error) {
	bound, err := d.bind(stack, region)
	if err != nil {
		return nil, err
	}
	return bound.State()
}

// bind gives the template its parameters. What a resource is called stands for itself.
func (d *Deployed) bind(stack, region string) (*template.Bound, error) {
	t, err := template.Parse([]byte(d.Template), d.TemplateFile)
	if err != nil {
		return nil, err
	}
	env := template.Environment{
		Parameters: map[string]string{}, Later: d.Open, Region: region, StackName: stack, StackTags: d.Tags,
		Resource: func(id, attribute string) (any, bool, error) { return symbol(t, id, attribute) },
	}
	for name, value := range d.Parameters {
		if p := t.Parameters[name]; p != nil {
			env.Parameters[name] = value
			if p.Check(value) != "" { // it stands for what is not known
				env.Later = append(slices.Clone(env.Later), name)
			}
		}
	}
	for name, p := range t.Parameters {
		if _, given := env.Parameters[name]; !given && p.Default == nil {
			env.Parameters[name] = ""
			env.Later = append(slices.Clone(env.Later), name)
		}
	}
	if bound, err := t.Bind(env); err == nil {
		return bound, nil
	}
	return t.Preview(env), nil
}

// symbol stands for what a resource will give, where that is a text.
func symbol(t *template.Template, id, attribute string) (any, bool, error) {
	r := t.Resources[id]
	if r == nil {
		return nil, false, nil
	}
	if attribute == "" {
		return "${" + id + "}", true, nil
	}
	if typ, known := schema.Lookup(r.Type); known && typ.Attributes[attribute].Kind == schema.String {
		return "${" + id + "." + attribute + "}", true, nil
	}
	return nil, false, nil
}

// asChange says a template's change in the words of both planes.
func asChange(c template.Change, stack string) diff.Change {
	out := diff.Change{
		Resource: diff.Resource{Plane: diff.AWS, Type: c.Type, Namespace: stack, Name: c.LogicalID}, HoldsData: c.HoldsData || c.Type == nestedStack,
	}
	switch c.Action {
	case template.Add:
		out.Action = diff.Create
	case template.Remove:
		out.Action = diff.Delete
		if out.Retained = c.PolicyAction == "Retain"; out.Retained {
			out.Reason = leaves
		}
	case template.Modify:
		out.Action = diff.Update
		causes := detailed(c.Details, &out)
		switch {
		case c.Replacement == template.True:
			out.Action, out.Causes, out.Reason = diff.Replace, causes, because("replaced", causes)
		case c.Replacement == template.Conditional && !inPlace(c.Type, causes):
			out.Action, out.Causes, out.Reason = diff.Replace, causes, because(mayBeReplaced, causes)
		case c.Type == nestedStack:
			out.Action, out.Reason = diff.Unknown, unseen
		}
	}
	return secret.Redact(out)
}

// detailed notes the fields that change, and returns what may replace the resource.
func detailed(details []template.Detail, out *diff.Change) (causes []string) {
	seen := map[string]bool{}
	for _, d := range details {
		name := strings.TrimPrefix(strings.TrimPrefix(d.Path, "/"), "Properties/")
		if d.RequiresRecreation != "Never" && d.RequiresRecreation != "" && !slices.Contains(causes, name) {
			causes = append(causes, name)
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		before, _ := plain(d.Before)
		after, unknown := plain(d.After)
		fields := diff.Values(before, after)
		if len(fields) == 0 && d.Before != nil { // what it refers to changes
			fields, unknown = []diff.Field{{Before: before, After: diff.Later}}, true
		}
		for _, f := range fields {
			f.Path = within(name, f.Path)
			f.Unknown = unknown && holdsLater(f.After)
			out.Fields = append(out.Fields, f)
		}
	}
	slices.Sort(causes)
	slices.SortStableFunc(out.Fields, func(a, b diff.Field) int { return strings.Compare(a.Path, b.Path) })
	return causes
}

func within(name, path string) string {
	if path == "" || strings.HasPrefix(path, "[") {
		return name + path
	}
	return name + "." + path
}

// plain is a value as JSON has it, with words for what is not known yet.
func plain(v any) (out any, unknown bool) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, false
	}
	later := template.Unknown{}.String()
	unknown = strings.Contains(string(text), later)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), later, diff.Later)), &out); err != nil {
		return nil, false
	}
	return out, unknown
}

func holdsLater(v any) bool {
	text, err := json.Marshal(v)
	return err == nil && strings.Contains(string(text), diff.Later)
}
