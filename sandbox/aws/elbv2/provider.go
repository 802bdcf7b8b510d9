package elbv2

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// full is the part of an ARN that metrics name a resource by: "app/name/id".
func full(arn string, s noun) string {
	_, rest, _ := strings.Cut(arn, ":"+s.prefix)
	return rest
}

// balancerProperties are those of AWS::ElasticLoadBalancingV2::LoadBalancer.
type balancerProperties struct {
	elb.CreateLoadBalancerInput
	LoadBalancerAttributes                               []types.LoadBalancerAttribute
	EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic *string
}

func (p balancerProperties) attributes() map[string]string {
	return pairs(p.LoadBalancerAttributes, func(a types.LoadBalancerAttribute) (*string, *string) { return a.Key, a.Value })
}

func (e *ELBV2) balancerKind() kind {
	read := func(request resource.Request) (balancerProperties, error) {
		var p balancerProperties
		err := resource.Props(request.Properties).Into(&p, "Tags")
		if p.Name == nil {
			p.Name = aws.String(resource.Name(request, maxName))
		}
		return p, err
	}
	return kind{
		elb: e, tagged: true,
		ready: func(tx *store.Tx, scope store.Scope, id string) (time.Time, error) {
			b, err := lookup(tx, scope, balancers, aBalancer, &id)
			return b.Ready, err
		},
		create: func(ctx context.Context, scope store.Scope, request resource.Request, tags map[string]string) (func(*store.Tx) (string, error), error) {
			p, err := read(request)
			if err != nil {
				return nil, err
			}
			planned, err := e.plan(ctx, scope, &p.CreateLoadBalancerInput)
			if err != nil {
				return nil, err
			}
			if p.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic != nil {
				planned.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = p.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic
			}
			if err := set("Load balancer", planned.defaults(), &planned.Attributes, p.attributes()); err != nil {
				return nil, err
			}
			return func(tx *store.Tx) (string, error) {
				if err := free(tx, scope, balancers, func(b balancer) bool { return *b.LoadBalancerName == *planned.LoadBalancerName }, "Load balancer", *planned.LoadBalancerName); err != nil {
					return "", err
				}
				made, err := e.keep(tx, scope, planned, tags, request.Token)
				return aws.ToString(made.LoadBalancerArn), err
			}, nil
		},
		update: func(ctx context.Context, scope store.Scope, request resource.Request) (func(*store.Tx) error, error) {
			p, err := read(request)
			if err != nil {
				return nil, err
			}
			p.Name = aws.String("unchanged") // as it is replaced with its name
			planned, err := e.plan(ctx, scope, &p.CreateLoadBalancerInput)
			if err != nil {
				return nil, err
			}
			return func(tx *store.Tx) error {
				b, err := lookup(tx, scope, balancers, aBalancer, &request.PhysicalID)
				if err != nil {
					return err
				}
				if *b.VpcId != *planned.VpcId {
					return invalid("The subnets of a load balancer must stay in its VPC '%s'", *b.VpcId)
				}
				b.AvailabilityZones, b.SecurityGroups, b.IpAddressType = planned.AvailabilityZones, planned.SecurityGroups, planned.IpAddressType
				if p.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic != nil {
					b.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = p.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic
				}
				if err := set("Load balancer", b.defaults(), &b.Attributes, p.attributes()); err != nil {
					return err
				}
				return balancers.Put(tx, scope, request.PhysicalID, b)
			}, nil
		},
		remove: func(tx *store.Tx, scope store.Scope, request resource.Request) error {
			return removeBalancer(tx, scope, request.PhysicalID)
		},
		state: func(tx *store.Tx, scope store.Scope, id string) (resource.State, error) {
			b, err := lookup(tx, scope, balancers, aBalancer, &id)
			guards := []any{}
			for _, group := range b.SecurityGroups {
				guards = append(guards, group)
			}
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{
				"LoadBalancerArn": id, "DNSName": aws.ToString(b.DNSName), "CanonicalHostedZoneID": aws.ToString(b.CanonicalHostedZoneId),
				"LoadBalancerFullName": full(id, aBalancer), "LoadBalancerName": aws.ToString(b.LoadBalancerName), "SecurityGroups": guards,
			}}, err
		},
	}
}

// free checks that nothing has a name: a template never adopts what is there, as
// a repeated call of the API does.
func free[T any](tx *store.Tx, scope store.Scope, table store.Table[T], has func(T) bool, thing, name string) error {
	return table.Walk(tx, scope, "", func(_ string, value T) error {
		if has(value) {
			return &resource.Error{Code: resource.AlreadyExists, Message: thing + " with the name '" + name + "' already exists"}
		}
		return nil
	})
}

