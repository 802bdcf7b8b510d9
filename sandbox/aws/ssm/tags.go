package ssm

import (
	"context"
	"errors"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// tagged finds the parameter that a request about tags names.
func tagged(tx *store.Tx, scope store.Scope, kind types.ResourceTypeForTagging, id *string) (parameter, error) {
	if kind != types.ResourceTypeForTaggingParameter {
		return parameter{}, &types.InvalidResourceType{Message: aws.String("The sandbox has tags of parameters alone.")}
	}
	found, _, err := get(tx, scope, aws.ToString(id))
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		err = &types.InvalidResourceId{Message: missing.Message}
	}
	return found, err
}

func (s *SSM) retag(ctx context.Context, kind types.ResourceTypeForTagging, id *string, change func(map[string]string)) error {
	return s.store.Update(func(tx *store.Tx) error {
		found, err := tagged(tx, scopeOf(ctx), kind, id)
		if err != nil {
			return err
		}
		return found.retag(tx, scopeOf(ctx), change)
	})
}

func (p parameter) retag(tx *store.Tx, scope store.Scope, change func(map[string]string)) error {
	if p.Tags == nil {
		p.Tags = map[string]string{}
	}
	change(p.Tags)
	return parameters.Put(tx, scope, p.Name, p)
}

func (s *SSM) addTagsToResource(ctx context.Context, in *ssm.AddTagsToResourceInput) (*ssm.AddTagsToResourceOutput, error) {
	return nil, s.retag(ctx, in.ResourceType, in.ResourceId, func(tags map[string]string) {
		for _, tag := range in.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	})
}

func (s *SSM) removeTagsFromResource(ctx context.Context, in *ssm.RemoveTagsFromResourceInput) (*ssm.RemoveTagsFromResourceOutput, error) {
	return nil, s.retag(ctx, in.ResourceType, in.ResourceId, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *SSM) listTagsForResource(ctx context.Context, in *ssm.ListTagsForResourceInput) (*ssm.ListTagsForResourceOutput, error) {
	out := &ssm.ListTagsForResourceOutput{}
	return out, s.store.View(func(tx *store.Tx) error {
		found, err := tagged(tx, scopeOf(ctx), in.ResourceType, in.ResourceId)
		out.TagList = tagList(found.Tags)
		return err
	})
}

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}

// Tagged lists the parameters for the Tagging API.
func (s *SSM) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := parameters.Walk(tx, scope, "", func(_ string, p parameter) error {
		out = append(out, resource.Tagged{ARN: p.ARN, Tags: p.Tags})
		return nil
	})
	return out, err
}

// Retag changes the tags of a parameter.
func (s *SSM) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	found, _, err := get(tx, scope, arn)
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) || err == nil && found.ARN != arn {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, found.retag(tx, scope, change)
}
