package route53

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// maxChanges and maxRecords bound a batch and a page, as the service does.
const (
	maxChanges = 1000
	maxRecords = 300
)

func (r *Route53) changeResourceRecordSets(ctx context.Context, in *route53.ChangeResourceRecordSetsInput) (*route53.ChangeResourceRecordSetsOutput, error) {
	if in.ChangeBatch == nil || len(in.ChangeBatch.Changes) == 0 {
		return nil, invalidInput("Invalid request: The batch has no changes")
	}
	if n := len(in.ChangeBatch.Changes); n > maxChanges {
		return nil, &types.InvalidChangeBatch{Message: aws.String("Number of changes in the batch exceeds the limit of 1000.")}
	}
	out := &route53.ChangeResourceRecordSetsOutput{}
	err := r.store.Update(func(tx *store.Tx) error {
		found, err := find(tx, scopeOf(ctx), in.HostedZoneId)
		if err != nil {
			return err
		}
		begun, err := r.apply(tx, scopeOf(ctx), found, in.ChangeBatch.Changes, aws.ToString(in.ChangeBatch.Comment))
		out.ChangeInfo = r.info(begun)
		return err
	})
	return out, err
}

func (r *Route53) listResourceRecordSets(ctx context.Context, in *route53.ListResourceRecordSetsInput) (*route53.ListResourceRecordSetsOutput, error) {
	limit, err := pageOf(in.MaxItems, maxRecords)
	if err != nil {
		return nil, err
	}
	if in.StartRecordType != "" && in.StartRecordName == nil {
		return nil, invalidInput("The input is not valid: a type without a name.")
	}
	if in.StartRecordIdentifier != nil && in.StartRecordType == "" {
		return nil, invalidInput("The input is not valid: an identifier without a type.")
	}
	out := &route53.ListResourceRecordSetsOutput{MaxItems: aws.Int32(int32(limit))}
	err = r.store.View(func(tx *store.Tx) error {
		found, err := find(tx, scopeOf(ctx), in.HostedZoneId)
		if err != nil {
			return err
		}
		from := ""
		if in.StartRecordName != nil {
			name, err := canonical(*in.StartRecordName)
			if err != nil {
				return invalidInput("The name is not valid: %v", err)
			}
			from = keyAt(found.ID, name)
			if in.StartRecordType != "" {
				from = keyOf(found.ID, types.ResourceRecordSet{Name: &name, Type: in.StartRecordType, SetIdentifier: in.StartRecordIdentifier})
			}
		}
		return records.Walk(tx, scopeOf(ctx), found.ID+"/", func(key string, set types.ResourceRecordSet) error {
			if key < from {
				return nil
			}
			if len(out.ResourceRecordSets) == limit {
				out.IsTruncated, out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = true, set.Name, set.Type, set.SetIdentifier
				return store.Stop
			}
			out.ResourceRecordSets = append(out.ResourceRecordSets, set)
			return nil
		})
	})
	return out, err
}

// Values returns the values of a record in the account's public zones, in a
// transaction of the caller's; none where there is no such record.
func (r *Route53) Values(tx *store.Tx, account, name string, kind types.RRType) ([]string, error) {
	scope := store.Scope{Account: account}
	name, err := canonical(name)
	if err != nil {
		return nil, nil // a name that no zone can have
	}
	z, found, err := zoneOf(tx, scope, name)
	if err != nil || !found {
		return nil, err
	}
	var values []string
	err = records.Walk(tx, scope, keyAt(z.ID, name)+string(kind)+"\x00", func(_ string, set types.ResourceRecordSet) error {
		for _, one := range set.ResourceRecords {
			values = append(values, aws.ToString(one.Value))
		}
		return nil
	})
	return values, err
}

// Change makes a batch in a zone of an account, in a transaction of the caller's.
func (r *Route53) Change(tx *store.Tx, account, id string, list ...types.Change) error {
	scope := store.Scope{Account: account}
	found, err := find(tx, scope, &id)
	if err == nil {
		_, err = r.apply(tx, scope, found, list, "")
	}
	return err
}
