// Package house checks the rules of the house: which package may import which,
// that each package says its contract, and that a file is read in one sitting.
package house

import (
	"bufio"
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
// each other unless sameLayer says so.
var layers = [][]string{
	{"cmd/drawbridge", "cmd/drawbridge-sandbox"},
	{"internal/cli"},
	{"internal/controller"},
	{"internal/server"},
	{"internal/rollout"},
	{"internal/plan"},
	{"internal/build/job"},
	{"internal/kube", "internal/stack", "internal/build", "internal/cdk", "internal/ledger", "internal/logs", "internal/gate", "internal/forge"},
	{"internal/account", "internal/render", "internal/graph"},
	{"internal/component"},
	{"internal/git/gittest"},
	{"internal/build/buildspec", "internal/build/session"},
	{"internal/template", "internal/git", "internal/contain"},
	{"internal/template/schema/generate"},
	{"internal/template/schema", "internal/document"},
	{"internal/secret"},
	{"internal/secret", "internal/failpoint"},
	{"internal/diff"},
	{"api/crds", "api/v1alpha1"},
}

// only says which packages alone may import what starts with the key.
var only = map[string][]string{
	"github.com/aws/aws-sdk-go-v2": {"internal/stack", "internal/account", "internal/cli", "sandbox/", "test/", "bench"},
	"k8s.io/client-go":             {"internal/kube", "internal/controller", "internal/cli", "internal/server", "sandbox", "test/", "bench", "cmd/"},
	"modernc.org/sqlite":           {"internal/ledger"},
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
		from := layerOf(p.ImportPath)
		internal := strings.HasPrefix(p.ImportPath, "internal/") || strings.HasPrefix(p.ImportPath, "api/")
		if internal && from < 0 {
			t.Errorf("%s has no place in the house: add it to layers in test/house", p.ImportPath)
		}
		for _, imp := range p.Imports {
			name, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			if internal && !strings.HasPrefix(name, "internal/") && !strings.HasPrefix(name, "api/") {
				t.Errorf("%s imports %s: the product does not know the sandbox or the tests", p.ImportPath, name)
			}
			if to := layerOf(name); from >= 0 && to >= 0 && to <= from {
				t.Errorf("%s imports %s: imports go down only", p.ImportPath, name)
			}
		}
	}
}

func TestEffectsAtTheEdges(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for prefix, allowed := range only {
				if imp != prefix && !strings.HasPrefix(imp, prefix+"/") {
					continue
				}
				if !slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(p.ImportPath+"/", strings.TrimSuffix(a, "/")+"/") }) {
					t.Errorf("%s imports %s: only %s may", p.ImportPath, imp, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func TestPackagesSayTheirContract(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.Doc) < 40 {
			t.Errorf("%s: no package comment that says its contract", p.ImportPath)
		}
		if forbiddenNames.MatchString(p.ImportPath) {
			t.Errorf("%s: a package is named for its idea", p.ImportPath)
		}
	}
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
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
	}
	return n
}
