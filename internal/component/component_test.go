package component

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

func TestDiscover(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			tree, blobs := gittest.Tree(t, gittest.Files(t, f))
			components, err := Discover(t.Context(), tree, blobs, "")
			var got string
			if err != nil {
				got = "error:\n" + err.Error() + "\n"
			} else {
				data, err := json.MarshalIndent(components, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = string(data) + "\n"
			}
			golden.Check(t, strings.TrimSuffix(f, ".txtar")+".golden", got)
		})
	}
}

const service = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"

// oids are the components' OIDs by name.
func oids(t *testing.T, c *Cache, tree *git.Tree, blobs *gittest.Blobs) map[string]string {
	t.Helper()
	components, err := c.Discover(t.Context(), tree, blobs, "")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range components {
		out[c.Name] = c.OID
	}
	return out
}

func TestOIDChangesWithEverythingThatIsRead(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"plain/a.yaml":                   service,
		"plain/link.yaml":                gittest.Link + "../shared/linked.yaml",
		"plain/sub/b.yaml":               service,
		"shared/linked.yaml":             service,
		"shared/config.ini":              "a",
		"base/kustomization.yaml":        "resources: [x.yaml, ../deeper]\n",
		"base/x.yaml":                    service,
		"deeper/kustomization.yaml":      "resources: [y.yaml]\n",
		"deeper/y.yaml":                  service,
		"deeper/far.txt":                 gittest.Link + "../notes/far.txt",
		"notes/far.txt":                  "far",
		"over/kustomization.yaml":        "resources: [../base]\nconfigMapGenerator: [{name: c, files: [k=../shared/config.ini]}]\n",
		"stack/template.yaml":            "Resources: {B: {Type: 'AWS::S3::Bucket'}}\n",
		"stack/README.md":                "x",
		"solo/kustomization.yaml":        "resources: [inner]\n",
		"solo/inner/kustomization.yaml":  "resources: [z.yaml, ../../lib/w.yaml]\n",
		"solo/inner/z.yaml":              service,
		"lib/w.yaml":                     service,
		"lib/unrelated.md":               "x",
		"through/kustomization.yaml":     "resources: [dir/v.yaml]\n",
		"through/dir":                    gittest.Link + "../lib2",
		"lib2/v.yaml":                    service,
		"lib2/kustomization.yaml.unused": "x",
	}
	tree, blobs := gittest.Tree(t, files)
	var cache Cache
	before := oids(t, &cache, tree, blobs)
	for file, want := range map[string]string{
		"plain/a.yaml":              "plain",
		"plain/sub/b.yaml":          "plain-sub",
		"shared/linked.yaml":        "plain shared",
		"shared/config.ini":         "over",
		"base/x.yaml":               "over",
		"deeper/y.yaml":             "over",
		"notes/far.txt":             "over",
		"stack/template.yaml":       "stack",
		"stack/README.md":           "",
		"solo/inner/z.yaml":         "solo",
		"lib/w.yaml":                "solo",
		"lib/unrelated.md":          "",
		"lib2/v.yaml":               "through",
		"over/kustomization.yaml":   "over",
		"solo/inner/unrelated-file": "solo",
	} {
		changed := map[string]string{}
		for k, v := range files {
			changed[k] = v
		}
		changed[file] += "\n# changed\n"
		after := oids(t, &cache, blobs.Tree(t, changed), blobs)
		var got []string
		for _, name := range []string{"lib2", "over", "plain", "plain-sub", "shared", "solo", "stack", "through"} {
			if before[name] != after[name] {
				got = append(got, name)
			}
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("a change of %s (-want +got):\n%s", file, d)
		}
		if len(after) != len(before) {
			t.Errorf("a change of %s makes other components: %v", file, after)
		}
	}
}

