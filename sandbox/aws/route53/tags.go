package route53

import (
	"context"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// tagged finds the zone that a call about tags means.
func tagged(tx *store.Tx, scope store.Scope, kind types.TagResourceType, id string) (zone, error) {
	if kind != types.TagResourceTypeHostedzone {
		return zone{}, &wire.Error{Code: "NoSuchHealthCheck", Message: "A health check with ID " + id + " does not exist.", HTTPStatus: 404}
	}
	return find(tx, scope, &id)
}

func (r *Route53) changeTagsForResource(ctx context.Context, in *route53.ChangeTagsForResourceInput) (*route53.ChangeTagsForResourceOutput, error) {
	return nil, r.store.Update(func(tx *store.Tx) error {
		found, err := tagged(tx, scopeOf(ctx), in.ResourceType, aws.ToString(in.ResourceId))
		if err != nil {
			return err
		}
		if found.Tags == nil {
			found.Tags = map[string]string{}
		}
		for _, key := range in.RemoveTagKeys {
			delete(found.Tags, key)
		}
		for _, tag := range in.AddTags {
			found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return zones.Put(tx, scopeOf(ctx), found.ID, found)
	})
}

func (r *Route53) listTagsForResource(ctx context.Context, in *route53.ListTagsForResourceInput) (*route53.ListTagsForResourceOutput, error) {
	sets, err := r.tagSets(ctx, in.ResourceType, []string{aws.ToString(in.ResourceId)})
	if err != nil {
		return nil, err
	}
	return &route53.ListTagsForResourceOutput{ResourceTagSet: &sets[0]}, nil
}

func (r *Route53) listTagsForResources(ctx context.Context, in *route53.ListTagsForResourcesInput) (*route53.ListTagsForResourcesOutput, error) {
	if n := len(in.ResourceIds); n < 1 || n > 10 {
		return nil, invalidInput("1 validation error detected: Value at 'resourceIds' failed to satisfy constraint: Member must have length between 1 and 10")
	}
	sets, err := r.tagSets(ctx, in.ResourceType, in.ResourceIds)
	return &route53.ListTagsForResourcesOutput{ResourceTagSets: sets}, err
}

func (r *Route53) tagSets(ctx context.Context, kind types.TagResourceType, ids []string) (sets []types.ResourceTagSet, err error) {
	err = r.store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			found, err := tagged(tx, scopeOf(ctx), kind, id)
			if err != nil {
				return err
			}
			set := types.ResourceTagSet{ResourceType: kind, ResourceId: aws.String(found.ID), Tags: []types.Tag{}}
			for key, value := range found.Tags {
				set.Tags = append(set.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
			}
			sort.Slice(set.Tags, func(i, j int) bool { return *set.Tags[i].Key < *set.Tags[j].Key })
			sets = append(sets, set)
		}
		return nil
	})
	return sets, err
}
