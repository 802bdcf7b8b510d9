package rds

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (r *RDS) Service() *wire.Service {
	service := &wire.Service{Name: "rds", Protocol: wire.Query, Differences: differsFromAWS, Namespace: "http://rds.amazonaws.com/doc/2014-10-31/"}
	wire.Register(service, "DescribeDBInstances", r.describeDBInstances)
	wire.Register(service, "DescribeDBSubnetGroups", r.describeDBSubnetGroups)
	wire.Register(service, "DescribeDBSnapshots", r.describeDBSnapshots)
	wire.Register(service, "CreateDBInstance", r.createDBInstance)
	wire.Register(service, "ModifyDBInstance", r.modifyDBInstance)
	wire.Register(service, "DeleteDBInstance", r.deleteDBInstance)
	wire.Register(service, "StartDBInstance", r.startDBInstance)
	wire.Register(service, "StopDBInstance", r.stopDBInstance)
	wire.Register(service, "RebootDBInstance", r.rebootDBInstance)
	wire.Register(service, "CreateDBSnapshot", r.createDBSnapshot)
	wire.Register(service, "DeleteDBSnapshot", r.deleteDBSnapshot)
	wire.Register(service, "RestoreDBInstanceFromDBSnapshot", r.restoreDBInstanceFromDBSnapshot)
	wire.Register(service, "CreateDBSubnetGroup", r.createDBSubnetGroup)
	wire.Register(service, "ModifyDBSubnetGroup", r.modifyDBSubnetGroup)
	wire.Register(service, "DeleteDBSubnetGroup", r.deleteDBSubnetGroup)
	wire.Register(service, "DescribeDBEngineVersions", r.describeDBEngineVersions)
	wire.Register(service, "DescribeOrderableDBInstanceOptions", r.describeOrderableDBInstanceOptions)
	wire.Register(service, "AddTagsToResource", r.addTagsToResource)
	wire.Register(service, "RemoveTagsFromResource", r.removeTagsFromResource)
	wire.Register(service, "ListTagsForResource", r.listTagsForResource)
	r.registerParameters(service)
	return service
}

func (r *RDS) describeDBInstances(ctx context.Context, in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
	scope := scopeOf(ctx)
	out := &rds.DescribeDBInstancesOutput{DBInstances: []types.DBInstance{}}
	limit := 100
	if in.MaxRecords != nil {
		limit = int(*in.MaxRecords)
	}
	now := r.pace.Now()
	err := r.store.View(func(tx *store.Tx) error {
		if in.DBInstanceIdentifier != nil {
			found, err := r.find(tx, scope, *in.DBInstanceIdentifier)
			if err == nil {
				out.DBInstances = append(out.DBInstances, found.DBInstance)
			}
			return err
		}
		return instances.Walk(tx, scope, "", func(id string, stored instance) error {
			found, there := stored.at(now)
			if !there || id <= aws.ToString(in.Marker) {
				return nil
			}
			if ok, err := passes(found.DBInstance, in.Filters); err != nil || !ok {
				return err
			}
			if len(out.DBInstances) == limit {
				out.Marker = out.DBInstances[limit-1].DBInstanceIdentifier
				return store.Stop
			}
			out.DBInstances = append(out.DBInstances, found.DBInstance)
			return nil
		})
	})
	return out, err
}

func passes(i types.DBInstance, filters []types.Filter) (bool, error) {
	for _, filter := range filters {
		var values []*string
		switch name := aws.ToString(filter.Name); name {
		case "db-instance-id":
			values = []*string{i.DBInstanceIdentifier, i.DBInstanceArn}
		case "dbi-resource-id":
			values = []*string{i.DbiResourceId}
		case "engine":
			values = []*string{i.Engine}
		case "db-cluster-id", "domain": // the sandbox has neither
		default:
			return false, invalid("Unrecognized filter name: %s", name)
		}
		if !slices.ContainsFunc(values, func(v *string) bool { return slices.Contains(filter.Values, aws.ToString(v)) }) {
			return false, nil
		}
	}
	return true, nil
}

func (r *RDS) describeDBSubnetGroups(ctx context.Context, in *rds.DescribeDBSubnetGroupsInput) (*rds.DescribeDBSubnetGroupsOutput, error) {
	out := &rds.DescribeDBSubnetGroupsOutput{DBSubnetGroups: []types.DBSubnetGroup{}}
	err := r.store.View(func(tx *store.Tx) error {
		if in.DBSubnetGroupName != nil {
			found, err := findGroup(tx, scopeOf(ctx), *in.DBSubnetGroupName)
			if err == nil {
				out.DBSubnetGroups = append(out.DBSubnetGroups, found.DBSubnetGroup)
			}
			return err
		}
		return subnets.Walk(tx, scopeOf(ctx), "", func(_ string, found group) error {
			out.DBSubnetGroups = append(out.DBSubnetGroups, found.DBSubnetGroup)
			return nil
		})
	})
	return out, err
}

