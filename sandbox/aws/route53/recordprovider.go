package route53

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// recordProvider drives AWS::Route53::RecordSet, whose physical ID is the
// record's name, and AWS::Route53::RecordSetGroup, whose ID is made up.
type recordProvider struct{ *Route53 }

func (p recordProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	wanted, err := wantedOf(request.Properties, request.Type)
	if err != nil {
		return resource.State{}, err
	}
	id := resource.Name(request, 255)
	if request.Type == recordType {
		id = aws.ToString(wanted.sets[0].Name)
	}
	return p.write(ctx, request, simtime.Create, id, func(tx *store.Tx, scope store.Scope, z zone) ([]types.Change, error) {
		return changesOf(types.ChangeActionCreate, wanted.sets), nil
	}, wanted)
}

// Update sets what the properties list, and deletes what only those before list.
func (p recordProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	wanted, err := wantedOf(request.Properties, request.Type)
	if err != nil {
		return resource.State{}, err
	}
	before, err := wantedOf(request.Previous, request.Type)
	if err != nil {
		return resource.State{}, err
	}
	return p.write(ctx, request, simtime.Update, request.PhysicalID, func(tx *store.Tx, scope store.Scope, z zone) ([]types.Change, error) {
		keep := map[string]bool{}
		for _, set := range wanted.sets {
			if set, problems := normalize(set); len(problems) == 0 {
				keep[keyOf(z.ID, set)] = true
			}
		}
		gone, err := present(tx, scope, z, before.sets, keep)
		return append(changesOf(types.ChangeActionDelete, gone), changesOf(types.ChangeActionUpsert, wanted.sets)...), err
	}, wanted)
}

func (p recordProvider) write(ctx context.Context, request resource.Request, operation, id string,
	plan func(*store.Tx, store.Scope, zone) ([]types.Change, error), wanted wanted,
) (resource.State, error) {
	scope := store.Scope{Account: request.Account}
	err := p.store.Update(func(tx *store.Tx) error {
		_, _, err := store.Once(tx, scope, request.Token, func() (string, error) {
			z, err := wanted.zone(tx, scope)
			if err != nil {
				return id, err
			}
			list, err := plan(tx, scope, z)
			if err == nil {
				_, err = p.apply(tx, scope, z, list, "")
			}
			return id, err
		})
		return err
	})
	if err != nil {
		return resource.State{}, recordRefusal(err)
	}
	return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"Id": id}}, p.pace.Wait(ctx, p.pace.End(request.Type, operation))
}

// Delete deletes the records as they are now: somebody may have changed them.
func (p recordProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	wanted, err := wantedOf(request.Properties, request.Type)
	if err != nil {
		return err
	}
	err = p.store.Update(func(tx *store.Tx) error {
		z, err := wanted.zone(tx, scope)
		var gone *types.NoSuchHostedZone
		if errors.As(err, &gone) {
			return nil
		}
		if err != nil {
			return err
		}
		found, err := present(tx, scope, z, wanted.sets, nil)
		if err != nil || len(found) == 0 {
			return err
		}
		_, err = p.apply(tx, scope, z, changesOf(types.ChangeActionDelete, found), "")
		return err
	})
	if err != nil {
		return recordRefusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// present are those of sets that are there, as they are, besides those to keep.
func present(tx *store.Tx, scope store.Scope, z zone, sets []types.ResourceRecordSet, keep map[string]bool) ([]types.ResourceRecordSet, error) {
	var found []types.ResourceRecordSet
	for _, set := range sets {
		name, err := canonical(aws.ToString(set.Name))
		if err != nil {
			continue // was never made
		}
		set.Name = &name
		now, exists, err := records.Get(tx, scope, keyOf(z.ID, set))
		if err != nil {
			return nil, err
		}
		if exists && !keep[keyOf(z.ID, set)] {
			found = append(found, now)
		}
	}
	return found, nil
}

func changesOf(action types.ChangeAction, sets []types.ResourceRecordSet) []types.Change {
	var list []types.Change
	for _, set := range sets {
		list = append(list, types.Change{Action: action, ResourceRecordSet: &set})
	}
	return list
}

func recordRefusal(err error) error {
	var batch *types.InvalidChangeBatch
	if errors.As(err, &batch) && strings.Contains(batch.ErrorMessage(), "but it already exists") {
		return &resource.Error{Code: resource.AlreadyExists, Message: batch.ErrorMessage()}
	}
	return refusal(err)
}

// wanted is what the properties of either type ask for.
type wanted struct {
	zoneID, zoneName string
	sets             []types.ResourceRecordSet
}

// zone finds the zone by its ID, or by its name where only one has it.
func (w wanted) zone(tx *store.Tx, scope store.Scope) (zone, error) {
	missing := &types.NoSuchHostedZone{Message: aws.String("No hosted zone found with ID: " + w.zoneID)}
	if w.zoneID != "" {
		found, exists, err := zones.Get(tx, scope, zoneID(&w.zoneID))
		if err == nil && !exists {
			err = missing
		}
		return found, err
	}
	name, err := canonical(w.zoneName)
	if err != nil {
		return zone{}, resource.Invalid("property HostedZoneName: %v", err)
	}
	var found []zone
	err = zones.Walk(tx, scope, "", func(_ string, z zone) error {
		if z.Name == name {
			found = append(found, z)
		}
		return nil
	})
	if err == nil && len(found) > 1 {
		err = resource.Invalid("Found multiple hosted zones with name %s: use HostedZoneId", w.zoneName)
	} else if err == nil && len(found) == 0 {
		missing.Message = aws.String("No hosted zones named " + w.zoneName + " found")
		err = missing
	}
	if err != nil {
		return zone{}, err
	}
	return found[0], nil
}

func wantedOf(properties resource.Props, kind string) (wanted, error) {
	var w wanted
	var err error
	if w.zoneID, err = properties.String("HostedZoneId"); err != nil {
		return w, err
	}
	if w.zoneName, err = properties.String("HostedZoneName"); err != nil {
		return w, err
	}
	if (w.zoneID == "") == (w.zoneName == "") {
		return w, resource.Invalid("Exactly one of HostedZoneId and HostedZoneName must be given")
	}
	list := []resource.Props{properties}
	if kind == groupType {
		if list, err = properties.Objects("RecordSets"); err != nil {
			return w, err
		}
	}
	for _, one := range list {
		set, err := readSet(one)
		if err != nil {
			return w, err
		}
		w.sets = append(w.sets, set)
	}
	return w, nil
}
