package elbv2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// unknown is the health of targets that nobody looks at.
type unknown struct{}

func (unknown) Health(string, string, types.TargetGroup, types.TargetDescription) types.TargetHealth {
	return types.TargetHealth{
		State: types.TargetHealthStateEnumInitial, Reason: types.TargetHealthReasonEnumInitialHealthChecking,
		Description: aws.String("Initial health checks in progress"),
	}
}

// same reports whether two descriptions are of one target.
func same(a, b types.TargetDescription) bool {
	return aws.ToString(a.Id) == aws.ToString(b.Id) && aws.ToInt32(a.Port) == aws.ToInt32(b.Port)
}

// registered are the targets that are registered or drain at a time.
func (g group) registered(now time.Time) []target {
	return slices.DeleteFunc(slices.Clone(g.Targets), func(t target) bool { return !t.Until.IsZero() && !now.Before(t.Until) })
}

// checked returns the targets of a call as they are kept: with a port, unless it
// is a function. It looks at the network, and so must be called outside a
// transaction.
func (e *ELBV2) checked(ctx context.Context, scope store.Scope, g group, list []types.TargetDescription) ([]types.TargetDescription, error) {
	if len(list) == 0 {
		return nil, invalid("At least one target must be specified")
	}
	var block netip.Prefix
	if g.TargetType == types.TargetTypeEnumIp {
		vpc, err := e.network.VPC(ctx, scope.Account, scope.Region, *g.VpcId)
		if err != nil {
			return nil, err
		}
		if block, err = netip.ParsePrefix(aws.ToString(vpc.CidrBlock)); err != nil {
			return nil, err
		}
	}
	out := slices.Clone(list)
	for i, t := range out {
		id := aws.ToString(t.Id)
		if t.Port == nil && g.TargetType != types.TargetTypeEnumLambda {
			out[i].Port = g.Port
		}
		switch g.TargetType {
		case types.TargetTypeEnumIp:
			address, err := netip.ParseAddr(id)
			if err != nil || address.Is4() != (g.IpAddressType == types.TargetGroupIpAddressTypeEnumIpv4) {
				return nil, invalid("The IP address '%s' is not a valid %s address", id, g.IpAddressType)
			}
			if address.Is4() && !block.Contains(address) && t.AvailabilityZone == nil {
				return nil, invalid("The IP address '%s' is not within the VPC '%s' and you must specify an Availability Zone", id, *g.VpcId)
			}
		case types.TargetTypeEnumInstance:
			if !strings.HasPrefix(id, "i-") {
				return nil, wire.Errorf("InvalidTarget", "The target ID '%s' is not a valid instance ID", id)
			}
		default:
			if !strings.HasPrefix(id, "arn:") {
				return nil, wire.Errorf("InvalidTarget", "The target ID '%s' is not a valid ARN", id)
			}
		}
	}
	return out, nil
}

// group reads a group by its ARN.
func (e *ELBV2) group(scope store.Scope, arn *string) (found group, err error) {
	err = e.store.View(func(tx *store.Tx) error {
		found, err = lookup(tx, scope, groups, aGroup, arn)
		return err
	})
	return found, err
}

// maxTargets is how many targets a group may have.
const maxTargets = 1000

