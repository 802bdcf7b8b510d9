package rds

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// snapshot is the record of an instance, with what its type of the client does not
// say. It is complete at its SnapshotCreateTime.
type snapshot struct {
	types.DBSnapshot
	Class, DBName string
}

var snapshots = store.Table[snapshot]{Name: "rds/snapshots"}

func noSnapshot(id string) error {
	return &wire.Error{Code: "DBSnapshotNotFound", Message: "DBSnapshot " + id + " not found.", HTTPStatus: 404}
}

// snapshot begins a snapshot of an instance.
func (r *RDS) snapshot(tx *store.Tx, scope store.Scope, id string, of instance, tags map[string]string) (snapshot, error) {
	id = strings.ToLower(id)
	if !groupForm.MatchString(id) {
		return snapshot{}, invalid("The parameter DBSnapshotIdentifier is not a valid identifier: %q: letters, digits and single hyphens, beginning with a letter.", id)
	}
	if _, exists, err := snapshots.Get(tx, scope, id); err != nil || exists {
		if err == nil {
			err = wire.Errorf("DBSnapshotAlreadyExists", "Cannot create the snapshot because a snapshot with the identifier %s already exists.", id)
		}
		return snapshot{}, err
	}
	made := snapshot{Class: aws.ToString(of.DBInstanceClass), DBName: aws.ToString(of.DBName), DBSnapshot: types.DBSnapshot{
		DBSnapshotIdentifier: aws.String(id), DBInstanceIdentifier: of.DBInstanceIdentifier, Status: aws.String(available),
		DBSnapshotArn: aws.String("arn:aws:rds:" + scope.Region + ":" + scope.Account + ":snapshot:" + id), SnapshotType: aws.String("manual"),
		Engine: of.Engine, EngineVersion: of.EngineVersion, AllocatedStorage: of.AllocatedStorage, Encrypted: of.StorageEncrypted,
		MasterUsername: of.MasterUsername, AvailabilityZone: of.AvailabilityZone, VpcId: of.DBSubnetGroup.VpcId, LicenseModel: of.LicenseModel,
		InstanceCreateTime: of.InstanceCreateTime, SnapshotCreateTime: aws.Time(r.pace.End(instanceType, simtime.Snapshot)), PercentProgress: aws.Int32(100),
		DbiResourceId: of.DbiResourceId, StorageType: of.StorageType, KmsKeyId: of.KmsKeyId, TagList: tagList(tags),
	}}
	if of.Endpoint != nil {
		made.Port = of.Endpoint.Port
	}
	if len(tags) == 0 && aws.ToBool(of.CopyTagsToSnapshot) {
		made.TagList = of.TagList
	}
	return made, snapshots.Put(tx, scope, id, made)
}

// answer is the snapshot as it is now.
func (r *RDS) answer(s snapshot) types.DBSnapshot {
	if r.pace.Now().Before(aws.ToTime(s.SnapshotCreateTime)) {
		s.Status, s.PercentProgress, s.SnapshotCreateTime = aws.String(creating), aws.Int32(0), nil
	}
	return s.DBSnapshot
}

func (r *RDS) createDBSnapshot(ctx context.Context, in *rds.CreateDBSnapshotInput) (*rds.CreateDBSnapshotOutput, error) {
	out := &rds.CreateDBSnapshotOutput{}
	return out, r.store.Update(func(tx *store.Tx) error {
		found, err := r.find(tx, scopeOf(ctx), aws.ToString(in.DBInstanceIdentifier))
		if err != nil {
			return err
		}
		if status := aws.ToString(found.DBInstanceStatus); status != available && status != stopped {
			return wire.Errorf("InvalidDBInstanceState", "Cannot create a snapshot because the database instance %s is not currently in the available state: it is %s.", *found.DBInstanceIdentifier, status)
		}
		made, err := r.snapshot(tx, scopeOf(ctx), aws.ToString(in.DBSnapshotIdentifier), found, tagMap(in.Tags))
		answer := r.answer(made)
		out.DBSnapshot = &answer
		return err
	})
}

