package component

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
)

// TestPage holds docs/drawbridge-yaml.md against the code: its example is read,
// in a repository that has the files it speaks of, and every key of the schema
// stands in its table.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/drawbridge-yaml.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	example, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("the page has no example")
	}
	template := "Resources: {A: {Type: AWS::SSM::Parameter}}\n"
	manifest := "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
	tree, blobs := gittest.Tree(t, map[string]string{
		FileName:                          example,
		"aws/network/template.yaml":       template,
		"aws/database/template.yaml":      template,
		"apps/blog/kubernetes/a.yaml":     manifest,
		"apps/blog/kubernetes/draft.yaml": manifest,
		"platform/ingress/a.yaml":         manifest,
		"docs/a.yaml":                     manifest,
		"found/a.yaml":                    manifest,
		"infra/cdk.json":                  "{}",
		"functions/a.js":                  "",
		"site/buildspec.yml":              "version: 0.2",
	})
	components, err := Discover(t.Context(), tree, blobs, "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range components {
		names = append(names, c.Name)
		if c.Name == "blog" && len(c.Files) != 1 {
			t.Errorf("blog has the files %v; draft.yaml is to be ignored", c.Files)
		}
	}
	if d := cmp.Diff([]string{"blog", "database", "found", "ingress", "network", "site", "storage"}, names); d != "" {
		t.Errorf("components of the example (-want +got):\n%s", d)
	}

	var schema struct {
		Properties map[string]struct {
			Items struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for key := range schema.Properties {
		if key != "components" && !strings.Contains(string(page), "\n| `"+key+"` |") {
			t.Errorf("the page does not explain %s", key)
		}
	}
	for key := range schema.Properties["components"].Items.Properties {
		if !strings.Contains(string(page), "\n| `components[]."+key+"` |") {
			t.Errorf("the page does not explain components[].%s", key)
		}
	}
}

// TestDiscoverFalse: only what is named is a component.
func TestDiscoverFalse(t *testing.T) {
	t.Parallel()
	manifest := "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
	tree, blobs := gittest.Tree(t, map[string]string{
		FileName:       "apiVersion: drawbridge.dev/v1alpha1\ndiscover: false\ncomponents: [{path: named}]\n",
		"named/a.yaml": manifest,
		"other/a.yaml": manifest,
	})
	components, err := Discover(t.Context(), tree, blobs, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(components) != 1 || components[0].Name != "named" {
		t.Errorf("components %+v, expected only the one that is named", components)
	}
}
