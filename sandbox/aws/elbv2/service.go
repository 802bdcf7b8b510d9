package elbv2

import (
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (e *ELBV2) Service() *wire.Service {
	service := &wire.Service{
		Name: "elasticloadbalancing", Protocol: wire.Query, Differences: differsFromAWS,
		Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
	}
	wire.Register(service, "CreateLoadBalancer", e.createLoadBalancer)
	wire.Register(service, "DescribeLoadBalancers", e.describeLoadBalancers)
	wire.Register(service, "DeleteLoadBalancer", e.deleteLoadBalancer)
	wire.Register(service, "SetSubnets", e.setSubnets)
	wire.Register(service, "SetSecurityGroups", e.setSecurityGroups)
	wire.Register(service, "SetIpAddressType", e.setIpAddressType)
	wire.Register(service, "DescribeLoadBalancerAttributes", e.describeLoadBalancerAttributes)
	wire.Register(service, "ModifyLoadBalancerAttributes", e.modifyLoadBalancerAttributes)
	wire.Register(service, "DescribeCapacityReservation", e.describeCapacityReservation)

	wire.Register(service, "CreateTargetGroup", e.createTargetGroup)
	wire.Register(service, "DescribeTargetGroups", e.describeTargetGroups)
	wire.Register(service, "ModifyTargetGroup", e.modifyTargetGroup)
	wire.Register(service, "DeleteTargetGroup", e.deleteTargetGroup)
	wire.Register(service, "DescribeTargetGroupAttributes", e.describeTargetGroupAttributes)
	wire.Register(service, "ModifyTargetGroupAttributes", e.modifyTargetGroupAttributes)
	wire.Register(service, "RegisterTargets", e.registerTargets)
	wire.Register(service, "DeregisterTargets", e.deregisterTargets)
	wire.Register(service, "DescribeTargetHealth", e.describeTargetHealth)

	wire.Register(service, "CreateListener", e.createListener)
	wire.Register(service, "DescribeListeners", e.describeListeners)
	wire.Register(service, "ModifyListener", e.modifyListener)
	wire.Register(service, "DeleteListener", e.deleteListener)
	wire.Register(service, "DescribeListenerAttributes", e.describeListenerAttributes)
	wire.Register(service, "ModifyListenerAttributes", e.modifyListenerAttributes)
	wire.Register(service, "AddListenerCertificates", e.addListenerCertificates)
	wire.Register(service, "RemoveListenerCertificates", e.removeListenerCertificates)
	wire.Register(service, "DescribeListenerCertificates", e.describeListenerCertificates)

	wire.Register(service, "CreateRule", e.createRule)
	wire.Register(service, "DescribeRules", e.describeRules)
	wire.Register(service, "ModifyRule", e.modifyRule)
	wire.Register(service, "DeleteRule", e.deleteRule)
	wire.Register(service, "SetRulePriorities", e.setRulePriorities)

	wire.Register(service, "AddTags", e.addTags)
	wire.Register(service, "RemoveTags", e.removeTags)
	wire.Register(service, "DescribeTags", e.describeTags)
	wire.Register(service, "DescribeSSLPolicies", e.describeSSLPolicies)
	wire.Register(service, "DescribeAccountLimits", e.describeAccountLimits)
	wire.Register(service, "DescribeTrustStores", e.describeTrustStores)
	return service
}

// Register adds the resource types.
func (e *ELBV2) Register(registry *resource.Registry) {
	registry.Register(e.readableBalancer(), balancerType)
	registry.Register(e.readableGroup(), groupType)
	registry.Register(e.readableListener(), listenerType)
	registry.Register(e.readableRule(), ruleType)
	registry.Register(e.certificateKind(), certificateType)
}
