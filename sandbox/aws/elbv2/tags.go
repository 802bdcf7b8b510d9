package elbv2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

func tagsOf(list []types.Tag) (map[string]string, error) {
	tags := map[string]string{}
	for _, tag := range list {
		key := aws.ToString(tag.Key)
		if key == "" || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, invalid("The tag key '%s' is not valid: it must not be empty or begin with 'aws:'", key)
		}
		if _, twice := tags[key]; twice {
			return nil, wire.Errorf("DuplicateTagKeys", "The tag key '%s' is given twice", key)
		}
		tags[key] = aws.ToString(tag.Value)
	}
	if len(tags) > maxTags {
		return nil, tooMany()
	}
	return tags, nil
}

func tooMany() error {
	return wire.Errorf("TooManyTags", "A resource can't have more than '%d' tags", maxTags)
}

// retag changes the tags of a resource, whatever it is.
func retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) error {
	switch {
	case strings.Contains(arn, ":"+aBalancer.prefix):
		return retagIn(tx, scope, balancers, aBalancer, arn, func(v *balancer) *map[string]string { return &v.Tags }, change)
	case strings.Contains(arn, ":"+aGroup.prefix):
		return retagIn(tx, scope, groups, aGroup, arn, func(v *group) *map[string]string { return &v.Tags }, change)
	case strings.Contains(arn, ":"+aListener.prefix):
		return retagIn(tx, scope, listeners, aListener, arn, func(v *listener) *map[string]string { return &v.Tags }, change)
	case strings.Contains(arn, ":"+aRule.prefix):
		return retagIn(tx, scope, rules, aRule, arn, func(v *rule) *map[string]string { return &v.Tags }, change)
	}
	return invalid("'%s' is not a valid ARN of a load balancer, target group, listener or rule", arn)
}

func retagIn[T any](tx *store.Tx, scope store.Scope, table store.Table[T], s noun, arn string, field func(*T) *map[string]string, change func(map[string]string)) error {
	found, err := lookup(tx, scope, table, s, &arn)
	if err != nil {
		return err
	}
	tags := field(&found)
	if *tags == nil {
		*tags = map[string]string{}
	}
	if change(*tags); len(*tags) > maxTags {
		return tooMany()
	}
	return table.Put(tx, scope, arn, found)
}

func (e *ELBV2) addTags(ctx context.Context, in *elb.AddTagsInput) (*elb.AddTagsOutput, error) {
	added, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, e.retagAll(scopeOf(ctx), in.ResourceArns, func(tags map[string]string) { maps.Copy(tags, added) })
}

func (e *ELBV2) removeTags(ctx context.Context, in *elb.RemoveTagsInput) (*elb.RemoveTagsOutput, error) {
	return nil, e.retagAll(scopeOf(ctx), in.ResourceArns, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (e *ELBV2) retagAll(scope store.Scope, arns []string, change func(map[string]string)) error {
	return e.store.Update(func(tx *store.Tx) error {
		for _, arn := range arns {
			if err := retag(tx, scope, arn, change); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxDescribed is how many resources' tags one call tells.
const maxDescribed = 20

func (e *ELBV2) describeTags(ctx context.Context, in *elb.DescribeTagsInput) (*elb.DescribeTagsOutput, error) {
	if len(in.ResourceArns) == 0 || len(in.ResourceArns) > maxDescribed {
		return nil, invalid("The number of resource ARNs must be between '1' and '%d'", maxDescribed)
	}
	out := &elb.DescribeTagsOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		for _, arn := range in.ResourceArns {
			tags, err := tagsAt(tx, scopeOf(ctx), arn)
			if err != nil {
				return err
			}
			out.TagDescriptions = append(out.TagDescriptions, types.TagDescription{ResourceArn: aws.String(arn), Tags: tagList(tags)})
		}
		return nil
	})
	return out, err
}

func tagList(tags map[string]string) []types.Tag {
	list := []types.Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// tagsAt are the tags of a resource, whatever it is.
func tagsAt(tx *store.Tx, scope store.Scope, arn string) (map[string]string, error) {
	switch {
	case strings.Contains(arn, ":"+aBalancer.prefix):
		v, err := lookup(tx, scope, balancers, aBalancer, &arn)
		return v.Tags, err
	case strings.Contains(arn, ":"+aGroup.prefix):
		v, err := lookup(tx, scope, groups, aGroup, &arn)
		return v.Tags, err
	case strings.Contains(arn, ":"+aListener.prefix):
		v, err := lookup(tx, scope, listeners, aListener, &arn)
		return v.Tags, err
	case strings.Contains(arn, ":"+aRule.prefix):
		v, err := lookup(tx, scope, rules, aRule, &arn)
		return v.Tags, err
	}
	return nil, invalid("'%s' is not a valid ARN of a load balancer, target group, listener or rule", arn)
}

// Tagged lists all resources of an account and region.
func (e *ELBV2) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	add := func(arn string, tags map[string]string) error {
		out = append(out, resource.Tagged{ARN: arn, Tags: tags})
		return nil
	}
	err := balancers.Walk(tx, scope, "", func(arn string, v balancer) error { return add(arn, v.Tags) })
	if err == nil {
		err = groups.Walk(tx, scope, "", func(arn string, v group) error { return add(arn, v.Tags) })
	}
	if err == nil {
		err = listeners.Walk(tx, scope, "", func(arn string, v listener) error { return add(arn, v.Tags) })
	}
	if err == nil {
		err = rules.Walk(tx, scope, "", func(arn string, v rule) error { return add(arn, v.Tags) })
	}
	return out, err
}

// Retag changes the tags of a resource.
func (e *ELBV2) Retag(tx *store.Tx, scope store.Scope, arn string, change func(tags map[string]string)) (bool, error) {
	if !strings.HasPrefix(arn, arnOf(scope, "")) {
		return false, nil
	}
	err := retag(tx, scope, arn, change)
	if answer, expected := wire.As(err); err != nil && expected && strings.HasSuffix(answer.Code, "NotFound") {
		return false, nil
	}
	return err == nil, err
}
