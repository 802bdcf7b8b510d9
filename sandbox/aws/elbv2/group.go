package elbv2

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// planGroup returns the target group that an input asks for, without its ARN.
func (e *ELBV2) planGroup(ctx context.Context, scope store.Scope, in *elb.CreateTargetGroupInput) (group, error) {
	g := group{Attributes: map[string]string{}}
	if err := checkName("target group", aws.ToString(in.Name)); err != nil {
		return g, err
	}
	if in.TargetControlPort != nil {
		return g, wire.Errorf("InvalidConfigurationRequest", "The sandbox has no target optimizer.")
	}
	g.TargetGroupName, g.TargetType, g.IpAddressType = in.Name, in.TargetType, in.IpAddressType
	if g.TargetType == "" {
		g.TargetType = types.TargetTypeEnumInstance
	}
	if !slices.Contains(g.TargetType.Values(), g.TargetType) {
		return g, invalid("The target type '%s' is not valid", g.TargetType)
	}
	health := elb.ModifyTargetGroupInput{
		HealthCheckEnabled: in.HealthCheckEnabled, HealthCheckIntervalSeconds: in.HealthCheckIntervalSeconds, HealthCheckPath: in.HealthCheckPath,
		HealthCheckPort: in.HealthCheckPort, HealthCheckProtocol: in.HealthCheckProtocol, HealthCheckTimeoutSeconds: in.HealthCheckTimeoutSeconds,
		HealthyThresholdCount: in.HealthyThresholdCount, UnhealthyThresholdCount: in.UnhealthyThresholdCount, Matcher: in.Matcher,
	}
	if g.TargetType == types.TargetTypeEnumLambda {
		if in.Protocol != "" || in.Port != nil || in.VpcId != nil {
			return g, invalid("A target group of the type 'lambda' has no protocol, port and VPC")
		}
		g.HealthCheckEnabled = aws.Bool(false)
		g.HealthCheckIntervalSeconds, g.HealthCheckTimeoutSeconds = aws.Int32(35), aws.Int32(30)
		g.HealthyThresholdCount, g.UnhealthyThresholdCount = aws.Int32(5), aws.Int32(2)
		return g, setHealthCheck(&g, health)
	}
	switch {
	case in.Protocol == "" || in.Port == nil:
		return g, invalid("A protocol and a port must be specified")
	case !slices.Contains(in.Protocol.Values(), in.Protocol) || in.Protocol == types.ProtocolEnumGeneve:
		return g, invalid("The protocol '%s' is not valid", in.Protocol)
	case *in.Port < 1 || *in.Port > 65535:
		return g, invalid("Port '%d' must be between '1' and '65535'", *in.Port)
	case in.VpcId == nil:
		return g, invalid("A VPC ID must be specified")
	}
	_, err := e.network.VPC(ctx, scope.Account, scope.Region, *in.VpcId)
	if _, expected := wire.As(err); err != nil && expected {
		return g, invalid("The VPC ID '%s' is not found", *in.VpcId)
	}
	if err != nil {
		return g, err
	}
	g.Protocol, g.Port, g.VpcId = in.Protocol, in.Port, in.VpcId
	if g.IpAddressType == "" {
		g.IpAddressType = types.TargetGroupIpAddressTypeEnumIpv4
	}
	if g.web() {
		g.ProtocolVersion = in.ProtocolVersion
		if g.ProtocolVersion == nil {
			g.ProtocolVersion = aws.String("HTTP1")
		}
	} else if in.ProtocolVersion != nil {
		return g, invalid("A target group with the protocol '%s' has no protocol version", g.Protocol)
	}
	g.HealthCheckEnabled, g.HealthCheckPort, g.HealthCheckProtocol = aws.Bool(true), aws.String("traffic-port"), types.ProtocolEnumHttp
	g.HealthCheckIntervalSeconds, g.HealthCheckTimeoutSeconds = aws.Int32(30), aws.Int32(5)
	g.HealthyThresholdCount, g.UnhealthyThresholdCount = aws.Int32(5), aws.Int32(2)
	if !g.web() {
		g.HealthCheckProtocol = types.ProtocolEnumTcp
		g.HealthCheckTimeoutSeconds = aws.Int32(10)
	}
	return g, setHealthCheck(&g, health)
}

