package ec2

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// newVPC returns a VPC whose IDs depend on the token.
func newVPC(scope store.Scope, token, cidr string, tags []types.Tag) vpc {
	return vpc{
		Vpc: types.Vpc{
			VpcId: aws.String(resource.ID("vpc", token)), CidrBlock: aws.String(cidr), State: types.VpcStateAvailable,
			OwnerId: aws.String(scope.Account), IsDefault: aws.Bool(false), InstanceTenancy: types.TenancyDefault,
			DhcpOptionsId: aws.String(resource.ID("dopt", scope.Account+scope.Region)), Tags: tags,
			CidrBlockAssociationSet: []types.VpcCidrBlockAssociation{{
				AssociationId: aws.String(resource.ID("vpc-cidr-assoc", token)), CidrBlock: aws.String(cidr),
				CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated},
			}},
		},
		DNSSupport: true, MainTable: resource.ID("rtb", token), DefaultGroup: resource.ID("sg", token), NetworkACL: resource.ID("acl", token),
	}
}

// putVPC keeps a new VPC with its main route table and its default group.
func putVPC(tx *store.Tx, scope store.Scope, made vpc) error {
	main := newTable(scope, made.MainTable, made, nil)
	main.Associations = []types.RouteTableAssociation{{
		Main: aws.Bool(true), RouteTableId: main.RouteTableId,
		RouteTableAssociationId: aws.String(resource.ID("rtbassoc", made.MainTable)),
		AssociationState:        &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated},
	}}
	if err := tables.Put(tx, scope, made.MainTable, main); err != nil {
		return err
	}
	group := newGroup(scope, made.DefaultGroup, *made.VpcId, "default", "default VPC security group", nil)
	if err := groups.Put(tx, scope, made.DefaultGroup, group); err != nil {
		return err
	}
	for _, r := range []rule{
		{ID: resource.ID("sgr", made.DefaultGroup+"in"), Group: made.DefaultGroup, Protocol: "-1", From: -1, To: -1, PeerGroup: made.DefaultGroup},
		everythingOut(made.DefaultGroup),
	} {
		if err := rules.Put(tx, scope, r.ID, r); err != nil {
			return err
		}
	}
	return vpcs.Put(tx, scope, *made.VpcId, made)
}

// openVPC gives a new VPC an internet gateway, and its main route table the route
// there, so that its subnets are public.
func openVPC(tx *store.Tx, scope store.Scope, token string, v vpc) error {
	gateway := types.InternetGateway{
		InternetGatewayId: aws.String(resource.ID("igw", token)), OwnerId: aws.String(scope.Account),
		Attachments: []types.InternetGatewayAttachment{{VpcId: v.VpcId, State: attachedToVPC}},
	}
	if err := gateways.Put(tx, scope, *gateway.InternetGatewayId, gateway); err != nil {
		return err
	}
	table, err := lookup(tx, scope, tables, v.MainTable)
	if err != nil {
		return err
	}
	table.Routes = append(table.Routes, types.Route{
		DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: gateway.InternetGatewayId,
		State: types.RouteStateActive, Origin: types.RouteOriginCreateRoute,
	})
	return tables.Put(tx, scope, v.MainTable, table)
}

