package elbv2

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// listenerProperties are those of AWS::ElasticLoadBalancingV2::Listener.
type listenerProperties struct {
	elb.CreateListenerInput
	ListenerAttributes []types.ListenerAttribute
}

func (p listenerProperties) attributes() map[string]string {
	return pairs(p.ListenerAttributes, func(a types.ListenerAttribute) (*string, *string) { return a.Key, a.Value })
}

func (e *ELBV2) listenerKind() kind {
	read := func(request resource.Request) (listenerProperties, error) {
		var p listenerProperties
		return p, resource.Props(request.Properties).Into(&p, "Tags")
	}
	// configure gives a listener that is there its attributes.
	configure := func(tx *store.Tx, scope store.Scope, l listener, p listenerProperties) error {
		if err := set("Listener", l.defaults(), &l.Attributes, p.attributes()); err != nil {
			return err
		}
		return listeners.Put(tx, scope, *l.ListenerArn, l)
	}
	return kind{
		elb: e, tagged: true,
		create: func(_ context.Context, scope store.Scope, request resource.Request, tags map[string]string) (func(*store.Tx) (string, error), error) {
			p, err := read(request)
			return func(tx *store.Tx) (string, error) {
				l, err := e.newListener(tx, scope, &p.CreateListenerInput, tags, request.Token)
				if err != nil {
					return "", err
				}
				return *l.ListenerArn, configure(tx, scope, l, p)
			}, err
		},
		update: func(_ context.Context, scope store.Scope, request resource.Request) (func(*store.Tx) error, error) {
			p, err := read(request)
			return func(tx *store.Tx) error {
				l, err := e.alter(tx, scope, &elb.ModifyListenerInput{
					ListenerArn: &request.PhysicalID, Port: p.Port, Protocol: p.Protocol, DefaultActions: p.DefaultActions,
					Certificates: p.Certificates, SslPolicy: p.SslPolicy, AlpnPolicy: p.AlpnPolicy, MutualAuthentication: p.MutualAuthentication,
				})
				if err != nil {
					return err
				}
				return configure(tx, scope, l, p)
			}, err
		},
		remove: func(tx *store.Tx, scope store.Scope, request resource.Request) error {
			return removeListener(tx, scope, request.PhysicalID)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"ListenerArn": id}}, nil
		},
	}
}

func (e *ELBV2) ruleKind() kind {
	read := func(request resource.Request) (elb.CreateRuleInput, error) {
		var in elb.CreateRuleInput
		return in, resource.Props(request.Properties).Into(&in, "Tags")
	}
	return kind{
		elb: e, tagged: true,
		create: func(_ context.Context, scope store.Scope, request resource.Request, tags map[string]string) (func(*store.Tx) (string, error), error) {
			in, err := read(request)
			return func(tx *store.Tx) (string, error) {
				r, err := e.newRule(tx, scope, &in, tags, request.Token)
				return aws.ToString(r.RuleArn), err
			}, err
		},
		update: func(_ context.Context, scope store.Scope, request resource.Request) (func(*store.Tx) error, error) {
			in, err := read(request)
			return func(tx *store.Tx) error {
				r, err := e.changeRule(tx, scope, &elb.ModifyRuleInput{
					RuleArn: &request.PhysicalID, Conditions: in.Conditions, Actions: in.Actions,
					Transforms: in.Transforms, ResetTransforms: aws.Bool(len(in.Transforms) == 0),
				})
				if err != nil || *r.Priority == strconv.Itoa(int(aws.ToInt32(in.Priority))) {
					return err
				}
				_, err = order(tx, scope, []types.RulePriorityPair{{RuleArn: &request.PhysicalID, Priority: in.Priority}})
				return err
			}, err
		},
		remove: func(tx *store.Tx, scope store.Scope, request resource.Request) error {
			return removeRule(tx, scope, &request.PhysicalID)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"RuleArn": id, "IsDefault": false}}, nil
		},
	}
}

// certificateKind drives AWS::ElasticLoadBalancingV2::ListenerCertificate:
// certificates of a listener beside its default one. Its physical ID is made up.
func (e *ELBV2) certificateKind() kind {
	type properties struct {
		ListenerArn  *string
		Certificates []types.Certificate
	}
	read := func(from map[string]any) (properties, error) {
		var p properties
		return p, resource.Props(from).Into(&p)
	}
	return kind{
		elb: e,
		create: func(_ context.Context, scope store.Scope, request resource.Request, _ map[string]string) (func(*store.Tx) (string, error), error) {
			p, err := read(request.Properties)
			return func(tx *store.Tx) (string, error) {
				return resource.Name(request, 255), e.addCertificates(tx, scope, p.ListenerArn, p.Certificates)
			}, err
		},
		update: func(_ context.Context, scope store.Scope, request resource.Request) (func(*store.Tx) error, error) {
			p, err := read(request.Properties)
			if err != nil {
				return nil, err
			}
			before, err := read(request.Previous)
			return func(tx *store.Tx) error {
				if err := e.removeCertificates(tx, scope, before.ListenerArn, before.Certificates); err != nil {
					return err
				}
				return e.addCertificates(tx, scope, p.ListenerArn, p.Certificates)
			}, err
		},
		remove: func(tx *store.Tx, scope store.Scope, request resource.Request) error {
			p, err := read(request.Properties)
			if err != nil {
				return err
			}
			return e.removeCertificates(tx, scope, p.ListenerArn, p.Certificates)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"Id": id}}, nil
		},
	}
}
