package elbv2

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// defaultPolicy is the security policy of secure listeners that name none.
const defaultPolicy = "ELBSecurityPolicy-2016-08"

var alpnPolicies = []string{"HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"}

// policies are the security policies that listeners may name, with the versions
// of TLS and the ciphers that each allows. Source: the user guide, security
// policies for application and network load balancers.
var policies = []types.SslPolicy{
	policy("ELBSecurityPolicy-TLS13-1-3-2021-06", 3), policy("ELBSecurityPolicy-TLS13-1-2-2021-06", 2, 3),
	policy("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", 2, 3), policy("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", 2, 3),
	policy("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", 2, 3), policy("ELBSecurityPolicy-TLS13-1-1-2021-06", 1, 2, 3),
	policy("ELBSecurityPolicy-TLS13-1-0-2021-06", 0, 1, 2, 3), policy("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", 2, 3),
	policy("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", 2, 3), policy("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", 3),
	policy("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", 2), policy("ELBSecurityPolicy-TLS-1-2-2017-01", 2), policy("ELBSecurityPolicy-TLS-1-1-2017-01", 1, 2),
	policy("ELBSecurityPolicy-2016-08", 0, 1, 2), policy("ELBSecurityPolicy-FS-2018-06", 0, 1, 2), policy("ELBSecurityPolicy-FS-1-1-2019-08", 1, 2),
	policy("ELBSecurityPolicy-FS-1-2-2019-08", 2), policy("ELBSecurityPolicy-FS-1-2-Res-2019-08", 2), policy("ELBSecurityPolicy-FS-1-2-Res-2020-10", 2),
	policy("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", 2, 3), policy("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", 3),
}

func policy(name string, minors ...int) types.SslPolicy {
	p := types.SslPolicy{Name: aws.String(name), SupportedLoadBalancerTypes: []string{"application", "network"}}
	var ciphers []string
	for _, minor := range minors {
		version := "TLSv1." + strconv.Itoa(minor)
		if minor == 0 {
			version = "TLSv1"
		}
		p.SslProtocols = append(p.SslProtocols, version)
		switch minor {
		case 2:
			ciphers = append(ciphers, "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384")
		case 3:
			ciphers = append(ciphers, "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
		}
	}
	for i, cipher := range ciphers {
		p.Ciphers = append(p.Ciphers, types.Cipher{Name: aws.String(cipher), Priority: aws.Int32(int32(i + 1))})
	}
	return p
}

func (e *ELBV2) describeSSLPolicies(_ context.Context, in *elb.DescribeSSLPoliciesInput) (*elb.DescribeSSLPoliciesOutput, error) {
	for _, name := range in.Names {
		if !slices.ContainsFunc(policies, func(p types.SslPolicy) bool { return *p.Name == name }) {
			return nil, wire.Errorf("SSLPolicyNotFound", "SSL policy '%s' not found", name)
		}
	}
	out := &elb.DescribeSSLPoliciesOutput{}
	for _, p := range policies {
		if len(in.Names) == 0 || slices.Contains(in.Names, *p.Name) {
			out.SslPolicies = append(out.SslPolicies, p)
		}
	}
	return out, nil
}

// describeAccountLimits tells the limits that this service really has.
func (e *ELBV2) describeAccountLimits(context.Context, *elb.DescribeAccountLimitsInput) (*elb.DescribeAccountLimitsOutput, error) {
	out := &elb.DescribeAccountLimitsOutput{}
	for _, limit := range []struct {
		name string
		max  int
	}{
		{"listeners-per-application-load-balancer", maxListeners}, {"listeners-per-network-load-balancer", maxListeners},
		{"rules-per-application-load-balancer", maxRules}, {"targets-per-application-load-balancer", maxTargets},
		{"targets-per-network-load-balancer", maxTargets}, {"certificates-per-application-load-balancer", maxCertificates},
		{"target-groups-per-action-on-application-load-balancer", maxForwards}, {"condition-values-per-alb-rule", maxValues},
	} {
		out.Limits = append(out.Limits, types.Limit{Name: aws.String(limit.name), Max: aws.String(strconv.Itoa(limit.max))})
	}
	return out, nil
}

// describeCapacityReservation answers that there is none, since nothing can make
// one; controllers ask.
func (e *ELBV2) describeCapacityReservation(ctx context.Context, in *elb.DescribeCapacityReservationInput) (*elb.DescribeCapacityReservationOutput, error) {
	return nil, e.store.View(func(tx *store.Tx) error {
		_, err := lookup(tx, scopeOf(ctx), balancers, aBalancer, in.LoadBalancerArn)
		return err
	})
}

// describeTrustStores answers that there are none, since nothing can make one.
func (e *ELBV2) describeTrustStores(_ context.Context, in *elb.DescribeTrustStoresInput) (*elb.DescribeTrustStoresOutput, error) {
	if len(in.Names) > 0 || len(in.TrustStoreArns) > 0 {
		return nil, wire.Errorf("TrustStoreNotFound", "One or more trust stores not found")
	}
	return nil, nil
}
