package template

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// call evaluates an intrinsic function. A result that depends on something
// unknown is an Unknown with the call as its expression.
func (b *Bound) call(n *Node) (any, error) {
	switch n.Function {
	case "Ref":
		name, _ := n.Argument.Text()
		return b.lookup(n, name, "")
	case "Fn::GetAtt":
		id, attributeNode, err := attributeOf(n.Argument)
		if err != nil {
			return nil, b.fault(n, "%s", err)
		}
		attribute, err := b.text(attributeNode)
		if err != nil {
			return nil, err
		}
		return b.lookup(n, id, attribute)
	case "Fn::Sub":
		return b.sub(n)
	case "Fn::If":
		yes, err := b.decide(n.Argument.Items[0])
		if err != nil {
			return nil, err
		}
		if yes {
			return b.eval(n.Argument.Items[1])
		}
		return b.eval(n.Argument.Items[2])
	case "Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
		return b.decide(n)
	case "Fn::FindInMap":
		return b.findInMap(n)
	case "Fn::RefAll":
		return b.refAll(n)
	}
	arg, err := b.eval(n.Argument)
	if err != nil {
		return nil, err
	}
	if list, ok := arg.([]any); ok && n.Function == "Fn::Select" && len(list) == 2 {
		return b.selected(n, list[0], list[1])
	}
	if hasUnknown(arg) {
		return Unknown{n.source()}, nil
	}
	list, _ := arg.([]any)
	switch n.Function {
	case "Fn::Join":
		return b.join(n, list)
	case "Fn::Split":
		return b.split(n, list)
	case "Fn::Cidr":
		out, err := cidrs(list)
		if err != nil {
			return nil, b.fault(n, "Template error: Fn::Cidr: %s", err)
		}
		return out, nil
	case "Fn::Length":
		if list == nil {
			return nil, b.fault(n, "Template error: Fn::Length expects a list")
		}
		return json.Number(strconv.Itoa(len(list))), nil
	case "Fn::ToJsonString":
		out, err := json.Marshal(plain(arg))
		return string(out), err
	case "Fn::GetAZs":
		return b.zones(n, arg)
	}
	s, ok := text(arg)
	if !ok {
		return nil, b.fault(n, "Template error: every %s object must have a String-typed value.", n.Function)
	}
	switch n.Function {
	case "Fn::Base64":
		return base64.StdEncoding.EncodeToString([]byte(s)), nil
	case "Fn::ImportValue":
		if b.env.Import == nil {
			return Unknown{n.source()}, nil
		}
		v, err := b.env.Import(s)
		if err != nil {
			return nil, b.fault(n, "%s", err)
		}
		return v, nil
	}
	return nil, b.fault(n, "Template error: %s is not supported here", n.Function)
}

// lookup is Ref and Fn::GetAtt.
func (b *Bound) lookup(n *Node, name, attribute string) (any, error) {
	if attribute == "" {
		if v, ok := b.values[name]; ok {
			return v, nil
		}
		if v, ok := b.pseudo(name); ok {
			return v, nil
		}
	}
	if !b.Active(name) {
		return nil, b.fault(n, "Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", name)
	}
	if b.env.Resource != nil {
		v, known, err := b.env.Resource(name, attribute)
		if err != nil {
			return nil, b.fault(n, "%s", err)
		}
		if known {
			return v, nil
		}
	}
	source := (&Node{Kind: Call, Function: "Ref", Argument: &Node{Value: name}}).source()
	if attribute != "" {
		source = (&Node{Kind: Call, Function: "Fn::GetAtt", Argument: &Node{Value: name + "." + attribute}}).source()
	}
	return Unknown{source}, nil
}

func (b *Bound) pseudo(name string) (any, bool) {
	partition, suffix := b.env.partition()
	switch name {
	case "AWS::NoValue":
		return noValue, true
	case "AWS::AccountId":
		return orUnknown(b.env.AccountID, name), true
	case "AWS::Region":
		return orUnknown(b.env.Region, name), true
	case "AWS::StackName":
		return orUnknown(b.env.StackName, name), true
	case "AWS::StackId":
		return orUnknown(b.env.StackID, name), true
	case "AWS::Partition":
		return partition, true
	case "AWS::URLSuffix":
		return suffix, true
	case "AWS::NotificationARNs":
		out := []any{}
		for _, a := range b.env.NotificationARNs {
			out = append(out, a)
		}
		return out, true
	}
	return nil, false
}

func orUnknown(s, name string) any {
	if s == "" {
		return Unknown{`{"Ref":"` + name + `"}`}
	}
	return s
}

func (b *Bound) sub(n *Node) (any, error) {
	s, err := substitution(n.Argument)
	if err != nil {
		return nil, b.fault(n, "%s", err)
	}
	var out strings.Builder
	for _, p := range s.parts {
		if p.name == "" {
			out.WriteString(p.literal)
			continue
		}
		var v any
		if own := s.variables.Get(p.name); own != nil {
			v, err = b.eval(own)
		} else {
			r := subReference(p.name, n.Position)
			v, err = b.lookup(n, r.Name, r.Attribute)
		}
		if err != nil {
			return nil, err
		}
		if hasUnknown(v) {
			return Unknown{n.source()}, nil
		}
		t, ok := text(v)
		if !ok {
			return nil, b.fault(n, "Template error: Fn::Sub: ${%s} is not a string", p.name)
		}
		out.WriteString(t)
	}
	return out.String(), nil
}

