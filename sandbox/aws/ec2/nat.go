package ec2

import (
	"crypto/sha256"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// publicIP is an address out of 203.0.113.0/24 and 198.51.100.0/24, which are for
// documentation and lead nowhere, that depends on the token and the attempt.
func publicIP(token string, attempt int) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "address/%s/%d", token, attempt))
	network := []string{"203.0.113", "198.51.100"}[digest[0]%2]
	return fmt.Sprintf("%s.%d", network, 1+int(digest[1])%254)
}

// addressKind drives AWS::EC2::EIP. Its physical ID is the address itself, and the
// key in its table the allocation ID.
func (e *EC2) addressKind() kind {
	byIP := func(tx *store.Tx, scope store.Scope, ip string) (found types.Address, exists bool, err error) {
		err = addresses.Walk(tx, scope, "", func(_ string, a types.Address) error {
			if aws.ToString(a.PublicIp) == ip || aws.ToString(a.AllocationId) == ip {
				found, exists = a, true
				return store.Stop
			}
			return nil
		})
		return found, exists, err
	}
	return kind{
		ec2: e, id: byToken("eipalloc"),
		exists: func(tx *store.Tx, scope store.Scope, id string) (bool, error) {
			_, exists, err := byIP(tx, scope, id)
			return exists, err
		},
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			tags, err := tagsOf(request)
			if err != nil {
				return err
			}
			for attempt := range 508 { // as many as there are
				ip := publicIP(request.Token, attempt)
				if _, taken, err := byIP(tx, scope, ip); err != nil {
					return err
				} else if taken {
					continue
				}
				return addresses.Put(tx, scope, id, types.Address{
					AllocationId: aws.String(id), PublicIp: aws.String(ip), Domain: types.DomainTypeVpc, Tags: tags,
				})
			}
			return wire.Errorf("AddressLimitExceeded", "The sandbox has no more public addresses.")
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			address, _, err := byIP(tx, scope, id)
			if err != nil {
				return err
			}
			if address.Tags, err = tagsOf(request); err != nil {
				return err
			}
			return addresses.Put(tx, scope, *address.AllocationId, address)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			address, _, err := byIP(tx, scope, id)
			if err != nil {
				return err
			}
			if address.AssociationId != nil {
				return wire.Errorf("InvalidIPAddress.InUse", "The address %s is in use.", id)
			}
			return addresses.Delete(tx, scope, *address.AllocationId)
		},
		state: func(tx *store.Tx, scope store.Scope, id string) (resource.State, error) {
			address, _, err := byIP(tx, scope, id)
			ip := aws.ToString(address.PublicIp)
			return resource.State{PhysicalID: ip, Ref: ip, Attributes: map[string]any{
				"AllocationId": aws.ToString(address.AllocationId), "PublicIp": ip,
			}}, err
		},
	}
}

func (e *EC2) natKind() kind {
	return kind{
		ec2: e, id: byToken("nat"), exists: in(nats),
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			properties := resource.Props(request.Properties)
			subnetID, err := properties.Required("SubnetId")
			if err != nil {
				return err
			}
			subnet, err := lookup(tx, scope, subnets, subnetID)
			if err != nil {
				return err
			}
			made := types.NatGateway{
				NatGatewayId: aws.String(id), SubnetId: aws.String(subnetID), VpcId: subnet.VpcId, State: types.NatGatewayStateAvailable,
				ConnectivityType: types.ConnectivityTypePublic, CreateTime: aws.Time(e.pace.Now()),
			}
			allocation, err := properties.String("AllocationId")
			if err != nil {
				return err
			}
			connectivity, err := properties.String("ConnectivityType")
			if err != nil {
				return err
			}
			if connectivity == "private" {
				made.ConnectivityType = types.ConnectivityTypePrivate
			} else {
				address, found, err := addresses.Get(tx, scope, allocation)
				if err != nil {
					return err
				}
				if !found {
					return wire.Errorf("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", allocation)
				}
				if address.AssociationId != nil {
					return wire.Errorf("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", allocation)
				}
				address.AssociationId = aws.String(resource.ID("eipassoc", id))
				if err := addresses.Put(tx, scope, allocation, address); err != nil {
					return err
				}
				made.NatGatewayAddresses = []types.NatGatewayAddress{{
					AllocationId: address.AllocationId, PublicIp: address.PublicIp, AssociationId: address.AssociationId, IsPrimary: aws.Bool(true),
				}}
			}
			if made.Tags, err = tagsOf(request); err != nil {
				return err
			}
			return nats.Put(tx, scope, id, made)
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			found, err := lookup(tx, scope, nats, id)
			if err != nil {
				return err
			}
			if found.Tags, err = tagsOf(request); err != nil {
				return err
			}
			return nats.Put(tx, scope, id, found)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			found, err := lookup(tx, scope, nats, id)
			if err != nil {
				return err
			}
			for _, used := range found.NatGatewayAddresses {
				address, exists, err := addresses.Get(tx, scope, aws.ToString(used.AllocationId))
				if err != nil {
					return err
				}
				if exists {
					address.AssociationId = nil
					if err := addresses.Put(tx, scope, *address.AllocationId, address); err != nil {
						return err
					}
				}
			}
			return nats.Delete(tx, scope, id)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"NatGatewayId": id}}, nil
		},
	}
}
