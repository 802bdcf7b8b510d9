// Package house checks the rules of the house: which package may import which,
// that each package says its contract, and that a file is read in one sitting.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/drawbridge-gitops/drawbridge/"

// layers lists the packages from the top of the house to the bottom. A package
// may import only from layers below its own; packages of one layer do not know
// each other.
var layers = [][]string{
	{"cmd/drawbridge", "cmd/drawbridge-sandbox"},
	{"internal/cli"},
	{"internal/controller"},
	{"internal/controller/jobs"},
	{"internal/server"},
	{"internal/rollout"},
	{"internal/plan"},
	{"internal/verify/awsaccount"},
	{"internal/verify"},
	{"internal/build/job"},
	{"internal/kube", "internal/stack", "internal/build", "internal/cdk", "internal/ledger", "internal/logs", "internal/gate", "internal/forge"},
	{"internal/graph/infer"},
	{"internal/account", "internal/render", "internal/graph"},
	{"internal/component"},
	{"internal/git/gittest"},
	{"internal/build/buildspec", "internal/build/session"},
	{"internal/template", "internal/git", "internal/contain"},
	{"internal/template/schema/generate"},
	{"internal/template/schema", "internal/document"},
	{"internal/secret", "internal/failpoint", "internal/turns"},
	{"internal/diff"},
	{"api/crds", "api/v1alpha1"},
}

// only says which packages alone may import what starts with the key.
var only = map[string][]string{
	"github.com/aws/aws-sdk-go-v2": {"internal/stack", "internal/account", "internal/verify/awsaccount", "internal/cli", "sandbox/", "test/", "bench"},
	"k8s.io/client-go":             {"internal/kube", "internal/controller", "internal/cli", "internal/server", "sandbox", "test/", "bench", "cmd/"},
	"modernc.org/sqlite":           {"internal/ledger"},
	"github.com/google/go-github":  {"internal/forge", "sandbox/", "test/"},
	"k8s.io/kubernetes":            {},
	"testing":                      {"test/", "internal/git/gittest"},
}

var forbiddenNames = regexp.MustCompile(`(^|/)(utils?|common|helpers?|types|misc|shared)$`)

type pkg struct {
	ImportPath, Dir, Doc string
	GoFiles, Imports     []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", "./...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
			all = append(all, p)
		}
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func layerOf(importPath string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, importPath) })
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, wrong := range upward(p) {
			t.Error(wrong)
		}
	}
}

// upward are the imports of a package that it should not have of ours.
func upward(p pkg) (wrong []string) {
	from := layerOf(p.ImportPath)
	inside := within(p.ImportPath, "internal", "api")
	if inside && from < 0 {
		wrong = append(wrong, p.ImportPath+" has no place in the house: add it to layers in test/house")
	}
	for _, imp := range p.Imports {
		name, ours := strings.CutPrefix(imp, module)
		if !ours {
			continue
		}
		switch to := layerOf(name); {
		case inside && !within(name, "internal", "api"), within(p.ImportPath, "cmd/drawbridge") && within(name, "sandbox"):
			wrong = append(wrong, p.ImportPath+" imports "+name+": the product does not know the sandbox or the tests")
		case from >= 0 && to >= 0 && to <= from:
			wrong = append(wrong, p.ImportPath+" imports "+name+": imports go down only")
		case within(p.ImportPath, "sandbox") && within(name, "internal") && !(within(p.ImportPath, "sandbox/aws") && within(name, "internal/template")):
			wrong = append(wrong, p.ImportPath+" imports "+name+": the sandbox stands for what the product does not know; only sandbox/aws shares internal/template")
		}
	}
	return wrong
}

// within tells whether a path is one of the folders or below it.
func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(path+"/", strings.TrimSuffix(f, "/")+"/") })
}

func TestEffectsAtTheEdges(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, wrong := range astray(p) {
			t.Error(wrong)
		}
	}
}

// astray are the imports of a package that others have for it.
func astray(p pkg) (wrong []string) {
	for _, imp := range p.Imports {
		for prefix, allowed := range only {
			if within(imp, prefix) && !within(p.ImportPath, allowed...) {
				wrong = append(wrong, p.ImportPath+" imports "+imp+": only "+strings.Join(allowed, ", ")+" may")
			}
		}
	}
	return wrong
}

// Each rule must bite.
func TestTheRulesBite(t *testing.T) {
	t.Parallel()
	for rule, p := range map[string]pkg{
		"no place":       {ImportPath: "internal/unheard"},
		"go down only":   {ImportPath: "internal/git", Imports: []string{module + "internal/kube"}},
		"go down":        {ImportPath: "internal/kube", Imports: []string{module + "internal/stack"}},
		"not know the":   {ImportPath: "internal/kube", Imports: []string{module + "sandbox/node"}},
		"does not know":  {ImportPath: "cmd/drawbridge", Imports: []string{module + "sandbox"}},
		"stands for":     {ImportPath: "sandbox/node", Imports: []string{module + "internal/kube"}},
		"internal/stack": {ImportPath: "internal/kube", Imports: []string{"github.com/aws/aws-sdk-go-v2/service/s3"}},
		"only  may":      {ImportPath: "sandbox", Imports: []string{"k8s.io/kubernetes/pkg/kubelet"}},
		"contract":       {ImportPath: "internal/kube", Doc: "Package kube."},
		"its idea":       {ImportPath: "internal/kube/utils", Doc: strings.Repeat("x", 40)},
	} {
		wrong := slices.Concat(upward(p), astray(p), nameless(p))
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, rule) }) {
			t.Errorf("%q does not bite: %q", rule, wrong)
		}
	}
	good := pkg{ImportPath: "sandbox/aws/cloudformation", Doc: strings.Repeat("x", 40), Imports: []string{module + "internal/template/schema", "github.com/aws/aws-sdk-go-v2/aws"}}
	if wrong := slices.Concat(upward(good), astray(good), nameless(good)); len(wrong) > 0 {
		t.Error(wrong)
	}
}

func TestPackagesSayTheirContract(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, wrong := range nameless(p) {
			t.Error(wrong)
		}
	}
}

// nameless is what a package does not say of itself.
func nameless(p pkg) (wrong []string) {
	if len(p.Doc) < 40 {
		wrong = append(wrong, p.ImportPath+": no package comment that says its contract")
	}
	if forbiddenNames.MatchString(p.ImportPath) {
		wrong = append(wrong, p.ImportPath+": a package is named for its idea")
	}
	return wrong
}

func TestFilesAreReadInOneSitting(t *testing.T) {
	t.Parallel()
	top := root(t)
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (strings.HasPrefix(name, ".") && file != top || name == "bin" || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if path.Ext(name) != ".go" || strings.HasPrefix(name, "zz_generated") {
			return nil
		}
		limit := 400
		if strings.HasSuffix(name, "_test.go") {
			limit = 600
		}
		if n := lines(t, file); n > limit {
			rel, _ := filepath.Rel(top, file)
			t.Errorf("%s has %d lines, more than %d: split it by idea", rel, n, limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}
