package cloudformation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// toCompare returns the properties of a resource that its template gives and that
// can be compared: as the template says they are, and as they are. Those that
// identify the resource can't differ; those that can't be read, and those with
// values that must not be shown, are left out.
func toCompare(of *live, found resource.Found) (expected, actual map[string]any) {
	expected, actual = map[string]any{}, map[string]any{}
	typ, _ := schema.Lookup(of.Type)
	for name, value := range of.Properties {
		hidden := slices.Contains(of.Sensitive, name) || mentionsDynamic(value)
		unread := found.Readable != nil && !slices.Contains(found.Readable, name)
		if hidden || unread || slices.Contains(typ.PrimaryIdentifier, name) {
			continue
		}
		expected[name] = value
		if v, ok := found.Properties[name]; ok {
			actual[name] = v
		}
	}
	return expected, actual
}

func mentionsDynamic(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "{{resolve:")
	case []any:
		return slices.ContainsFunc(v, mentionsDynamic)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), mentionsDynamic)
	}
	return false
}

// differences are where actual is not as expected. Of objects only what is
// expected counts, as services add what the template leaves to them; the order
// of lists does not.
func differences(path string, expected, actual any) []types.PropertyDifference {
	if actual == nil {
		return []types.PropertyDifference{difference(types.DifferenceTypeRemove, path, expected, nil)}
	}
	expected, actual = document(expected, actual), document(actual, expected)
	switch e := expected.(type) {
	case map[string]any:
		a, ok := actual.(map[string]any)
		if !ok {
			break
		}
		var out []types.PropertyDifference
		for _, name := range slices.Sorted(maps.Keys(e)) {
			if e[name] != nil {
				out = append(out, differences(path+"/"+name, e[name], a[name])...)
			}
		}
		return out
	case []any:
		if a, ok := actual.([]any); ok {
			return listDifferences(path, e, a)
		}
	default:
		if scalarText(e) == scalarText(actual) {
			return nil
		}
	}
	return []types.PropertyDifference{difference(types.DifferenceTypeNotEqual, path, expected, actual)}
}

// listDifferences pairs the elements that are the same, then those that are left.
func listDifferences(path string, expected, actual []any) []types.PropertyDifference {
	var missing []int
	left := slices.Clone(actual)
	for i, e := range expected {
		at := slices.IndexFunc(left, func(a any) bool { return a != nil && len(differences("", e, a)) == 0 })
		if at < 0 {
			missing = append(missing, i)
			continue
		}
		left = slices.Delete(left, at, at+1)
	}
	var out []types.PropertyDifference
	for n, i := range missing {
		at := fmt.Sprintf("%s/%d", path, i)
		if len(missing) == len(left) {
			out = append(out, differences(at, expected[i], left[n])...)
		} else {
			out = append(out, difference(types.DifferenceTypeRemove, at, expected[i], nil))
		}
	}
	if len(missing) != len(left) {
		for _, a := range left {
			at := slices.IndexFunc(actual, func(x any) bool { return len(differences("", x, a)) == 0 })
			out = append(out, difference(types.DifferenceTypeAdd, fmt.Sprintf("%s/%d", path, at), nil, a))
		}
	}
	return out
}

func difference(kind types.DifferenceType, path string, expected, actual any) types.PropertyDifference {
	text := func(v any) *string {
		if t := valueText(v); t != nil {
			return t
		}
		return aws.String("null")
	}
	return types.PropertyDifference{DifferenceType: kind, PropertyPath: aws.String(path), ExpectedValue: text(expected), ActualValue: text(actual)}
}

// document reads a policy that is given as text where the other one is an object.
func document(v, other any) any {
	text, ok := v.(string)
	if _, object := other.(map[string]any); !ok || !object {
		return v
	}
	var out map[string]any
	if json.Unmarshal([]byte(text), &out) != nil {
		return v
	}
	return out
}

// scalarText writes "20" and 20, and "true" and true, alike.
func scalarText(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}
