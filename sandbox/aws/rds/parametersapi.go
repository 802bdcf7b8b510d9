package rds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func (r *RDS) registerParameters(service *wire.Service) {
	wire.Register(service, "CreateDBParameterGroup", r.createDBParameterGroup)
	wire.Register(service, "DescribeDBParameterGroups", r.describeDBParameterGroups)
	wire.Register(service, "ModifyDBParameterGroup", r.modifyDBParameterGroup)
	wire.Register(service, "ResetDBParameterGroup", r.resetDBParameterGroup)
	wire.Register(service, "DeleteDBParameterGroup", r.deleteDBParameterGroup)
	wire.Register(service, "DescribeDBParameters", r.describeDBParameters)
	wire.Register(service, "CreateDBClusterParameterGroup", r.createDBClusterParameterGroup)
	wire.Register(service, "DescribeDBClusterParameterGroups", r.describeDBClusterParameterGroups)
	wire.Register(service, "ModifyDBClusterParameterGroup", r.modifyDBClusterParameterGroup)
	wire.Register(service, "DeleteDBClusterParameterGroup", r.deleteDBClusterParameterGroup)
	wire.Register(service, "DescribeDBClusterParameters", r.describeDBClusterParameters)
}

func (r *RDS) newParameters(ctx context.Context, k parameterKind, name, family, description *string, tags []types.Tag) (parameterGroup, error) {
	made, err := k.newGroup(scopeOf(ctx), aws.ToString(name), aws.ToString(family), aws.ToString(description))
	if err != nil {
		return made, err
	}
	made.Tags = tagMap(tags)
	return made, r.store.Update(func(tx *store.Tx) error { return k.add(tx, scopeOf(ctx), made) })
}

func (r *RDS) changeParameters(ctx context.Context, k parameterKind, name *string, do func(*parameterGroup) error) error {
	return r.store.Update(func(tx *store.Tx) error {
		found, err := k.own(tx, scopeOf(ctx), aws.ToString(name))
		if err != nil {
			return err
		}
		if err := do(&found); err != nil {
			return err
		}
		return k.table.Put(tx, scopeOf(ctx), found.Name, found)
	})
}

// parameterGroups are the one that is named, or a page of all.
func (r *RDS) parameterGroups(ctx context.Context, k parameterKind, name, marker *string, limit *int32) (page []parameterGroup, next *string, err error) {
	err = r.store.View(func(tx *store.Tx) error {
		if name != nil {
			found, err := k.find(tx, scopeOf(ctx), *name)
			page = []parameterGroup{found}
			return err
		}
		all, err := k.list(tx, scopeOf(ctx))
		page, next = wire.Page(all, marker, limit, 100, func(g parameterGroup) string { return g.Name })
		return err
	})
	return page, next, err
}

func (r *RDS) parameters(ctx context.Context, k parameterKind, name, source, marker *string, limit *int32) (page []types.Parameter, next *string, err error) {
	err = r.store.View(func(tx *store.Tx) error {
		found, err := k.find(tx, scopeOf(ctx), aws.ToString(name))
		page, next = wire.Page(found.answer(source), marker, limit, 100, func(p types.Parameter) string { return *p.ParameterName })
		return err
	})
	return page, next, err
}

func (r *RDS) createDBParameterGroup(ctx context.Context, in *rds.CreateDBParameterGroupInput) (*rds.CreateDBParameterGroupOutput, error) {
	made, err := r.newParameters(ctx, instanceParameters, in.DBParameterGroupName, in.DBParameterGroupFamily, in.Description, in.Tags)
	answer := made.ofInstances()
	return &rds.CreateDBParameterGroupOutput{DBParameterGroup: &answer}, err
}

func (r *RDS) describeDBParameterGroups(ctx context.Context, in *rds.DescribeDBParameterGroupsInput) (*rds.DescribeDBParameterGroupsOutput, error) {
	page, next, err := r.parameterGroups(ctx, instanceParameters, in.DBParameterGroupName, in.Marker, in.MaxRecords)
	out := &rds.DescribeDBParameterGroupsOutput{Marker: next}
	for _, g := range page {
		out.DBParameterGroups = append(out.DBParameterGroups, g.ofInstances())
	}
	return out, err
}

