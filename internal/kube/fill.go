package kube

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// fill returns the object with what the live one has in the place of each value that is
// not known yet; where that has nothing, the field is left out.
func fill(open, live map[string]any) map[string]any {
	out := make(map[string]any, len(open))
	for k, v := range open {
		if filled, ok := fillValue(v, live[k]); ok {
			out[k] = filled
		}
	}
	return out
}

func fillValue(open, live any) (any, bool) {
	switch x := open.(type) {
	case string:
		if strings.Contains(x, render.Placeholder) {
			return live, live != nil
		}
	case map[string]any:
		l, _ := live.(map[string]any)
		return fill(x, l), true
	case []any:
		l, _ := live.([]any)
		out := make([]any, 0, len(x))
		for i, v := range x {
			if filled, ok := fillValue(v, counterpart(x, i, l)); ok {
				out = append(out, filled)
			}
		}
		return out, true
	}
	return open, true
}

// counterpart is the element of another list that stands for the i-th of this one: by
// its name, or by its place.
func counterpart(list []any, i int, other []any) any {
	if element, ok := list[i].(map[string]any); ok && element["name"] != nil {
		at := slices.IndexFunc(other, func(o any) bool {
			m, ok := o.(map[string]any)
			return ok && m["name"] == element["name"]
		})
		if at < 0 {
			return nil
		}
		return other[at]
	}
	if i < len(other) {
		return other[i]
	}
	return nil
}

// overlay returns before with the fields that are wanted. It takes no field away: which
// ones the last apply had is known to the server.
func overlay(before, wanted any) any {
	switch w := wanted.(type) {
	case map[string]any:
		b, _ := before.(map[string]any)
		out := make(map[string]any, len(b)+len(w))
		for k, v := range b {
			out[k] = v
		}
		for k, v := range w {
			out[k] = overlay(b[k], v)
		}
		return out
	case []any:
		b, _ := before.([]any)
		out := make([]any, len(w))
		for i, v := range w {
			out[i] = overlay(counterpart(w, i, b), v)
		}
		return out
	}
	return wanted
}

// withUnknown adds the fields that are not known yet to those that certainly change, and
// says what that makes of the object.
func withUnknown(certain, open []diff.Field) ([]diff.Field, diff.Action) {
	var unknown []diff.Field
	for _, f := range open {
		if after, held := later(f.After); held {
			unknown = append(unknown, diff.Field{Path: f.Path, Before: f.Before, After: after, Unknown: true})
		}
	}
	action := diff.NoOp
	fields := unknown
	for _, f := range certain {
		if !slices.ContainsFunc(unknown, func(u diff.Field) bool { return u.Path == f.Path }) {
			fields = append(fields, f)
			action = diff.Update
		}
	}
	if action == diff.NoOp && len(unknown) > 0 {
		action = diff.Unknown
	}
	slices.SortStableFunc(fields, func(a, b diff.Field) int { return strings.Compare(a.Path, b.Path) })
	return fields, action
}

// later puts words in the place of what is not known yet, and tells whether there was
// such.
func later(v any) (any, bool) {
	text, err := json.Marshal(v)
	if err != nil || !strings.Contains(string(text), render.Placeholder) {
		return v, false
	}
	var out any
	err = json.Unmarshal([]byte(strings.ReplaceAll(string(text), render.Placeholder, diff.Later)), &out)
	return out, err == nil
}
