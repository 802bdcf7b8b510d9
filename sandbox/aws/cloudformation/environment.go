package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// environment is what a stack's template is evaluated in: the account, the
// region, the exports of other stacks, and the resources that s has.
func (c *CloudFormation) environment(ctx context.Context, scope store.Scope, s *stack, t target) template.Environment {
	s.Imports = slices.Clip(s.Imports) // what is appended must not be seen by others
	env := template.Environment{
		Parameters: t.Parameters, Region: scope.Region, AccountID: scope.Account, StackName: s.Name, StackID: s.ID,
		NotificationARNs: t.NotificationARNs, StackTags: t.Tags,
		AvailabilityZones: func(region string) ([]string, error) { return c.Zones(region), nil },
		Resource:          s.answer,
		Import: func(name string) (string, error) {
			value, err := c.export(scope, name)
			if err == nil && !slices.Contains(s.Imports, name) {
				s.Imports = append(s.Imports, name)
			}
			return value, err
		},
	}
	env.SSM = func(name string) (string, error) {
		if c.Parameter == nil {
			return "", errors.New("this sandbox has no parameter store")
		}
		return c.Parameter(ctx, scope.Account, scope.Region, name, "")
	}
	return env
}

// errorText is an error in CloudFormation's own words.
type errorText string

func (e errorText) Error() string { return string(e) }

// answer is what Ref (attribute "") and Fn::GetAtt give for a resource of the stack.
func (s *stack) answer(id, attribute string) (any, bool, error) {
	return s.Resources[id].answer(attribute)
}

// answer is what Ref (attribute "") and Fn::GetAtt give for the resource.
func (r *live) answer(attribute string) (any, bool, error) {
	if r == nil || r.PhysicalID == "" {
		return nil, false, nil
	}
	if attribute == "" {
		return r.Ref, true, nil
	}
	if v, ok := r.Attributes[attribute]; ok {
		return v, true, nil
	}
	// A property can be an attribute too, and a provider need not repeat it.
	var v any = r.Properties
	for _, step := range strings.Split(attribute, ".") {
		m, ok := v.(map[string]any)
		if !ok || m[step] == nil {
			return nil, false, errorText(fmt.Sprintf("Attribute '%s' does not exist: resource %s has none of that name", attribute, r.LogicalID))
		}
		v = m[step]
	}
	return v, true, nil
}

func (c *CloudFormation) export(scope store.Scope, name string) (value string, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		found, there, err := exports.Get(tx, scope, name)
		if err == nil && !there {
			err = errorText("No export named " + name + " found.")
		}
		value = found.Value
		return err
	})
	return value, err
}

// resolved returns the properties with their dynamic references resolved. No
// error holds a value.
func (c *CloudFormation) resolved(ctx context.Context, scope store.Scope, properties map[string]any) (map[string]any, error) {
	v, err := template.ResolveDynamic(properties, func(d template.Dynamic) (string, error) { return c.dynamic(ctx, scope, d) })
	if err != nil {
		return nil, err
	}
	m, _ := v.(map[string]any)
	return m, nil
}

func (c *CloudFormation) dynamic(ctx context.Context, scope store.Scope, d template.Dynamic) (string, error) {
	if d.Service != "secretsmanager" {
		if c.Parameter == nil {
			return "", errors.New("this sandbox has no parameter store")
		}
		return c.Parameter(ctx, scope.Account, scope.Region, d.Name, d.Version)
	}
	if c.Secret == nil {
		return "", errors.New("this sandbox has no Secrets Manager")
	}
	value, err := c.Secret(ctx, scope.Account, scope.Region, d.Name, d.Stage, d.Version)
	if err != nil || d.Key == "" {
		return value, err
	}
	var keys map[string]any
	if json.Unmarshal([]byte(value), &keys) != nil {
		return "", errorText("Could not parse SecretString JSON of secret " + d.Name)
	}
	switch v := keys[d.Key].(type) {
	case nil:
		return "", errorText("Could not find a value associated with JSONKey in SecretString: secret " + d.Name + " has no key " + d.Key)
	case string:
		return v, nil
	default:
		text, err := json.Marshal(v)
		return string(text), err
	}
}

// stackTags are the tags that CloudFormation gives to a resource.
func stackTags(s *stack, t target, id string) map[string]string {
	tags := maps.Clone(t.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags["aws:cloudformation:stack-name"] = s.Name
	tags["aws:cloudformation:stack-id"] = s.ID
	tags["aws:cloudformation:logical-id"] = id
	return tags
}

// shownProperties are the properties as events show them, the values of NoEcho
// parameters masked. Dynamic references are shown as references.
func shownProperties(d template.Desired) string {
	if d.Properties == nil {
		return ""
	}
	shown := maps.Clone(d.Properties)
	for _, name := range d.Sensitive {
		shown[name] = template.NoEcho
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return ""
	}
	return string(text)
}