func (r *RDS) modifyDBParameterGroup(ctx context.Context, in *rds.ModifyDBParameterGroupInput) (*rds.ModifyDBParameterGroupOutput, error) {
	err := r.changeParameters(ctx, instanceParameters, in.DBParameterGroupName, func(g *parameterGroup) error { return g.set(in.Parameters) })
	return &rds.ModifyDBParameterGroupOutput{DBParameterGroupName: in.DBParameterGroupName}, err
}

func (r *RDS) resetDBParameterGroup(ctx context.Context, in *rds.ResetDBParameterGroupInput) (*rds.ResetDBParameterGroupOutput, error) {
	err := r.changeParameters(ctx, instanceParameters, in.DBParameterGroupName, func(g *parameterGroup) error { return g.reset(in.ResetAllParameters, in.Parameters) })
	return &rds.ResetDBParameterGroupOutput{DBParameterGroupName: in.DBParameterGroupName}, err
}

func (r *RDS) deleteDBParameterGroup(ctx context.Context, in *rds.DeleteDBParameterGroupInput) (*rds.DeleteDBParameterGroupOutput, error) {
	return nil, r.store.Update(func(tx *store.Tx) error {
		return instanceParameters.remove(tx, r, scopeOf(ctx), aws.ToString(in.DBParameterGroupName))
	})
}

func (r *RDS) describeDBParameters(ctx context.Context, in *rds.DescribeDBParametersInput) (*rds.DescribeDBParametersOutput, error) {
	page, next, err := r.parameters(ctx, instanceParameters, in.DBParameterGroupName, in.Source, in.Marker, in.MaxRecords)
	return &rds.DescribeDBParametersOutput{Parameters: page, Marker: next}, err
}

func (r *RDS) createDBClusterParameterGroup(ctx context.Context, in *rds.CreateDBClusterParameterGroupInput) (*rds.CreateDBClusterParameterGroupOutput, error) {
	made, err := r.newParameters(ctx, clusterParameters, in.DBClusterParameterGroupName, in.DBParameterGroupFamily, in.Description, in.Tags)
	answer := made.ofClusters()
	return &rds.CreateDBClusterParameterGroupOutput{DBClusterParameterGroup: &answer}, err
}

func (r *RDS) describeDBClusterParameterGroups(ctx context.Context, in *rds.DescribeDBClusterParameterGroupsInput) (*rds.DescribeDBClusterParameterGroupsOutput, error) {
	page, next, err := r.parameterGroups(ctx, clusterParameters, in.DBClusterParameterGroupName, in.Marker, in.MaxRecords)
	out := &rds.DescribeDBClusterParameterGroupsOutput{Marker: next}
	for _, g := range page {
		out.DBClusterParameterGroups = append(out.DBClusterParameterGroups, g.ofClusters())
	}
	return out, err
}

func (r *RDS) modifyDBClusterParameterGroup(ctx context.Context, in *rds.ModifyDBClusterParameterGroupInput) (*rds.ModifyDBClusterParameterGroupOutput, error) {
	err := r.changeParameters(ctx, clusterParameters, in.DBClusterParameterGroupName, func(g *parameterGroup) error { return g.set(in.Parameters) })
	return &rds.ModifyDBClusterParameterGroupOutput{DBClusterParameterGroupName: in.DBClusterParameterGroupName}, err
}

func (r *RDS) deleteDBClusterParameterGroup(ctx context.Context, in *rds.DeleteDBClusterParameterGroupInput) (*rds.DeleteDBClusterParameterGroupOutput, error) {
	return nil, r.store.Update(func(tx *store.Tx) error {
		return clusterParameters.remove(tx, r, scopeOf(ctx), aws.ToString(in.DBClusterParameterGroupName))
	})
}

func (r *RDS) describeDBClusterParameters(ctx context.Context, in *rds.DescribeDBClusterParametersInput) (*rds.DescribeDBClusterParametersOutput, error) {
	page, next, err := r.parameters(ctx, clusterParameters, in.DBClusterParameterGroupName, in.Source, in.Marker, in.MaxRecords)
	return &rds.DescribeDBClusterParametersOutput{Parameters: page, Marker: next}, err
}