// groupProperties are those of AWS::ElasticLoadBalancingV2::TargetGroup.
type groupProperties struct {
	elb.CreateTargetGroupInput
	TargetGroupAttributes []types.TargetGroupAttribute
	Targets               []types.TargetDescription
}

func (p groupProperties) attributes() map[string]string {
	return pairs(p.TargetGroupAttributes, func(a types.TargetGroupAttribute) (*string, *string) { return a.Key, a.Value })
}

func (e *ELBV2) groupKind() kind {
	read := func(request resource.Request, from map[string]any) (groupProperties, error) {
		var p groupProperties
		err := resource.Props(from).Into(&p, "Tags")
		if p.Name == nil {
			p.Name = aws.String(resource.Name(request, maxName))
		}
		return p, err
	}
	return kind{
		elb: e, tagged: true,
		create: func(ctx context.Context, scope store.Scope, request resource.Request, tags map[string]string) (func(*store.Tx) (string, error), error) {
			p, err := read(request, request.Properties)
			if err != nil {
				return nil, err
			}
			planned, err := e.planGroup(ctx, scope, &p.CreateTargetGroupInput)
			if err != nil {
				return nil, err
			}
			if err := set("Target group", planned.defaults(), &planned.Attributes, p.attributes()); err != nil {
				return nil, err
			}
			if len(p.Targets) > 0 {
				if p.Targets, err = e.checked(ctx, scope, planned, p.Targets); err != nil {
					return nil, err
				}
			}
			return func(tx *store.Tx) (string, error) {
				if err := free(tx, scope, groups, func(g group) bool { return *g.TargetGroupName == *planned.TargetGroupName }, "Target group", *planned.TargetGroupName); err != nil {
					return "", err
				}
				made, err := e.keepGroup(tx, scope, planned, tags, request.Token)
				if err != nil {
					return "", err
				}
				return *made.TargetGroupArn, e.register(tx, scope, made.TargetGroupArn, p.Targets)
			}, nil
		},
		update: func(ctx context.Context, scope store.Scope, request resource.Request) (func(*store.Tx) error, error) {
			p, err := read(request, request.Properties)
			if err != nil {
				return nil, err
			}
			before, err := read(request, request.Previous)
			if err != nil {
				return nil, err
			}
			planned, err := e.planGroup(ctx, scope, &p.CreateTargetGroupInput)
			if err != nil {
				return nil, err
			}
			if len(p.Targets) > 0 {
				if p.Targets, err = e.checked(ctx, scope, planned, p.Targets); err != nil {
					return nil, err
				}
			}
			return func(tx *store.Tx) error {
				g, err := lookup(tx, scope, groups, aGroup, &request.PhysicalID)
				if err != nil {
					return err
				}
				planned.TargetGroupArn, planned.TargetGroupName = g.TargetGroupArn, g.TargetGroupName
				g.TargetGroup = planned.TargetGroup
				if err := set("Target group", g.defaults(), &g.Attributes, p.attributes()); err != nil {
					return err
				}
				if err := groups.Put(tx, scope, request.PhysicalID, g); err != nil {
					return err
				}
				if err := e.deregister(tx, scope, &request.PhysicalID, without(before.Targets, p.Targets, planned)); err != nil {
					return err
				}
				return e.register(tx, scope, &request.PhysicalID, p.Targets)
			}, nil
		},
		remove: func(tx *store.Tx, scope store.Scope, request resource.Request) error {
			return removeGroup(tx, scope, request.PhysicalID)
		},
		state: func(tx *store.Tx, scope store.Scope, id string) (resource.State, error) {
			g, err := lookup(tx, scope, groups, aGroup, &id)
			if err != nil {
				return resource.State{}, err
			}
			used, err := users(tx, scope)
			arns := []any{}
			for _, arn := range used[id] {
				arns = append(arns, arn)
			}
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{
				"TargetGroupArn": id, "TargetGroupName": *g.TargetGroupName, "TargetGroupFullName": "targetgroup/" + full(id, aGroup), "LoadBalancerArns": arns,
			}}, err
		},
	}
}

// without are the targets of before that are not in after. Those without a port
// have that of the group.
func without(before, after []types.TargetDescription, g group) []types.TargetDescription {
	var gone []types.TargetDescription
	for _, old := range before {
		if old.Port == nil {
			old.Port = g.Port
		}
		kept := false
		for _, t := range after {
			kept = kept || same(old, t)
		}
		if !kept {
			gone = append(gone, old)
		}
	}
	return gone
}
