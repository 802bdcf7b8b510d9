package rds

import (
	"context"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}

func tagMap(list []types.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// Tagged lists the resources for the Tagging API.
func (r *RDS) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	add := func(arn *string, tags map[string]string) {
		out = append(out, resource.Tagged{ARN: aws.ToString(arn), Tags: tags})
	}
	err := instances.Walk(tx, scope, "", func(_ string, stored instance) error {
		if now, there := stored.at(r.pace.Now()); there {
			add(now.DBInstanceArn, tagMap(now.TagList))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = subnets.Walk(tx, scope, "", func(_ string, g group) error {
		add(g.DBSubnetGroupArn, g.Tags)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = snapshots.Walk(tx, scope, "", func(_ string, s snapshot) error {
		add(s.DBSnapshotArn, tagMap(s.TagList))
		return nil
	})
	for _, kind := range []parameterKind{instanceParameters, clusterParameters} {
		if err != nil {
			return nil, err
		}
		err = kind.table.Walk(tx, scope, "", func(_ string, g parameterGroup) error {
			add(&g.ARN, g.Tags)
			return nil
		})
	}
	return out, err
}

// Retag changes the tags of a resource.
func (r *RDS) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:rds:"+scope.Region+":"+scope.Account+":")
	if !ok {
		return false, nil
	}
	kind, name, _ := strings.Cut(rest, ":")
	changed := func(tags map[string]string) map[string]string {
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		return tags
	}
	switch kind {
	case "db":
		found, err := r.find(tx, scope, name)
		if answer, _ := wire.As(err); err != nil && answer.Code == "DBInstanceNotFound" {
			return false, nil
		} else if err != nil {
			return false, err
		}
		found.TagList = tagList(changed(tagMap(found.TagList)))
		if found.Next != nil {
			found.Next.TagList = found.TagList
		}
		return true, instances.Put(tx, scope, name, found)
	case "subgrp":
		found, exists, err := subnets.Get(tx, scope, name)
		if err != nil || !exists {
			return false, err
		}
		found.Tags = changed(found.Tags)
		return true, subnets.Put(tx, scope, name, found)
	case "snapshot":
		found, exists, err := snapshots.Get(tx, scope, name)
		if err != nil || !exists {
			return false, err
		}
		found.TagList = tagList(changed(tagMap(found.TagList)))
		return true, snapshots.Put(tx, scope, name, found)
	}
	for _, k := range []parameterKind{instanceParameters, clusterParameters} {
		if k.arn != kind {
			continue
		}
		found, exists, err := k.table.Get(tx, scope, name)
		if err != nil || !exists {
			return false, err
		}
		found.Tags = changed(found.Tags)
		return true, k.table.Put(tx, scope, name, found)
	}
	return false, nil
}

// unknown is the error about an ARN that names nothing.
func unknown(arn *string) error {
	kind := ""
	if parts := strings.Split(aws.ToString(arn), ":"); len(parts) > 6 {
		kind = parts[5]
	}
	code := map[string]string{
		"subgrp": "DBSubnetGroupNotFoundFault", "snapshot": "DBSnapshotNotFound", "pg": "DBParameterGroupNotFound", "cluster-pg": "DBParameterGroupNotFound", "db": "DBInstanceNotFound",
	}[kind]
	if code == "" {
		return invalid("Invalid resource name: %s", aws.ToString(arn))
	}
	return &wire.Error{Code: code, Message: aws.ToString(arn) + " not found.", HTTPStatus: 404}
}

func (r *RDS) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	return r.store.Update(func(tx *store.Tx) error {
		found, err := r.Retag(tx, scopeOf(ctx), aws.ToString(arn), change)
		if err == nil && !found {
			err = unknown(arn)
		}
		return err
	})
}

func (r *RDS) addTagsToResource(ctx context.Context, in *rds.AddTagsToResourceInput) (*rds.AddTagsToResourceOutput, error) {
	return nil, r.retag(ctx, in.ResourceName, func(tags map[string]string) {
		for _, tag := range in.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	})
}

func (r *RDS) removeTagsFromResource(ctx context.Context, in *rds.RemoveTagsFromResourceInput) (*rds.RemoveTagsFromResourceOutput, error) {
	return nil, r.retag(ctx, in.ResourceName, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (r *RDS) listTagsForResource(ctx context.Context, in *rds.ListTagsForResourceInput) (*rds.ListTagsForResourceOutput, error) {
	out := &rds.ListTagsForResourceOutput{}
	return out, r.store.View(func(tx *store.Tx) error {
		all, err := r.Tagged(tx, scopeOf(ctx))
		for _, t := range all {
			if t.ARN == aws.ToString(in.ResourceName) {
				out.TagList = tagList(t.Tags)
				return err
			}
		}
		if err == nil {
			err = unknown(in.ResourceName)
		}
		return err
	})
}
