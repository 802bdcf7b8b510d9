package ec2

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// aliases are the filters that are not named after the field that they read.
var aliases = map[string]string{
	"cidr":                                   "cidr-block",
	"cidrBlock":                              "cidr-block",
	"isDefault":                              "is-default",
	"dhcpOptionsId":                          "dhcp-options-id",
	"availabilityZone":                       "availability-zone",
	"defaultForAz":                           "default-for-az",
	"group-desc":                             "description",
	"instance-state-name":                    "state.name",
	"instance-state-code":                    "state.code",
	"association.main":                       "associations.main",
	"association.subnet-id":                  "associations.subnet-id",
	"association.route-table-id":             "associations.route-table-id",
	"association.route-table-association-id": "associations.route-table-association-id",
	"attachment.vpc-id":                      "attachments.vpc-id",
	"attachment.state":                       "attachments.state",
	"route.destination-cidr-block":           "routes.destination-cidr-block",
	"route.gateway-id":                       "routes.gateway-id",
	"route.nat-gateway-id":                   "routes.nat-gateway-id",
	"cidr-block-association.cidr-block":      "cidr-block-association-set.cidr-block",
	"instance.group-id":                      "security-groups.group-id",
	"addresses.private-ip-address":           "private-ip-addresses.private-ip-address",
	"network-interface.network-interface-id": "network-interfaces.network-interface-id",
}

// passes reports whether a value of the client's types matches every filter.
//
// "tag:Name" and "tag-key" read Tags; every other filter reads the field of its
// name ("vpc-id" reads VpcId), or of its alias, through lists and structures
// where it has dots. Values match with * and ?. A filter that reads no field is
// the API's error.
func passes(value any, filters []types.Filter) (bool, error) {
	for _, filter := range filters {
		name := aws.ToString(filter.Name)
		texts, err := filterTexts(reflect.ValueOf(value), name)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(texts, func(text string) bool {
			return slices.ContainsFunc(filter.Values, func(pattern string) bool { return wild(pattern, text) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

func filterTexts(value reflect.Value, name string) ([]string, error) {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		return tagTexts(value, func(tag types.Tag) (string, bool) { return aws.ToString(tag.Value), aws.ToString(tag.Key) == key }), nil
	}
	if name == "tag-key" {
		return tagTexts(value, func(tag types.Tag) (string, bool) { return aws.ToString(tag.Key), true }), nil
	}
	steps := name
	if alias, ok := aliases[name]; ok {
		steps = alias
	}
	texts, ok := fieldTexts(value, strings.Split(steps, "."))
	if !ok {
		return nil, wire.Errorf("InvalidParameterValue", "The filter '%s' is invalid", name)
	}
	return texts, nil
}

func tagTexts(value reflect.Value, read func(types.Tag) (string, bool)) []string {
	for _, name := range []string{"Tags", "TagSet"} { // network interfaces have a TagSet
		if field := value.FieldByName(name); field.IsValid() {
			var texts []string
			for _, tag := range field.Interface().([]types.Tag) {
				if text, ok := read(tag); ok {
					texts = append(texts, text)
				}
			}
			return texts
		}
	}
	return nil
}

// fieldTexts reads the texts at a path of fields. It is false where the type has
// no such field.
func fieldTexts(value reflect.Value, steps []string) ([]string, bool) {
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			_, ok := fieldTexts(reflect.Zero(value.Type().Elem()), steps)
			return nil, ok
		}
		return fieldTexts(value.Elem(), steps)
	case reflect.Slice:
		if value.Len() == 0 {
			_, ok := fieldTexts(reflect.Zero(value.Type().Elem()), steps)
			return nil, ok
		}
		var texts []string
		for i := range value.Len() {
			more, ok := fieldTexts(value.Index(i), steps)
			if !ok {
				return nil, false
			}
			texts = append(texts, more...)
		}
		return texts, true
	case reflect.Struct:
		if len(steps) == 0 {
			return nil, false
		}
		want := strings.ReplaceAll(steps[0], "-", "")
		field := value.FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, want) })
		if !field.IsValid() {
			return nil, false
		}
		return fieldTexts(field, steps[1:])
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
		if len(steps) > 0 {
			return nil, false
		}
		return []string{fmt.Sprint(value.Interface())}, true
	}
	return nil, false
}

// wild matches * and ?, and takes everything else as it is.
func wild(pattern, text string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == text
	}
	// path.Match would stop * at a slash, and read brackets.
	quoted := strings.NewReplacer("[", `\[`, `\`, `\\`, "/", "\x00").Replace(pattern)
	ok, err := path.Match(quoted, strings.ReplaceAll(text, "/", "\x00"))
	return ok && err == nil
}
