package rds

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func (r *RDS) createDBSubnetGroup(ctx context.Context, in *rds.CreateDBSubnetGroupInput) (*rds.CreateDBSubnetGroupOutput, error) {
	scope, name := scopeOf(ctx), strings.ToLower(aws.ToString(in.DBSubnetGroupName))
	if name == "" || name == "default" || aws.ToString(in.DBSubnetGroupDescription) == "" {
		return nil, invalid("A DB subnet group needs a name other than default, and a description.")
	}
	list, err := r.network.Subnets(ctx, scope.Account, scope.Region, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	made := group{Tags: tagMap(in.Tags)}
	if made.DBSubnetGroup, err = describe(scope, name, *in.DBSubnetGroupDescription, list); err != nil {
		return nil, err
	}
	return &rds.CreateDBSubnetGroupOutput{DBSubnetGroup: &made.DBSubnetGroup}, r.store.Update(func(tx *store.Tx) error {
		if _, exists, err := subnets.Get(tx, scope, name); err != nil || exists {
			if err == nil {
				err = wire.Errorf("DBSubnetGroupAlreadyExists", "The DB subnet group '%s' already exists.", name)
			}
			return err
		}
		return subnets.Put(tx, scope, name, made)
	})
}

func (r *RDS) modifyDBSubnetGroup(ctx context.Context, in *rds.ModifyDBSubnetGroupInput) (*rds.ModifyDBSubnetGroupOutput, error) {
	scope := scopeOf(ctx)
	list, err := r.network.Subnets(ctx, scope.Account, scope.Region, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	out := &rds.ModifyDBSubnetGroupOutput{}
	return out, r.store.Update(func(tx *store.Tx) error {
		found, err := findGroup(tx, scope, aws.ToString(in.DBSubnetGroupName))
		if err != nil {
			return err
		}
		description := aws.ToString(found.DBSubnetGroupDescription)
		if in.DBSubnetGroupDescription != nil {
			description = *in.DBSubnetGroupDescription
		}
		if found.DBSubnetGroup, err = describe(scope, *found.DBSubnetGroupName, description, list); err != nil {
			return err
		}
		out.DBSubnetGroup = &found.DBSubnetGroup
		return subnets.Put(tx, scope, *found.DBSubnetGroupName, found)
	})
}

func (r *RDS) deleteDBSubnetGroup(ctx context.Context, in *rds.DeleteDBSubnetGroupInput) (*rds.DeleteDBSubnetGroupOutput, error) {
	return nil, r.store.Update(func(tx *store.Tx) error {
		found, err := findGroup(tx, scopeOf(ctx), aws.ToString(in.DBSubnetGroupName))
		if err != nil {
			return err
		}
		return r.dropGroup(tx, scopeOf(ctx), *found.DBSubnetGroupName)
	})
}

// dropGroup deletes a subnet group that no instance stands in.
func (r *RDS) dropGroup(tx *store.Tx, scope store.Scope, name string) error {
	err := instances.Walk(tx, scope, "", func(id string, stored instance) error {
		now, there := stored.at(r.pace.Now())
		if there && aws.ToString(now.DBSubnetGroup.DBSubnetGroupName) == name {
			return wire.Errorf("InvalidDBSubnetGroupStateFault",
				"Cannot delete the subnet group '%s' because at least one database instance: %s is still using it.", name, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return subnets.Delete(tx, scope, name)
}
