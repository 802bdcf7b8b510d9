package rds

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// create begins the making of an instance. One with the token is the same call.
func (r *RDS) create(ctx context.Context, scope store.Scope, id, token string, p resource.Props, tags map[string]string) (instance, error) {
	id = strings.ToLower(id)
	// A call that is repeated must not fail by what has changed around it.
	var old instance
	err := r.store.View(func(tx *store.Tx) (err error) {
		old, _, err = instances.Get(tx, scope, id)
		return err
	})
	if err != nil || token != "" && old.Token == token {
		return old, err
	}
	built, err := r.build(ctx, scope, id, p)
	if err != nil {
		return instance{}, err
	}
	built.TagList = tagList(tags)
	made := instance{DBInstance: built, Doing: creating, Until: r.pace.End(instanceType, simtime.Create), Token: token, LastToken: token}
	err = r.store.Update(func(tx *store.Tx) error {
		if _, err := r.find(tx, scope, id); err == nil { // whatever it is doing
			return wire.Errorf("DBInstanceAlreadyExists", "DB instance already exists: %s", id)
		}
		return instances.Put(tx, scope, id, made)
	})
	return made, err
}

// modify begins a change of an instance. One with the token of the last change
// is the same call.
func (r *RDS) modify(ctx context.Context, scope store.Scope, id, token string, p, before resource.Props, tags map[string]string) (instance, error) {
	var current instance
	err := r.store.View(func(tx *store.Tx) (err error) {
		current, err = r.find(tx, scope, id)
		return err
	})
	if err != nil {
		return current, err
	}
	var changed instance
	for {
		if token != "" && current.LastToken == token {
			return current, nil
		}
		if status := aws.ToString(current.DBInstanceStatus); status == stopped {
			return current, wire.Errorf("InvalidDBInstanceState", "Instance %s cannot be modified: it is %s.", id, status)
		}
		if current.Doing != "" {
			return current, wire.Errorf("InvalidDBInstanceState", "Instance %s cannot be modified: it is %s.", id, current.Doing)
		}
		next := current.DBInstance
		if name, err := p.String("DBSubnetGroupName"); err != nil {
			return current, err
		} else if name != "" && name != aws.ToString(next.DBSubnetGroup.DBSubnetGroupName) {
			found, err := r.groupFor(ctx, scope, p)
			if err != nil {
				return current, err
			}
			next.DBSubnetGroup = &found
		}
		if err := r.apply(ctx, scope, &next, p, before); err != nil {
			return current, err
		}
		if tags != nil {
			next.TagList = tagList(tags)
		}
		changed = current
		changed.Doing, changed.Until, changed.Next, changed.LastToken = modifying, r.pace.End(instanceType, simtime.Update), &next, token
		moved := false
		err := r.store.Update(func(tx *store.Tx) error {
			now, err := r.find(tx, scope, id)
			if err != nil {
				return err
			}
			if now.LastToken != current.LastToken || now.Doing != current.Doing {
				moved, current = true, now // another call was faster: look again
				return nil
			}
			return instances.Put(tx, scope, *now.DBInstanceIdentifier, changed)
		})
		if err != nil || !moved {
			return changed, err
		}
	}
}

// remove begins the deletion of an instance, which will have gone at its Until; a
// snapshot named last is taken first, where it is not empty.
func (r *RDS) remove(scope store.Scope, id, last string) (removed instance, err error) {
	err = r.store.Update(func(tx *store.Tx) error {
		found, err := r.find(tx, scope, id)
		if err != nil {
			return err
		}
		removed = found
		if found.Doing == deleting {
			return nil
		}
		if aws.ToBool(found.DeletionProtection) {
			return wire.Errorf("InvalidParameterCombination",
				"Cannot delete protected DB Instance, please disable deletion protection and try again.")
		}
		removed.Doing, removed.Until, removed.Next = deleting, r.pace.End(instanceType, simtime.Delete), nil
		if last != "" {
			made, err := r.snapshot(tx, scope, last, found, nil)
			if err != nil {
				return err
			}
			taken := aws.ToTime(made.SnapshotCreateTime)
			removed.Until = taken.Add(removed.Until.Sub(r.pace.Now()))
		}
		return instances.Put(tx, scope, *found.DBInstanceIdentifier, removed)
	})
	return removed, err
}

