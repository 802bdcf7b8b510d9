package ec2

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func newSubnet(scope store.Scope, token string, v vpc, cidr, zone string, tags []types.Tag) types.Subnet {
	id := resource.ID("subnet", token)
	prefix := netip.MustParsePrefix(cidr)
	return types.Subnet{
		SubnetId: aws.String(id), VpcId: v.VpcId, CidrBlock: aws.String(cidr), State: types.SubnetStateAvailable,
		AvailabilityZone: aws.String(zone), AvailabilityZoneId: aws.String(zoneID(zone)), OwnerId: aws.String(scope.Account),
		SubnetArn: aws.String("arn:aws:ec2:" + scope.Region + ":" + scope.Account + ":subnet/" + id),
		// Five addresses of each subnet are the service's own.
		AvailableIpAddressCount: aws.Int32(1<<(32-prefix.Bits()) - 5),
		MapPublicIpOnLaunch:     aws.Bool(false), DefaultForAz: aws.Bool(false), Tags: tags,
	}
}

func (e *EC2) subnetKind() kind {
	set := func(s *types.Subnet, request resource.Request) error {
		public, err := resource.Props(request.Properties).Bool("MapPublicIpOnLaunch")
		if err != nil {
			return err
		}
		s.MapPublicIpOnLaunch = aws.Bool(public)
		s.Tags, err = tagsOf(request)
		return err
	}
	return kind{
		ec2: e, id: byToken("subnet"), exists: in(subnets),
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			properties := resource.Props(request.Properties)
			vpcID, err := properties.Required("VpcId")
			if err != nil {
				return err
			}
			cidr, err := properties.Required("CidrBlock")
			if err != nil {
				return err
			}
			zone, err := properties.String("AvailabilityZone")
			if err != nil {
				return err
			}
			in, err := lookup(tx, scope, vpcs, vpcID)
			if err != nil {
				return err
			}
			taken, err := e.checkBlock(tx, scope, in, cidr)
			if err != nil {
				return err
			}
			zones := e.zonesOf(scope.Region)
			if zone == "" { // where there are the fewest so far
				zone = slices.MinFunc(zones, func(a, b string) int { return taken[a] - taken[b] })
			}
			if !slices.Contains(zones, zone) {
				return wire.Errorf("InvalidParameterValue",
					"Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.",
					zone, strings.Join(zones, ", "))
			}
			made := newSubnet(scope, request.Token, in, netip.MustParsePrefix(cidr).Masked().String(), zone, nil)
			if err := set(&made, request); err != nil {
				return err
			}
			return subnets.Put(tx, scope, id, made)
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			found, err := lookup(tx, scope, subnets, id)
			if err != nil {
				return err
			}
			if err := set(&found, request); err != nil {
				return err
			}
			return subnets.Put(tx, scope, id, found)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			if err := e.held(tx, scope, "subnet", id); err != nil {
				return err
			}
			return removeSubnet(tx, scope, id)
		},
		state: func(tx *store.Tx, scope store.Scope, id string) (resource.State, error) {
			found, err := lookup(tx, scope, subnets, id)
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{
				"SubnetId": id, "VpcId": aws.ToString(found.VpcId), "CidrBlock": aws.ToString(found.CidrBlock),
				"AvailabilityZone": aws.ToString(found.AvailabilityZone), "AvailabilityZoneId": aws.ToString(found.AvailabilityZoneId),
				"NetworkAclAssociationId": resource.ID("aclassoc", id), "Ipv6CidrBlocks": []any{},
			}}, err
		},
	}
}

// checkBlock checks that a subnet's block lies in the VPC and meets no other
// subnet, and returns how many subnets each zone has there.
func (e *EC2) checkBlock(tx *store.Tx, scope store.Scope, v vpc, cidr string) (map[string]int, error) {
	wanted, err := block(cidr)
	if err != nil {
		return nil, err
	}
	whole := netip.MustParsePrefix(*v.CidrBlock)
	if !whole.Contains(wanted.Addr()) || wanted.Bits() < whole.Bits() {
		return nil, wire.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid: it does not lie in %s, the block of %s.", cidr, whole, *v.VpcId)
	}
	zones := map[string]int{}
	err = subnets.Walk(tx, scope, "", func(id string, s types.Subnet) error {
		if aws.ToString(s.VpcId) != *v.VpcId {
			return nil
		}
		zones[*s.AvailabilityZone]++
		if other := netip.MustParsePrefix(*s.CidrBlock); other.Overlaps(wanted) {
			return wire.Errorf("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet: %s has %s.", cidr, id, other)
		}
		return nil
	})
	return zones, err
}

func removeSubnet(tx *store.Tx, scope store.Scope, id string) error {
	err := nats.Walk(tx, scope, "", func(nat string, n types.NatGateway) error {
		if aws.ToString(n.SubnetId) == id {
			return inUse("subnet", id, nat+" is in it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = interfaces.Walk(tx, scope, "", func(eni string, i types.NetworkInterface) error {
		if aws.ToString(i.SubnetId) == id {
			return inUse("subnet", id, eni+" is in it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The associations with route tables go with it.
	all, err := tables.List(tx, scope, "")
	if err != nil {
		return err
	}
	for _, table := range all {
		before := len(table.Associations)
		table.Associations = slices.DeleteFunc(table.Associations, func(a types.RouteTableAssociation) bool { return aws.ToString(a.SubnetId) == id })
		if len(table.Associations) != before {
			if err := tables.Put(tx, scope, *table.RouteTableId, table); err != nil {
				return err
			}
		}
	}
	return subnets.Delete(tx, scope, id)
}