func (r *RDS) describeDBSnapshots(ctx context.Context, in *rds.DescribeDBSnapshotsInput) (*rds.DescribeDBSnapshotsOutput, error) {
	out := &rds.DescribeDBSnapshotsOutput{}
	if len(in.Filters) > 0 {
		return nil, invalid("The sandbox has no filters of snapshots.")
	}
	var all []types.DBSnapshot
	err := r.store.View(func(tx *store.Tx) error {
		return snapshots.Walk(tx, scopeOf(ctx), "", func(id string, s snapshot) error {
			if in.DBInstanceIdentifier != nil && !strings.EqualFold(*in.DBInstanceIdentifier, aws.ToString(s.DBInstanceIdentifier)) ||
				in.DBSnapshotIdentifier != nil && !strings.EqualFold(*in.DBSnapshotIdentifier, id) ||
				in.SnapshotType != nil && *in.SnapshotType != aws.ToString(s.SnapshotType) {
				return nil
			}
			all = append(all, r.answer(s))
			return nil
		})
	})
	if err == nil && in.DBSnapshotIdentifier != nil && len(all) == 0 {
		err = noSnapshot(*in.DBSnapshotIdentifier)
	}
	out.DBSnapshots, out.Marker = wire.Page(all, in.Marker, in.MaxRecords, 100, func(s types.DBSnapshot) string { return *s.DBSnapshotIdentifier })
	return out, err
}

func (r *RDS) deleteDBSnapshot(ctx context.Context, in *rds.DeleteDBSnapshotInput) (*rds.DeleteDBSnapshotOutput, error) {
	out := &rds.DeleteDBSnapshotOutput{}
	return out, r.store.Update(func(tx *store.Tx) error {
		id := strings.ToLower(aws.ToString(in.DBSnapshotIdentifier))
		found, exists, err := snapshots.Get(tx, scopeOf(ctx), id)
		if err == nil && !exists {
			err = noSnapshot(id)
		}
		if err != nil {
			return err
		}
		found.Status = aws.String("deleted")
		out.DBSnapshot = &found.DBSnapshot
		return snapshots.Delete(tx, scopeOf(ctx), id)
	})
}

// restored lays what a snapshot says under the properties of a new instance that is
// to be made from it.
func (r *RDS) restored(scope store.Scope, p resource.Props) (resource.Props, error) {
	id, err := p.String("DBSnapshotIdentifier")
	if err != nil || id == "" {
		return p, err
	}
	id = id[strings.LastIndex(id, ":")+1:]
	var from snapshot
	err = r.store.View(func(tx *store.Tx) error {
		var exists bool
		if from, exists, err = snapshots.Get(tx, scope, strings.ToLower(id)); err == nil && !exists {
			err = noSnapshot(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if status := aws.ToString(r.answer(from).Status); status != available {
		return nil, wire.Errorf("InvalidDBSnapshotState", "DBSnapshot %s is not available: it is %s.", id, status)
	}
	if engine, err := p.String("Engine"); err != nil || engine != "" && engine != aws.ToString(from.Engine) {
		return nil, invalid("The snapshot %s is of %s, and can't be restored as %s.", id, aws.ToString(from.Engine), engine)
	}
	if p.Has("StorageEncrypted") || p.Has("MasterUsername") {
		return nil, wire.Errorf("InvalidParameterCombination", "StorageEncrypted and MasterUsername are the snapshot's: leave them out.")
	}
	out := resource.Props{
		"Engine": *from.Engine, "EngineVersion": *from.EngineVersion, "MasterUsername": *from.MasterUsername, "DBInstanceClass": from.Class,
		"AllocatedStorage": int(*from.AllocatedStorage), "StorageType": aws.ToString(from.StorageType), "StorageEncrypted": aws.ToBool(from.Encrypted),
		"DBName": from.DBName, "LicenseModel": aws.ToString(from.LicenseModel),
	}
	if from.Port != nil {
		out["Port"] = int(*from.Port)
	}
	for name, value := range p {
		out[name] = value
	}
	return out, nil
}

func (r *RDS) restoreDBInstanceFromDBSnapshot(ctx context.Context, in *rds.RestoreDBInstanceFromDBSnapshotInput) (*rds.RestoreDBInstanceFromDBSnapshotOutput, error) {
	properties, err := propertiesOf(in)
	if err != nil {
		return nil, err
	}
	made, err := r.create(ctx, scopeOf(ctx), aws.ToString(in.DBInstanceIdentifier), "", properties, tagMap(in.Tags))
	if err != nil {
		return nil, err
	}
	now, _ := made.at(r.pace.Now())
	return &rds.RestoreDBInstanceFromDBSnapshotOutput{DBInstance: &now.DBInstance}, nil
}
