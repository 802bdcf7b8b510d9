package rds

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

var identifierForm = regexp.MustCompile(`^[a-z](-?[a-z0-9]){0,62}$`)

// build returns a new instance by its properties, in the names of CloudFormation.
func (r *RDS) build(ctx context.Context, scope store.Scope, id string, p resource.Props) (types.DBInstance, error) {
	var none types.DBInstance
	if !identifierForm.MatchString(id) {
		return none, invalid("The parameter DBInstanceIdentifier is not a valid identifier: %q: letters, digits and single hyphens, beginning with a letter.", id)
	}
	managed, err := p.Bool("ManageMasterUserPassword")
	if err != nil {
		return none, err
	}
	if managed || p.Has("SourceDBInstanceIdentifier") || p.Has("DBClusterIdentifier") {
		return none, invalid("The sandbox has no managed master passwords, replicas and clusters.")
	}
	if p, err = r.restored(scope, p); err != nil {
		return none, err
	}
	engine, err := p.Required("Engine")
	if err != nil {
		return none, err
	}
	known, ok := engines[engine]
	if !ok {
		return none, invalid("Invalid DB engine: %s: the sandbox has mariadb, mysql and postgres.", engine)
	}
	subnetGroup, err := r.groupFor(ctx, scope, p)
	if err != nil {
		return none, err
	}
	made := types.DBInstance{
		DBInstanceIdentifier: aws.String(id), DBInstanceStatus: aws.String(available), Engine: aws.String(engine), EngineVersion: aws.String(known.version),
		DBInstanceArn: aws.String("arn:aws:rds:" + scope.Region + ":" + scope.Account + ":db:" + id),
		DbiResourceId: aws.String("db-" + resource.Suffix(scope.Account+scope.Region+id+r.pace.Now().String(), 26)),
		DBSubnetGroup: &subnetGroup, InstanceCreateTime: aws.Time(r.pace.Now()),
		Endpoint: &types.Endpoint{
			Address: aws.String(id + "." + strings.ToLower(resource.Suffix(scope.Account+scope.Region, 12)) + "." + scope.Region + ".rds.amazonaws.com"),
			Port:    aws.Int32(known.port), HostedZoneId: aws.String("Z2R2ITUGPM61AM"),
		},
		StorageType: aws.String("gp3"), AutoMinorVersionUpgrade: aws.Bool(true), BackupRetentionPeriod: aws.Int32(1),
		LicenseModel: aws.String(license(engine)), MultiAZ: aws.Bool(false), PubliclyAccessible: aws.Bool(false),
		StorageEncrypted: aws.Bool(false), DeletionProtection: aws.Bool(false), CopyTagsToSnapshot: aws.Bool(false),
		IAMDatabaseAuthenticationEnabled: aws.Bool(false), CACertificateIdentifier: aws.String("rds-ca-rsa2048-g1"),
	}
	if made.MasterUsername, err = text(p, "MasterUsername"); err != nil {
		return none, err
	}
	if made.MasterUsername == nil || !p.Has("MasterUserPassword") && !p.Has("DBSnapshotIdentifier") {
		return none, invalid("The parameters MasterUsername and MasterUserPassword must be provided.")
	}
	if made.DBName, err = text(p, "DBName"); err != nil {
		return none, err
	}
	if err := r.apply(ctx, scope, &made, p, nil); err != nil {
		return none, err
	}
	if made.DBInstanceClass == nil || made.AllocatedStorage == nil {
		return none, invalid("The parameters DBInstanceClass and AllocatedStorage must be provided.")
	}
	return made, nil
}

