package elbv2

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// maxRules is how many rules a listener may have beside its default one, and
// maxPriority the last of their priorities.
const (
	maxRules    = 100
	maxPriority = 50000
)

func (e *ELBV2) newRule(tx *store.Tx, scope store.Scope, in *elb.CreateRuleInput, tags map[string]string, token string) (rule, error) {
	var r rule
	l, err := lookup(tx, scope, listeners, aListener, in.ListenerArn)
	if err != nil {
		return r, err
	}
	if !isWeb(l.Protocol) {
		return r, wire.Errorf("InvalidLoadBalancerAction", "%s listeners have no rules", l.Protocol)
	}
	if err := checkPriority(in.Priority); err != nil {
		return r, err
	}
	all, err := rules.List(tx, scope, rulesOf(*in.ListenerArn))
	if err != nil {
		return r, err
	}
	if slices.ContainsFunc(all, func(other rule) bool { return *other.Priority == strconv.Itoa(int(*in.Priority)) }) {
		return r, inUse(*in.Priority)
	}
	if len(all) > maxRules {
		return r, wire.Errorf("TooManyRules", "The maximum number of rules on load balancer '%s' has been reached", *l.LoadBalancerArn)
	}
	r.RuleArn, r.IsDefault, r.Tags = aws.String(rulesOf(*in.ListenerArn)+idOf(token)), aws.Bool(false), tags
	r.Priority, r.Transforms = aws.String(strconv.Itoa(int(*in.Priority))), in.Transforms
	if r.Conditions, err = conditioned(in.Conditions); err != nil {
		return r, err
	}
	if r.Actions, err = acted(tx, scope, l.Listener, in.Actions); err != nil {
		return r, err
	}
	return r, rules.Put(tx, scope, *r.RuleArn, r)
}

func checkPriority(priority *int32) error {
	if priority == nil || *priority < 1 || *priority > maxPriority {
		return invalid("Priority '%d' must be between '1' and '%d'", aws.ToInt32(priority), maxPriority)
	}
	return nil
}

func inUse(priority int32) error {
	return wire.Errorf("PriorityInUse", "Priority '%d' is currently in use", priority)
}

// changeRule changes what an input names of a rule that is not the default one.
func (e *ELBV2) changeRule(tx *store.Tx, scope store.Scope, in *elb.ModifyRuleInput) (rule, error) {
	r, err := lookup(tx, scope, rules, aRule, in.RuleArn)
	if err != nil {
		return r, err
	}
	if *r.IsDefault {
		return r, wire.Errorf("OperationNotPermitted", "Default rule '%s' cannot be modified: modify its listener", *in.RuleArn)
	}
	if len(in.Conditions) > 0 {
		if r.Conditions, err = conditioned(in.Conditions); err != nil {
			return r, err
		}
	}
	if aws.ToBool(in.ResetTransforms) {
		r.Transforms = nil
	} else if len(in.Transforms) > 0 {
		r.Transforms = in.Transforms
	}
	if len(in.Actions) > 0 {
		l, err := listenerOf(tx, scope, r)
		if err != nil {
			return r, err
		}
		if r.Actions, err = acted(tx, scope, l.Listener, in.Actions); err != nil {
			return r, err
		}
	}
	return r, rules.Put(tx, scope, *in.RuleArn, r)
}

// listenerOf is the listener that a rule is of.
func listenerOf(tx *store.Tx, scope store.Scope, r rule) (found listener, err error) {
	err = listeners.Walk(tx, scope, listenersOf(balancerOf(*r.RuleArn)), func(arn string, l listener) error {
		if prefix := rulesOf(arn); len(*r.RuleArn) > len(prefix) && (*r.RuleArn)[:len(prefix)] == prefix {
			found = l
			return store.Stop
		}
		return nil
	})
	return found, err
}

func removeRule(tx *store.Tx, scope store.Scope, arn *string) error {
	r, err := lookup(tx, scope, rules, aRule, arn)
	if err != nil {
		return err
	}
	if *r.IsDefault {
		return wire.Errorf("OperationNotPermitted", "Default rule '%s' cannot be deleted", *arn)
	}
	return rules.Delete(tx, scope, *arn)
}

