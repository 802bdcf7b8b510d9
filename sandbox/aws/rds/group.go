package rds

import (
	"context"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

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
		err := instances.Walk(tx, scope, "", func(id string, stored instance) error {
			now, there := stored.at(p.pace.Now())
			if there && aws.ToString(now.DBSubnetGroup.DBSubnetGroupName) == request.PhysicalID {
				return wire.Errorf("InvalidDBSubnetGroupStateFault",
					"Cannot delete the subnet group '%s' because at least one database instance: %s is still using it.", request.PhysicalID, id)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return subnets.Delete(tx, scope, request.PhysicalID)
	})
	if err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}