// web reports whether a group is of HTTP, as application load balancers need it.
func (g group) web() bool {
	return g.Protocol == types.ProtocolEnumHttp || g.Protocol == types.ProtocolEnumHttps
}

// setHealthCheck lays what an input says over a group's health check.
func setHealthCheck(g *group, in elb.ModifyTargetGroupInput) error {
	if in.HealthCheckProtocol != "" {
		g.HealthCheckProtocol = in.HealthCheckProtocol
	}
	for into, from := range map[**int32]*int32{
		&g.HealthCheckIntervalSeconds: in.HealthCheckIntervalSeconds, &g.HealthCheckTimeoutSeconds: in.HealthCheckTimeoutSeconds,
		&g.HealthyThresholdCount: in.HealthyThresholdCount, &g.UnhealthyThresholdCount: in.UnhealthyThresholdCount,
	} {
		if from != nil {
			*into = from
		}
	}
	if in.HealthCheckEnabled != nil {
		if !*in.HealthCheckEnabled && g.TargetType != types.TargetTypeEnumLambda {
			return invalid("Health check enabled must be true for target groups with target type '%s'", g.TargetType)
		}
		g.HealthCheckEnabled = in.HealthCheckEnabled
	}
	if in.HealthCheckPort != nil {
		g.HealthCheckPort = in.HealthCheckPort
	}
	overHTTP := g.HealthCheckProtocol == types.ProtocolEnumHttp || g.HealthCheckProtocol == types.ProtocolEnumHttps || g.TargetType == types.TargetTypeEnumLambda
	if !overHTTP {
		if in.HealthCheckPath != nil || in.Matcher != nil {
			return invalid("Health check paths and matchers are of HTTP and HTTPS health checks")
		}
		g.HealthCheckPath, g.Matcher = nil, nil
	} else {
		if g.Matcher == nil {
			g.Matcher = &types.Matcher{HttpCode: aws.String("200")}
			if !g.web() {
				g.Matcher.HttpCode = aws.String("200-399")
			}
			if aws.ToString(g.ProtocolVersion) == "GRPC" {
				g.Matcher = &types.Matcher{GrpcCode: aws.String("12")}
			}
		}
		if g.HealthCheckPath == nil {
			g.HealthCheckPath = aws.String("/")
		}
		if in.Matcher != nil {
			g.Matcher = in.Matcher
		}
		if in.HealthCheckPath != nil {
			g.HealthCheckPath = in.HealthCheckPath
		}
	}
	switch interval, timeout := *g.HealthCheckIntervalSeconds, *g.HealthCheckTimeoutSeconds; {
	case interval < 5 || interval > 300:
		return invalid("Health check interval '%d' must be between '5' and '300'", interval)
	case timeout < 2 || timeout > 120:
		return invalid("Health check timeout '%d' must be between '2' and '120'", timeout)
	case timeout >= interval:
		return invalid("Health check interval must be greater than the timeout.")
	case *g.HealthyThresholdCount < 2 || *g.HealthyThresholdCount > 10, *g.UnhealthyThresholdCount < 2 || *g.UnhealthyThresholdCount > 10:
		return invalid("Health check threshold counts must be between '2' and '10'")
	}
	return nil
}

// keepGroup makes a planned group. One of the same name and settings is the same.
func (e *ELBV2) keepGroup(tx *store.Tx, scope store.Scope, g group, tags map[string]string, token string) (group, error) {
	var twin *group
	err := groups.Walk(tx, scope, "", func(_ string, other group) error {
		if *other.TargetGroupName == *g.TargetGroupName {
			twin = &other
			return store.Stop
		}
		return nil
	})
	if err != nil {
		return g, err
	}
	if twin != nil {
		same := twin.TargetGroup
		same.TargetGroupArn = nil
		if !reflect.DeepEqual(same, g.TargetGroup) {
			return g, wire.Errorf("DuplicateTargetGroupName", "A target group with the same name '%s' exists, but with different settings", *g.TargetGroupName)
		}
		return *twin, nil
	}
	g.TargetGroupArn, g.Tags = aws.String(arnOf(scope, "targetgroup/"+*g.TargetGroupName+"/"+idOf(token))), tags
	return g, groups.Put(tx, scope, *g.TargetGroupArn, g)
}

