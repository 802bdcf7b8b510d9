package cloudformation

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// getTemplate returns the template byte for byte. There are no transforms, so
// that Original and Processed are the same.
func (c *CloudFormation) getTemplate(ctx context.Context, in *cfn.GetTemplateInput) (*cfn.GetTemplateOutput, error) {
	out := &cfn.GetTemplateOutput{StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed}}
	if aws.ToString(in.ChangeSetName) != "" {
		cs, err := c.findChangeSet(ctx, in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		text, err := c.text(scopeOf(ctx), cs.Target.Template)
		out.TemplateBody = aws.String(text)
		return out, err
	}
	_, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	key := s.Deployed.Template
	if s.Operation != nil && s.Operation.Kind == "create" {
		key = s.Operation.Target.Template
	}
	text, err := c.text(scopeOf(ctx), key)
	out.TemplateBody = aws.String(text)
	return out, err
}

// templateOf is the template that a request is about, which need not be a
// stack's.
func (c *CloudFormation) templateOf(ctx context.Context, stackName, body, url *string) (*template.Template, error) {
	s := &stack{}
	if aws.ToString(stackName) != "" {
		_, found, err := c.find(ctx, stackName)
		if err != nil {
			return nil, err
		}
		text, err := c.text(scopeOf(ctx), found.Deployed.Template)
		if err != nil {
			return nil, err
		}
		body = &text
	}
	text, err := c.body(ctx, scopeOf(ctx), s, body, url, false)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

func (c *CloudFormation) validateTemplate(ctx context.Context, in *cfn.ValidateTemplateInput) (*cfn.ValidateTemplateOutput, error) {
	t, err := c.templateOf(ctx, nil, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	caps, reason := needs(t)
	out := &cfn.ValidateTemplateOutput{Description: optional(t.Description), Capabilities: caps, CapabilitiesReason: optional(reason), DeclaredTransforms: t.Transforms}
	for _, n := range t.ParameterNames() {
		p := t.Parameters[n.Name]
		out.Parameters = append(out.Parameters, types.TemplateParameter{ParameterKey: aws.String(p.Name), DefaultValue: p.Default,
			Description: optional(p.Description), NoEcho: aws.Bool(p.NoEcho)})
	}
	return out, nil
}

func (c *CloudFormation) getTemplateSummary(ctx context.Context, in *cfn.GetTemplateSummaryInput) (*cfn.GetTemplateSummaryOutput, error) {
	if in.StackSetName != nil {
		return nil, invalid("stack sets are not implemented in the sandbox")
	}
	t, err := c.templateOf(ctx, in.StackName, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	caps, reason := needs(t)
	out := &cfn.GetTemplateSummaryOutput{Description: optional(t.Description), Version: optional(t.FormatVersion), Capabilities: caps,
		CapabilitiesReason: optional(reason), DeclaredTransforms: t.Transforms}
	for _, r := range t.Resources {
		if !slices.Contains(out.ResourceTypes, r.Type) {
			out.ResourceTypes = append(out.ResourceTypes, r.Type)
		}
	}
	slices.Sort(out.ResourceTypes)
	out.ResourceIdentifierSummaries = c.identifiers(t)
	if t.Metadata != nil {
		if text, err := json.Marshal(t.Metadata.Plain()); err == nil {
			out.Metadata = aws.String(string(text))
		}
	}
	for _, n := range t.ParameterNames() {
		p := t.Parameters[n.Name]
		d := types.ParameterDeclaration{ParameterKey: aws.String(p.Name), ParameterType: aws.String(p.Type), DefaultValue: p.Default,
			Description: optional(p.Description), NoEcho: aws.Bool(p.NoEcho), ParameterConstraints: &types.ParameterConstraints{AllowedValues: p.AllowedValues}}
		out.Parameters = append(out.Parameters, d)
	}
	return out, nil
}
