package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// tagsFor are the tags that a call gives to what it makes.
func tagsFor(kind types.ResourceType, specified []types.TagSpecification) ([]types.Tag, error) {
	var tags []types.Tag
	for _, one := range specified {
		if one.ResourceType != kind {
			return nil, wire.Errorf("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", one.ResourceType)
		}
		var err error
		if tags, err = merged(tags, one.Tags); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// merged lays tags over others, in the order of keys.
func merged(tags, over []types.Tag) ([]types.Tag, error) {
	out := slices.Clone(tags)
	for _, tag := range over {
		key := aws.ToString(tag.Key)
		if key == "" || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, wire.Errorf("InvalidParameterValue", "Tag keys must not be empty or start with 'aws:': '%s'", key)
		}
		tag.Value = aws.String(aws.ToString(tag.Value))
		if i := slices.IndexFunc(out, func(t types.Tag) bool { return *t.Key == key }); i >= 0 {
			out[i] = tag
		} else {
			out = append(out, tag)
		}
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TagLimitExceeded", "A resource can't have more than %d tags.", maxTags)
	}
	slices.SortFunc(out, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return out, nil
}

// taggable is a table whose values have tags, by the prefix of its IDs.
type taggable struct {
	kind types.ResourceType
	// retag changes the tags of one value.
	retag  func(tx *store.Tx, scope store.Scope, id string, change func([]types.Tag) ([]types.Tag, error)) error
	exists func(tx *store.Tx, scope store.Scope, id string) (bool, error)
	// walk visits all values.
	walk func(tx *store.Tx, scope store.Scope, visit func(id string, tags []types.Tag) error) error
}

func tagged[T any](kind types.ResourceType, table store.Table[T], tags func(*T) *[]types.Tag) taggable {
	return taggable{
		kind: kind, exists: in(table),
		retag: func(tx *store.Tx, scope store.Scope, id string, change func([]types.Tag) ([]types.Tag, error)) error {
			value, err := lookup(tx, scope, table, id)
			if err != nil {
				return err
			}
			if *tags(&value), err = change(*tags(&value)); err != nil {
				return err
			}
			return table.Put(tx, scope, id, value)
		},
		walk: func(tx *store.Tx, scope store.Scope, visit func(string, []types.Tag) error) error {
			return table.Walk(tx, scope, "", func(id string, value T) error { return visit(id, *tags(&value)) })
		},
	}
}

var taggables = map[string]taggable{
	"vpc":      tagged(types.ResourceTypeVpc, vpcs, func(v *vpc) *[]types.Tag { return &v.Tags }),
	"subnet":   tagged(types.ResourceTypeSubnet, subnets, func(v *types.Subnet) *[]types.Tag { return &v.Tags }),
	"igw":      tagged(types.ResourceTypeInternetGateway, gateways, func(v *types.InternetGateway) *[]types.Tag { return &v.Tags }),
	"rtb":      tagged(types.ResourceTypeRouteTable, tables, func(v *types.RouteTable) *[]types.Tag { return &v.Tags }),
	"sg":       tagged(types.ResourceTypeSecurityGroup, groups, func(v *types.SecurityGroup) *[]types.Tag { return &v.Tags }),
	"sgr":      tagged(types.ResourceTypeSecurityGroupRule, rules, func(v *rule) *[]types.Tag { return &v.Tags }),
	"nat":      tagged(types.ResourceTypeNatgateway, nats, func(v *types.NatGateway) *[]types.Tag { return &v.Tags }),
	"eipalloc": tagged(types.ResourceTypeElasticIp, addresses, func(v *types.Address) *[]types.Tag { return &v.Tags }),
	"i":        tagged(types.ResourceTypeInstance, instances, func(v *types.Instance) *[]types.Tag { return &v.Tags }),
	"eni":      tagged(types.ResourceTypeNetworkInterface, interfaces, func(v *types.NetworkInterface) *[]types.Tag { return &v.TagSet }),
}

// retag changes the tags of resources, all or none.
func (e *EC2) retag(ctx context.Context, ids []string, change func([]types.Tag) ([]types.Tag, error)) error {
	if len(ids) == 0 {
		return wire.Errorf("MissingParameter", "The request must contain the parameter resourceIdSet")
	}
	return e.update(scopeOf(ctx), func(tx *store.Tx) error {
		for _, id := range ids {
			prefix, _, _ := strings.Cut(id, "-")
			kind, ok := taggables[prefix]
			if !ok {
				return wire.Errorf("InvalidID", "The ID '%s' is not valid", id)
			}
			if err := kind.retag(tx, scopeOf(ctx), id, change); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *EC2) createTags(ctx context.Context, in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	return nil, e.retag(ctx, in.Resources, func(tags []types.Tag) ([]types.Tag, error) { return merged(tags, in.Tags) })
}

// deleteTags deletes those that are named, with the value that is given where one
// is; with none named, all but those of AWS itself.
func (e *EC2) deleteTags(ctx context.Context, in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	return nil, e.retag(ctx, in.Resources, func(tags []types.Tag) ([]types.Tag, error) {
		return slices.DeleteFunc(tags, func(t types.Tag) bool {
			if len(in.Tags) == 0 {
				return !strings.HasPrefix(*t.Key, "aws:")
			}
			return slices.ContainsFunc(in.Tags, func(gone types.Tag) bool {
				return aws.ToString(gone.Key) == *t.Key && (gone.Value == nil || *gone.Value == aws.ToString(t.Value))
			})
		}), nil
	})
}

func (e *EC2) describeTags(ctx context.Context, in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	out := &ec2.DescribeTagsOutput{Tags: []types.TagDescription{}}
	var all []types.TagDescription
	err := e.view(scopeOf(ctx), func(tx *store.Tx) error {
		for _, kind := range taggables {
			err := kind.walk(tx, scopeOf(ctx), func(id string, tags []types.Tag) error {
				for _, tag := range tags {
					one := types.TagDescription{ResourceId: aws.String(id), ResourceType: kind.kind, Key: tag.Key, Value: tag.Value}
					ok, err := passes(one, in.Filters)
					if err != nil {
						return err
					}
					if ok {
						all = append(all, one)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	key := func(t types.TagDescription) string { return *t.ResourceId + "/" + *t.Key }
	slices.SortFunc(all, func(a, b types.TagDescription) int { return strings.Compare(key(a), key(b)) })
	out.Tags, out.NextToken = wire.Page(all, in.NextToken, in.MaxResults, 1000, key)
	return out, err
}

// Tagged lists the resources of an account and region.
func (e *EC2) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	for _, kind := range taggables {
		err := kind.walk(tx, scope, func(id string, tags []types.Tag) error {
			one := resource.Tagged{ARN: arnOf(scope, kind, id), Tags: map[string]string{}}
			for _, tag := range tags {
				one.Tags[*tag.Key] = aws.ToString(tag.Value)
			}
			out = append(out, one)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Retag changes the tags of a resource.
func (e *EC2) Retag(tx *store.Tx, scope store.Scope, arn string, change func(tags map[string]string)) (bool, error) {
	rest, ours := strings.CutPrefix(arn, "arn:aws:ec2:"+scope.Region+":"+scope.Account+":")
	_, id, _ := strings.Cut(rest, "/")
	prefix, _, _ := strings.Cut(id, "-")
	kind, known := taggables[prefix]
	if !ours || !known || arn != arnOf(scope, kind, id) {
		return false, nil
	}
	if exists, err := kind.exists(tx, scope, id); err != nil || !exists {
		return false, err
	}
	return true, kind.retag(tx, scope, id, func(tags []types.Tag) ([]types.Tag, error) {
		now := map[string]string{}
		for _, tag := range tags {
			now[*tag.Key] = aws.ToString(tag.Value)
		}
		change(now)
		var out []types.Tag
		for key, value := range now {
			out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		slices.SortFunc(out, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
		return out, nil
	})
}

func arnOf(scope store.Scope, kind taggable, id string) string {
	return "arn:aws:ec2:" + scope.Region + ":" + scope.Account + ":" + string(kind.kind) + "/" + id
}
