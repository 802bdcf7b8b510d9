// Package tagging is the sandbox's Resource Groups Tagging API: one list of all that
// has tags in an account and region, whichever service it is of, and one way to
// change the tags.
//
// It keeps nothing: each service lists its own resources and changes their tags
// ([resource.Taggable]). A resource without tags is in no answer. What has no region,
// such as IAM's, is in us-east-1. Tag policies and their compliance are not there.
//
// A page ends at a resource, and a token is the ARN of the last one, so that pages go
// on where they stood though resources come and go between them.
//
// Source: the Resource Groups Tagging API reference.
package tagging

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Tagging is the service. It is safe for concurrent use.
type Tagging struct {
	store    *store.Store
	services []resource.Taggable
}

// New returns the service over those that have tags, which keep them in the store.
func New(state *store.Store, services ...resource.Taggable) *Tagging {
	return &Tagging{store: state, services: services}
}

// Service returns the API.
func (t *Tagging) Service() *wire.Service {
	service := &wire.Service{Name: "tagging", Protocol: wire.JSON11, Differences: differsFromAWS, Target: "ResourceGroupsTaggingAPI_20170126"}
	wire.Register(service, "GetResources", t.getResources)
	wire.Register(service, "GetTagKeys", t.getTagKeys)
	wire.Register(service, "GetTagValues", t.getTagValues)
	wire.Register(service, "TagResources", t.tagResources)
	wire.Register(service, "UntagResources", t.untagResources)
	return service
}

// Resources lists what has tags in an account and region, by ARN.
func (t *Tagging) Resources(_ context.Context, account, region string) ([]resource.Tagged, error) {
	var all []resource.Tagged
	err := t.store.View(func(tx *store.Tx) error {
		for _, service := range t.services {
			more, err := service.Tagged(tx, store.Scope{Account: account, Region: region})
			if err != nil {
				return err
			}
			all = append(all, more...)
		}
		return nil
	})
	all = slices.DeleteFunc(all, func(r resource.Tagged) bool { return len(r.Tags) == 0 })
	slices.SortFunc(all, func(a, b resource.Tagged) int { return cmp.Compare(a.ARN, b.ARN) })
	return all, err
}

func (t *Tagging) resources(ctx context.Context) ([]resource.Tagged, error) {
	call := wire.CallOf(ctx)
	return t.Resources(ctx, call.Account, call.Region)
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

// The limits of the service.
const (
	pageResources = 50
	mostResources = 100
	mostARNs      = 20
	mostTags      = 50
)

func (t *Tagging) getResources(ctx context.Context, in *resourcegroupstaggingapi.GetResourcesInput) (*resourcegroupstaggingapi.GetResourcesOutput, error) {
	switch {
	case len(in.ResourceARNList) > 0 && (len(in.TagFilters) > 0 || len(in.ResourceTypeFilters) > 0 || in.ResourcesPerPage != nil || aws.ToString(in.PaginationToken) != ""):
		return nil, invalid("ResourceARNList can't be used with filters, ResourcesPerPage or PaginationToken.")
	case len(in.ResourceARNList) > mostResources:
		return nil, invalid("ResourceARNList may have at most %d ARNs.", mostResources)
	case aws.ToBool(in.IncludeComplianceDetails), aws.ToBool(in.ExcludeCompliantResources):
		return nil, invalid("The sandbox has no tag policies that resources could comply with.")
	case in.TagsPerPage != nil:
		return nil, invalid("The sandbox ends pages by ResourcesPerPage alone.")
	case in.ResourcesPerPage != nil && (*in.ResourcesPerPage < 1 || *in.ResourcesPerPage > mostResources):
		return nil, invalid("ResourcesPerPage must be between 1 and %d.", mostResources)
	}
	for _, filter := range in.TagFilters {
		if aws.ToString(filter.Key) == "" {
			return nil, invalid("A tag filter needs a Key.")
		}
	}
	all, err := t.resources(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r resource.Tagged) bool {
		return len(in.ResourceARNList) > 0 && !slices.Contains(in.ResourceARNList, r.ARN) || !ofType(r.ARN, in.ResourceTypeFilters) || !passes(r.Tags, in.TagFilters)
	})
	out := &resourcegroupstaggingapi.GetResourcesOutput{}
	all, next := wire.Page(all, in.PaginationToken, in.ResourcesPerPage, pageResources, func(r resource.Tagged) string { return r.ARN })
	out.PaginationToken = aws.String(aws.ToString(next)) // "" on the last page
	for _, r := range all {
		mapping := types.ResourceTagMapping{ResourceARN: aws.String(r.ARN)}
		for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
			mapping.Tags = append(mapping.Tags, types.Tag{Key: aws.String(key), Value: aws.String(r.Tags[key])})
		}
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, mapping)
	}
	return out, nil
}

