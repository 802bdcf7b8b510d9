package rds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// begin makes an instance do something that leads from one status to another.
func (r *RDS) begin(ctx context.Context, id *string, from, doing, to string, also func(*store.Tx, instance) error) (*types.DBInstance, error) {
	var answer types.DBInstance
	err := r.store.Update(func(tx *store.Tx) error {
		found, err := r.find(tx, scopeOf(ctx), aws.ToString(id))
		if err != nil {
			return err
		}
		if status := aws.ToString(found.DBInstanceStatus); status != from {
			return wire.Errorf("InvalidDBInstanceState", "Instance %s is not in %s state: it is %s.", *found.DBInstanceIdentifier, from, status)
		}
		if also != nil {
			if err := also(tx, found); err != nil {
				return err
			}
		}
		found.Doing, found.After, found.Until = doing, to, r.pace.End(instanceType, simtime.Update)
		now, _ := found.at(r.pace.Now())
		answer = now.DBInstance
		return instances.Put(tx, scopeOf(ctx), *found.DBInstanceIdentifier, found)
	})
	return &answer, err
}

func (r *RDS) startDBInstance(ctx context.Context, in *rds.StartDBInstanceInput) (*rds.StartDBInstanceOutput, error) {
	answer, err := r.begin(ctx, in.DBInstanceIdentifier, stopped, starting, available, nil)
	return &rds.StartDBInstanceOutput{DBInstance: answer}, err
}

func (r *RDS) stopDBInstance(ctx context.Context, in *rds.StopDBInstanceInput) (*rds.StopDBInstanceOutput, error) {
	answer, err := r.begin(ctx, in.DBInstanceIdentifier, available, stopping, stopped, func(tx *store.Tx, found instance) error {
		if in.DBSnapshotIdentifier == nil {
			return nil
		}
		_, err := r.snapshot(tx, scopeOf(ctx), *in.DBSnapshotIdentifier, found, nil)
		return err
	})
	return &rds.StopDBInstanceOutput{DBInstance: answer}, err
}

// rebootDBInstance swaps the zones of an instance where it is told to fail over.
func (r *RDS) rebootDBInstance(ctx context.Context, in *rds.RebootDBInstanceInput) (*rds.RebootDBInstanceOutput, error) {
	if aws.ToBool(in.ForceFailover) {
		err := r.store.Update(func(tx *store.Tx) error {
			found, err := r.find(tx, scopeOf(ctx), aws.ToString(in.DBInstanceIdentifier))
			if err != nil {
				return err
			}
			if !aws.ToBool(found.MultiAZ) {
				return wire.Errorf("InvalidParameterCombination", "You cannot force failover on a DB instance that is not Multi-AZ: %s", *found.DBInstanceIdentifier)
			}
			if found.Doing != "" {
				return nil // begin says so
			}
			found.AvailabilityZone, found.SecondaryAvailabilityZone = found.SecondaryAvailabilityZone, found.AvailabilityZone
			return instances.Put(tx, scopeOf(ctx), *found.DBInstanceIdentifier, found)
		})
		if err != nil {
			return nil, err
		}
	}
	answer, err := r.begin(ctx, in.DBInstanceIdentifier, available, rebooting, available, nil)
	return &rds.RebootDBInstanceOutput{DBInstance: answer}, err
}
