package elbv2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// change reads a load balancer, changes it with a look at the network, and keeps
// the fields that write copies from the result. Two changes of one load balancer
// at a time each keep their own fields.
func (e *ELBV2) change(scope store.Scope, arn *string, look func(*balancer) error, write func(into *balancer, from balancer)) (balancer, error) {
	var changed balancer
	err := e.store.View(func(tx *store.Tx) (err error) {
		changed, err = lookup(tx, scope, balancers, aBalancer, arn)
		return err
	})
	if err == nil {
		err = look(&changed)
	}
	if err != nil {
		return changed, err
	}
	err = e.store.Update(func(tx *store.Tx) error {
		now, err := lookup(tx, scope, balancers, aBalancer, arn)
		if err != nil {
			return err
		}
		write(&now, changed)
		changed = now
		return balancers.Put(tx, scope, *arn, now)
	})
	return changed, err
}

func (e *ELBV2) setSubnets(ctx context.Context, in *elb.SetSubnetsInput) (*elb.SetSubnetsOutput, error) {
	scope := scopeOf(ctx)
	b, err := e.change(scope, in.LoadBalancerArn, func(b *balancer) error {
		if in.IpAddressType != "" {
			b.IpAddressType = in.IpAddressType
		}
		if err := checkAddressType(*b); err != nil {
			return err
		}
		return e.place(ctx, scope, b, in.Subnets, in.SubnetMappings)
	}, func(into *balancer, from balancer) {
		into.AvailabilityZones, into.IpAddressType = from.AvailabilityZones, from.IpAddressType
	})
	return &elb.SetSubnetsOutput{AvailabilityZones: b.AvailabilityZones, IpAddressType: b.IpAddressType}, err
}

func (e *ELBV2) setSecurityGroups(ctx context.Context, in *elb.SetSecurityGroupsInput) (*elb.SetSecurityGroupsOutput, error) {
	scope := scopeOf(ctx)
	b, err := e.change(scope, in.LoadBalancerArn, func(b *balancer) error {
		network := b.Type == types.LoadBalancerTypeEnumNetwork
		if network && len(b.SecurityGroups) == 0 {
			return wire.Errorf("InvalidConfigurationRequest", "You cannot associate security groups with a Network Load Balancer that was created without any")
		}
		if in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic != "" {
			if !network {
				return wire.Errorf("InvalidConfigurationRequest", "Only Network Load Balancers have PrivateLink traffic")
			}
			b.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = aws.String(string(in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic))
		}
		return e.guard(ctx, scope, b, in.SecurityGroups)
	}, func(into *balancer, from balancer) {
		into.SecurityGroups = from.SecurityGroups
		into.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = from.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic
	})
	return &elb.SetSecurityGroupsOutput{
		SecurityGroupIds: b.SecurityGroups,
		EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: types.EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnum(aws.ToString(b.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic)),
	}, err
}

func (e *ELBV2) setIpAddressType(ctx context.Context, in *elb.SetIpAddressTypeInput) (*elb.SetIpAddressTypeOutput, error) {
	b, err := e.change(scopeOf(ctx), in.LoadBalancerArn, func(b *balancer) error {
		b.IpAddressType = in.IpAddressType
		return checkAddressType(*b)
	}, func(into *balancer, from balancer) { into.IpAddressType = from.IpAddressType })
	return &elb.SetIpAddressTypeOutput{IpAddressType: b.IpAddressType}, err
}

func checkAddressType(b balancer) error {
	if !slices.Contains(b.IpAddressType.Values(), b.IpAddressType) {
		return invalid("The IP address type '%s' is not valid", b.IpAddressType)
	}
	return nil
}
