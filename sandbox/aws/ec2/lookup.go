package ec2

import (
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// missing are the service's words for an ID that names nothing, by the ID's
// prefix: the error's code, and the thing.
var missing = map[string][2]string{
	"eipalloc": {"InvalidAllocationID.NotFound", "allocation"},
	"vpc":      {"InvalidVpcID.NotFound", "vpc"},
	"subnet":   {"InvalidSubnetID.NotFound", "subnet"},
	"igw":      {"InvalidInternetGatewayID.NotFound", "internetGateway"},
	"rtb":      {"InvalidRouteTableID.NotFound", "routeTable"},
	"sg":       {"InvalidGroup.NotFound", "security group"},
	"nat":      {"NatGatewayNotFound", "NatGateway"},
	"i":        {"InvalidInstanceID.NotFound", "instance"},
	"eni":      {"InvalidNetworkInterfaceID.NotFound", "networkInterface"},
	"sgr":      {"InvalidSecurityGroupRuleId.NotFound", "security group rule"},
}

func notFound(id string) error {
	prefix, _, _ := strings.Cut(id, "-")
	words, ok := missing[prefix]
	if !ok {
		return wire.Errorf("InvalidParameterValue", "The ID '%s' is not valid", id)
	}
	return wire.Errorf(words[0], "The %s ID '%s' does not exist", words[1], id)
}

// lookup finds a value by its ID.
func lookup[T any](tx *store.Tx, scope store.Scope, table store.Table[T], id string) (T, error) {
	value, found, err := table.Get(tx, scope, id)
	if err == nil && !found {
		err = notFound(id)
	}
	return value, err
}

// inUse is the refusal to delete what others stand on.
func inUse(thing, id, by string) error {
	return wire.Errorf("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted: %s", thing, id, by)
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	answer, expected := wire.As(err)
	if err == nil || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch {
	case strings.HasSuffix(answer.Code, "NotFound"):
		code = resource.NotFound
	case strings.HasSuffix(answer.Code, "Duplicate"), strings.HasSuffix(answer.Code, "AlreadyExists"), answer.Code == "Resource.AlreadyAssociated":
		code = resource.AlreadyExists
	case answer.Code == "DependencyViolation":
		code = resource.ResourceConflict
	}
	return &resource.Error{Code: code, Message: answer.Message + " (Service: Ec2, Error Code: " + answer.Code + ")"}
}

// tagsOf reads a resource's tags as the client's type, in the order of keys.
func tagsOf(request resource.Request) ([]types.Tag, error) {
	all, err := resource.Props(request.Properties).Tags("Tags", request.Tags)
	if err != nil {
		return nil, err
	}
	tags := make([]types.Tag, 0, len(all))
	for key, value := range all {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(tags, func(i, j int) bool { return *tags[i].Key < *tags[j].Key })
	return tags, nil
}