// sweep takes an instance that has gone out of the store.
func (r *RDS) sweep(scope store.Scope, id string) error {
	return r.store.Update(func(tx *store.Tx) error {
		stored, exists, err := instances.Get(tx, scope, id)
		if err != nil || !exists {
			return err
		}
		if _, there := stored.at(r.pace.Now()); there {
			return nil
		}
		return instances.Delete(tx, scope, id)
	})
}

// instanceProvider drives AWS::RDS::DBInstance. Its physical ID is the identifier.
type instanceProvider struct{ *RDS }

func (p instanceProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	scope := store.Scope{Account: request.Account, Region: request.Region}
	id, err := properties.String("DBInstanceIdentifier")
	if err != nil {
		return resource.State{}, err
	}
	if id == "" {
		id = resource.Name(request, 63)
	}
	tags, err := properties.Tags("Tags", request.Tags)
	if err != nil {
		return resource.State{}, err
	}
	made, err := p.create(ctx, scope, id, request.Token, properties, tags)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state(made.DBInstance), p.pace.Wait(ctx, made.Until)
}

func (p instanceProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	scope := store.Scope{Account: request.Account, Region: request.Region}
	tags, err := properties.Tags("Tags", request.Tags)
	if err != nil {
		return resource.State{}, err
	}
	changed, err := p.modify(ctx, scope, request.PhysicalID, request.Token, properties, request.Previous, tags)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	settled, _ := changed.at(changed.Until)
	return state(settled.DBInstance), p.pace.Wait(ctx, changed.Until)
}

func (p instanceProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	removed, err := p.remove(scope, request.PhysicalID, "")
	if answer, _ := wire.As(err); err != nil {
		if answer.Code == "DBInstanceNotFound" {
			return p.sweep(scope, request.PhysicalID)
		}
		return refusal(err)
	}
	if err := p.pace.Wait(ctx, removed.Until); err != nil {
		return err
	}
	return p.sweep(scope, request.PhysicalID)
}

// Snapshot keeps a record of the instance, as DeletionPolicy Snapshot asks for.
func (p instanceProvider) Snapshot(ctx context.Context, request resource.Request) (string, error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	id := strings.ToLower(resource.Name(resource.Request{
		StackName: request.StackName, LogicalID: "snapshot-" + request.LogicalID, Token: request.Token,
	}, 255))
	var until time.Time
	err := p.store.Update(func(tx *store.Tx) error {
		old, exists, err := snapshots.Get(tx, scope, id)
		if err != nil {
			return err
		}
		if exists {
			until = aws.ToTime(old.SnapshotCreateTime)
			return nil
		}
		found, err := p.find(tx, scope, request.PhysicalID)
		if err != nil {
			return err
		}
		made, err := p.snapshot(tx, scope, id, found, nil)
		until = aws.ToTime(made.SnapshotCreateTime)
		return err
	})
	if err != nil {
		return "", refusal(err)
	}
	return id, p.pace.Wait(ctx, until)
}

func state(i types.DBInstance) resource.State {
	id := aws.ToString(i.DBInstanceIdentifier)
	attributes := map[string]any{
		"DBInstanceArn": aws.ToString(i.DBInstanceArn), "DbiResourceId": aws.ToString(i.DbiResourceId),
		"InstanceCreateTime": aws.ToTime(i.InstanceCreateTime).Format(time.RFC3339),
	}
	if i.Endpoint != nil {
		attributes["Endpoint.Address"] = aws.ToString(i.Endpoint.Address)
		attributes["Endpoint.Port"] = strconv.Itoa(int(aws.ToInt32(i.Endpoint.Port)))
		attributes["Endpoint.HostedZoneId"] = aws.ToString(i.Endpoint.HostedZoneId)
	}
	return resource.State{PhysicalID: id, Ref: id, Attributes: attributes}
}

var _ resource.Snapshotter = instanceProvider{}
