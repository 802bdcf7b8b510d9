package resource_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

type kind string

type inner struct {
	Weight *int32
	Kind   kind
}

type outer struct {
	Name   *string
	On     *bool
	Inner  *inner
	Inners []inner
	Names  []string
}

func TestInto(t *testing.T) {
	t.Parallel()
	name, on, weight := "5", true, int32(7)
	for title, test := range map[string]struct {
		properties resource.Props
		want       outer
		fails      bool
	}{
		"as templates write": {resource.Props{
			"Name": 5, "On": "true", "Inner": map[string]any{"Weight": "7", "Kind": "a"}, "Inners": []any{map[string]any{"Weight": 7.0}},
			"Names": []any{"x", 1}, "Left": 1, "None": nil,
		}, outer{Name: &name, On: &on, Inner: &inner{&weight, "a"}, Inners: []inner{{Weight: &weight}}, Names: []string{"x", "1"}}, false},
		"unknown":          {resource.Props{"Nmae": "x"}, outer{}, true},
		"unknown inside":   {resource.Props{"Inner": map[string]any{"Wieght": 1}}, outer{}, true},
		"no list":          {resource.Props{"Names": "x"}, outer{}, true},
		"no object":        {resource.Props{"Inner": []any{}}, outer{}, true},
		"no number":        {resource.Props{"Inner": map[string]any{"Weight": "x"}}, outer{}, true},
		"too big a number": {resource.Props{"Inner": map[string]any{"Weight": 1 << 40}}, outer{}, true},
	} {
		var got outer
		err := test.properties.Into(&got, "Left")
		var refusal *resource.Error
		if test.fails != errors.As(err, &refusal) {
			t.Errorf("%s: error = %v", title, err)
		}
		if diff := cmp.Diff(test.want, got); !test.fails && diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	name, on, weight := "", true, int32(7)
	got := resource.From(outer{Name: &name, On: &on, Inner: &inner{Weight: &weight}, Inners: []inner{{Kind: "a"}}})
	want := resource.Props{"Name": "", "On": true, "Inner": map[string]any{"Weight": int64(7)}, "Inners": []any{map[string]any{"Kind": "a"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("From (-want +got):\n%s", diff)
	}
	var back outer
	if err := got.Into(&back); err != nil || !cmp.Equal(resource.From(back), want) {
		t.Errorf("and back: %+v, %v", back, err)
	}
}