func (b *Bound) join(n *Node, args []any) (any, error) {
	if len(args) != 2 {
		return nil, b.fault(n, "%s", malformed(n))
	}
	delimiter, _ := text(args[0])
	items, ok := args[1].([]any)
	if !ok {
		return nil, b.fault(n, "Template error: Fn::Join expects a list of strings to join")
	}
	parts := make([]string, len(items))
	for i, x := range items {
		if parts[i], ok = text(x); !ok {
			return nil, b.fault(n, "Template error: Fn::Join: element %d is not a string", i)
		}
	}
	return strings.Join(parts, delimiter), nil
}

func (b *Bound) split(n *Node, args []any) (any, error) {
	var delimiter, whole string
	ok := len(args) == 2
	if ok {
		delimiter, _ = text(args[0])
		whole, ok = text(args[1])
	}
	if !ok || delimiter == "" {
		return nil, b.fault(n, "Template error: Fn::Split expects a delimiter and a string")
	}
	out := []any{}
	for _, s := range strings.Split(whole, delimiter) {
		out = append(out, s)
	}
	return out, nil
}

// selected picks one element; elements beside it may be unknown.
func (b *Bound) selected(n *Node, index, from any) (any, error) {
	if _, ok := from.(Unknown); ok || hasUnknown(index) {
		return Unknown{n.source()}, nil
	}
	s, _ := text(index)
	i, err := strconv.Atoi(s)
	items, ok := from.([]any)
	if err != nil || !ok {
		return nil, b.fault(n, "Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	if i < 0 || i >= len(items) {
		return nil, b.fault(n, "Template error: Fn::Select cannot select nonexistent value at index %d", i)
	}
	return items[i], nil
}

func (b *Bound) zones(n *Node, arg any) (any, error) {
	region, ok := text(arg)
	if !ok {
		return nil, b.fault(n, "Template error: every Fn::GetAZs object must have a String-typed value.")
	}
	if region == "" {
		region = b.env.Region
	}
	if b.env.AvailabilityZones == nil {
		return Unknown{n.source()}, nil
	}
	names, err := b.env.AvailabilityZones(region)
	if err != nil {
		return nil, b.fault(n, "Template error: Fn::GetAZs: %s", err)
	}
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = name
	}
	return out, nil
}

func (b *Bound) findInMap(n *Node) (any, error) {
	var names [3]string
	for i := range names {
		var err error
		if names[i], err = b.text(n.Argument.Items[i]); err != nil {
			return nil, err
		}
	}
	found := b.Template.Mappings[names[0]].Get(names[1]).Get(names[2])
	if found != nil {
		return b.eval(found)
	}
	if len(n.Argument.Items) == 4 {
		return b.eval(n.Argument.Items[3].Get("DefaultValue"))
	}
	return nil, b.fault(n, "Template error: Unable to get mapping for %s", strings.Join(names[:], "::"))
}

func (b *Bound) refAll(n *Node) (any, error) {
	wanted, _ := n.Argument.Text()
	out := []any{}
	for _, name := range sorted(b.Template.Parameters) {
		if b.Template.Parameters[name].Type == wanted {
			out = append(out, b.values[name])
		}
	}
	return out, nil
}

// decide evaluates a condition.
func (b *Bound) decide(n *Node) (bool, error) {
	if name, _, ok := conditionName(n); ok {
		return b.condition(name)
	}
	if name, ok := n.Text(); ok { // the first argument of Fn::If
		return b.condition(name)
	}
	if n.Kind != Call {
		return false, b.fault(n, "Template error: expected a condition here")
	}
	items := n.Argument.Items
	switch n.Function {
	case "Fn::And", "Fn::Or":
		// All are decided, so that a mistake in the last is found too.
		stop := n.Function == "Fn::Or"
		result := !stop
		for _, x := range items {
			v, err := b.decide(x)
			if err != nil {
				return false, err
			}
			if v == stop {
				result = stop
			}
		}
		return result, nil
	case "Fn::Not":
		v, err := b.decide(items[0])
		return !v, err
	}
	args := make([]any, len(items))
	for i, x := range items {
		v, err := b.eval(x)
		if err != nil {
			return false, err
		}
		if hasUnknown(v) {
			return false, b.fault(n, "Template error: this can't be decided before the stack is changed: %s", n.source())
		}
		args[i] = v
	}
	decided, err := compareWith(n.Function, args)
	if err != nil {
		return false, b.fault(n, "Template error: %s: %s", n.Function, err)
	}
	return decided, nil
}

func compareWith(function string, args []any) (bool, error) {
	if len(args) != 2 {
		return false, errors.New("expected two arguments")
	}
	if function == "Fn::Equals" {
		return same(args[0], args[1]), nil
	}
	list, ok := args[0].([]any)
	if !ok {
		return false, errors.New("the first argument must be a list")
	}
	contains := func(in []any, x any) bool { return slices.ContainsFunc(in, func(y any) bool { return same(x, y) }) }
	switch function {
	case "Fn::Contains":
		return contains(list, args[1]), nil
	case "Fn::EachMemberEquals":
		return !slices.ContainsFunc(list, func(x any) bool { return !same(x, args[1]) }), nil
	case "Fn::EachMemberIn":
		in, ok := args[1].([]any)
		if !ok {
			return false, errors.New("the second argument must be a list")
		}
		return !slices.ContainsFunc(list, func(x any) bool { return !contains(in, x) }), nil
	}
	return false, fmt.Errorf("it is not supported here: it needs attributes of the account's resources")
}

// same compares as CloudFormation's conditions do: scalars by their text.
func same(a, b any) bool {
	s, ok1 := text(a)
	t, ok2 := text(b)
	if ok1 && ok2 {
		return s == t
	}
	return reflect.DeepEqual(a, b)
}