func TestRootAndRootNames(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, map[string]string{"a.yaml": service, "deploy/prod/b.yaml": service})
	for root, want := range map[string]string{"": "deploy-prod root", "deploy/prod/": "prod", "./deploy": "prod"} {
		components, err := Discover(t.Context(), tree, blobs, root)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range components {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("root %q: components %q, want %q", root, got, want)
		}
	}
	if _, err := Discover(t.Context(), tree, blobs, "none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("a root that is not there: %v", err)
	}
}

func TestKustomizationsInACircleAreNotLost(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, map[string]string{
		"a/kustomization.yaml": "resources: [../b]\n",
		"b/kustomization.yaml": "resources: [../a]\n",
	})
	var cache Cache
	if got := oids(t, &cache, tree, blobs); len(got) != 1 || got["a"] == "" {
		t.Errorf("components %v, want a alone", got)
	}
}

func TestOnlyWhatChangedIsReadAgain(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("apps/%d/a.yaml", i)] = service
		files[fmt.Sprintf("apps/%d/b.yaml", i)] = service + "# b\n"
	}
	tree, blobs := gittest.Tree(t, files)
	var cache Cache
	oids(t, &cache, tree, blobs)
	files["apps/7/a.yaml"] += "# changed\n"
	before := blobs.Reads()
	oids(t, &cache, blobs.Tree(t, files), blobs)
	if got := blobs.Reads() - before; got != 2 {
		t.Errorf("%d files were read again, want the 2 of the changed folder", got)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	golden.Check(t, "../../docs/drawbridge.schema.json", string(Schema()))
}

func FuzzFile(f *testing.F) {
	for _, name := range []string{"story", "errors", "unknown-keys", "values"} {
		data, err := os.ReadFile("testdata/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		_, text, _ := strings.Cut(string(data), "drawbridge.yaml --\n")
		text, _, _ = strings.Cut(text, "\n-- ")
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFile("drawbridge.yaml", []byte(text))
		if err == nil && parsed.APIVersion.value != fileVersion {
			t.Errorf("accepted %q", text)
		}
	})
}

func BenchmarkDiscoverAfterOneChange(b *testing.B) {
	files := map[string]string{}
	for i := range 1000 {
		for j := range 4 {
			files[fmt.Sprintf("apps/app-%04d/%d.yaml", i, j)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d-%d}\n", i, j)
		}
	}
	tree, blobs := gittest.Tree(b, files)
	files["apps/app-0500/0.yaml"] += "data: {a: b}\n"
	changed := blobs.Tree(b, files)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, err := Discover(b.Context(), tree, blobs, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("after one change", func(b *testing.B) {
		var cache Cache
		for i := 0; b.Loop(); i++ {
			at := tree
			if i%2 == 1 {
				at = changed
			}
			if _, err := cache.Discover(b.Context(), at, blobs, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestLargeManifestIsRefusedByName(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, map[string]string{
		"app/a.yaml": service, "app/large.yaml": strings.Repeat("#", git.MaxBlobSize+1), "data/large.json": strings.Repeat(" ", git.MaxBlobSize+2),
	})
	before := blobs.Reads()
	_, err := Discover(t.Context(), tree, blobs, "")
	if !errors.Is(err, git.ErrTooLarge) || !strings.HasPrefix(err.Error(), "app/large.yaml: ") || strings.Contains(err.Error(), "data/") {
		t.Errorf("got %v, want ErrTooLarge for app/large.yaml alone", err)
	}
	if got := blobs.Reads() - before; got != 1 {
		t.Errorf("%d files were read, want the small one alone", got)
	}
}

// Locked by git-crypt, a manifest is no text; what it defined is not gone.
func TestAnEncryptedManifestIsAMistake(t *testing.T) {
	t.Parallel()
	tree, blobs := gittest.Tree(t, map[string]string{"app/app.yaml": service, "locked/app.yaml": "\x00GITCRYPT\x00\x8f\x02"})
	if _, err := Discover(t.Context(), tree, blobs, ""); err == nil || !strings.Contains(err.Error(), "locked/app.yaml") {
		t.Errorf("%v, want the file named", err)
	}
}
