package diff

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestValues(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after string
		want          []Field
	}{
		"equal":               {`{"a":{"b":[1,"x",null]}}`, `{"a":{"b":[1,"x",null]}}`, nil},
		"changed":             {`{"a":1,"b":2}`, `{"a":1,"b":3}`, []Field{{Path: "b", Before: 2.0, After: 3.0}}},
		"added and removed":   {`{"gone":"x"}`, `{"new":true}`, []Field{{Path: "gone", Before: "x"}, {Path: "new", After: true}}},
		"deep":                {`{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":2}}}`, []Field{{Path: "a.b.c", Before: 1.0, After: 2.0}}},
		"whole subtree added": {`{}`, `{"a":{"b":1}}`, []Field{{Path: "a", After: map[string]any{"b": 1.0}}}},
		"another type":        {`{"a":{"b":1}}`, `{"a":[1]}`, []Field{{Path: "a", Before: map[string]any{"b": 1.0}, After: []any{1.0}}}},
		"text is no number":   {`{"a":"1"}`, `{"a":1}`, []Field{{Path: "a", Before: "1", After: 1.0}}},
		"from nothing":        {`null`, `{"a":1}`, []Field{{After: map[string]any{"a": 1.0}}}},
		"null is not absent":  {`{"a":null}`, `{"a":0}`, []Field{{Path: "a", After: 0.0}}},
		"odd keys are quoted": {
			`{"app.kubernetes.io/name":"x","a":{"b.c":1},"":1,"x\"y":1}`, `{"app.kubernetes.io/name":"y","a":{"b.c":2},"":2,"x\"y":2}`,
			[]Field{
				{Path: `[""]`, Before: 1.0, After: 2.0},
				{Path: `["app.kubernetes.io/name"]`, Before: "x", After: "y"},
				{Path: `["x\"y"]`, Before: 1.0, After: 2.0},
				{Path: `a["b.c"]`, Before: 1.0, After: 2.0},
			},
		},
		"a list by position": {
			`{"a":[1,2,3]}`, `{"a":[1,4]}`,
			[]Field{{Path: "a[1]", Before: 2.0, After: 4.0}, {Path: "a[2]", Before: 3.0}},
		},
		"a list by name": {
			`{"c":[{"name":"web","image":"1"},{"name":"gone"}]}`, `{"c":[{"name":"new"},{"name":"web","image":"2"}]}`,
			[]Field{
				{Path: "c[gone]", Before: map[string]any{"name": "gone"}},
				{Path: "c[new]", After: map[string]any{"name": "new"}},
				{Path: "c[web].image", Before: "1", After: "2"},
			},
		},
		"moved in a list by name": {`[{"name":"a"},{"name":"b"}]`, `[{"name":"b"},{"name":"a"}]`, nil},
		"two of one name":         {`[{"name":"a","x":1},{"name":"a","x":2}]`, `[{"name":"a","x":1},{"name":"a","x":3}]`, []Field{{Path: "[1].x", Before: 2.0, After: 3.0}}},
		"a first named element":   {`{"a":[]}`, `{"a":[{"name":"x"}]}`, []Field{{Path: "a[x]", After: map[string]any{"name": "x"}}}},
		"sorted by path":          {`{}`, `{"b":1,"a":1,"c":1}`, []Field{{Path: "a", After: 1.0}, {Path: "b", After: 1.0}, {Path: "c", After: 1.0}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, Values(decode(t, tt.before), decode(t, tt.after))); d != "" {
				t.Error(d)
			}
		})
	}
}

// One document, read by two decoders, has not changed; two numbers that only
// look alike as floats have.
func TestValuesOfNumbers(t *testing.T) {
	t.Parallel()
	const large = 1<<53 + 1
	for _, tt := range []struct {
		before, after any
		same          bool
	}{
		{1, int64(1), true}, {int64(1), 1.0, true}, {1.5, 1.5, true}, {json.Number("1"), 1, true}, {int32(3), uint64(3), true},
		{json.Number("1.50"), 1.5, true}, {uint8(1), 2, false}, {1, 1.5, false}, {int64(large), int64(large - 1), false},
		{json.Number("9007199254740993"), json.Number("9007199254740992"), false}, {1, true, false}, {1, "1", false}, {json.Number("x"), "x", false},
	} {
		if got := len(Values(tt.before, tt.after)) == 0; got != tt.same {
			t.Errorf("%T %v and %T %v: same %t, want %t", tt.before, tt.before, tt.after, tt.after, got, tt.same)
		}
	}
}

func TestResourceString(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Resource{
		"Namespace ghost":                {Type: "Namespace", Name: "ghost"},
		"apps/Deployment ghost/ghost":    {Type: "apps/Deployment", Namespace: "ghost", Name: "ghost"},
		"AWS::S3::Bucket shop-store/Bkt": {Type: "AWS::S3::Bucket", Namespace: "shop-store", Name: "Bkt", ID: "b-1"},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":[{"name":"x","v":1}]}`, `{"a":[{"name":"y"}]}`}, {`null`, `[]`}, {`{"a.b":1,"":{}}`, `{"a":{"b":1}}`}, {`[1,[2]]`, `[[1],2]`},
	} {
		f.Add(seed[0], seed[1])
	}
	paths := func(fields []Field) []string {
		var out []string
		for _, f := range fields {
			out = append(out, f.Path)
		}
		return out
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var a, b any
		if json.Unmarshal([]byte(first), &a) != nil || json.Unmarshal([]byte(second), &b) != nil {
			t.Skip()
		}
		if same := Values(a, a); len(same) > 0 {
			t.Errorf("%s differs from itself: %+v", first, same)
		}
		there, back := Values(a, b), Values(b, a)
		if d := cmp.Diff(paths(there), paths(back)); d != "" {
			t.Errorf("%s and %s differ elsewhere when swapped:\n%s", first, second, d)
		}
		if !slices.IsSorted(paths(there)) {
			t.Errorf("not sorted: %q", paths(there))
		}
		for i, p := range paths(there) {
			if i > 0 && paths(there)[i-1] == p {
				t.Errorf("%s and %s: two fields have the path %q", first, second, p)
			}
		}
	})
}

func TestLosesData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change Change
		want   bool
	}{
		{Change{Action: Delete, HoldsData: true}, true},
		{Change{Action: Delete, HoldsData: true, Retained: true}, false},
		{Change{Action: Delete}, false},
		{Change{Action: Replace, HoldsData: true}, true},
		{Change{Action: Unknown, HoldsData: true}, true},
		{Change{Action: Update, HoldsData: true}, false},
		{Change{Action: Create, HoldsData: true}, false},
	} {
		if got := tt.change.LosesData(); got != tt.want {
			t.Errorf("%+v: %t", tt.change, got)
		}
	}
}