func (e *ELBV2) registerTargets(ctx context.Context, in *elb.RegisterTargetsInput) (*elb.RegisterTargetsOutput, error) {
	scope := scopeOf(ctx)
	found, err := e.group(scope, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	list, err := e.checked(ctx, scope, found, in.Targets)
	if err != nil {
		return nil, err
	}
	return nil, e.store.Update(func(tx *store.Tx) error { return e.register(tx, scope, in.TargetGroupArn, list) })
}

// register adds targets; one that drains is registered again.
func (e *ELBV2) register(tx *store.Tx, scope store.Scope, arn *string, list []types.TargetDescription) error {
	g, err := lookup(tx, scope, groups, aGroup, arn)
	if err != nil {
		return err
	}
	g.Targets = g.registered(e.pace.Now())
	for _, t := range list {
		i := slices.IndexFunc(g.Targets, func(old target) bool { return same(old.TargetDescription, t) })
		if i >= 0 {
			g.Targets[i].Until = time.Time{}
		} else {
			g.Targets = append(g.Targets, target{TargetDescription: t})
		}
	}
	if len(g.Targets) > maxTargets || g.TargetType == types.TargetTypeEnumLambda && len(g.Targets) > 1 {
		return wire.Errorf("TooManyTargets", "The target group '%s' can't have more targets", *arn)
	}
	return groups.Put(tx, scope, *arn, g)
}

func (e *ELBV2) deregisterTargets(ctx context.Context, in *elb.DeregisterTargetsInput) (*elb.DeregisterTargetsOutput, error) {
	return nil, e.store.Update(func(tx *store.Tx) error { return e.deregister(tx, scopeOf(ctx), in.TargetGroupArn, in.Targets) })
}

// deregister lets targets drain, or removes them at once where no load balancer
// uses the group. Without a port, all ports of a target are meant.
func (e *ELBV2) deregister(tx *store.Tx, scope store.Scope, arn *string, list []types.TargetDescription) error {
	g, err := lookup(tx, scope, groups, aGroup, arn)
	if err != nil {
		return err
	}
	used, err := users(tx, scope)
	if err != nil {
		return err
	}
	delay, _ := strconv.Atoi(g.attribute("deregistration_delay.timeout_seconds")) // was checked when it was set
	now := e.pace.Now()
	until := now
	if len(used[*arn]) > 0 {
		until = now.Add(time.Duration(delay) * time.Second)
	}
	g.Targets = g.registered(now)
	for i, t := range g.Targets {
		for _, gone := range list {
			if t.Until.IsZero() && (same(t.TargetDescription, gone) || gone.Port == nil && aws.ToString(t.Id) == aws.ToString(gone.Id)) {
				g.Targets[i].Until = until
			}
		}
	}
	g.Targets = g.registered(now)
	return groups.Put(tx, scope, *arn, g)
}

func (e *ELBV2) describeTargetHealth(ctx context.Context, in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	scope := scopeOf(ctx)
	out := &elb.DescribeTargetHealthOutput{}
	var g group
	var ready bool
	err := e.store.View(func(tx *store.Tx) (err error) {
		if g, err = lookup(tx, scope, groups, aGroup, in.TargetGroupArn); err != nil {
			return err
		}
		used, err := users(tx, scope)
		if err != nil {
			return err
		}
		g.TargetGroup = g.shown(used)
		for _, arn := range used[*in.TargetGroupArn] {
			b, _, err := balancers.Get(tx, scope, arn)
			if err != nil {
				return err
			}
			ready = ready || !e.pace.Now().Before(b.Ready)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	health := e.health
	e.mu.Unlock()
	all := g.registered(e.pace.Now())
	for _, t := range all {
		wanted := len(in.Targets) == 0 || slices.ContainsFunc(in.Targets, func(w types.TargetDescription) bool {
			return same(t.TargetDescription, w) || w.Port == nil && *w.Id == *t.Id
		})
		if wanted {
			out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, describe(g, t.TargetDescription, t.health(health, scope, g, ready)))
		}
	}
	for _, w := range in.Targets {
		if !slices.ContainsFunc(all, func(t target) bool { return same(t.TargetDescription, w) || w.Port == nil && *w.Id == *t.Id }) {
			out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, describe(g, w, types.TargetHealth{
				State: types.TargetHealthStateEnumUnused, Reason: types.TargetHealthReasonEnumNotRegistered,
				Description: aws.String("Target is not registered to the target group"),
			}))
		}
	}
	return out, nil
}

// health is how a target is. Ready says that a load balancer that uses the group
// has been provisioned.
func (t target) health(source Health, scope store.Scope, g group, ready bool) types.TargetHealth {
	switch {
	case !t.Until.IsZero():
		return types.TargetHealth{
			State: types.TargetHealthStateEnumDraining, Reason: types.TargetHealthReasonEnumDeregistrationInProgress,
			Description: aws.String("Target deregistration is in progress"),
		}
	case len(g.LoadBalancerArns) == 0:
		return types.TargetHealth{
			State: types.TargetHealthStateEnumUnused, Reason: types.TargetHealthReasonEnumNotInUse,
			Description: aws.String("Target group is not configured to receive traffic from the load balancer"),
		}
	case !ready:
		return types.TargetHealth{
			State: types.TargetHealthStateEnumInitial, Reason: types.TargetHealthReasonEnumRegistrationInProgress,
			Description: aws.String("Target registration is in progress"),
		}
	case !aws.ToBool(g.HealthCheckEnabled):
		return types.TargetHealth{
			State: types.TargetHealthStateEnumUnavailable, Reason: types.TargetHealthReasonEnumHealthCheckDisabled,
			Description: aws.String("Health checks are not enabled for this target"),
		}
	}
	return source.Health(scope.Account, scope.Region, g.TargetGroup, t.TargetDescription)
}

func describe(g group, t types.TargetDescription, health types.TargetHealth) types.TargetHealthDescription {
	port := aws.ToString(g.HealthCheckPort)
	if port == "traffic-port" && t.Port != nil {
		port = strconv.Itoa(int(*t.Port))
	}
	return types.TargetHealthDescription{Target: &t, TargetHealth: &health, HealthCheckPort: aws.String(port)}
}
