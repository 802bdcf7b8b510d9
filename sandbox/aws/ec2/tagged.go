package ec2

import (
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// taggedTable reads and writes the tags in one table.
type taggedTable struct {
	kind string // in ARNs: "vpc"
	walk func(tx *store.Tx, scope store.Scope, visit func(id string, tags []types.Tag) error) error
	edit func(tx *store.Tx, scope store.Scope, id string, change func([]types.Tag) []types.Tag) (bool, error)
}

func tagsIn[T any](kind string, table store.Table[T], tags func(*T) *[]types.Tag) taggedTable {
	return taggedTable{kind,
		func(tx *store.Tx, scope store.Scope, visit func(string, []types.Tag) error) error {
			return table.Walk(tx, scope, "", func(id string, value T) error { return visit(id, *tags(&value)) })
		},
		func(tx *store.Tx, scope store.Scope, id string, change func([]types.Tag) []types.Tag) (bool, error) {
			value, found, err := table.Get(tx, scope, id)
			if err != nil || !found {
				return false, err
			}
			*tags(&value) = change(*tags(&value))
			return true, table.Put(tx, scope, id, value)
		},
	}
}

var taggedTables = []taggedTable{
	tagsIn("vpc", vpcs, func(v *vpc) *[]types.Tag { return &v.Tags }),
	tagsIn("subnet", subnets, func(s *types.Subnet) *[]types.Tag { return &s.Tags }),
	tagsIn("internet-gateway", gateways, func(g *types.InternetGateway) *[]types.Tag { return &g.Tags }),
	tagsIn("route-table", tables, func(t *types.RouteTable) *[]types.Tag { return &t.Tags }),
	tagsIn("security-group", groups, func(g *types.SecurityGroup) *[]types.Tag { return &g.Tags }),
	tagsIn("natgateway", nats, func(n *types.NatGateway) *[]types.Tag { return &n.Tags }),
	tagsIn("elastic-ip", addresses, func(a *types.Address) *[]types.Tag { return &a.Tags }),
	tagsIn("instance", instances, func(i *types.Instance) *[]types.Tag { return &i.Tags }),
	tagsIn("network-interface", interfaces, func(i *types.NetworkInterface) *[]types.Tag { return &i.TagSet }),
}

func arnPrefix(scope store.Scope) string {
	return "arn:aws:ec2:" + scope.Region + ":" + scope.Account + ":"
}

// Tagged lists the resources for the Tagging API.
func (e *EC2) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	for _, table := range taggedTables {
		err := table.walk(tx, scope, func(id string, list []types.Tag) error {
			tags := map[string]string{}
			for _, tag := range list {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			out = append(out, resource.Tagged{ARN: arnPrefix(scope) + table.kind + "/" + id, Tags: tags})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Retag changes the tags of a resource.
func (e *EC2) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	rest, ok := strings.CutPrefix(arn, arnPrefix(scope))
	if !ok {
		return false, nil
	}
	kind, id, _ := strings.Cut(rest, "/")
	for _, table := range taggedTables {
		if table.kind != kind {
			continue
		}
		return table.edit(tx, scope, id, func(list []types.Tag) []types.Tag {
			tags := map[string]string{}
			for _, tag := range list {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			change(tags)
			list = nil
			for key, value := range tags {
				list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
			}
			sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
			return list
		})
	}
	return false, nil
}
