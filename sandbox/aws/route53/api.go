package route53

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func (r *Route53) createHostedZone(ctx context.Context, in *route53.CreateHostedZoneInput) (*route53.CreateHostedZoneOutput, error) {
	scope := scopeOf(ctx)
	reference := aws.ToString(in.CallerReference)
	if reference == "" || aws.ToString(in.Name) == "" {
		return nil, invalidInput("Invalid request: CallerReference and Name must be given")
	}
	if in.DelegationSetId != nil {
		return nil, wire.Errorf("NoSuchDelegationSet", "The sandbox has no reusable delegation sets.")
	}
	made := zone{ID: "Z" + resource.Suffix(scope.Account+reference+r.pace.Now().String(), 20), CallerReference: reference}
	if in.HostedZoneConfig != nil {
		made.Comment = aws.ToString(in.HostedZoneConfig.Comment)
	}
	if in.VPC != nil {
		made.VPCs = []types.VPC{*in.VPC}
	} else if in.HostedZoneConfig != nil && in.HostedZoneConfig.PrivateZone {
		return nil, invalidInput("When you're creating a private hosted zone, you must specify the VPC that you want to associate with it.")
	}
	out := &route53.CreateHostedZoneOutput{VPC: in.VPC}
	err := r.store.Update(func(tx *store.Tx) error {
		err := zones.Walk(tx, scope, "", func(_ string, other zone) error {
			if other.CallerReference == reference {
				return &wire.Error{Code: "HostedZoneAlreadyExists", HTTPStatus: 409,
					Message: "A hosted zone has already been created with the specified caller reference."}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if made, err = r.newZone(tx, scope, made, *in.Name); err != nil {
			return err
		}
		begun, err := r.record(tx, scope, made.ID, "")
		if err != nil {
			return err
		}
		answer, err := made.answer(tx, scope)
		out.HostedZone, out.ChangeInfo, out.DelegationSet = &answer, r.info(begun), made.delegation()
		return err
	})
	out.Location = aws.String(wire.CallOf(ctx).Endpoint + "/2013-04-01/hostedzone/" + made.ID)
	return out, err
}

func (r *Route53) getHostedZone(ctx context.Context, in *route53.GetHostedZoneInput) (*route53.GetHostedZoneOutput, error) {
	out := &route53.GetHostedZoneOutput{}
	err := r.store.View(func(tx *store.Tx) error {
		found, err := find(tx, scopeOf(ctx), in.Id)
		if err != nil {
			return err
		}
		answer, err := found.answer(tx, scopeOf(ctx))
		out.HostedZone, out.DelegationSet, out.VPCs = &answer, found.delegation(), found.VPCs
		return err
	})
	return out, err
}

// pageOf reads how many results a page has: 100, the most, when nothing is said.
func pageOf(max *int32, most int) (int, error) {
	if max == nil {
		return most, nil
	}
	if *max < 1 {
		return 0, invalidInput("1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1", *max)
	}
	return min(int(*max), most), nil
}

func (r *Route53) listHostedZones(ctx context.Context, in *route53.ListHostedZonesInput) (*route53.ListHostedZonesOutput, error) {
	limit, err := pageOf(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	if in.DelegationSetId != nil {
		return nil, wire.Errorf("NoSuchDelegationSet", "The sandbox has no reusable delegation sets.")
	}
	out := &route53.ListHostedZonesOutput{Marker: in.Marker, MaxItems: aws.Int32(int32(limit))}
	err = r.store.View(func(tx *store.Tx) error {
		return zones.Walk(tx, scopeOf(ctx), "", func(id string, found zone) error {
			if id < aws.ToString(in.Marker) || in.HostedZoneType == types.HostedZoneTypePrivateHostedZone && !found.Private {
				return nil
			}
			if len(out.HostedZones) == limit {
				out.IsTruncated, out.NextMarker = true, aws.String(id)
				return store.Stop
			}
			answer, err := found.answer(tx, scopeOf(ctx))
			out.HostedZones = append(out.HostedZones, answer)
			return err
		})
	})
	return out, err
}

func (r *Route53) listHostedZonesByName(ctx context.Context, in *route53.ListHostedZonesByNameInput) (*route53.ListHostedZonesByNameOutput, error) {
	limit, err := pageOf(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	from := ""
	if in.DNSName != nil {
		name, err := canonical(*in.DNSName)
		if err != nil {
			return nil, wire.Errorf("InvalidDomainName", "%s is not a valid domain name: %v", *in.DNSName, err)
		}
		from = reversed(name) + "\x00" + zoneID(in.HostedZoneId)
	} else if in.HostedZoneId != nil {
		return nil, invalidInput("The HostedZoneId needs a DNSName.")
	}
	out := &route53.ListHostedZonesByNameOutput{DNSName: in.DNSName, HostedZoneId: in.HostedZoneId, MaxItems: aws.Int32(int32(limit))}
	err = r.store.View(func(tx *store.Tx) error {
		all, err := zones.List(tx, scopeOf(ctx), "")
		if err != nil {
			return err
		}
		place := func(z zone) string { return reversed(z.Name) + "\x00" + z.ID }
		slices.SortFunc(all, func(a, b zone) int { return strings.Compare(place(a), place(b)) })
		for _, found := range all {
			if place(found) < from {
				continue
			}
			if len(out.HostedZones) == limit {
				out.IsTruncated, out.NextDNSName, out.NextHostedZoneId = true, aws.String(found.Name), aws.String(found.ID)
				return nil
			}
			answer, err := found.answer(tx, scopeOf(ctx))
			if err != nil {
				return err
			}
			out.HostedZones = append(out.HostedZones, answer)
		}
		return nil
	})
	return out, err
}

func (r *Route53) getHostedZoneCount(ctx context.Context, _ *route53.GetHostedZoneCountInput) (*route53.GetHostedZoneCountOutput, error) {
	out := &route53.GetHostedZoneCountOutput{HostedZoneCount: aws.Int64(0)}
	err := r.store.View(func(tx *store.Tx) error {
		all, err := zones.List(tx, scopeOf(ctx), "")
		*out.HostedZoneCount = int64(len(all))
		return err
	})
	return out, err
}

func (r *Route53) updateHostedZoneComment(ctx context.Context, in *route53.UpdateHostedZoneCommentInput) (*route53.UpdateHostedZoneCommentOutput, error) {
	out := &route53.UpdateHostedZoneCommentOutput{}
	err := r.store.Update(func(tx *store.Tx) error {
		found, err := find(tx, scopeOf(ctx), in.Id)
		if err != nil {
			return err
		}
		found.Comment = aws.ToString(in.Comment)
		if err := zones.Put(tx, scopeOf(ctx), found.ID, found); err != nil {
			return err
		}
		answer, err := found.answer(tx, scopeOf(ctx))
		out.HostedZone = &answer
		return err
	})
	return out, err
}

func (r *Route53) deleteHostedZone(ctx context.Context, in *route53.DeleteHostedZoneInput) (*route53.DeleteHostedZoneOutput, error) {
	out := &route53.DeleteHostedZoneOutput{}
	err := r.store.Update(func(tx *store.Tx) error {
		found, err := find(tx, scopeOf(ctx), in.Id)
		if err != nil {
			return err
		}
		if err := r.removeZone(tx, scopeOf(ctx), found); err != nil {
			return err
		}
		begun, err := r.record(tx, scopeOf(ctx), found.ID+"delete", "")
		out.ChangeInfo = r.info(begun)
		return err
	})
	return out, err
}

// info is a change as it is now.
func (r *Route53) info(c change) *types.ChangeInfo {
	info := &types.ChangeInfo{Id: aws.String("/change/" + c.ID), Status: types.ChangeStatusPending, SubmittedAt: aws.Time(c.Submitted)}
	if !r.pace.Now().Before(c.Done) {
		info.Status = types.ChangeStatusInsync
	}
	if c.Comment != "" {
		info.Comment = aws.String(c.Comment)
	}
	return info
}

func (r *Route53) getChange(ctx context.Context, in *route53.GetChangeInput) (*route53.GetChangeOutput, error) {
	out := &route53.GetChangeOutput{}
	err := r.store.View(func(tx *store.Tx) error {
		id := strings.TrimPrefix(aws.ToString(in.Id), "/change/")
		found, exists, err := changes.Get(tx, scopeOf(ctx), id)
		if err == nil && !exists {
			err = &wire.Error{Code: "NoSuchChange", Message: fmt.Sprintf("Could not find resource with ID: %s", id), HTTPStatus: 404}
		}
		out.ChangeInfo = r.info(found)
		return err
	})
	return out, err
}
