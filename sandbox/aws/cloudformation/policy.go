package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// maxPolicy is the greatest length of a stack policy.
const maxPolicy = 16384

// stackPolicy says which resources an update may change.
type stackPolicy struct {
	Statement []policyStatement
}

type policyStatement struct {
	Effect                                   string
	Action, NotAction, Resource, NotResource oneOrMore
	Principal                                any
	Condition                                map[string]map[string]oneOrMore
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

// UnmarshalJSON reads either form.
func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// policy reads a stack policy, given as text or by its URL; "" where none is given.
func (c *CloudFormation) policy(ctx context.Context, body, url *string) (string, error) {
	text := aws.ToString(body)
	switch {
	case body != nil && url != nil:
		return "", invalid("You can specify either a stack policy body or its URL, but not both.")
	case url != nil && c.Object == nil:
		return "", invalid("S3 error: the stack policy can't be read: this sandbox has no S3")
	case url != nil:
		read, err := c.Object(ctx, scopeOf(ctx).Account, *url)
		if err != nil {
			return "", invalid("S3 error: %s", err)
		}
		text = string(read)
	}
	if text == "" {
		return "", nil
	}
	if len(text) > maxPolicy {
		return "", invalid("A stack policy must not be longer than %d bytes", maxPolicy)
	}
	_, err := parsePolicy(text)
	return text, err
}

func parsePolicy(text string) (stackPolicy, error) {
	var p stackPolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, invalid("Error validating stack policy: Invalid stack policy: %s", err)
	}
	for i, s := range p.Statement {
		problem := ""
		switch {
		case s.Effect != "Allow" && s.Effect != "Deny":
			problem = "Effect must be Allow or Deny"
		case s.Principal == nil:
			problem = "Principal is missing; it must be *"
		case len(s.Action)+len(s.NotAction) == 0:
			problem = "Action or NotAction is missing"
		case len(s.Resource)+len(s.NotResource) == 0:
			problem = "Resource or NotResource is missing"
		}
		for _, a := range slices.Concat(s.Action, s.NotAction) {
			if !slices.Contains([]string{"Update:Modify", "Update:Replace", "Update:Delete", "Update:*"}, a) {
				problem = "the action " + a + " is not one of Update:Modify, Update:Replace, Update:Delete and Update:*"
			}
		}
		if problem != "" {
			return p, invalid("Error validating stack policy: Invalid stack policy: statement %d: %s", i+1, problem)
		}
	}
	if len(p.Statement) == 0 {
		return p, invalid("Error validating stack policy: Invalid stack policy: there is no Statement")
	}
	return p, nil
}

// denies says why the policy does not allow an action on a resource, or "". What no
// statement allows is denied.
func (p stackPolicy) denies(action, logicalID, typeName string) string {
	allowed := false
	for i, s := range p.Statement {
		if !s.matches(action, logicalID, typeName) {
			continue
		}
		if s.Effect == "Deny" {
			return fmt.Sprintf("Action denied by stack policy: Statement [#%d] does not allow [%s] for resource [%s];", i+1,
				strings.Join(s.Action, ", "), strings.Join(s.Resource, ", "))
		}
		allowed = true
	}
	if allowed {
		return ""
	}
	return fmt.Sprintf("Action not allowed by stack policy: no statement allows [%s] for resource [LogicalResourceId/%s];", action, logicalID)
}

func (s policyStatement) matches(action, logicalID, typeName string) bool {
	among := func(patterns []string, value string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, value) })
	}
	is := "LogicalResourceId/" + logicalID
	if len(s.Action) > 0 && !among(s.Action, action) || len(s.NotAction) > 0 && among(s.NotAction, action) ||
		len(s.Resource) > 0 && !among(s.Resource, is) || len(s.NotResource) > 0 && among(s.NotResource, is) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if key != "ResourceType" || operator != "StringEquals" && operator != "StringLike" {
				return false
			}
			if operator == "StringEquals" && !slices.Contains(values, typeName) || operator == "StringLike" && !among(values, typeName) {
				return false
			}
		}
	}
	return true
}

// wildcard matches a value with a pattern in which * stands for any text.
func wildcard(pattern, value string) bool {
	// Slashes are nothing special here.
	plain := strings.NewReplacer("/", "\x00", `\`, `\\`, "[", `\[`)
	ok, err := path.Match(plain.Replace(pattern), strings.ReplaceAll(value, "/", "\x00"))
	return ok && err == nil
}

// denied says why the operation's policy forbids the change of a resource, or "".
func (op *operation) denied(of *live, changed bool, replaces template.Replacement) string {
	if op.Policy == "" || op.Kind != "update" || !changed {
		return ""
	}
	action := "Update:Modify"
	if replaces == template.True {
		action = "Update:Replace"
	}
	return op.denies(action, of.LogicalID, of.Type)
}

func (op *operation) denies(action, logicalID, typeName string) string {
	p, err := parsePolicy(op.Policy)
	if err != nil {
		return err.Error() // it was checked when it was set
	}
	return p.denies(action, logicalID, typeName)
}

// removalsDenied are the resources that leave the template and may not, with the
// reason.
func (r *runner) removalsDenied(t *template.Template) map[string]string {
	if r.op.Policy == "" || r.op.Kind != "update" {
		return nil
	}
	var out map[string]string
	for id, old := range r.op.Before {
		if t.Resources[id] != nil || !old.exists() {
			continue
		}
		if why := r.op.denies("Update:Delete", id, old.Type); why != "" {
			if out == nil {
				out = map[string]string{}
			}
			out[id] = why
		}
	}
	return out
}

// deny fails the operation for resources that it may not delete.
func (r *runner) deny(reasons map[string]string) error {
	var ids []string
	for id, why := range reasons {
		ids = append(ids, id)
		if err := r.edit(func(s *stack) {
			of := *s.Resources[id]
			of.Operation, of.Did = r.op.ID, ""
			s.Resources[id] = &of
			s.setResource(r.c.now(), &of, types.ResourceStatusUpdateFailed, why)
		}); err != nil {
			return err
		}
	}
	return r.fail(ids, "")
}

func (c *CloudFormation) setStackPolicy(ctx context.Context, in *cfn.SetStackPolicyInput) (*cfn.SetStackPolicyOutput, error) {
	k, _, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	policy, err := c.policy(ctx, in.StackPolicyBody, in.StackPolicyURL)
	if err != nil {
		return nil, err
	}
	if policy == "" {
		return nil, invalid("You must specify either a stack policy body or its URL.")
	}
	_, err = c.change(k, func(s *stack) error {
		if s.Deleted != nil {
			return noStack(s.ID)
		}
		s.Policy = policy
		return nil
	})
	return &cfn.SetStackPolicyOutput{}, err
}

func (c *CloudFormation) getStackPolicy(ctx context.Context, in *cfn.GetStackPolicyInput) (*cfn.GetStackPolicyOutput, error) {
	_, s, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	return &cfn.GetStackPolicyOutput{StackPolicyBody: optional(s.Policy)}, nil
}
