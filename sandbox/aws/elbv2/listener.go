package elbv2

import (
	"context"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// protocols are those of the listeners of each type of load balancer.
var protocols = map[types.LoadBalancerTypeEnum][]types.ProtocolEnum{
	types.LoadBalancerTypeEnumApplication: {types.ProtocolEnumHttp, types.ProtocolEnumHttps},
	types.LoadBalancerTypeEnumNetwork: {
		types.ProtocolEnumTcp, types.ProtocolEnumTls, types.ProtocolEnumUdp, types.ProtocolEnumTcpUdp, types.ProtocolEnumQuic, types.ProtocolEnumTcpQuic,
	},
}

// maxListeners is how many listeners a load balancer may have.
const maxListeners = 50

// newListener makes a listener with its default rule. One of the same settings is
// the same.
func (e *ELBV2) newListener(tx *store.Tx, scope store.Scope, in *elb.CreateListenerInput, tags map[string]string, token string) (listener, error) {
	l := listener{Attributes: map[string]string{}, Tags: tags}
	on, err := lookup(tx, scope, balancers, aBalancer, in.LoadBalancerArn)
	if err != nil {
		return l, err
	}
	l.LoadBalancerArn, l.Port, l.Protocol = in.LoadBalancerArn, in.Port, in.Protocol
	if l.Certificates, err = e.served(tx, scope, in.Certificates); err != nil {
		return l, err
	}
	l.SslPolicy, l.AlpnPolicy, l.MutualAuthentication = in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication
	if err := l.check(on); err != nil {
		return l, err
	}
	if l.DefaultActions, err = acted(tx, scope, l.Listener, in.DefaultActions); err != nil {
		return l, err
	}
	all, err := listeners.List(tx, scope, listenersOf(*in.LoadBalancerArn))
	if err != nil {
		return l, err
	}
	for _, other := range all {
		if !clash(other, l) {
			continue
		}
		l.ListenerArn = other.ListenerArn
		if reflect.DeepEqual(other.Listener, l.Listener) {
			return other, nil
		}
		return l, wire.Errorf("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", *in.LoadBalancerArn)
	}
	if len(all) >= maxListeners {
		return l, wire.Errorf("TooManyListeners", "The load balancer '%s' can't have more listeners", *in.LoadBalancerArn)
	}
	l.ListenerArn = aws.String(listenersOf(*in.LoadBalancerArn) + idOf(token))
	byDefault := rule{Rule: types.Rule{
		RuleArn: aws.String(rulesOf(*l.ListenerArn) + idOf(token+"/default")), IsDefault: aws.Bool(true), Priority: aws.String("default"),
		Actions: l.DefaultActions, Conditions: []types.RuleCondition{},
	}}
	if err := rules.Put(tx, scope, *byDefault.RuleArn, byDefault); err != nil {
		return l, err
	}
	return l, listeners.Put(tx, scope, *l.ListenerArn, l)
}

// clash reports whether two listeners of one load balancer can't be beside each
// other: TCP and UDP may share a port.
func clash(a, b listener) bool {
	if *a.Port != *b.Port {
		return false
	}
	udp := func(l listener) bool {
		return l.Protocol == types.ProtocolEnumUdp || l.Protocol == types.ProtocolEnumQuic
	}
	tcp := func(l listener) bool {
		return l.Protocol == types.ProtocolEnumTcp || l.Protocol == types.ProtocolEnumTls
	}
	return !(udp(a) && tcp(b) || tcp(a) && udp(b))
}

// check looks at a listener by itself, and adds its defaults.
func (l *listener) check(on balancer) error {
	if l.Port == nil || l.Protocol == "" {
		return invalid("A port and a protocol must be specified")
	}
	if *l.Port < 1 || *l.Port > 65535 {
		return invalid("Port '%d' must be between '1' and '65535'", *l.Port)
	}
	if !slices.Contains(protocols[on.Type], l.Protocol) {
		return invalid("Protocol '%s' must be one of '%v' with load balancers of the type '%s'", l.Protocol, protocols[on.Type], on.Type)
	}
	if l.MutualAuthentication != nil && aws.ToString(l.MutualAuthentication.Mode) != "off" && aws.ToString(l.MutualAuthentication.Mode) != "passthrough" {
		return wire.Errorf("TrustStoreNotFound", "The sandbox has no trust stores: mutual authentication is off or passthrough.")
	}
	secure := l.Protocol == types.ProtocolEnumHttps || l.Protocol == types.ProtocolEnumTls
	switch {
	case !secure && len(l.Certificates) > 0:
		return invalid("A certificate cannot be specified for %s listeners", l.Protocol)
	case !secure && l.SslPolicy != nil:
		return invalid("A security policy cannot be specified for %s listeners", l.Protocol)
	case !secure && l.MutualAuthentication != nil:
		return invalid("Mutual authentication cannot be specified for %s listeners", l.Protocol)
	case secure && len(l.Certificates) == 0:
		return invalid("A certificate must be specified for %s listeners", l.Protocol)
	case secure && len(l.Certificates) > 1:
		return invalid("Only one certificate may be specified as the default of a listener; add others with AddListenerCertificates")
	case len(l.AlpnPolicy) > 0 && l.Protocol != types.ProtocolEnumTls:
		return invalid("An ALPN policy cannot be specified for %s listeners", l.Protocol)
	}
	if len(l.AlpnPolicy) > 1 || len(l.AlpnPolicy) == 1 && !slices.Contains(alpnPolicies, l.AlpnPolicy[0]) {
		return wire.Errorf("ALPNPolicyNotFound", "The ALPN policy must be one of %v", alpnPolicies)
	}
	if secure && l.SslPolicy == nil {
		l.SslPolicy = aws.String(defaultPolicy)
	}
	if secure && !slices.ContainsFunc(policies, func(p types.SslPolicy) bool { return *p.Name == *l.SslPolicy }) {
		return wire.Errorf("SSLPolicyNotFound", "SSL policy '%s' not found", *l.SslPolicy)
	}
	if l.Protocol == types.ProtocolEnumHttps && l.MutualAuthentication == nil {
		l.MutualAuthentication = &types.MutualAuthenticationAttributes{Mode: aws.String("off")}
	}
	return nil
}

func (e *ELBV2) createListener(ctx context.Context, in *elb.CreateListenerInput) (*elb.CreateListenerOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	out := &elb.CreateListenerOutput{}
	err = e.store.Update(func(tx *store.Tx) error {
		made, err := e.newListener(tx, scopeOf(ctx), in, tags, uuid.NewString())
		out.Listeners = []types.Listener{made.Listener}
		return err
	})
	return out, err
}

func (e *ELBV2) describeListeners(ctx context.Context, in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
	out := &elb.DescribeListenersOutput{}
	scope := scopeOf(ctx)
	if in.LoadBalancerArn == nil && len(in.ListenerArns) == 0 {
		return nil, invalid("You must specify either listener ARNs or a load balancer ARN")
	}
	err := e.store.View(func(tx *store.Tx) error {
		prefix := ""
		if in.LoadBalancerArn != nil {
			if _, err := lookup(tx, scope, balancers, aBalancer, in.LoadBalancerArn); err != nil {
				return err
			}
			prefix = listenersOf(*in.LoadBalancerArn)
		}
		for _, arn := range in.ListenerArns {
			if _, err := lookup(tx, scope, listeners, aListener, &arn); err != nil {
				return err
			}
		}
		all, err := listeners.List(tx, scope, prefix)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(l listener) bool {
			return len(in.ListenerArns) > 0 && !slices.Contains(in.ListenerArns, *l.ListenerArn)
		})
		page, next := wire.Page(all, in.Marker, in.PageSize, maxPage, func(l listener) string { return *l.ListenerArn })
		for _, l := range page {
			out.Listeners = append(out.Listeners, l.Listener)
		}
		out.NextMarker = next
		return nil
	})
	return out, err
}

func (e *ELBV2) modifyListener(ctx context.Context, in *elb.ModifyListenerInput) (*elb.ModifyListenerOutput, error) {
	out := &elb.ModifyListenerOutput{}
	err := e.store.Update(func(tx *store.Tx) error {
		changed, err := e.alter(tx, scopeOf(ctx), in)
		out.Listeners = []types.Listener{changed.Listener}
		return err
	})
	return out, err
}

// removeListener deletes a listener with its rules.
func removeListener(tx *store.Tx, scope store.Scope, arn string) error {
	all, err := rules.List(tx, scope, rulesOf(arn))
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := rules.Delete(tx, scope, *r.RuleArn); err != nil {
			return err
		}
	}
	return listeners.Delete(tx, scope, arn)
}

func (e *ELBV2) deleteListener(ctx context.Context, in *elb.DeleteListenerInput) (*elb.DeleteListenerOutput, error) {
	return nil, e.store.Update(func(tx *store.Tx) error {
		if _, err := lookup(tx, scopeOf(ctx), listeners, aListener, in.ListenerArn); err != nil {
			return err
		}
		return removeListener(tx, scopeOf(ctx), *in.ListenerArn)
	})
}
