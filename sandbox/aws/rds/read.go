package rds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns an instance as it is now, without its password.
func (p instanceProvider) Read(_ context.Context, request resource.Request) (resource.Found, error) {
	var i instance
	err := p.store.View(func(tx *store.Tx) (err error) {
		i, err = p.find(tx, store.Scope{Account: request.Account, Region: request.Region}, request.PhysicalID)
		return err
	})
	if err != nil {
		return resource.Found{}, refusal(err)
	}
	out := resource.Props{}
	var readable []string
	for name, value := range map[string]*string{
		"DBInstanceIdentifier": i.DBInstanceIdentifier, "DBInstanceClass": i.DBInstanceClass, "Engine": i.Engine, "EngineVersion": i.EngineVersion,
		"StorageType": i.StorageType, "KmsKeyId": i.KmsKeyId, "AvailabilityZone": i.AvailabilityZone, "MasterUsername": i.MasterUsername,
		"DBName": i.DBName, "PreferredBackupWindow": i.PreferredBackupWindow, "PreferredMaintenanceWindow": i.PreferredMaintenanceWindow,
		"LicenseModel": i.LicenseModel, "CACertificateIdentifier": i.CACertificateIdentifier,
	} {
		out.Set(name, aws.ToString(value))
		readable = append(readable, name)
	}
	for name, value := range map[string]*bool{
		"MultiAZ": i.MultiAZ, "PubliclyAccessible": i.PubliclyAccessible, "StorageEncrypted": i.StorageEncrypted, "DeletionProtection": i.DeletionProtection,
		"AutoMinorVersionUpgrade": i.AutoMinorVersionUpgrade, "CopyTagsToSnapshot": i.CopyTagsToSnapshot,
		"EnableIAMDatabaseAuthentication": i.IAMDatabaseAuthenticationEnabled,
	} {
		if value != nil {
			out[name] = *value
		}
		readable = append(readable, name)
	}
	for name, value := range map[string]*int32{
		"AllocatedStorage": i.AllocatedStorage, "BackupRetentionPeriod": i.BackupRetentionPeriod, "Iops": i.Iops, "MaxAllocatedStorage": i.MaxAllocatedStorage, "StorageThroughput": i.StorageThroughput,
	} {
		if value != nil {
			out[name] = int64(*value)
		}
		readable = append(readable, name)
	}
	if i.DBSubnetGroup != nil {
		out.Set("DBSubnetGroupName", aws.ToString(i.DBSubnetGroup.DBSubnetGroupName))
	}
	var groups []any
	for _, g := range i.VpcSecurityGroups {
		groups = append(groups, aws.ToString(g.VpcSecurityGroupId))
	}
	out.Set("VPCSecurityGroups", groups)
	tags := map[string]string{}
	for _, tag := range i.TagList {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	out.Set("Tags", resource.TagList(tags))
	readable = append(readable, "DBSubnetGroupName", "VPCSecurityGroups", "Tags")
	return resource.Found{State: state(i.DBInstance), Properties: out, Readable: readable}, nil
}
