package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// proposal is what CreateStack, UpdateStack and CreateChangeSet have in common.
type proposal struct {
	body, url        *string
	previousTemplate *bool
	parameters       []types.Parameter
	tags             []types.Tag
	capabilities     []types.Capability
	role             *string
	notificationARNs []string
	rollback         *types.RollbackConfiguration
	types            []string
	deployment       *types.DeploymentConfig
	// later are the parameters whose values only the execution will know.
	later []string
	// imports are the resources that an import takes in.
	imports []types.ResourceToImport
}

// maxBody is the greatest length of a template given in the request, and
// maxObject of one given by its URL.
const maxBody, maxObject = 51200, 1 << 20

// target checks a proposal and makes it the target of the stack s, which for a
// new stack has a name and an ID only.
func (c *CloudFormation) target(ctx context.Context, scope store.Scope, s *stack, p proposal) (target, *template.Bound, error) {
	if err := checkDeployment(p.deployment); err != nil {
		return target{}, nil, err
	}
	t := target{RoleARN: s.Deployed.RoleARN, NotificationARNs: s.Deployed.NotificationARNs, Tags: s.Deployed.Tags,
		Capabilities: p.capabilities, Rollback: s.Deployed.Rollback}
	if p.rollback != nil {
		t.Rollback = p.rollback
	}
	if p.deployment != nil {
		t.Mode, t.DisableRollback = p.deployment.Mode, aws.ToBool(p.deployment.DisableRollback)
	}
	if p.role != nil {
		t.RoleARN = *p.role
	}
	if p.notificationARNs != nil {
		t.NotificationARNs = p.notificationARNs
	}
	if p.tags != nil {
		if len(p.tags) > 50 {
			return target{}, nil, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
		}
		t.Tags = map[string]string{}
		for _, tag := range p.tags {
			if strings.HasPrefix(aws.ToString(tag.Key), "aws:") {
				return target{}, nil, invalid("Tag key %s is reserved: keys must not begin with aws:", *tag.Key)
			}
			t.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	var err error
	text, err := c.body(ctx, scope, s, p.body, p.url, aws.ToBool(p.previousTemplate))
	if err != nil {
		return target{}, nil, err
	}
	parsed, err := parse(text)
	if err != nil {
		return target{}, nil, err
	}
	t.Description = parsed.Description
	if t.Parameters, err = given(s, parsed, p.parameters); err != nil {
		return target{}, nil, err
	}
	if err := allowed(parsed, p.types); err != nil {
		return target{}, nil, err
	}
	if err := capable(parsed, p.capabilities); err != nil {
		return target{}, nil, err
	}
	env := c.environment(ctx, scope, s, t)
	env.Later = p.later
	bound, err := parsed.Bind(env)
	if err != nil {
		return target{}, nil, refused(err)
	}
	if err := c.feasible(bound); err != nil {
		return target{}, nil, err
	}
	t.Parameters = bound.Parameters // those by default too
	for name, p := range parsed.Parameters {
		if p.NoEcho {
			t.NoEcho = append(t.NoEcho, name)
		}
	}
	t.Template, err = c.keepText(scope, text)
	return t, bound, err
}

// allowed refuses resources whose types are not among those that the request
// allows; none allows all.
func allowed(t *template.Template, patterns []string) error {
	if len(patterns) == 0 {
		return nil
	}
	var others []string
	for _, r := range t.Resources {
		if !slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, r.Type) }) && !slices.Contains(others, r.Type) {
			others = append(others, r.Type)
		}
	}
	if others == nil {
		return nil
	}
	slices.Sort(others)
	return invalid("Resource types [%s] are not allowed by ResourceTypes [%s]", strings.Join(others, ", "), strings.Join(patterns, ", "))
}

// checkDeployment refuses what is no way to deploy here. In the sandbox a
// resource whose configuration is applied is ready, so that EXPRESS would promise
// a difference that there is not.
func checkDeployment(d *types.DeploymentConfig) error {
	if d != nil && d.Mode != "" && d.Mode != types.DeploymentConfigModeStandard {
		return invalid("DeploymentConfig.Mode %s is not implemented in the sandbox; use %s", d.Mode, types.DeploymentConfigModeStandard)
	}
	return nil
}

// body is the template's text, byte for byte.
func (c *CloudFormation) body(ctx context.Context, scope store.Scope, s *stack, body, url *string, previous bool) (string, error) {
	switch {
	case previous && (body != nil || url != nil):
		return "", invalid("Either a template or UsePreviousTemplate can be given, not both")
	case previous && s.Deployed.Template == "":
		return "", invalid("UsePreviousTemplate: stack %s has no template yet", s.Name)
	case previous:
		return c.text(scope, s.Deployed.Template)
	case body != nil && url != nil:
		return "", invalid("Exactly one of TemplateBody or TemplateUrl must be specified.")
	case body != nil && len(*body) > maxBody:
		return "", invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", maxBody)
	case body != nil && *body != "":
		return *body, nil
	case url != nil && c.Object == nil:
		return "", invalid("S3 error: TemplateURL can't be read: this sandbox has no S3")
	case url != nil:
		text, err := c.Object(ctx, scope.Account, *url)
		if err != nil {
			return "", invalid("S3 error: %s", err)
		}
		if len(text) > maxObject {
			return "", invalid("Template may not exceed %d bytes in size.", maxObject)
		}
		return string(text), nil
	}
	return "", invalid("Either Template URL or Template Body must be specified.")
}

