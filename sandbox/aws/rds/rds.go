// Package rds is the sandbox's RDS: DB instances, snapshots, and subnet and parameter
// groups as records with the states and the rules of the service, and no database
// behind them; its API; and the resource types AWS::RDS::DBInstance, DBSubnetGroup,
// DBParameterGroup and DBClusterParameterGroup. There are no clusters.
//
// An instance is creating, then available; modifying, then available; stopping, then
// stopped; deleting, then gone. Each takes its simulated time, and what it is at a moment follows
// from the clock and the store alone, so that a restart changes nothing. A change
// shows when its time is over.
//
// What is checked: a subnet group covers two availability zones; a Multi-AZ
// instance has a standby zone in its group; storage does not shrink; an instance
// under deletion protection is not deleted. Master passwords are checked for their
// form and never kept.
package rds

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/secretsmanager"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Network is where instances stand. Errors are EC2's own.
type Network interface {
	// Subnets returns subnets by ID, in that order.
	Subnets(ctx context.Context, account, region string, ids []string) ([]ec2types.Subnet, error)
	// DefaultSubnets returns the subnets of the default VPC.
	DefaultSubnets(ctx context.Context, account, region string) ([]ec2types.Subnet, error)
	// SecurityGroups checks that groups are in the VPC, and returns them, or the
	// VPC's default group when there are none.
	SecurityGroups(ctx context.Context, account, region, vpcID string, ids []string) ([]string, error)
}

// RDS is the service. It is safe for concurrent use.
type RDS struct {
	store   *store.Store
	pace    *simtime.Pace
	network Network
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace, network Network) *RDS {
	return &RDS{store: state, pace: pace, network: network}
}

// Register adds the resource types.
func (r *RDS) Register(registry *resource.Registry) {
	registry.Register(instanceProvider{r}, instanceType)
	registry.Register(groupProvider{r}, "AWS::RDS::DBSubnetGroup")
	registry.Register(parametersProvider{r, instanceParameters}, "AWS::RDS::DBParameterGroup")
	registry.Register(parametersProvider{r, clusterParameters}, "AWS::RDS::DBClusterParameterGroup")
}

const instanceType = "AWS::RDS::DBInstance"

// The statuses of an instance.
const (
	available = "available"
	creating  = "creating"
	modifying = "modifying"
	deleting  = "deleting"
	starting  = "starting"
	stopping  = "stopping"
	stopped   = "stopped"
	rebooting = "rebooting"
)

// instance is an instance, and what is being done to it.
type instance struct {
	types.DBInstance
	// Doing is creating, modifying, deleting and the like until Until; After is
	// the status after it, available where it is empty.
	Doing, After string
	Until        time.Time
	// Next is what the instance is once it is modified.
	Next *types.DBInstance
	// Token of the CloudFormation operation that made it, and of the last one.
	Token, LastToken string
}

type group struct {
	types.DBSubnetGroup
	Tags  map[string]string
	Token string
}

var (
	instances = store.Table[instance]{Name: "rds/instances"}
	subnets   = store.Table[group]{Name: "rds/subnet-groups"}
)

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

func noInstance(id string) error {
	return &wire.Error{Code: "DBInstanceNotFound", Message: "DBInstance " + id + " not found.", HTTPStatus: 404}
}

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidParameterValue", format, args...)
}

// at returns the instance as it is at a time, and false when it has gone by then.
func (i instance) at(now time.Time) (instance, bool) {
	if i.Doing == "" {
		return i, true
	}
	if now.Before(i.Until) {
		i.DBInstanceStatus = aws.String(i.Doing)
		if i.Doing == creating {
			i.Endpoint = nil
		}
		return i, true
	}
	if i.Doing == deleting {
		return i, false
	}
	if i.Next != nil {
		i.DBInstance, i.Next = *i.Next, nil
	}
	after := i.After
	if after == "" {
		after = available
	}
	i.Doing, i.After, i.Until = "", "", time.Time{}
	i.DBInstanceStatus = aws.String(after)
	return i, true
}

// find returns an instance as it is now.
func (r *RDS) find(tx *store.Tx, scope store.Scope, id string) (instance, error) {
	id = strings.ToLower(id)
	if i := strings.LastIndex(id, ":db:"); strings.HasPrefix(id, "arn:") && i >= 0 {
		id = id[i+len(":db:"):]
	}
	stored, exists, err := instances.Get(tx, scope, id)
	if err != nil {
		return instance{}, err
	}
	now, there := stored.at(r.pace.Now())
	if !exists || !there {
		return instance{}, noInstance(id)
	}
	return now, nil
}

// Target returns how to reach an instance, for secrets that are attached to it.
func (r *RDS) Target(_ context.Context, account, region, targetType, targetID string) (secretsmanager.Target, error) {
	if targetType != instanceType {
		return secretsmanager.Target{}, resource.Invalid("The sandbox attaches secrets to %s, not to %s", instanceType, targetType)
	}
	var found instance
	err := r.store.View(func(tx *store.Tx) (err error) {
		found, err = r.find(tx, store.Scope{Account: account, Region: region}, targetID)
		return err
	})
	if err != nil {
		return secretsmanager.Target{}, refusal(err)
	}
	if found.Endpoint == nil {
		return secretsmanager.Target{}, &resource.Error{Code: resource.ResourceConflict, Message: "DBInstance " + targetID + " has no endpoint yet"}
	}
	return secretsmanager.Target{
		Engine: aws.ToString(found.Engine), Host: aws.ToString(found.Endpoint.Address), Port: int(aws.ToInt32(found.Endpoint.Port)),
		DBName: aws.ToString(found.DBName), IdentifierKey: "dbInstanceIdentifier", Identifier: aws.ToString(found.DBInstanceIdentifier),
	}, nil
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	answer, expected := wire.As(err)
	if err == nil || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch answer.Code {
	case "DBInstanceNotFound", "DBSubnetGroupNotFoundFault", "DBParameterGroupNotFound", "DBSnapshotNotFound":
		code = resource.NotFound
	case "DBInstanceAlreadyExists", "DBSubnetGroupAlreadyExists", "DBSnapshotAlreadyExists", "DBParameterGroupAlreadyExists":
		code = resource.AlreadyExists
	case "InvalidDBInstanceState", "InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState", "InvalidDBSnapshotState":
		code = resource.ResourceConflict
	}
	return &resource.Error{Code: code, Message: answer.Message + " (Service: Rds, Error Code: " + answer.Code + ")"}
}
