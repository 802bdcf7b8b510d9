package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (e *EC2) Service() *wire.Service {
	service := &wire.Service{Name: "ec2", Protocol: wire.EC2Query, Differences: differsFromAWS, Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/"}
	wire.Register(service, "DescribeVpcs", e.describeVpcs)
	wire.Register(service, "DescribeVpcAttribute", e.describeVpcAttribute)
	wire.Register(service, "DescribeSubnets", e.describeSubnets)
	wire.Register(service, "DescribeRouteTables", e.describeRouteTables)
	wire.Register(service, "DescribeSecurityGroups", e.describeSecurityGroups)
	wire.Register(service, "DescribeInternetGateways", e.describeInternetGateways)
	wire.Register(service, "DescribeNatGateways", e.describeNatGateways)
	wire.Register(service, "DescribeAddresses", e.describeAddresses)
	wire.Register(service, "DescribeAvailabilityZones", e.describeAvailabilityZones)
	wire.Register(service, "DescribeInstances", e.describeInstances)
	wire.Register(service, "DescribeNetworkInterfaces", e.describeNetworkInterfaces)
	e.registerCatalog(service)
	wire.Register(service, "CreateSecurityGroup", e.createSecurityGroup)
	wire.Register(service, "DeleteSecurityGroup", e.deleteSecurityGroup)
	wire.Register(service, "AuthorizeSecurityGroupIngress", e.authorizeSecurityGroupIngress)
	wire.Register(service, "AuthorizeSecurityGroupEgress", e.authorizeSecurityGroupEgress)
	wire.Register(service, "RevokeSecurityGroupIngress", e.revokeSecurityGroupIngress)
	wire.Register(service, "RevokeSecurityGroupEgress", e.revokeSecurityGroupEgress)
	wire.Register(service, "DescribeSecurityGroupRules", e.describeSecurityGroupRules)
	wire.Register(service, "CreateTags", e.createTags)
	wire.Register(service, "DeleteTags", e.deleteTags)
	wire.Register(service, "DescribeTags", e.describeTags)
	return service
}

// query is what all describe calls have in common.
type query struct {
	ids     []string
	filters []types.Filter
	max     *int32
	next    *string
}

// list returns the values of a table that a query asks for, a page at a time in
// the order of IDs, and the token of the next page, which is the last ID of this
// one.
func list[S, T any](ctx context.Context, e *EC2, table store.Table[S], q query, convert func(*store.Tx, S) (T, error)) (out []T, next *string, err error) {
	scope := scopeOf(ctx)
	out = []T{}
	err = e.view(scope, func(tx *store.Tx) error {
		for _, id := range q.ids {
			if _, err := lookup(tx, scope, table, id); err != nil {
				return err
			}
		}
		last := ""
		return table.Walk(tx, scope, "", func(id string, stored S) error {
			if len(q.ids) > 0 && !slices.Contains(q.ids, id) || id <= aws.ToString(q.next) {
				return nil
			}
			value, err := convert(tx, stored)
			if err != nil {
				return err
			}
			ok, err := passes(value, q.filters)
			if err != nil || !ok {
				return err
			}
			if q.max != nil && len(out) == int(*q.max) {
				next = aws.String(last)
				return store.Stop
			}
			out, last = append(out, value), id
			return nil
		})
	})
	if err == nil && len(out) == 0 && len(q.filters) > 0 { // a wrong filter is wrong of nothing too
		var none T
		_, err = passes(none, q.filters)
	}
	return out, next, err
}

func same[T any](_ *store.Tx, value T) (T, error) { return value, nil }

func (e *EC2) describeVpcs(ctx context.Context, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	out, next, err := list(ctx, e, vpcs, query{in.VpcIds, in.Filters, in.MaxResults, in.NextToken},
		func(_ *store.Tx, v vpc) (types.Vpc, error) { return v.Vpc, nil })
	return &ec2.DescribeVpcsOutput{Vpcs: out, NextToken: next}, err
}

func (e *EC2) describeVpcAttribute(ctx context.Context, in *ec2.DescribeVpcAttributeInput) (*ec2.DescribeVpcAttributeOutput, error) {
	out := &ec2.DescribeVpcAttributeOutput{VpcId: in.VpcId}
	err := e.view(scopeOf(ctx), func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), vpcs, aws.ToString(in.VpcId))
		if err != nil {
			return err
		}
		switch in.Attribute {
		case types.VpcAttributeNameEnableDnsSupport:
			out.EnableDnsSupport = &types.AttributeBooleanValue{Value: aws.Bool(found.DNSSupport)}
		case types.VpcAttributeNameEnableDnsHostnames:
			out.EnableDnsHostnames = &types.AttributeBooleanValue{Value: aws.Bool(found.DNSHostnames)}
		default:
			return wire.Errorf("InvalidParameterValue", "The sandbox has no VPC attribute '%s'.", in.Attribute)
		}
		return nil
	})
	return out, err
}