// shown is a group as it is shown, with the load balancers that use it.
func (g group) shown(used map[string][]string) types.TargetGroup {
	g.LoadBalancerArns = used[*g.TargetGroupArn]
	if g.LoadBalancerArns == nil {
		g.LoadBalancerArns = []string{}
	}
	return g.TargetGroup
}

func (e *ELBV2) createTargetGroup(ctx context.Context, in *elb.CreateTargetGroupInput) (*elb.CreateTargetGroupOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	planned, err := e.planGroup(ctx, scopeOf(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &elb.CreateTargetGroupOutput{}
	err = e.store.Update(func(tx *store.Tx) error {
		made, err := e.keepGroup(tx, scopeOf(ctx), planned, tags, uuid.NewString())
		if err != nil {
			return err
		}
		used, err := users(tx, scopeOf(ctx))
		out.TargetGroups = []types.TargetGroup{made.shown(used)}
		return err
	})
	return out, err
}

func (e *ELBV2) describeTargetGroups(ctx context.Context, in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	out := &elb.DescribeTargetGroupsOutput{}
	scope := scopeOf(ctx)
	err := e.store.View(func(tx *store.Tx) error {
		used, err := users(tx, scope)
		if err != nil {
			return err
		}
		if in.LoadBalancerArn != nil {
			if _, err := lookup(tx, scope, balancers, aBalancer, in.LoadBalancerArn); err != nil {
				return err
			}
		}
		for _, arn := range in.TargetGroupArns {
			if _, err := lookup(tx, scope, groups, aGroup, &arn); err != nil {
				return err
			}
		}
		all, err := groups.List(tx, scope, "")
		if err != nil {
			return err
		}
		for _, name := range in.Names {
			if !slices.ContainsFunc(all, func(g group) bool { return *g.TargetGroupName == name }) {
				return aGroup.missing()
			}
		}
		all = slices.DeleteFunc(all, func(g group) bool {
			return len(in.TargetGroupArns) > 0 && !slices.Contains(in.TargetGroupArns, *g.TargetGroupArn) ||
				len(in.Names) > 0 && !slices.Contains(in.Names, *g.TargetGroupName) ||
				in.LoadBalancerArn != nil && !slices.Contains(used[*g.TargetGroupArn], *in.LoadBalancerArn)
		})
		page, next := wire.Page(all, in.Marker, in.PageSize, maxPage, func(g group) string { return *g.TargetGroupArn })
		for _, g := range page {
			out.TargetGroups = append(out.TargetGroups, g.shown(used))
		}
		out.NextMarker = next
		return nil
	})
	return out, err
}

func (e *ELBV2) modifyTargetGroup(ctx context.Context, in *elb.ModifyTargetGroupInput) (*elb.ModifyTargetGroupOutput, error) {
	out := &elb.ModifyTargetGroupOutput{}
	err := e.store.Update(func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), groups, aGroup, in.TargetGroupArn)
		if err != nil {
			return err
		}
		if err := setHealthCheck(&found, *in); err != nil {
			return err
		}
		used, err := users(tx, scopeOf(ctx))
		if err != nil {
			return err
		}
		out.TargetGroups = []types.TargetGroup{found.shown(used)}
		return groups.Put(tx, scopeOf(ctx), *in.TargetGroupArn, found)
	})
	return out, err
}

// deleteTargetGroup succeeds for one that has gone, as the service does.
func (e *ELBV2) deleteTargetGroup(ctx context.Context, in *elb.DeleteTargetGroupInput) (*elb.DeleteTargetGroupOutput, error) {
	if !strings.Contains(aws.ToString(in.TargetGroupArn), ":targetgroup/") {
		return nil, invalid("'%s' is not a valid target group ARN", aws.ToString(in.TargetGroupArn))
	}
	return nil, e.store.Update(func(tx *store.Tx) error { return removeGroup(tx, scopeOf(ctx), *in.TargetGroupArn) })
}

func removeGroup(tx *store.Tx, scope store.Scope, arn string) error {
	used, err := users(tx, scope)
	if err != nil {
		return err
	}
	if len(used[arn]) > 0 {
		return wire.Errorf("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
	}
	return groups.Delete(tx, scope, arn)
}