// ofType reports whether an ARN is of one of the types "service" or "service:kind".
func ofType(arn string, wanted []string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(wanted) == 0 || len(parts) < 6 {
		return len(wanted) == 0
	}
	kind := parts[5]
	if end := strings.IndexAny(kind, ":/"); end >= 0 {
		kind = kind[:end]
	}
	return slices.ContainsFunc(wanted, func(want string) bool { return want == parts[2] || want == parts[2]+":"+kind })
}

// passes reports whether tags match every filter: the key is there, with one of the
// values where the filter has any.
func passes(tags map[string]string, filters []types.TagFilter) bool {
	for _, filter := range filters {
		value, ok := tags[*filter.Key]
		if !ok || len(filter.Values) > 0 && !slices.Contains(filter.Values, value) {
			return false
		}
	}
	return true
}

func (t *Tagging) getTagKeys(ctx context.Context, in *resourcegroupstaggingapi.GetTagKeysInput) (*resourcegroupstaggingapi.GetTagKeysOutput, error) {
	all, err := t.resources(ctx)
	keys := map[string]bool{}
	for _, r := range all {
		for key := range r.Tags {
			keys[key] = true
		}
	}
	page, next := pageOf(keys, in.PaginationToken)
	return &resourcegroupstaggingapi.GetTagKeysOutput{TagKeys: page, PaginationToken: next}, err
}

func (t *Tagging) getTagValues(ctx context.Context, in *resourcegroupstaggingapi.GetTagValuesInput) (*resourcegroupstaggingapi.GetTagValuesOutput, error) {
	if aws.ToString(in.Key) == "" {
		return nil, invalid("Key is missing.")
	}
	all, err := t.resources(ctx)
	values := map[string]bool{}
	for _, r := range all {
		if value, ok := r.Tags[*in.Key]; ok {
			values[value] = true
		}
	}
	page, next := pageOf(values, in.PaginationToken)
	return &resourcegroupstaggingapi.GetTagValuesOutput{TagValues: page, PaginationToken: next}, err
}

func pageOf(set map[string]bool, token *string) (page []string, next *string) {
	page, next = wire.Page(slices.Sorted(maps.Keys(set)), token, nil, mostResources, func(text string) string { return text })
	return page, aws.String(aws.ToString(next))
}

func (t *Tagging) tagResources(ctx context.Context, in *resourcegroupstaggingapi.TagResourcesInput) (*resourcegroupstaggingapi.TagResourcesOutput, error) {
	if len(in.Tags) == 0 || len(in.Tags) > mostTags {
		return nil, invalid("Tags must have 1 to %d tags.", mostTags)
	}
	for key := range in.Tags {
		if err := checkKey(key); err != nil {
			return nil, err
		}
	}
	failed, err := t.retag(ctx, in.ResourceARNList, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	return &resourcegroupstaggingapi.TagResourcesOutput{FailedResourcesMap: failed}, err
}

func (t *Tagging) untagResources(ctx context.Context, in *resourcegroupstaggingapi.UntagResourcesInput) (*resourcegroupstaggingapi.UntagResourcesOutput, error) {
	if len(in.TagKeys) == 0 || len(in.TagKeys) > mostTags {
		return nil, invalid("TagKeys must have 1 to %d keys.", mostTags)
	}
	for _, key := range in.TagKeys {
		if err := checkKey(key); err != nil {
			return nil, err
		}
	}
	failed, err := t.retag(ctx, in.ResourceARNList, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
	return &resourcegroupstaggingapi.UntagResourcesOutput{FailedResourcesMap: failed}, err
}

// checkKey refuses AWS's own tags, which only AWS writes.
func checkKey(key string) error {
	if key == "" || len(key) > 128 || strings.HasPrefix(strings.ToLower(key), "aws:") {
		return invalid("The tag key %q must have 1 to 128 characters and not begin with aws:.", key)
	}
	return nil
}

// retag changes the tags of each resource; those that are not there are told.
func (t *Tagging) retag(ctx context.Context, arns []string, change func(map[string]string)) (map[string]types.FailureInfo, error) {
	if len(arns) == 0 || len(arns) > mostARNs {
		return nil, invalid("ResourceARNList must have 1 to %d ARNs.", mostARNs)
	}
	call := wire.CallOf(ctx)
	failed := map[string]types.FailureInfo{}
	err := t.store.Update(func(tx *store.Tx) error {
		for _, arn := range arns {
			done := false
			for _, service := range t.services {
				ok, err := service.Retag(tx, store.Scope{Account: call.Account, Region: call.Region}, arn, change)
				if err != nil {
					return fmt.Errorf("%s: %w", arn, err)
				}
				done = done || ok
			}
			if !done {
				failed[arn] = types.FailureInfo{
					ErrorCode: types.ErrorCodeInvalidParameterException, StatusCode: 400,
					ErrorMessage: aws.String("There is no resource with this ARN in the account and region."),
				}
			}
		}
		return nil
	})
	return failed, err
}