func (e *EC2) describeSubnets(ctx context.Context, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	out, next, err := list(ctx, e, subnets, query{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken}, same)
	return &ec2.DescribeSubnetsOutput{Subnets: out, NextToken: next}, err
}

func (e *EC2) describeRouteTables(ctx context.Context, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	out, next, err := list(ctx, e, tables, query{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken}, same)
	return &ec2.DescribeRouteTablesOutput{RouteTables: out, NextToken: next}, err
}

func (e *EC2) describeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	filters := in.Filters
	if len(in.GroupNames) > 0 {
		filters = append(slices.Clone(filters), types.Filter{Name: aws.String("group-name"), Values: in.GroupNames})
	}
	scope := scopeOf(ctx)
	out, next, err := list(ctx, e, groups, query{in.GroupIds, filters, in.MaxResults, in.NextToken},
		func(tx *store.Tx, group types.SecurityGroup) (types.SecurityGroup, error) {
			err := withRules(tx, scope, &group)
			return group, err
		})
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: out, NextToken: next}, err
}

func (e *EC2) describeInternetGateways(ctx context.Context, in *ec2.DescribeInternetGatewaysInput) (*ec2.DescribeInternetGatewaysOutput, error) {
	out, next, err := list(ctx, e, gateways, query{in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken}, same)
	return &ec2.DescribeInternetGatewaysOutput{InternetGateways: out, NextToken: next}, err
}

func (e *EC2) describeNatGateways(ctx context.Context, in *ec2.DescribeNatGatewaysInput) (*ec2.DescribeNatGatewaysOutput, error) {
	out, next, err := list(ctx, e, nats, query{in.NatGatewayIds, in.Filter, in.MaxResults, in.NextToken}, same)
	return &ec2.DescribeNatGatewaysOutput{NatGateways: out, NextToken: next}, err
}

func (e *EC2) describeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput) (*ec2.DescribeAddressesOutput, error) {
	filters := in.Filters
	if len(in.PublicIps) > 0 {
		filters = append(slices.Clone(filters), types.Filter{Name: aws.String("public-ip"), Values: in.PublicIps})
	}
	if len(in.AllocationIds) > 0 {
		filters = append(slices.Clone(filters), types.Filter{Name: aws.String("allocation-id"), Values: in.AllocationIds})
	}
	out, _, err := list(ctx, e, addresses, query{filters: filters}, same)
	return &ec2.DescribeAddressesOutput{Addresses: out}, err
}

func (e *EC2) describeAvailabilityZones(ctx context.Context, in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
	region := wire.CallOf(ctx).Region
	out := &ec2.DescribeAvailabilityZonesOutput{AvailabilityZones: []types.AvailabilityZone{}}
	known := e.zonesOf(region)
	for _, name := range in.ZoneNames {
		if !slices.Contains(known, name) {
			return nil, wire.Errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	for _, name := range known {
		zone := types.AvailabilityZone{
			ZoneName: aws.String(name), ZoneId: aws.String(zoneID(name)), RegionName: aws.String(region), State: types.AvailabilityZoneStateAvailable,
			ZoneType: aws.String("availability-zone"), OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
			GroupName: aws.String(region), NetworkBorderGroup: aws.String(region),
		}
		if len(in.ZoneNames) > 0 && !slices.Contains(in.ZoneNames, name) || len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, *zone.ZoneId) {
			continue
		}
		ok, err := passes(zone, in.Filters)
		if err != nil {
			return nil, err
		}
		if ok {
			out.AvailabilityZones = append(out.AvailabilityZones, zone)
		}
	}
	return out, nil
}

func (e *EC2) describeInstances(ctx context.Context, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	found, next, err := list(ctx, e, instances, query{in.InstanceIds, in.Filters, in.MaxResults, in.NextToken}, same)
	out := &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{}, NextToken: next}
	for _, instance := range found { // one reservation each, as if each was run by itself
		out.Reservations = append(out.Reservations, types.Reservation{
			ReservationId: aws.String("r" + aws.ToString(instance.InstanceId)[1:]), OwnerId: aws.String(wire.CallOf(ctx).Account),
			Instances: []types.Instance{instance},
		})
	}
	return out, err
}

func (e *EC2) describeNetworkInterfaces(ctx context.Context, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	out, next, err := list(ctx, e, interfaces, query{in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken}, same)
	return &ec2.DescribeNetworkInterfacesOutput{NetworkInterfaces: out, NextToken: next}, err
}
