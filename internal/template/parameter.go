package template

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parameter is an entry of the Parameters section.
type Parameter struct {
	Position
	Name        string
	Type        string // "String", "List<Number>", "AWS::SSM::Parameter::Value<String>", …
	Description string
	// Default is nil when a value must be given.
	Default               *string
	NoEcho                bool
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	MinLength, MaxLength  *int
	MinValue, MaxValue    *float64

	pattern   *regexp.Regexp
	defaultAt Position
}

const ssmPrefix = "AWS::SSM::Parameter::Value<"

// SSM returns the type of the value that the parameter names in the Systems
// Manager parameter store; false when the parameter is a value itself.
func (p *Parameter) SSM() (valueType string, ok bool) {
	inner, ok := strings.CutPrefix(p.Type, ssmPrefix)
	return strings.TrimSuffix(inner, ">"), ok
}

// IsList tells whether Ref gives a list.
func (p *Parameter) IsList() bool {
	t := p.Type
	if inner, ok := p.SSM(); ok {
		t = inner
	}
	return t == "CommaDelimitedList" || strings.HasPrefix(t, "List<")
}

// awsTypes are the parameter types whose values name something in the account.
var awsTypes = []string{
	"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
	"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::Volume::Id",
	"AWS::EC2::VPC::Id", "AWS::Route53::HostedZone::Id",
}

func validParameterType(t string) bool {
	scalar := func(t string) bool { return t == "String" || t == "Number" || slices.Contains(awsTypes, t) }
	if inner, ok := strings.CutPrefix(t, ssmPrefix); ok && strings.HasSuffix(inner, ">") {
		t = strings.TrimSuffix(inner, ">")
	}
	if t == "CommaDelimitedList" || t == "AWS::SSM::Parameter::Name" || scalar(t) {
		return true
	}
	inner, ok := strings.CutPrefix(t, "List<")
	return ok && strings.HasSuffix(inner, ">") && scalar(strings.TrimSuffix(inner, ">"))
}

func (r *reader) parameter(e Field) *Parameter {
	p := &Parameter{Position: e.Position, Name: e.Key}
	for _, f := range r.object(e, "Parameter", "Type", "Default", "Description", "NoEcho", "AllowedValues", "AllowedPattern",
		"ConstraintDescription", "MinLength", "MaxLength", "MinValue", "MaxValue") {
		at := f.Value.Position
		switch f.Key {
		case "Type":
			p.Type = r.text(f)
			if !validParameterType(p.Type) {
				r.errs.add(at, "Template format error: Unrecognized parameter type: %s", p.Type)
			}
		case "Default":
			s := r.text(f)
			p.Default, p.defaultAt = &s, at
		case "Description":
			p.Description = r.text(f)
		case "NoEcho":
			p.NoEcho = strings.EqualFold(r.text(f), "true")
		case "AllowedValues":
			p.AllowedValues = r.texts(f)
		case "AllowedPattern":
			p.AllowedPattern = r.text(f)
			var err error
			// The whole value has to match.
			if p.pattern, err = regexp.Compile(`\A(?:` + p.AllowedPattern + `)\z`); err != nil {
				r.errs.add(at, "Template format error: the AllowedPattern of parameter %s can't be used: %s", e.Key, err)
			}
		case "ConstraintDescription":
			p.ConstraintDescription = r.text(f)
		case "MinLength", "MaxLength":
			n, err := strconv.Atoi(r.text(f))
			if err != nil {
				r.errs.add(at, "Template format error: %s of parameter %s must be a whole number", f.Key, e.Key)
			} else if f.Key == "MinLength" {
				p.MinLength = &n
			} else {
				p.MaxLength = &n
			}
		case "MinValue", "MaxValue":
			n, err := strconv.ParseFloat(r.text(f), 64)
			if err != nil {
				r.errs.add(at, "Template format error: %s of parameter %s must be a number", f.Key, e.Key)
			} else if f.Key == "MinValue" {
				p.MinValue = &n
			} else {
				p.MaxValue = &n
			}
		}
	}
	if p.Type == "" {
		r.errs.add(e.Position, "Template format error: Every Parameters object must contain a Type member.")
	}
	return p
}

// Check returns what is wrong with the value for the parameter, in
// CloudFormation's words, or "". The words never hold the value. For a
// parameter that names one in the parameter store, only the name is checked
// against the constraints, as CloudFormation does.
func (p *Parameter) Check(value string) string {
	problem := p.check(value)
	if problem != "" && p.ConstraintDescription != "" {
		return "Parameter " + p.Name + " failed to satisfy constraint: " + p.ConstraintDescription
	}
	return problem
}

func (p *Parameter) check(value string) string {
	if p.pattern != nil && !p.pattern.MatchString(value) {
		return "Parameter '" + p.Name + "' must match pattern " + p.AllowedPattern
	}
	if n := utf8.RuneCountInString(value); p.MinLength != nil && n < *p.MinLength {
		return "Parameter '" + p.Name + "' must contain at least " + strconv.Itoa(*p.MinLength) + " characters"
	} else if p.MaxLength != nil && n > *p.MaxLength {
		return "Parameter '" + p.Name + "' must contain at most " + strconv.Itoa(*p.MaxLength) + " characters"
	}
	values := []string{value}
	if p.IsList() {
		values = splitList(value)
	}
	for _, v := range values {
		if _, ssm := p.SSM(); !ssm && (p.Type == "Number" || p.Type == "List<Number>") {
			n, err := strconv.ParseFloat(v, 64)
			switch {
			case err != nil:
				return "Parameter '" + p.Name + "' must be a number"
			case p.MinValue != nil && n < *p.MinValue:
				return "Parameter '" + p.Name + "' must be a number not less than " + decimal(*p.MinValue)
			case p.MaxValue != nil && n > *p.MaxValue:
				return "Parameter '" + p.Name + "' must be a number not greater than " + decimal(*p.MaxValue)
			}
		}
		if p.AllowedValues != nil && !slices.Contains(p.AllowedValues, v) {
			if p.NoEcho { // CloudFormation lists them all the same
				return "Parameter '" + p.Name + "' must be one of its AllowedValues"
			}
			return "Parameter '" + p.Name + "' must be one of AllowedValues: [" + strings.Join(p.AllowedValues, ", ") + "]"
		}
	}
	return ""
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// splitList splits the text of a list parameter.
func splitList(value string) []string {
	if value == "" {
		return nil
	}
	parts := strings.Split(value, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// text writes a scalar as a template would.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return decimal(v), true
	}
	return "", false
}