// apply lays the properties that can be changed over an instance and checks the
// result. What stood in before and is not in p any more goes back to its default
// only for the flags; sizes and versions stay.
func (r *RDS) apply(ctx context.Context, scope store.Scope, i *types.DBInstance, p, before resource.Props) error {
	for name, into := range map[string]**string{
		"DBInstanceClass": &i.DBInstanceClass, "EngineVersion": &i.EngineVersion, "StorageType": &i.StorageType, "KmsKeyId": &i.KmsKeyId,
		"AvailabilityZone": &i.AvailabilityZone, "PreferredBackupWindow": &i.PreferredBackupWindow, "LicenseModel": &i.LicenseModel,
		"PreferredMaintenanceWindow": &i.PreferredMaintenanceWindow, "CACertificateIdentifier": &i.CACertificateIdentifier,
	} {
		value, err := text(p, name)
		if err != nil {
			return err
		}
		if value != nil {
			*into = value
		}
	}
	for name, into := range map[string]**bool{
		"MultiAZ": &i.MultiAZ, "PubliclyAccessible": &i.PubliclyAccessible, "StorageEncrypted": &i.StorageEncrypted,
		"DeletionProtection": &i.DeletionProtection, "AutoMinorVersionUpgrade": &i.AutoMinorVersionUpgrade,
		"CopyTagsToSnapshot": &i.CopyTagsToSnapshot, "EnableIAMDatabaseAuthentication": &i.IAMDatabaseAuthenticationEnabled,
	} {
		value, err := p.Bool(name)
		if err != nil {
			return err
		}
		if p.Has(name) {
			*into = aws.Bool(value)
		} else if before.Has(name) {
			*into = aws.Bool(name == "AutoMinorVersionUpgrade")
		}
	}
	storage := aws.ToInt32(i.AllocatedStorage)
	for name, into := range map[string]**int32{
		"AllocatedStorage": &i.AllocatedStorage, "BackupRetentionPeriod": &i.BackupRetentionPeriod, "Iops": &i.Iops,
		"MaxAllocatedStorage": &i.MaxAllocatedStorage, "StorageThroughput": &i.StorageThroughput,
	} {
		value, err := p.Int(name)
		if err != nil {
			return err
		}
		if p.Has(name) {
			*into = aws.Int32(int32(value))
		}
	}
	if now := aws.ToInt32(i.AllocatedStorage); now < storage {
		return invalid("Invalid storage size: Requested storage size (%d) cannot be less than the current storage size (%d)", now, storage)
	} else if i.AllocatedStorage != nil && now < 20 {
		return invalid("Invalid storage size for engine name %s and storage type %s: %d", *i.Engine, *i.StorageType, now)
	}
	if port, err := p.Int("Port"); err != nil {
		return err
	} else if p.Has("Port") {
		if port < 1150 || port > 65535 {
			return invalid("Invalid DB instance port %d: it must be between 1150 and 65535", port)
		}
		endpoint := *i.Endpoint
		endpoint.Port = aws.Int32(int32(port))
		i.Endpoint = &endpoint
	}
	password, err := p.String("MasterUserPassword")
	if err != nil {
		return err
	}
	if p.Has("MasterUserPassword") && (len(password) < 8 || len(password) > 128 || strings.ContainsAny(password, `/"@ `)) {
		return invalid("The parameter MasterUserPassword is not a valid password: 8 to 128 printable characters besides '/', '@', '\"' and ' '.")
	}
	group, err := p.String("DBParameterGroupName")
	if err != nil {
		return err
	}
	if i.DBParameterGroups, err = r.parametersFor(scope, *i, group); err != nil {
		return err
	}
	if err := r.applySecurityGroups(ctx, scope, i, p); err != nil {
		return err
	}
	return place(i, p.Has("AvailabilityZone"))
}

func (r *RDS) applySecurityGroups(ctx context.Context, scope store.Scope, i *types.DBInstance, p resource.Props) error {
	wanted, err := p.Strings("VPCSecurityGroups")
	if err != nil || !p.Has("VPCSecurityGroups") && len(i.VpcSecurityGroups) > 0 {
		return err
	}
	ids, err := r.network.SecurityGroups(ctx, scope.Account, scope.Region, aws.ToString(i.DBSubnetGroup.VpcId), wanted)
	if err != nil {
		return err
	}
	i.VpcSecurityGroups = nil
	for _, id := range ids {
		i.VpcSecurityGroups = append(i.VpcSecurityGroups, types.VpcSecurityGroupMembership{VpcSecurityGroupId: aws.String(id), Status: aws.String("active")})
	}
	return nil
}

