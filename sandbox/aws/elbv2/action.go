package elbv2

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// maxForwards is how many target groups one action may forward to.
const maxForwards = 5

// acted returns the actions of a listener or rule as they are kept and shown, with
// their defaults. The groups that they forward to must be there, fit the protocol
// of the listener, and be used by no other load balancer.
func acted(tx *store.Tx, scope store.Scope, on types.Listener, list []types.Action) ([]types.Action, error) {
	if len(list) == 0 {
		return nil, invalid("An action must be specified")
	}
	out := slices.Clone(list)
	for i := range out {
		if err := complete(&out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b types.Action) int { return int(aws.ToInt32(a.Order) - aws.ToInt32(b.Order)) })
	network := !isWeb(on.Protocol)
	for i, action := range out {
		final := action.Type == types.ActionTypeEnumForward || action.Type == types.ActionTypeEnumRedirect || action.Type == types.ActionTypeEnumFixedResponse
		switch {
		case network && action.Type != types.ActionTypeEnumForward:
			return nil, wire.Errorf("InvalidLoadBalancerAction", "The action type '%s' is not valid with network load balancers", action.Type)
		case final != (i == len(out)-1):
			return nil, wire.Errorf("InvalidLoadBalancerAction", "The last action must be one of 'forward', 'redirect' and 'fixed-response', and no other may")
		case !network && on.Protocol != types.ProtocolEnumHttps && strings.HasPrefix(string(action.Type), "authenticate"):
			return nil, wire.Errorf("InvalidLoadBalancerAction", "The action type '%s' needs an HTTPS listener", action.Type)
		}
	}
	used, err := users(tx, scope)
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, arn := range groupsOf(out) {
		g, err := lookup(tx, scope, groups, aGroup, &arn)
		if err != nil {
			return nil, err
		}
		if err := compatible(on.Protocol, g); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(used[arn], func(by string) bool { return by != *on.LoadBalancerArn }) {
			taken = append(taken, arn)
		}
	}
	if len(taken) > 0 {
		return nil, wire.Errorf("TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one load balancer: %s", strings.Join(taken, ", "))
	}
	return out, nil
}

func isWeb(protocol types.ProtocolEnum) bool {
	return protocol == types.ProtocolEnumHttp || protocol == types.ProtocolEnumHttps
}

// compatible checks that a listener of a protocol may forward to a group.
func compatible(protocol types.ProtocolEnum, g group) error {
	fits := false
	switch protocol {
	case types.ProtocolEnumHttp, types.ProtocolEnumHttps:
		fits = g.web() || g.TargetType == types.TargetTypeEnumLambda
	case types.ProtocolEnumTcp:
		fits = g.Protocol == types.ProtocolEnumTcp || g.Protocol == types.ProtocolEnumTcpUdp
	case types.ProtocolEnumTls:
		fits = g.Protocol == types.ProtocolEnumTcp || g.Protocol == types.ProtocolEnumTls
	case types.ProtocolEnumUdp:
		fits = g.Protocol == types.ProtocolEnumUdp || g.Protocol == types.ProtocolEnumTcpUdp
	default:
		fits = g.Protocol == protocol
	}
	if !fits {
		return wire.Errorf("IncompatibleProtocols", "The protocol of the target group '%s' is not compatible with the listener protocol '%s'", *g.TargetGroupArn, protocol)
	}
	return nil
}

// complete checks one action by itself and adds its defaults.
func complete(a *types.Action) error {
	missing := func(what string) error { return invalid("%s must be specified for the action type '%s'", what, a.Type) }
	switch a.Type {
	case types.ActionTypeEnumForward:
		return completeForward(a)
	case types.ActionTypeEnumRedirect:
		if a.RedirectConfig == nil {
			return missing("A redirect configuration")
		}
		redirect := *a.RedirectConfig
		for into, otherwise := range map[**string]string{
			&redirect.Host: "#{host}", &redirect.Path: "/#{path}", &redirect.Port: "#{port}", &redirect.Protocol: "#{protocol}", &redirect.Query: "#{query}",
		} {
			if *into == nil {
				*into = aws.String(otherwise)
			}
		}
		if !slices.Contains(redirect.StatusCode.Values(), redirect.StatusCode) {
			return invalid("The status code '%s' of a redirect must be HTTP_301 or HTTP_302", redirect.StatusCode)
		}
		if *redirect.Host == "#{host}" && *redirect.Path == "/#{path}" && *redirect.Port == "#{port}" && *redirect.Protocol == "#{protocol}" {
			return wire.Errorf("InvalidLoadBalancerAction", "The RedirectConfig must not be a loop: change the protocol, the port, the host name or the path")
		}
		a.RedirectConfig = &redirect
	case types.ActionTypeEnumFixedResponse:
		if a.FixedResponseConfig == nil || aws.ToString(a.FixedResponseConfig.StatusCode) == "" {
			return missing("A status code")
		}
		if code := *a.FixedResponseConfig.StatusCode; len(code) != 3 || !strings.Contains("245", code[:1]) {
			return invalid("The status code '%s' of a fixed response must be 2XX, 4XX or 5XX", code)
		}
	case types.ActionTypeEnumAuthenticateOidc:
		if a.AuthenticateOidcConfig == nil {
			return missing("An OIDC configuration")
		}
		oidc := *a.AuthenticateOidcConfig
		oidc.ClientSecret = nil // is never shown, and nobody here signs in
		a.AuthenticateOidcConfig = &oidc
	case types.ActionTypeEnumAuthenticateCognito:
		if a.AuthenticateCognitoConfig == nil {
			return missing("A Cognito configuration")
		}
	default:
		return invalid("The action type '%s' is not one that the sandbox has", a.Type)
	}
	return nil
}

// completeForward gives a forward action both of its forms, as it is shown: the
// group and, for one group or more, the configuration.
func completeForward(a *types.Action) error {
	if a.ForwardConfig == nil {
		if aws.ToString(a.TargetGroupArn) == "" {
			return invalid("A target group must be specified for the action type 'forward'")
		}
		a.ForwardConfig = &types.ForwardActionConfig{TargetGroups: []types.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}}
	}
	forward := *a.ForwardConfig
	forward.TargetGroups = slices.Clone(forward.TargetGroups)
	switch n := len(forward.TargetGroups); {
	case n == 0:
		return invalid("A target group must be specified for the action type 'forward'")
	case n > maxForwards:
		return wire.Errorf("TooManyUniqueTargetGroupsPerLoadBalancer", "An action can't forward to more than '%d' target groups", maxForwards)
	case n == 1:
		if a.TargetGroupArn != nil && *a.TargetGroupArn != *forward.TargetGroups[0].TargetGroupArn {
			return invalid("The target group of the action is not that of its forward configuration")
		}
		a.TargetGroupArn = forward.TargetGroups[0].TargetGroupArn
	case a.TargetGroupArn != nil:
		return invalid("You can specify both TargetGroupArn and ForwardConfig only for one target group")
	}
	for i, tuple := range forward.TargetGroups {
		if tuple.Weight == nil {
			forward.TargetGroups[i].Weight = aws.Int32(1)
		} else if *tuple.Weight < 0 || *tuple.Weight > 999 {
			return invalid("The weight '%d' of a target group must be between '0' and '999'", *tuple.Weight)
		}
	}
	if forward.TargetGroupStickinessConfig == nil {
		forward.TargetGroupStickinessConfig = &types.TargetGroupStickinessConfig{Enabled: aws.Bool(false)}
	}
	a.ForwardConfig = &forward
	return nil
}
