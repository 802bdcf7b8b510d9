// Package ec2 is the sandbox's EC2 network: VPCs and what stands in them, the
// calls that describe it, security groups and tags by their API, and the resource
// types of CloudFormation that make it.
//
// What it checks, as the service does: a subnet's block lies in its VPC's and
// meets no other; zones are those of the region; gateways that a route names are
// attached; what others stand on can't be deleted (DependencyViolation).
//
// Every account has in every region a default VPC 172.31.0.0/16 with a subnet in
// each zone, an internet gateway, a main route table and a default security group.
//
// Nobody runs instances here. Those that are there, with their network interfaces,
// are the simulated nodes of the sandbox's cluster, in the network that
// [EC2.Provision] makes for it.
//
// Values in the store are the official client's own types.
package ec2

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// EC2 is the service. It is safe for concurrent use.
type EC2 struct {
	store *store.Store
	pace  *simtime.Pace
	zones []string // letters
	holds func(tx *store.Tx, account, region, id string) (string, error)

	ready sync.Map // store.Scope: it has its default VPC
}

// New returns the service over a store. Zones are the letters of the availability
// zones that every region has.
func New(state *store.Store, pace *simtime.Pace, zones []string) *EC2 {
	return &EC2{store: state, pace: pace, zones: zones}
}

// vpc is a VPC with what its type of the client does not say.
type vpc struct {
	types.Vpc
	DNSSupport, DNSHostnames bool
	MainTable, DefaultGroup  string // IDs
	NetworkACL               string
}

var (
	vpcs       = store.Table[vpc]{Name: "ec2/vpcs"}
	subnets    = store.Table[types.Subnet]{Name: "ec2/subnets"}
	gateways   = store.Table[types.InternetGateway]{Name: "ec2/internet-gateways"}
	tables     = store.Table[types.RouteTable]{Name: "ec2/route-tables"}
	groups     = store.Table[types.SecurityGroup]{Name: "ec2/security-groups"}
	rules      = store.Table[rule]{Name: "ec2/security-group-rules"}
	nats       = store.Table[types.NatGateway]{Name: "ec2/nat-gateways"}
	addresses  = store.Table[types.Address]{Name: "ec2/addresses"}
	instances  = store.Table[types.Instance]{Name: "ec2/instances"}
	interfaces = store.Table[types.NetworkInterface]{Name: "ec2/network-interfaces"}
)

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

func scopeFor(request resource.Request) store.Scope {
	return store.Scope{Account: request.Account, Region: request.Region}
}

// view reads a scope that has its default VPC.
func (e *EC2) view(scope store.Scope, read func(*store.Tx) error) error {
	if err := e.prepare(scope); err != nil {
		return err
	}
	return e.store.View(read)
}

// update changes a scope that has its default VPC.
func (e *EC2) update(scope store.Scope, change func(*store.Tx) error) error {
	if err := e.prepare(scope); err != nil {
		return err
	}
	return e.store.Update(change)
}

// prepare makes the default VPC of a scope that has none. Its IDs depend on the
// scope alone, so that it is made once.
func (e *EC2) prepare(scope store.Scope) error {
	if _, ok := e.ready.Load(scope); ok {
		return nil
	}
	if scope.Region == "" {
		return wire.Errorf("InvalidParameterValue", "EC2 needs a region.")
	}
	token := "default/" + scope.Account + "/" + scope.Region
	id := resource.ID("vpc", token)
	err := e.store.Update(func(tx *store.Tx) error {
		if _, found, err := vpcs.Get(tx, scope, id); err != nil || found {
			return err
		}
		made := newVPC(scope, token, "172.31.0.0/16", nil)
		made.IsDefault = aws.Bool(true)
		made.DNSHostnames = true
		if err := putVPC(tx, scope, made); err != nil {
			return err
		}
		for i, zone := range e.zonesOf(scope.Region) {
			subnet := newSubnet(scope, token+zone, made, fmt.Sprintf("172.31.%d.0/20", i*16), zone, nil)
			subnet.DefaultForAz, subnet.MapPublicIpOnLaunch = aws.Bool(true), aws.Bool(true)
			if err := subnets.Put(tx, scope, *subnet.SubnetId, subnet); err != nil {
				return err
			}
		}
		return openVPC(tx, scope, token, made)
	})
	if err == nil {
		e.ready.Store(scope, true)
	}
	return err
}

