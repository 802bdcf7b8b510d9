package route53

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// zoneProvider drives AWS::Route53::HostedZone. Its physical ID is the zone's.
type zoneProvider struct{ *Route53 }

func (p zoneProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	name, err := resource.Props(request.Properties).Required("Name")
	if err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: request.Account}
	made := zone{ID: "Z" + resource.Suffix(request.Token, 20), CallerReference: request.Token}
	err = p.store.Update(func(tx *store.Tx) error {
		old, exists, err := zones.Get(tx, scope, made.ID)
		if err != nil || exists { // the same call again
			made = old
			return err
		}
		if err := made.set(request); err != nil {
			return err
		}
		made, err = p.newZone(tx, scope, made, name)
		return err
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return made.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p zoneProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := store.Scope{Account: request.Account}
	var found zone
	err := p.store.Update(func(tx *store.Tx) (err error) {
		if found, err = find(tx, scope, &request.PhysicalID); err != nil {
			return err
		}
		if err := found.set(request); err != nil {
			return err
		}
		if found.Private != (len(found.VPCs) > 0) {
			return wire.Errorf("InvalidInput", "A public hosted zone can't be made private, nor a private one public.")
		}
		return zones.Put(tx, scope, found.ID, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return found.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p zoneProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	err := p.store.Update(func(tx *store.Tx) error {
		found, exists, err := zones.Get(tx, scope, request.PhysicalID)
		if err != nil || !exists {
			return err
		}
		return p.removeZone(tx, scope, found)
	})
	if err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// set gives a zone what its properties say, besides its name.
func (z *zone) set(request resource.Request) error {
	properties := resource.Props(request.Properties)
	for _, name := range []string{"QueryLoggingConfig", "HostedZoneFeatures"} {
		if properties.Has(name) {
			return resource.Invalid("The sandbox has no %s of hosted zones", name)
		}
	}
	config, err := properties.Object("HostedZoneConfig")
	if err != nil {
		return err
	}
	if z.Comment, err = config.String("Comment"); err != nil {
		return err
	}
	if z.Tags, err = properties.Tags("HostedZoneTags", request.Tags); err != nil {
		return err
	}
	vpcs, err := properties.Objects("VPCs")
	if err != nil {
		return err
	}
	z.VPCs = nil
	for _, one := range vpcs {
		id, err := one.Required("VPCId")
		if err != nil {
			return err
		}
		region, err := one.Required("VPCRegion")
		if err != nil {
			return err
		}
		z.VPCs = append(z.VPCs, types.VPC{VPCId: &id, VPCRegion: types.VPCRegion(region)})
	}
	return nil
}

func (z zone) state() resource.State {
	servers := []any{}
	if !z.Private {
		for _, server := range z.NameServers {
			servers = append(servers, server)
		}
	}
	return resource.State{PhysicalID: z.ID, Ref: z.ID, Attributes: map[string]any{"Id": z.ID, "NameServers": servers}}
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	answer, expected := wire.As(err)
	if err == nil || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch answer.Code {
	case "NoSuchHostedZone":
		code = resource.NotFound
	case "HostedZoneNotEmpty":
		code = resource.ResourceConflict
	}
	return &resource.Error{Code: code, Message: answer.Message + " (Service: Route53, Error Code: " + answer.Code + ")"}
}
