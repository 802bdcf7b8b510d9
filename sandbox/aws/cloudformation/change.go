package cloudformation

import (
	"encoding/json"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// knownLater is what CloudFormation shows for a value that only the execution of
// the change set will give.
const knownLater = "{{changeSet:KNOWN_AFTER_APPLY}}"

// describeChange is a change as DescribeChangeSet shows it, with all values.
func describeChange(ch template.Change) types.ResourceChange {
	out := types.ResourceChange{
		Action: types.ChangeAction(ch.Action), LogicalResourceId: aws.String(ch.LogicalID), ResourceType: aws.String(ch.Type),
		Replacement: types.Replacement(ch.Replacement), PolicyAction: types.PolicyAction(ch.PolicyAction),
		BeforeContext: contextOf(ch.Before), AfterContext: contextOf(ch.After),
	}
	for _, s := range ch.Scope {
		out.Scope = append(out.Scope, types.ResourceAttribute(s))
	}
	for _, d := range ch.Details {
		out.Details = append(out.Details, types.ResourceChangeDetail{
			CausingEntity: optional(d.CausingEntity), ChangeSource: types.ChangeSource(d.ChangeSource), Evaluation: types.EvaluationType(d.Evaluation),
			Target: &types.ResourceTargetDefinition{
				Attribute: types.ResourceAttribute(d.Attribute), Name: optional(d.Name), Path: optional(d.Path),
				RequiresRecreation: types.RequiresRecreation(d.RequiresRecreation), AttributeChangeType: types.AttributeChangeType(d.ChangeType),
				BeforeValue: valueText(d.Before), AfterValue: valueText(d.After),
			},
		})
	}
	return out
}

// withoutValues leaves out what is shown with IncludePropertyValues only.
func withoutValues(ch types.ResourceChange) types.ResourceChange {
	ch.BeforeContext, ch.AfterContext = nil, nil
	details := make([]types.ResourceChangeDetail, len(ch.Details))
	for i, d := range ch.Details {
		target := *d.Target
		target.BeforeValue, target.AfterValue, target.AttributeChangeType, target.Path = nil, nil, "", nil
		d.Target = &target
		details[i] = d
	}
	ch.Details = details
	return ch
}

// contextOf is a resource as the contexts of a change show it.
func contextOf(d *template.Desired) *string {
	if d == nil {
		return nil
	}
	properties := maps.Clone(d.Properties)
	for _, name := range d.Sensitive {
		properties[name] = template.NoEcho
	}
	shown := map[string]any{}
	if properties != nil {
		shown["Properties"] = masked(properties)
	}
	for name, v := range map[string]any{"Metadata": masked(d.Metadata), "DeletionPolicy": d.DeletionPolicy, "UpdateReplacePolicy": d.UpdateReplacePolicy} {
		if v != nil && v != "" {
			shown[name] = v
		}
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return nil
	}
	return aws.String(string(text))
}

// masked puts CloudFormation's word in the place of what is not known yet.
func masked(v any) any {
	switch v := v.(type) {
	case template.Unknown:
		return knownLater
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = masked(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = masked(x)
		}
		return out
	}
	return v
}

// valueText writes a text as it is and everything else as JSON.
func valueText(v any) *string {
	switch v := masked(v).(type) {
	case nil:
		return nil
	case string:
		return &v
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		return aws.String(string(text))
	}
}