// block reads a CIDR block whose prefix must be between /16 and /28.
func block(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() {
		return prefix, wire.Errorf("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)
	}
	if prefix.Bits() < 16 || prefix.Bits() > 28 {
		return prefix, wire.Errorf("InvalidVpc.Range", "The CIDR '%s' is invalid: its prefix must be between /16 and /28.", text)
	}
	return prefix.Masked(), nil
}

func (e *EC2) vpcKind() kind {
	set := func(v *vpc, request resource.Request) error {
		properties := resource.Props(request.Properties)
		v.DNSSupport, v.DNSHostnames = true, false
		var err error
		if properties.Has("EnableDnsSupport") {
			if v.DNSSupport, err = properties.Bool("EnableDnsSupport"); err != nil {
				return err
			}
		}
		if v.DNSHostnames, err = properties.Bool("EnableDnsHostnames"); err != nil {
			return err
		}
		if v.DNSHostnames && !v.DNSSupport {
			return wire.Errorf("InvalidParameterCombination", "EnableDnsHostnames needs EnableDnsSupport.")
		}
		v.Tags, err = tagsOf(request)
		return err
	}
	return kind{
		ec2: e, id: byToken("vpc"), exists: in(vpcs),
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			properties := resource.Props(request.Properties)
			if properties.Has("Ipv4IpamPoolId") {
				return wire.Errorf("UnsupportedOperation", "The sandbox has no IPAM pools: give the VPC a CidrBlock.")
			}
			cidr, err := properties.Required("CidrBlock")
			if err != nil {
				return err
			}
			prefix, err := block(cidr)
			if err != nil {
				return err
			}
			made := newVPC(scope, request.Token, prefix.String(), nil)
			if err := set(&made, request); err != nil {
				return err
			}
			return putVPC(tx, scope, made)
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			found, err := lookup(tx, scope, vpcs, id)
			if err != nil {
				return err
			}
			if err := set(&found, request); err != nil {
				return err
			}
			return vpcs.Put(tx, scope, id, found)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			return removeVPC(tx, scope, id)
		},
		state: func(tx *store.Tx, scope store.Scope, id string) (resource.State, error) {
			found, err := lookup(tx, scope, vpcs, id)
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{
				"VpcId": id, "CidrBlock": aws.ToString(found.CidrBlock), "DefaultSecurityGroup": found.DefaultGroup,
				"DefaultNetworkAcl": found.NetworkACL, "Ipv6CidrBlocks": []any{},
				"CidrBlockAssociations": []any{resource.ID("vpc-cidr-assoc", id)},
			}}, err
		},
	}
}

// removeVPC deletes a VPC with its main table and default group, and refuses
// while anything else is in it.
func removeVPC(tx *store.Tx, scope store.Scope, id string) error {
	found, err := lookup(tx, scope, vpcs, id)
	if err != nil {
		return err
	}
	err = subnets.Walk(tx, scope, "", func(subnet string, s types.Subnet) error {
		if aws.ToString(s.VpcId) == id {
			return inUse("vpc", id, subnet+" is in it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = gateways.Walk(tx, scope, "", func(gateway string, g types.InternetGateway) error {
		if attachedTo(g) == id {
			return inUse("vpc", id, gateway+" is attached to it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = tables.Walk(tx, scope, "", func(table string, t types.RouteTable) error {
		if aws.ToString(t.VpcId) == id && table != found.MainTable {
			return inUse("vpc", id, table+" is in it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = groups.Walk(tx, scope, "", func(group string, g types.SecurityGroup) error {
		if aws.ToString(g.VpcId) == id && group != found.DefaultGroup {
			return inUse("vpc", id, group+" is in it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := removeRules(tx, scope, found.DefaultGroup); err != nil {
		return err
	}
	if err := groups.Delete(tx, scope, found.DefaultGroup); err != nil {
		return err
	}
	if err := tables.Delete(tx, scope, found.MainTable); err != nil {
		return err
	}
	return vpcs.Delete(tx, scope, id)
}

// vpcProperties are a VPC as a template would give it.
func vpcProperties(tx *store.Tx, scope store.Scope, id string) (resource.Props, error) {
	found, err := lookup(tx, scope, vpcs, id)
	tags := map[string]string{}
	for _, tag := range found.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	out := resource.Props{"EnableDnsSupport": found.DNSSupport, "EnableDnsHostnames": found.DNSHostnames}
	out.Set("CidrBlock", aws.ToString(found.CidrBlock))
	out.Set("InstanceTenancy", string(found.InstanceTenancy))
	out.Set("Tags", resource.TagList(tags))
	return out, err
}
