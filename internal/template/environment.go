package template

import (
	"fmt"
	"slices"
	"strings"
)

// Environment is what a template is evaluated in. The zero value of each field
// is usable: what a missing function would answer is then not known, or, where
// it must be known, an error that names it.
type Environment struct {
	// Parameters are the values given; others take their default.
	Parameters map[string]string
	// Later names parameters whose values are not known yet: Ref gives an
	// [Unknown], whatever Parameters says, and no constraint is checked.
	Later []string

	Region, AccountID, StackName, StackID string
	NotificationARNs                      []string
	// StackTags are the tags of the stack, which its resources inherit.
	StackTags map[string]string

	// AvailabilityZones of a region, for Fn::GetAZs.
	AvailabilityZones func(region string) ([]string, error)
	// Resource answers what Ref (attribute "") or Fn::GetAtt gives for a
	// resource, or that it is not known yet.
	Resource func(logicalID, attribute string) (value any, known bool, err error)
	// Import answers the value of an export.
	Import func(name string) (string, error)
	// SSM answers the value of a parameter in the parameter store, for
	// parameters of the type AWS::SSM::Parameter::Value<…>. A list has commas.
	SSM func(name string) (string, error)
}

// Partition and URLSuffix follow from the region.
func (e *Environment) partition() (name, suffix string) {
	switch {
	case strings.HasPrefix(e.Region, "cn-"):
		return "aws-cn", "amazonaws.com.cn"
	case strings.HasPrefix(e.Region, "us-gov-"):
		return "aws-us-gov", "amazonaws.com"
	}
	return "aws", "amazonaws.com"
}

// Unknown stands for a value that is known only when the stack is changed.
type Unknown struct {
	// Expression is the function call that will give the value, as JSON.
	Expression string
}

// String is what people see in the place of the value.
func (u Unknown) String() string { return "(known after the change)" }

// MarshalText is String.
func (u Unknown) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// hasUnknown tells whether v or anything in it is an Unknown.
func hasUnknown(v any) bool {
	switch v := v.(type) {
	case Unknown:
		return true
	case []any:
		for _, x := range v {
			if hasUnknown(x) {
				return true
			}
		}
	case map[string]any:
		for _, x := range v {
			if hasUnknown(x) {
				return true
			}
		}
	}
	return false
}

// Bound is a template with its parameters and conditions decided.
type Bound struct {
	Template *Template
	// Parameters are the values as given or by default, before the parameter
	// store is asked.
	Parameters map[string]string
	// Conditions by name.
	Conditions map[string]bool

	env    Environment
	values map[string]any // what Ref gives for a parameter
}

// Bind gives the template its parameters, and decides rules and conditions. The
// template must be one that Validate found no early errors in. The error is an
// [Errors] where the parameters are at fault.
func (t *Template) Bind(env Environment) (*Bound, error) {
	b := &Bound{Template: t, Parameters: map[string]string{}, Conditions: map[string]bool{}, env: env, values: map[string]any{}}
	if err := b.bindParameters(); err != nil {
		return nil, err
	}
	for _, name := range sorted(t.Conditions) {
		if _, err := b.condition(name); err != nil {
			return nil, err
		}
	}
	if err := b.checkRules(); err != nil {
		return nil, err
	}
	return b, nil
}

// WithResources returns b with another answer for what resources give.
func (b *Bound) WithResources(resource func(logicalID, attribute string) (any, bool, error)) *Bound {
	c := *b
	c.env.Resource = resource
	return &c
}

func (b *Bound) bindParameters() error {
	var errs Errors
	t := b.Template
	var strange, missing []string
	for _, name := range sorted(b.env.Parameters) {
		if t.Parameters[name] == nil {
			strange = append(strange, name)
		}
	}
	if strange != nil {
		errs.add(Position{File: t.File}, "Parameters: [%s] do not exist in the template", strings.Join(strange, ", "))
	}
	var missingAt Position
	for _, name := range sorted(t.Parameters) {
		p := t.Parameters[name]
		value, given := b.env.Parameters[name]
		if !given && p.Default == nil {
			if missing == nil {
				missingAt = p.Position
			}
			missing = append(missing, name)
			continue
		}
		if !given {
			value = *p.Default
		}
		if slices.Contains(b.env.Later, name) {
			b.Parameters[name], b.values[name] = value, Unknown{`{"Ref":"` + name + `"}`}
			continue
		}
		if problem := p.Check(value); problem != "" {
			errs.add(p.Position, "%s", problem)
			continue
		}
		b.Parameters[name] = value
		if _, ok := p.SSM(); ok {
			if b.env.SSM == nil {
				b.values[name] = Unknown{`{"Ref":"` + name + `"}`}
				continue
			}
			stored, err := b.env.SSM(value)
			if err != nil {
				errs.add(p.Position, "Unable to fetch parameters [%s] from parameter store for this account: parameter %s: %s", value, name, err)
				continue
			}
			value = stored
		}
		if p.IsList() {
			list := []any{}
			for _, s := range splitList(value) {
				list = append(list, s)
			}
			b.values[name] = list
		} else {
			b.values[name] = value
		}
	}
	if missing != nil {
		errs.add(missingAt, "Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return errs.err()
}

func (b *Bound) condition(name string) (bool, error) {
	if v, ok := b.Conditions[name]; ok {
		return v, nil
	}
	n, ok := b.Template.Conditions[name]
	if !ok {
		return false, fmt.Errorf("%s: condition %s is not defined", b.Template.File, name)
	}
	v, err := b.decide(n)
	if err != nil {
		return false, err
	}
	b.Conditions[name] = v
	return v, nil
}

// checkRules reports the assertions that do not hold.
func (b *Bound) checkRules() error {
	var errs Errors
	for _, name := range sorted(b.Template.Rules) {
		rule := b.Template.Rules[name]
		if rule.When != nil {
			applies, err := b.decide(rule.When)
			if err != nil {
				return err
			}
			if !applies {
				continue
			}
		}
		for _, a := range rule.Assertions {
			holds, err := b.decide(a.Assert)
			if err != nil {
				return err
			}
			if !holds {
				description := a.Description
				if description == "" {
					description = "an assertion does not hold"
				}
				errs.add(a.Position, "Template failed validation: rule %s: %s", name, description)
			}
		}
	}
	return errs.err()
}