// propertyNames are the parameters of Create-, Modify- and RestoreDBInstance… that the
// sandbox has, and the CloudFormation properties that they are.
var propertyNames = map[string]string{
	"DBName": "DBName", "Engine": "Engine", "DBInstanceClass": "DBInstanceClass", "AllocatedStorage": "AllocatedStorage",
	"MasterUsername": "MasterUsername", "MasterUserPassword": "MasterUserPassword", "VpcSecurityGroupIds": "VPCSecurityGroups",
	"DBSubnetGroupName": "DBSubnetGroupName", "MultiAZ": "MultiAZ", "Port": "Port", "DBPortNumber": "Port", "EngineVersion": "EngineVersion",
	"AvailabilityZone": "AvailabilityZone", "BackupRetentionPeriod": "BackupRetentionPeriod", "StorageType": "StorageType", "Iops": "Iops",
	"PubliclyAccessible": "PubliclyAccessible", "StorageEncrypted": "StorageEncrypted", "DeletionProtection": "DeletionProtection",
	"AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade", "CopyTagsToSnapshot": "CopyTagsToSnapshot", "KmsKeyId": "KmsKeyId",
	"EnableIAMDatabaseAuthentication": "EnableIAMDatabaseAuthentication", "MaxAllocatedStorage": "MaxAllocatedStorage",
	"PreferredBackupWindow": "PreferredBackupWindow", "PreferredMaintenanceWindow": "PreferredMaintenanceWindow",
	"StorageThroughput": "StorageThroughput", "CACertificateIdentifier": "CACertificateIdentifier", "LicenseModel": "LicenseModel",
	"DBParameterGroupName": "DBParameterGroupName", "DBSnapshotIdentifier": "DBSnapshotIdentifier",
	"DBInstanceIdentifier": "", "Tags": "", "ApplyImmediately": "", // read by the operations themselves
}

// propertiesOf turns an input of the API into CloudFormation's properties. A
// parameter that the sandbox does not have is an error, not ignored.
func propertiesOf(in any) (resource.Props, error) {
	properties := resource.Props{}
	value := reflect.ValueOf(in).Elem()
	for i := range value.NumField() {
		field, v := value.Type().Field(i), value.Field(i)
		if !field.IsExported() || v.IsZero() {
			continue
		}
		name, ok := propertyNames[field.Name]
		if !ok {
			return nil, wire.Errorf("InvalidParameterCombination", "The sandbox does not implement the parameter %s.", field.Name)
		}
		if name == "" {
			continue
		}
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Int32:
			properties[name] = int(v.Int())
		default:
			properties[name] = v.Interface()
		}
	}
	return properties, nil
}

func (r *RDS) createDBInstance(ctx context.Context, in *rds.CreateDBInstanceInput) (*rds.CreateDBInstanceOutput, error) {
	properties, err := propertiesOf(in)
	if err != nil {
		return nil, err
	}
	made, err := r.create(ctx, scopeOf(ctx), aws.ToString(in.DBInstanceIdentifier), "", properties, tagMap(in.Tags))
	if err != nil {
		return nil, err
	}
	now, _ := made.at(r.pace.Now())
	return &rds.CreateDBInstanceOutput{DBInstance: &now.DBInstance}, nil
}

func (r *RDS) modifyDBInstance(ctx context.Context, in *rds.ModifyDBInstanceInput) (*rds.ModifyDBInstanceOutput, error) {
	if !aws.ToBool(in.ApplyImmediately) {
		return nil, wire.Errorf("InvalidParameterCombination", "The sandbox has no maintenance windows: set ApplyImmediately.")
	}
	properties, err := propertiesOf(in)
	if err != nil {
		return nil, err
	}
	changed, err := r.modify(ctx, scopeOf(ctx), aws.ToString(in.DBInstanceIdentifier), "", properties, nil, nil)
	if err != nil {
		return nil, err
	}
	now, _ := changed.at(r.pace.Now())
	return &rds.ModifyDBInstanceOutput{DBInstance: &now.DBInstance}, nil
}

func (r *RDS) deleteDBInstance(ctx context.Context, in *rds.DeleteDBInstanceInput) (*rds.DeleteDBInstanceOutput, error) {
	last := strings.ToLower(aws.ToString(in.FinalDBSnapshotIdentifier))
	switch skip := aws.ToBool(in.SkipFinalSnapshot); {
	case !skip && last == "":
		return nil, wire.Errorf("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
	case skip && last != "":
		return nil, wire.Errorf("InvalidParameterCombination", "FinalDBSnapshotIdentifier can not be specified when deleting without a final snapshot.")
	}
	removed, err := r.remove(scopeOf(ctx), aws.ToString(in.DBInstanceIdentifier), last)
	if err != nil {
		return nil, err
	}
	removed.DBInstanceStatus = aws.String(deleting)
	return &rds.DeleteDBInstanceOutput{DBInstance: &removed.DBInstance}, nil
}