// order gives rules new priorities, all at once: they may be exchanged.
func order(tx *store.Tx, scope store.Scope, list []types.RulePriorityPair) ([]types.Rule, error) {
	taken := map[string]map[string]string{} // listener: priority: rule
	next := map[string]string{}
	for _, pair := range list {
		if err := checkPriority(pair.Priority); err != nil {
			return nil, err
		}
		next[aws.ToString(pair.RuleArn)] = strconv.Itoa(int(*pair.Priority))
	}
	var changed []types.Rule
	for _, pair := range list {
		r, err := lookup(tx, scope, rules, aRule, pair.RuleArn)
		if err != nil {
			return nil, err
		}
		if *r.IsDefault {
			return nil, wire.Errorf("OperationNotPermitted", "The priority of the default rule '%s' cannot be set", *pair.RuleArn)
		}
		l, err := listenerOf(tx, scope, r)
		if err != nil {
			return nil, err
		}
		if taken[*l.ListenerArn] == nil {
			taken[*l.ListenerArn] = map[string]string{}
			err := rules.Walk(tx, scope, rulesOf(*l.ListenerArn), func(arn string, other rule) error {
				if _, moves := next[arn]; !moves {
					taken[*l.ListenerArn][*other.Priority] = arn
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		r.Priority = aws.String(next[*pair.RuleArn])
		if other := taken[*l.ListenerArn][*r.Priority]; other != "" && other != *r.RuleArn {
			return nil, inUse(*pair.Priority)
		}
		taken[*l.ListenerArn][*r.Priority] = *r.RuleArn
		if err := rules.Put(tx, scope, *r.RuleArn, r); err != nil {
			return nil, err
		}
		changed = append(changed, r.Rule)
	}
	return changed, nil
}

// sequence sorts rules by priority, the default one last.
func sequence(a, b rule) int {
	place := func(r rule) int {
		if n, err := strconv.Atoi(*r.Priority); err == nil {
			return n
		}
		return maxPriority + 1
	}
	return place(a) - place(b)
}

func (e *ELBV2) createRule(ctx context.Context, in *elb.CreateRuleInput) (*elb.CreateRuleOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	out := &elb.CreateRuleOutput{}
	err = e.store.Update(func(tx *store.Tx) error {
		made, err := e.newRule(tx, scopeOf(ctx), in, tags, uuid.NewString())
		out.Rules = []types.Rule{made.Rule}
		return err
	})
	return out, err
}

func (e *ELBV2) describeRules(ctx context.Context, in *elb.DescribeRulesInput) (*elb.DescribeRulesOutput, error) {
	scope := scopeOf(ctx)
	if (in.ListenerArn == nil) == (len(in.RuleArns) == 0) {
		return nil, invalid("You must specify either a listener ARN or rule ARNs")
	}
	out := &elb.DescribeRulesOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		var all []rule
		for _, arn := range in.RuleArns {
			r, err := lookup(tx, scope, rules, aRule, &arn)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		if in.ListenerArn != nil {
			if _, err := lookup(tx, scope, listeners, aListener, in.ListenerArn); err != nil {
				return err
			}
			var err error
			if all, err = rules.List(tx, scope, rulesOf(*in.ListenerArn)); err != nil {
				return err
			}
			slices.SortFunc(all, sequence)
		}
		from := 0
		if in.Marker != nil {
			from = slices.IndexFunc(all, func(r rule) bool { return *r.RuleArn == *in.Marker }) + 1
		}
		end := len(all)
		if size := int(aws.ToInt32(in.PageSize)); size > 0 && from+size < end {
			end = from + size
			out.NextMarker = all[end-1].RuleArn
		}
		for _, r := range all[from:end] {
			out.Rules = append(out.Rules, r.Rule)
		}
		return nil
	})
	return out, err
}

func (e *ELBV2) modifyRule(ctx context.Context, in *elb.ModifyRuleInput) (*elb.ModifyRuleOutput, error) {
	out := &elb.ModifyRuleOutput{}
	err := e.store.Update(func(tx *store.Tx) error {
		changed, err := e.changeRule(tx, scopeOf(ctx), in)
		out.Rules = []types.Rule{changed.Rule}
		return err
	})
	return out, err
}

func (e *ELBV2) deleteRule(ctx context.Context, in *elb.DeleteRuleInput) (*elb.DeleteRuleOutput, error) {
	return nil, e.store.Update(func(tx *store.Tx) error { return removeRule(tx, scopeOf(ctx), in.RuleArn) })
}

func (e *ELBV2) setRulePriorities(ctx context.Context, in *elb.SetRulePrioritiesInput) (*elb.SetRulePrioritiesOutput, error) {
	out := &elb.SetRulePrioritiesOutput{}
	err := e.store.Update(func(tx *store.Tx) (err error) {
		out.Rules, err = order(tx, scopeOf(ctx), in.RulePriorities)
		return err
	})
	return out, err
}
