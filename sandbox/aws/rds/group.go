package rds

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func findGroup(tx *store.Tx, scope store.Scope, name string) (group, error) {
	found, exists, err := subnets.Get(tx, scope, strings.ToLower(name))
	if err == nil && !exists {
		err = &wire.Error{Code: "DBSubnetGroupNotFoundFault", Message: "DB subnet group '" + name + "' does not exist.", HTTPStatus: 404}
	}
	return found, err
}

// groupProvider drives AWS::RDS::DBSubnetGroup. Its physical ID is the name.
type groupProvider struct{ *RDS }

func (p groupProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	name, err := resource.Props(request.Properties).String("DBSubnetGroupName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 255)
	}
	return p.write(ctx, request, strings.ToLower(name), simtime.Create)
}

func (p groupProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.write(ctx, request, request.PhysicalID, simtime.Update)
}

func (p groupProvider) write(ctx context.Context, request resource.Request, name, operation string) (resource.State, error) {
	properties := resource.Props(request.Properties)
	scope := store.Scope{Account: request.Account, Region: request.Region}
	description, err := properties.Required("DBSubnetGroupDescription")
	if err != nil {
		return resource.State{}, err
	}
	ids, err := properties.Strings("SubnetIds")
	if err != nil {
		return resource.State{}, err
	}
	list, err := p.network.Subnets(ctx, request.Account, request.Region, ids)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	described, err := describe(scope, name, description, list)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	err = p.store.Update(func(tx *store.Tx) error {
		made := group{DBSubnetGroup: described, Token: request.Token}
		old, exists, err := subnets.Get(tx, scope, name)
		switch {
		case err != nil:
			return err
		case operation == simtime.Create && exists && old.Token != request.Token:
			return wire.Errorf("DBSubnetGroupAlreadyExists", "The DB subnet group '%s' already exists.", name)
		case operation == simtime.Update:
			if !exists {
				_, err := findGroup(tx, scope, name)
				return err
			}
			made.Token = old.Token
		}
		if made.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
			return err
		}
		return subnets.Put(tx, scope, name, made)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return resource.State{PhysicalID: name, Ref: name, Attributes: map[string]any{
		"DBSubnetGroupArn": aws.ToString(described.DBSubnetGroupArn),
	}}, p.pace.Wait(ctx, p.pace.End(request.Type, operation))
}

func (p groupProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	err := p.store.Update(func(tx *store.Tx) error {
		return p.dropGroup(tx, scope, request.PhysicalID)
	})
	if err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}
