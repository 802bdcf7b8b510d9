package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// attachedToVPC is what EC2 says of an attachment to a VPC; the client's type lists
// the states of other attachments only.
const attachedToVPC = types.AttachmentStatus("available")

// attachedTo is the VPC that a gateway is attached to, or "".
func attachedTo(g types.InternetGateway) string {
	if len(g.Attachments) == 0 {
		return ""
	}
	return aws.ToString(g.Attachments[0].VpcId)
}

func (e *EC2) gatewayKind() kind {
	write := func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
		gateway, _, err := gateways.Get(tx, scope, id)
		if err != nil {
			return err
		}
		gateway.InternetGatewayId, gateway.OwnerId = aws.String(id), aws.String(scope.Account)
		if gateway.Tags, err = tagsOf(request); err != nil {
			return err
		}
		return gateways.Put(tx, scope, id, gateway)
	}
	return kind{
		ec2: e, id: byToken("igw"), exists: in(gateways), make: write, update: write,
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			gateway, err := lookup(tx, scope, gateways, id)
			if err != nil {
				return err
			}
			if v := attachedTo(gateway); v != "" {
				return inUse("internetGateway", id, "it is attached to "+v)
			}
			return gateways.Delete(tx, scope, id)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"InternetGatewayId": id}}, nil
		},
	}
}

// attachmentKind drives AWS::EC2::VPCGatewayAttachment. Its physical ID is
// "IGW|vpc-…".
func (e *EC2) attachmentKind() kind {
	gatewayOf := func(tx *store.Tx, scope store.Scope, id string) (found types.InternetGateway, exists bool, err error) {
		err = gateways.Walk(tx, scope, "", func(_ string, g types.InternetGateway) error {
			if attachedTo(g) != "" && "IGW|"+attachedTo(g) == id {
				found, exists = g, true
				return store.Stop
			}
			return nil
		})
		return found, exists, err
	}
	return kind{
		ec2: e,
		id: func(request resource.Request) (string, error) {
			properties := resource.Props(request.Properties)
			if properties.Has("VpnGatewayId") {
				return "", wire.Errorf("UnsupportedOperation", "The sandbox has no VPN gateways.")
			}
			vpcID, err := properties.Required("VpcId")
			return "IGW|" + vpcID, err
		},
		exists: func(tx *store.Tx, scope store.Scope, id string) (bool, error) {
			_, exists, err := gatewayOf(tx, scope, id)
			return exists, err
		},
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			gatewayID, err := resource.Props(request.Properties).Required("InternetGatewayId")
			if err != nil {
				return err
			}
			vpcID := strings.TrimPrefix(id, "IGW|")
			if _, err := lookup(tx, scope, vpcs, vpcID); err != nil {
				return err
			}
			gateway, err := lookup(tx, scope, gateways, gatewayID)
			if err != nil {
				return err
			}
			if other := attachedTo(gateway); other != "" {
				return wire.Errorf("Resource.AlreadyAssociated", "resource %s is already attached to network %s", gatewayID, other)
			}
			gateway.Attachments = []types.InternetGatewayAttachment{{VpcId: aws.String(vpcID), State: attachedToVPC}}
			return gateways.Put(tx, scope, gatewayID, gateway)
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			gatewayID, err := resource.Props(request.Properties).Required("InternetGatewayId")
			if err != nil {
				return err
			}
			old, _, err := gatewayOf(tx, scope, id)
			if err != nil {
				return err
			}
			if aws.ToString(old.InternetGatewayId) == gatewayID {
				return nil
			}
			next, err := lookup(tx, scope, gateways, gatewayID)
			if err != nil {
				return err
			}
			next.Attachments, old.Attachments = old.Attachments, nil
			if err := gateways.Put(tx, scope, *old.InternetGatewayId, old); err != nil {
				return err
			}
			return gateways.Put(tx, scope, gatewayID, next)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			gateway, _, err := gatewayOf(tx, scope, id)
			if err != nil {
				return err
			}
			gateway.Attachments = nil
			return gateways.Put(tx, scope, *gateway.InternetGatewayId, gateway)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"AttachmentType": "IGW"}}, nil
		},
	}
}
