package render

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// Whatever the text is, its literals and references put together are the text.
func FuzzParseReferences(f *testing.F) {
	for _, s := range []string{"${A}", "a ${B:-c} $${D} $$${E}", "${", "${A:=}", "$$$$${A}}", "${A:-${B}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, _, err := parseReferences(s)
		if err != nil || parts == nil {
			return
		}
		var got strings.Builder
		for _, p := range parts {
			got.WriteString(p.text)
		}
		if want := strings.ReplaceAll(s, "$${", "${"); got.String() != want {
			t.Errorf("%q was cut into %+v", s, parts)
		}
	})
}

// A value never gets out of its scalar: the document keeps its shape.
func FuzzSubstitution(f *testing.F) {
	for _, v := range []string{"x", "a: b", "x\ny: z", `"`, "'", "- a", "{a: b}", "*x", "&a b", "# c", "!!map {}", "${A}", "", "null", "1e400", "---"} {
		f.Add("${A}", v)
		f.Add("pre ${A} $${A}", v)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		for _, style := range []yaml.Style{0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle} {
			n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: style}
			s := newSubstitution(Inputs{Values: map[string]string{"A": value}})
			if s.scalar(n) != nil {
				continue
			}
			if n.Kind != yaml.ScalarNode || len(n.Content) > 0 || n.Anchor != "" {
				t.Fatalf("%q with %q is no scalar any more", text, value)
			}
			v, err := document.Value("f", n)
			if err != nil {
				continue // a number that JSON can't hold
			}
			switch v.(type) {
			case map[string]any, []any:
				t.Errorf("%q with %q became %#v", text, value, v)
			case string:
			default:
				if style != 0 {
					t.Errorf("%q with %q in quotes became %#v", text, value, v)
				}
			}
		}
	})
}
