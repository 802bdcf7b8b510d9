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

func newTable(scope store.Scope, id string, v vpc, tags []types.Tag) types.RouteTable {
	return types.RouteTable{
		RouteTableId: aws.String(id), VpcId: v.VpcId, OwnerId: aws.String(scope.Account), Tags: tags,
		Routes: []types.Route{{
			DestinationCidrBlock: v.CidrBlock, GatewayId: aws.String("local"),
			State: types.RouteStateActive, Origin: types.RouteOriginCreateRouteTable,
		}},
	}
}

func (e *EC2) tableKind() kind {
	return kind{
		ec2: e, id: byToken("rtb"), exists: in(tables),
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			vpcID, err := resource.Props(request.Properties).Required("VpcId")
			if err != nil {
				return err
			}
			in, err := lookup(tx, scope, vpcs, vpcID)
			if err != nil {
				return err
			}
			tags, err := tagsOf(request)
			if err != nil {
				return err
			}
			return tables.Put(tx, scope, id, newTable(scope, id, in, tags))
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			table, err := lookup(tx, scope, tables, id)
			if err != nil {
				return err
			}
			if table.Tags, err = tagsOf(request); err != nil {
				return err
			}
			return tables.Put(tx, scope, id, table)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			table, err := lookup(tx, scope, tables, id)
			if err != nil {
				return err
			}
			if len(table.Associations) > 0 {
				return inUse("routeTable", id, "subnets are associated with it")
			}
			return tables.Delete(tx, scope, id)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"RouteTableId": id}}, nil
		},
	}
}

// routeKind drives AWS::EC2::Route. Its physical ID is "rtb-…|0.0.0.0/0".
func (e *EC2) routeKind() kind {
	find := func(tx *store.Tx, scope store.Scope, id string) (types.RouteTable, int, error) {
		tableID, destination, _ := strings.Cut(id, "|")
		table, found, err := tables.Get(tx, scope, tableID)
		if err != nil || !found {
			return table, -1, err
		}
		return table, slices.IndexFunc(table.Routes, func(r types.Route) bool {
			return aws.ToString(r.DestinationCidrBlock) == destination || aws.ToString(r.DestinationIpv6CidrBlock) == destination
		}), nil
	}
	write := func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
		tableID, destination, _ := strings.Cut(id, "|")
		if _, err := lookup(tx, scope, tables, tableID); err != nil {
			return err
		}
		table, at, err := find(tx, scope, id)
		if err != nil {
			return err
		}
		route, err := target(tx, scope, table, request.Properties)
		if err != nil {
			return err
		}
		prefix, err := netip.ParsePrefix(destination)
		if err != nil {
			return wire.Errorf("InvalidParameterValue", "Value (%s) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.", destination)
		}
		if prefix.Addr().Is4() {
			route.DestinationCidrBlock = aws.String(destination)
		} else {
			route.DestinationIpv6CidrBlock = aws.String(destination)
		}
		if at >= 0 {
			table.Routes[at] = route
		} else {
			table.Routes = append(table.Routes, route)
		}
		return tables.Put(tx, scope, tableID, table)
	}
	return kind{
		ec2: e,
		id: func(request resource.Request) (string, error) {
			properties := resource.Props(request.Properties)
			table, err := properties.Required("RouteTableId")
			if err != nil {
				return "", err
			}
			destination, err := properties.String("DestinationCidrBlock")
			if err == nil && destination == "" {
				destination, err = properties.Required("DestinationIpv6CidrBlock")
			}
			return table + "|" + destination, err
		},
		exists: func(tx *store.Tx, scope store.Scope, id string) (bool, error) {
			_, at, err := find(tx, scope, id)
			return at >= 0, err
		},
		make: write, update: write,
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			table, at, err := find(tx, scope, id)
			if err != nil {
				return err
			}
			table.Routes = slices.Delete(table.Routes, at, at+1)
			return tables.Put(tx, scope, *table.RouteTableId, table)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			_, destination, _ := strings.Cut(id, "|")
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"CidrBlock": destination}}, nil
		},
	}
}

