package document

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestParse(t *testing.T) {
	t.Parallel()
	docs, err := Parse("a.yaml", []byte("# head\n---\na: 1\n---\n\n---\n# only a comment\n---\n- b\n...\n"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, d := range docs {
		lines = append(lines, d.Line)
	}
	if d := cmp.Diff([]int{3, 9}, lines); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	text := "{\n\t\"a\":\t[1,\n\t\t\"\\/ \\\\/ \\ud83d\\ude00 \\u00e9 \\n\"]\n}"
	docs, err = Parse("a.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Value("a.json", docs[0].Root)
	if d := cmp.Diff(map[string]any{"a": []any{int64(1), "/ \\/ 😀 é \n"}}, got); d != "" || err != nil {
		t.Errorf("JSON with tabs and escapes: %v\n%s", err, d)
	}
}

func TestSyntaxErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	good := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"
	for name, tc := range map[string]struct {
		text string
		line int
	}{
		"colon in value":   {good + "data:\n  a: b: c\n  d: e\n", 6},
		"bad indentation":  {good + "data:\n    a: b\n   c: d\ne: f\n", 7},
		"open quote":       {good + "data:\n  a: \"b\n  c: d\n", 6},
		"open bracket":     {good + "data: [a, b\nx: y\n", 5},
		"tab":              {good + "data:\n\ta: b\n", 6},
		"second document":  {good + "---\n" + good + "}\n", 10},
		"first line":       {"{a: b\n", 1},
		"undefined anchor": {good + "data: *nothing\n", 5},
	} {
		_, err := Parse("f.yaml", []byte(tc.text))
		var e *Error
		if !errors.As(err, &e) || e.Line != tc.line || e.File != "f.yaml" || strings.Contains(e.Message, "line") {
			t.Errorf("%s: got %v, want f.yaml:%d", name, err, tc.line)
		}
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1\nb: 1.5\nc: 0644\nd: 1e3\n":               `{"a":1,"b":1.5,"c":420,"d":1000}`,
		"a: yes\nb: 'yes'\nc: off\nd: true\ne: y\n":     `{"a":true,"b":"yes","c":false,"d":true,"e":"y"}`,
		"a: 2020-01-02\nb: ~\nc:\nd: ''\n":              `{"a":"2020-01-02","b":null,"c":null,"d":""}`,
		"x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3\n":    `{"x":{"a":1,"b":2},"y":{"a":3,"b":2}}`,
		"8080: x\ntrue: y\n":                            `{"8080":"x","true":"y"}`,
		"a: 18446744073709551615\nb: 0x10\nc: 1_000\n":  `{"a":18446744073709552000,"b":16,"c":1000}`,
		"a: |\n  one\n  two\nb: >-\n  one\n  two\n":     `{"a":"one\ntwo\n","b":"one two"}`,
		"a: !!str 12\nb: !!binary aGk=\nc: [1, [], {}]": `{"a":"12","b":"hi","c":[1,[],{}]}`,
	} {
		docs, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := Value("f", docs[0].Root)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, _ := json.Marshal(v); string(got) != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"a: 1\nb:\n  c: 1\n  c: 2\n": `f:4: the key "c" is already set on line 3`,
		"a: .nan\n":                  "f:1: .nan can't be written as JSON; quote it if text is meant",
		"a: !Ref x\n":                "f:1: the tag !Ref is not supported",
		"[a]: 1\n":                   "f:1: a key must be a plain value",
		"a: &a\n  b: *a\n":           `f:2: the anchor "a" contains itself`,
	} {
		docs, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Value("f", docs[0].Root); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestAliasesCannotExplode(t *testing.T) {
	t.Parallel()
	text := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		a, b := string(rune('0'+i)), string(rune('1'+i))
		text += "a" + b + ": &a" + b + " [" + strings.TrimSuffix(strings.Repeat("*a"+a+",", 10), ",") + "]\n"
	}
	docs, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Value("f", docs[0].Root); err == nil {
		t.Error("a document of ten billion values was written out")
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]any{
		"3": int64(3), "true": true, "text": "text", "a b": "a b", "1.5": 1.5, "2020-01-01": "2020-01-01",
	} {
		n := &yaml.Node{Kind: yaml.ScalarNode}
		if err := Plain(n, v); err != nil {
			t.Errorf("%q: %v", v, err)
			continue
		}
		if got, err := Value("f", n); err != nil || got != want {
			t.Errorf("%q became %#v, %v", v, got, err)
		}
	}
	for _, v := range []string{"", "a: b", "[a]", "a\nb", "- x", " a", "a #b", "*x", "&x y", "'q'", "x\n---\ny", "!!int 3"} {
		if err := Plain(&yaml.Node{Kind: yaml.ScalarNode}, v); err == nil {
			t.Errorf("%q was taken for a plain value", v)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add("a: 1\n---\nb: [*x, &x 2]\n")
	f.Add("{\"a\": \"b\"}")
	f.Add("a: &a [*a]\n<<: {b: c}\n")
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := Parse("f", []byte(text))
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%v has no position", err)
			}
			return
		}
		for _, d := range docs {
			v, err := Value("f", d.Root)
			if err != nil {
				continue
			}
			if _, err := json.Marshal(v); err != nil {
				t.Errorf("no JSON: %v", err)
			}
		}
	})
}
