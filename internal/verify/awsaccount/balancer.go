package awsaccount

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

// Balancers of the region; they can't be asked for by their DNS names.
func (a *Account) Balancers(ctx context.Context) ([]verify.Balancer, error) {
	var all []verify.Balancer
	for pages := elb.NewDescribeLoadBalancersPaginator(a.balancers, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(400)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, told("load balancers", err)
		}
		for _, b := range page.LoadBalancers {
			known := verify.Balancer{ARN: aws.ToString(b.LoadBalancerArn), DNSName: aws.ToString(b.DNSName), Application: b.Type == elbtypes.LoadBalancerTypeEnumApplication}
			if b.State != nil {
				known.State, known.Reason = string(b.State.Code), aws.ToString(b.State.Reason)
			}
			all = append(all, known)
		}
	}
	return all, nil
}

// tagsAtOnce is how many resources DescribeTags takes.
const tagsAtOnce = 20

func (a *Account) TargetGroups(ctx context.Context, balancer string) ([]verify.TargetGroup, error) {
	var all []verify.TargetGroup
	var arns []string
	for pages := elb.NewDescribeTargetGroupsPaginator(a.balancers, &elb.DescribeTargetGroupsInput{LoadBalancerArn: &balancer}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, told("target groups of "+balancer, err)
		}
		for _, g := range page.TargetGroups {
			all = append(all, verify.TargetGroup{ARN: aws.ToString(g.TargetGroupArn), Type: string(g.TargetType), Tags: map[string]string{}})
			arns = append(arns, aws.ToString(g.TargetGroupArn))
		}
	}
	for some := range slices.Chunk(arns, tagsAtOnce) {
		out, err := a.balancers.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: some})
		if err != nil {
			return nil, told("tags of target groups", err)
		}
		for _, d := range out.TagDescriptions {
			at := slices.Index(arns, aws.ToString(d.ResourceArn))
			if at < 0 {
				continue
			}
			for _, t := range d.Tags {
				all[at].Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
			}
		}
	}
	return all, nil
}

func (a *Account) Targets(ctx context.Context, group string) ([]verify.Target, error) {
	out, err := a.balancers.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		return nil, told("targets of "+group, err)
	}
	var all []verify.Target
	for _, d := range out.TargetHealthDescriptions {
		if d.Target == nil || d.TargetHealth == nil {
			continue
		}
		all = append(all, verify.Target{
			ID: aws.ToString(d.Target.Id), State: string(d.TargetHealth.State),
			Reason: cmp.Or(aws.ToString(d.TargetHealth.Description), string(d.TargetHealth.Reason)),
		})
	}
	return all, nil
}

func (a *Account) BoundCertificates(ctx context.Context, balancer string) ([]string, error) {
	var all []string
	for pages := elb.NewDescribeListenersPaginator(a.balancers, &elb.DescribeListenersInput{LoadBalancerArn: &balancer}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, told("listeners of "+balancer, err)
		}
		for _, l := range page.Listeners {
			if len(l.Certificates) == 0 {
				continue
			}
			for more := elb.NewDescribeListenerCertificatesPaginator(a.balancers, &elb.DescribeListenerCertificatesInput{ListenerArn: l.ListenerArn}); more.HasMorePages(); {
				bound, err := more.NextPage(ctx)
				if err != nil {
					return nil, told("certificates of "+aws.ToString(l.ListenerArn), err)
				}
				for _, c := range bound.Certificates {
					all = append(all, aws.ToString(c.CertificateArn))
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