// zonesOf are the names of a region's availability zones.
func (e *EC2) zonesOf(region string) []string {
	names := make([]string, len(e.zones))
	for i, letter := range e.zones {
		names[i] = region + letter
	}
	return names
}

// HeldBy says who knows what of other services stands in a subnet or behind a
// security group: the function names it, or "". Call it before the first request.
func (e *EC2) HeldBy(holds func(tx *store.Tx, account, region, id string) (string, error)) {
	e.holds = holds
}

// held refuses the deletion of what another service uses.
func (e *EC2) held(tx *store.Tx, scope store.Scope, thing, id string) error {
	if e.holds == nil {
		return nil
	}
	holder, err := e.holds(tx, scope.Account, scope.Region, id)
	if err == nil && holder != "" {
		err = inUse(thing, id, holder+" uses it")
	}
	return err
}

// VPC returns a VPC, and one that is not there as the API's error.
func (e *EC2) VPC(_ context.Context, account, region, id string) (types.Vpc, error) {
	scope := store.Scope{Account: account, Region: region}
	var found vpc
	err := e.view(scope, func(tx *store.Tx) (err error) {
		found, err = lookup(tx, scope, vpcs, id)
		return err
	})
	return found.Vpc, err
}

// Gateway reports whether an internet gateway is attached to a VPC.
func (e *EC2) Gateway(_ context.Context, account, region, vpcID string) (attached bool, err error) {
	scope := store.Scope{Account: account, Region: region}
	err = e.view(scope, func(tx *store.Tx) error {
		return gateways.Walk(tx, scope, "", func(_ string, g types.InternetGateway) error {
			attached = attached || attachedTo(g) == vpcID
			return nil
		})
	})
	return attached, err
}

// Zones are the names of a region's availability zones, in order: what Fn::GetAZs
// gives.
func (e *EC2) Zones(region string) []string { return e.zonesOf(region) }

// zoneID is the ID of a zone: "use1-az1" of "us-east-1a".
func zoneID(zone string) string {
	region, letter := zone[:len(zone)-1], zone[len(zone)-1]
	parts := strings.Split(region, "-")
	short := parts[0]
	for _, part := range parts[1:] {
		short += part[:1]
	}
	return fmt.Sprintf("%s-az%d", short, letter-'a'+1)
}

// Subnets returns subnets by their IDs, and one that is not there as the API's
// error.
func (e *EC2) Subnets(_ context.Context, account, region string, ids []string) ([]types.Subnet, error) {
	scope := store.Scope{Account: account, Region: region}
	var out []types.Subnet
	err := e.view(scope, func(tx *store.Tx) error {
		for _, id := range ids {
			subnet, err := lookup(tx, scope, subnets, id)
			if err != nil {
				return err
			}
			out = append(out, subnet)
		}
		return nil
	})
	return out, err
}

// DefaultSubnets returns the subnets of the default VPC.
func (e *EC2) DefaultSubnets(_ context.Context, account, region string) ([]types.Subnet, error) {
	scope := store.Scope{Account: account, Region: region}
	var out []types.Subnet
	err := e.view(scope, func(tx *store.Tx) error {
		return subnets.Walk(tx, scope, "", func(_ string, subnet types.Subnet) error {
			if aws.ToBool(subnet.DefaultForAz) {
				out = append(out, subnet)
			}
			return nil
		})
	})
	return out, err
}

// SecurityGroups checks that groups are in a VPC; with none it returns the VPC's
// default group.
func (e *EC2) SecurityGroups(_ context.Context, account, region, vpcID string, ids []string) ([]string, error) {
	scope := store.Scope{Account: account, Region: region}
	err := e.view(scope, func(tx *store.Tx) error {
		if len(ids) == 0 {
			found, err := lookup(tx, scope, vpcs, vpcID)
			ids = []string{found.DefaultGroup}
			return err
		}
		for _, id := range ids {
			group, err := lookup(tx, scope, groups, id)
			if err != nil {
				return err
			}
			if aws.ToString(group.VpcId) != vpcID {
				return wire.Errorf("InvalidParameterCombination", "The security group %s is not in the VPC %s.", id, vpcID)
			}
		}
		return nil
	})
	return ids, err
}
