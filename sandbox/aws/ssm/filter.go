package ssm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// passes reports whether a version of a parameter matches every filter.
func passes(found parameter, v version, filters []types.ParameterStringFilter) (bool, error) {
	for _, filter := range filters {
		ok, err := passesOne(found, v, filter)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func passesOne(found parameter, v version, filter types.ParameterStringFilter) (bool, error) {
	key, option := aws.ToString(filter.Key), aws.ToString(filter.Option)
	var values []string
	switch tag, isTag := strings.CutPrefix(key, "tag:"); {
	case isTag:
		value, tagged := found.Tags[tag]
		if !tagged || len(filter.Values) == 0 {
			return tagged, nil
		}
		values = []string{value}
	case key == "Path":
		return underAny(found.Name, filter.Values, option)
	case key == "Name":
		values = []string{found.Name}
	case key == "Type":
		values = []string{string(v.Type)}
	case key == "KeyId":
		values = []string{v.KeyID}
	case key == "Tier":
		values = []string{found.Tier}
	case key == "DataType":
		values = []string{found.DataType}
	case key == "Label":
		values = v.Labels
	default:
		return false, &types.InvalidFilterKey{Message: aws.String("There is no filter " + strconv.Quote(key) + ".")}
	}
	var match func(value, want string) bool
	switch option {
	case "", "Equals":
		match = func(value, want string) bool { return value == want }
	case "BeginsWith":
		match = strings.HasPrefix
	case "Contains":
		match = strings.Contains
	default:
		return false, &types.InvalidFilterOption{Message: aws.String("There is no option " + strconv.Quote(option) + " of filter " + key + ".")}
	}
	return slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(filter.Values, func(want string) bool { return match(value, want) })
	}), nil
}

// underAny reports whether a name is below one of the paths.
func underAny(name string, paths []string, option string) (bool, error) {
	if option != "" && option != "OneLevel" && option != "Recursive" {
		return false, &types.InvalidFilterOption{Message: aws.String("The options of filter Path are OneLevel and Recursive, not " + strconv.Quote(option) + ".")}
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		rest, below := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
		return below && (option == "Recursive" || !strings.Contains(rest, "/"))
	}), nil
}

// oldFilters gives the filters of older clients the form of the newer ones: they
// are prefixes.
func oldFilters(filters []types.ParametersFilter) []types.ParameterStringFilter {
	var out []types.ParameterStringFilter
	for _, f := range filters {
		out = append(out, types.ParameterStringFilter{Key: aws.String(string(f.Key)), Option: aws.String("BeginsWith"), Values: f.Values})
	}
	return out
}
