package diff

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Values compares two JSON values (map[string]any, []any, string, bool, numbers,
// nil) and returns the fields in which they differ, sorted by path. Elements of
// a list of objects that all have a distinct "name" are matched by it; other
// lists by position. Either side may be nil.
func Values(before, after any) []Field {
	var fields []Field
	compare("", before, after, &fields)
	slices.SortStableFunc(fields, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
	return fields
}

func compare(path string, before, after any, out *[]Field) {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			compareMaps(path, b, a, out)
			return
		}
	case []any:
		if a, ok := after.([]any); ok {
			compareLists(path, b, a, out)
			return
		}
	}
	if !equal(before, after) {
		*out = append(*out, Field{Path: path, Before: before, After: after})
	}
}

func compareMaps(path string, before, after map[string]any, out *[]Field) {
	for k, b := range before {
		if a, ok := after[k]; ok {
			compare(child(path, k), b, a, out)
		} else {
			*out = append(*out, Field{Path: child(path, k), Before: b})
		}
	}
	for k, a := range after {
		if _, ok := before[k]; !ok {
			*out = append(*out, Field{Path: child(path, k), After: a})
		}
	}
}

func compareLists(path string, before, after []any, out *[]Field) {
	if b, a := byName(before), byName(after); b != nil && a != nil {
		for name, x := range b {
			compare(element(path, name), x, a[name], out)
		}
		for name, y := range a {
			if _, ok := b[name]; !ok {
				*out = append(*out, Field{Path: element(path, name), After: y})
			}
		}
		return
	}
	for i := range max(len(before), len(after)) {
		p := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(before):
			*out = append(*out, Field{Path: p, After: after[i]})
		case i >= len(after):
			*out = append(*out, Field{Path: p, Before: before[i]})
		default:
			compare(p, before[i], after[i], out)
		}
	}
}

// byName returns the elements by their "name", or nil when they do not all have
// one of their own.
func byName(list []any) map[string]any {
	m := make(map[string]any, len(list))
	for _, x := range list {
		o, ok := x.(map[string]any)
		if !ok {
			return nil
		}
		name, ok := o["name"].(string)
		if !ok || m[name] != nil {
			return nil
		}
		m[name] = o
	}
	return m
}

// equal treats 1, int64(1), json.Number("1") and 1.0 as the same number: the same
// document decoded by two decoders must not look changed.
func equal(a, b any) bool {
	x, xInt, ok := number(a)
	if !ok {
		return reflect.DeepEqual(a, b)
	}
	y, yInt, ok := number(b)
	switch {
	case !ok:
		return false
	case xInt != nil && yInt != nil: // beyond 2^53 floats no longer tell them apart
		return *xInt == *yInt
	}
	return x == y
}

// number is the value of a number, and the same as a whole one where it is.
func number(v any) (float64, *int64, bool) {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return float64(i), &i, true
		}
		f, err := n.Float64()
		return f, nil, err == nil
	}
	switch r := reflect.ValueOf(v); {
	case !r.IsValid():
	case r.CanInt():
		i := r.Int()
		return float64(i), &i, true
	case r.CanUint():
		if u := r.Uint(); u > math.MaxInt64 {
			return float64(u), nil, true
		}
		i := int64(r.Uint())
		return float64(i), &i, true
	case r.CanFloat():
		return r.Float(), nil, true
	}
	return 0, nil, false
}

// child joins a key to a path; a key that could be taken for a path is quoted.
func child(path, key string) string {
	if key == "" || strings.ContainsAny(key, `./[]"`) {
		return fmt.Sprintf("%s[%q]", path, key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// element joins the name of a list's element to a path.
func element(path, name string) string {
	if strings.ContainsAny(name, `[]"`) {
		return fmt.Sprintf("%s[%q]", path, name)
	}
	return path + "[" + name + "]"
}