// place chooses the zones of an instance among those of its subnet group.
func place(i *types.DBInstance, asked bool) error {
	zones := zonesOf(i.DBSubnetGroup.Subnets)
	zone := aws.ToString(i.AvailabilityZone)
	if asked && aws.ToBool(i.MultiAZ) {
		return wire.Errorf("InvalidParameterCombination", "Requesting a specific availability zone is not valid for Multi-AZ instances.")
	}
	if zone == "" {
		zone = zones[0]
	}
	if !slices.Contains(zones, zone) {
		return wire.Errorf("InvalidVPCNetworkStateFault", "Availability zone %s is not covered by the DB subnet group %s, which covers %s.",
			zone, aws.ToString(i.DBSubnetGroup.DBSubnetGroupName), strings.Join(zones, ", "))
	}
	i.AvailabilityZone, i.SecondaryAvailabilityZone = aws.String(zone), nil
	if !aws.ToBool(i.MultiAZ) {
		return nil
	}
	for _, other := range zones {
		if other != zone {
			i.SecondaryAvailabilityZone = aws.String(other)
			return nil
		}
	}
	return notEnoughZones(zones)
}

func notEnoughZones(zones []string) error {
	return wire.Errorf("DBSubnetGroupDoesNotCoverEnoughAZs",
		"The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: %s. Add subnets to cover at least 2 AZs.",
		strings.Join(zones, ", "))
}

func zonesOf(list []types.Subnet) []string {
	var zones []string
	for _, subnet := range list {
		zones = append(zones, aws.ToString(subnet.SubnetAvailabilityZone.Name))
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// groupFor is the subnet group that the properties name, or one of the default
// VPC's subnets.
func (r *RDS) groupFor(ctx context.Context, scope store.Scope, p resource.Props) (types.DBSubnetGroup, error) {
	name, err := p.String("DBSubnetGroupName")
	if err != nil {
		return types.DBSubnetGroup{}, err
	}
	if name == "" || name == "default" {
		list, err := r.network.DefaultSubnets(ctx, scope.Account, scope.Region)
		if err != nil {
			return types.DBSubnetGroup{}, err
		}
		return describe(scope, "default", "default", list)
	}
	var found group
	err = r.store.View(func(tx *store.Tx) (err error) {
		found, err = findGroup(tx, scope, name)
		return err
	})
	return found.DBSubnetGroup, err
}

// describe returns a subnet group of subnets, which must be of one VPC and cover
// two zones.
func describe(scope store.Scope, name, description string, list []ec2types.Subnet) (types.DBSubnetGroup, error) {
	made := types.DBSubnetGroup{
		DBSubnetGroupName: aws.String(name), DBSubnetGroupDescription: aws.String(description), SubnetGroupStatus: aws.String("Complete"),
		DBSubnetGroupArn:      aws.String("arn:aws:rds:" + scope.Region + ":" + scope.Account + ":subgrp:" + name),
		SupportedNetworkTypes: []string{"IPV4"},
	}
	for _, subnet := range list {
		if made.VpcId == nil {
			made.VpcId = subnet.VpcId
		} else if aws.ToString(made.VpcId) != aws.ToString(subnet.VpcId) {
			return made, wire.Errorf("InvalidSubnet", "The subnets of a DB subnet group must all be in one VPC: %s and %s are not.", *list[0].SubnetId, *subnet.SubnetId)
		}
		made.Subnets = append(made.Subnets, types.Subnet{
			SubnetIdentifier: subnet.SubnetId, SubnetStatus: aws.String("Active"),
			SubnetAvailabilityZone: &types.AvailabilityZone{Name: subnet.AvailabilityZone}, SubnetOutpost: &types.Outpost{},
		})
	}
	if zones := zonesOf(made.Subnets); len(zones) < 2 {
		return made, notEnoughZones(zones)
	}
	return made, nil
}

func text(p resource.Props, name string) (*string, error) {
	value, err := p.String(name)
	if err != nil || value == "" {
		return nil, err
	}
	return aws.String(value), nil
}