// parse reads a template and refuses one that CloudFormation would refuse.
func parse(body string) (*template.Template, error) {
	t, err := template.Parse([]byte(body), "template")
	if err != nil {
		return nil, refused(err)
	}
	if err := expanded(t); err != nil {
		return nil, err
	}
	if early := template.All(t.Validate()).Early(); len(early) > 0 {
		return nil, refused(early)
	}
	return t, nil
}

// refused is a template's mistakes as an answer: those in the template with
// their lines, as CloudFormation gives one message only.
func refused(err error) error {
	all := template.All(err)
	if len(all) == 0 {
		return err
	}
	return invalid("%s", all[0].Message)
}

// given are the parameters as the client gives them, with the previous values
// where it says so.
func given(s *stack, t *template.Template, ps []types.Parameter) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range ps {
		name := aws.ToString(p.ParameterKey)
		if !aws.ToBool(p.UsePreviousValue) {
			out[name] = aws.ToString(p.ParameterValue)
			continue
		}
		if p.ParameterValue != nil {
			return nil, invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true and non empty value for a parameter", name)
		}
		old, ok := s.Deployed.Parameters[name]
		if !ok && t.Parameters[name] != nil && s.Deployed.Template == "" {
			return nil, invalid("Invalid input for parameter key %s. Cannot use previous value for a parameter of a new stack", name)
		}
		if ok {
			out[name] = old
		} else if t.Parameters[name] == nil {
			out[name] = "" // for the error that it does not exist
		}
	}
	return out, nil
}

// named are the IAM types of which a name of one's own needs more than
// CAPABILITY_IAM, with the property that gives it.
var named = map[string]string{
	"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName",
}

var iamTypes = append(slices.Sorted(maps.Keys(named)), "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition")

// needs returns the capabilities that a template needs, and why.
func needs(t *template.Template) (caps []types.Capability, reason string) {
	var found []string
	need := types.CapabilityCapabilityIam
	for id, r := range t.Resources {
		if slices.Contains(iamTypes, r.Type) {
			found = append(found, id)
			if name := named[r.Type]; name != "" && r.Properties.Get(name) != nil {
				need = types.CapabilityCapabilityNamedIam
			}
		}
	}
	if found == nil {
		return nil, ""
	}
	slices.Sort(found)
	return []types.Capability{need}, fmt.Sprintf("The following resource(s) require capabilities: [%s]", strings.Join(found, ", "))
}

func capable(t *template.Template, have []types.Capability) error {
	caps, _ := needs(t)
	for _, need := range caps {
		if !slices.Contains(have, need) && !slices.Contains(have, types.CapabilityCapabilityNamedIam) {
			return &wire.Error{Code: "InsufficientCapabilitiesException", Message: fmt.Sprintf("Requires capabilities : [%s]", need)}
		}
	}
	return nil
}

// changes compares the stack with a target; none is nil. A nested stack is always
// one that may change, as its template may have.
func (c *CloudFormation) changes(s *stack, bound *template.Bound) ([]template.Change, error) {
	var before *template.State
	if s.Deployed.Template != "" {
		before = s.state()
	}
	out, err := template.Compare(before, bound)
	if err != nil {
		return nil, refused(err)
	}
	for _, id := range bound.Order() {
		old := s.Resources[id]
		if bound.Template.Resources[id].Type == stackType && old != nil && old.exists() && before != nil &&
			!slices.ContainsFunc(out, func(ch template.Change) bool { return ch.LogicalID == id }) {
			out = append(out, template.Change{LogicalID: id, Type: stackType, Action: template.Modify, Replacement: template.False,
				Scope: []string{"Properties"}, Details: []template.Detail{{Attribute: "Properties", RequiresRecreation: "Never",
					Evaluation: "Dynamic", ChangeSource: automatic}}})
		}
	}
	return out, nil
}

// automatic is the source of the change of a nested stack that nothing in its
// parent's template changes.
const automatic = string(types.ChangeSourceAutomatic)

func isAutomatic(ch template.Change) bool {
	return len(ch.Details) == 1 && ch.Details[0].ChangeSource == automatic
}

// unchanged tells whether the stack is what the target says already.
func (s *stack) unchanged(t target, bound *template.Bound, changes []template.Change) bool {
	return len(changes) == 0 && s.Deployed.Template != "" && sameOutputs(s, bound) && sameTags(t.Tags, s.Deployed.Tags)
}

// sameOutputs tells whether the target leaves the outputs as they are. It is
// asked only where no resource changes, so that all values are known.
func sameOutputs(s *stack, bound *template.Bound) bool {
	values, err := bound.Outputs()
	if err != nil {
		return false // the operation will say why
	}
	out := make([]output, len(values))
	for i, v := range values {
		text, _ := v.Value.(string)
		out[i] = output{v.Name, text, v.Description, v.Export}
	}
	return slices.Equal(out, s.Outputs)
}

// key of a stack in the caller's scope.
func keyOf(scope store.Scope, s *stack) key { return key{scope, s.ID} }