// target reads where a route leads, which must be there and in reach.
func target(tx *store.Tx, scope store.Scope, table types.RouteTable, properties resource.Props) (types.Route, error) {
	route := types.Route{State: types.RouteStateActive, Origin: types.RouteOriginCreateRoute}
	gatewayID, err := properties.String("GatewayId")
	if err != nil {
		return route, err
	}
	if gatewayID != "" {
		gateway, err := lookup(tx, scope, gateways, gatewayID)
		if err != nil {
			return route, err
		}
		if attachedTo(gateway) != aws.ToString(table.VpcId) {
			return route, wire.Errorf("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", *table.RouteTableId, gatewayID)
		}
		route.GatewayId = aws.String(gatewayID)
		return route, nil
	}
	natID, err := properties.String("NatGatewayId")
	if err != nil {
		return route, err
	}
	if natID != "" {
		if _, err := lookup(tx, scope, nats, natID); err != nil {
			return route, err
		}
		route.NatGatewayId = aws.String(natID)
		return route, nil
	}
	for name, field := range map[string]**string{
		"TransitGatewayId": &route.TransitGatewayId, "VpcPeeringConnectionId": &route.VpcPeeringConnectionId,
		"NetworkInterfaceId": &route.NetworkInterfaceId, "InstanceId": &route.InstanceId,
		"EgressOnlyInternetGatewayId": &route.EgressOnlyInternetGatewayId, "LocalGatewayId": &route.LocalGatewayId,
	} {
		value, err := properties.String(name)
		if err != nil {
			return route, err
		}
		if value != "" {
			*field = aws.String(value)
			return route, nil
		}
	}
	return route, wire.Errorf("MissingParameter", "The route to %s names no target that the sandbox knows, such as GatewayId or NatGatewayId.", *table.RouteTableId)
}

// associationKind drives AWS::EC2::SubnetRouteTableAssociation.
func (e *EC2) associationKind() kind {
	find := func(tx *store.Tx, scope store.Scope, match func(types.RouteTableAssociation) bool) (found types.RouteTable, at int, err error) {
		at = -1
		err = tables.Walk(tx, scope, "", func(_ string, table types.RouteTable) error {
			if i := slices.IndexFunc(table.Associations, match); i >= 0 {
				found, at = table, i
				return store.Stop
			}
			return nil
		})
		return found, at, err
	}
	byID := func(id string) func(types.RouteTableAssociation) bool {
		return func(a types.RouteTableAssociation) bool { return aws.ToString(a.RouteTableAssociationId) == id }
	}
	remove := func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
		table, at, err := find(tx, scope, byID(id))
		if err != nil || at < 0 {
			return err
		}
		table.Associations = slices.Delete(table.Associations, at, at+1)
		return tables.Put(tx, scope, *table.RouteTableId, table)
	}
	add := func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
		properties := resource.Props(request.Properties)
		tableID, err := properties.Required("RouteTableId")
		if err != nil {
			return err
		}
		subnetID, err := properties.Required("SubnetId")
		if err != nil {
			return err
		}
		table, err := lookup(tx, scope, tables, tableID)
		if err != nil {
			return err
		}
		subnet, err := lookup(tx, scope, subnets, subnetID)
		if err != nil {
			return err
		}
		if aws.ToString(subnet.VpcId) != aws.ToString(table.VpcId) {
			return wire.Errorf("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", tableID, subnetID)
		}
		other, at, err := find(tx, scope, func(a types.RouteTableAssociation) bool { return aws.ToString(a.SubnetId) == subnetID })
		if err != nil {
			return err
		}
		if at >= 0 {
			return wire.Errorf("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association: subnet %s has %s",
				tableID, subnetID, aws.ToString(other.RouteTableId))
		}
		table.Associations = append(table.Associations, types.RouteTableAssociation{
			RouteTableAssociationId: aws.String(id), RouteTableId: aws.String(tableID), SubnetId: aws.String(subnetID), Main: aws.Bool(false),
			AssociationState: &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated},
		})
		return tables.Put(tx, scope, tableID, table)
	}
	return kind{
		ec2: e, id: byToken("rtbassoc"),
		exists: func(tx *store.Tx, scope store.Scope, id string) (bool, error) {
			_, at, err := find(tx, scope, byID(id))
			return at >= 0, err
		},
		make: add,
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			if err := remove(tx, scope, id, request); err != nil {
				return err
			}
			return add(tx, scope, id, request)
		},
		remove: remove,
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"Id": id}}, nil
		},
	}
}
