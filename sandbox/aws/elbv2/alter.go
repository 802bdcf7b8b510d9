package elbv2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// alter changes a listener. What the input does not name stays, besides what the
// new protocol does not have.
func (e *ELBV2) alter(tx *store.Tx, scope store.Scope, in *elb.ModifyListenerInput) (listener, error) {
	l, err := lookup(tx, scope, listeners, aListener, in.ListenerArn)
	if err != nil {
		return l, err
	}
	on, err := lookup(tx, scope, balancers, aBalancer, l.LoadBalancerArn)
	if err != nil {
		return l, err
	}
	if in.Port != nil {
		l.Port = in.Port
	}
	if in.Protocol != "" && in.Protocol != l.Protocol {
		l.Protocol = in.Protocol
		l.Certificates, l.More, l.SslPolicy, l.AlpnPolicy, l.MutualAuthentication = nil, nil, nil, nil, nil
		l.Attributes = map[string]string{}
	}
	if len(in.Certificates) > 0 {
		if l.Certificates, err = e.served(tx, scope, in.Certificates); err != nil {
			return l, err
		}
	}
	if in.SslPolicy != nil {
		l.SslPolicy = in.SslPolicy
	}
	if len(in.AlpnPolicy) > 0 {
		l.AlpnPolicy = in.AlpnPolicy
	}
	if in.MutualAuthentication != nil {
		l.MutualAuthentication = in.MutualAuthentication
	}
	if err := l.check(on); err != nil {
		return l, err
	}
	actions := in.DefaultActions
	if len(actions) == 0 {
		actions = l.DefaultActions
	}
	if l.DefaultActions, err = acted(tx, scope, l.Listener, actions); err != nil {
		return l, err
	}
	others, err := listeners.List(tx, scope, listenersOf(*l.LoadBalancerArn))
	if err != nil {
		return l, err
	}
	for _, other := range others {
		if *other.ListenerArn != *l.ListenerArn && clash(other, l) {
			return l, wire.Errorf("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", *l.LoadBalancerArn)
		}
	}
	all, err := rules.List(tx, scope, rulesOf(*l.ListenerArn))
	if err != nil {
		return l, err
	}
	for _, r := range all {
		if !aws.ToBool(r.IsDefault) {
			continue
		}
		r.Actions = l.DefaultActions
		if err := rules.Put(tx, scope, *r.RuleArn, r); err != nil {
			return l, err
		}
	}
	return l, listeners.Put(tx, scope, *l.ListenerArn, l)
}
