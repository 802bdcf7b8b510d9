package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgressReadsWhatGoBuildPrints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line     string
		progress bool
		want     progress
	}{
		{"go: downloading k8s.io/api v0.36.3", true, progress{modules: 1}},
		{"k8s.io/apimachinery/pkg/util/sets", true, progress{packages: 1}},
		{"internal/abi", true, progress{packages: 1}},
		{"# k8s.io/kubernetes/cmd/kube-apiserver", false, progress{}},
		{"./main.go:12:2: undefined: x", false, progress{}},
		{"go: k8s.io/api@v9.9.9: unknown revision", false, progress{}},
		{"", false, progress{}},
	} {
		var got progress
		if is := got.read(tt.line); is != tt.progress || got != tt.want {
			t.Errorf("read(%q) = %v, %+v; want %v, %+v", tt.line, is, got, tt.progress, tt.want)
		}
	}
}

// A tiny module stands for the upstream program: what matters is when it is
// built, not what.
func TestBuildOnlyWhenSomethingChanged(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	source := filepath.Join(root, "sandbox", "parts", "tiny")
	write(t, filepath.Join(source, "go.mod"), "module example.org/tiny\n\ngo 1.26.0\n")
	write(t, filepath.Join(source, "go.sum"), "")
	write(t, filepath.Join(source, "main.go"), "package main\n\nfunc main() { println(\"one\") }\n")
	write(t, filepath.Join(source, "rights.yaml"), "kind: ClusterRole\n")
	write(t, filepath.Join(source, "upstream", "a.yaml"), "kind: A\n")
	write(t, filepath.Join(source, "upstream", "b.yaml"), "kind: B\n")
	p := part{name: "tiny", into: "tools", pkg: ".", links: []string{"small"}, copied: copied{"crds.yaml": "upstream/*.yaml"}}
	link := filepath.Join(root, "bin", "tools", "small")

	build := func() (built bool) {
		t.Helper()
		var out bytes.Buffer
		if err := p.build(t.Context(), root, false, &out); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(link); err != nil || target != "tiny" {
			t.Fatalf("link is %q, %v; want tiny", target, err)
		}
		return strings.Contains(out.String(), "built ")
	}
	steps := []struct {
		what   string
		change func()
		built  bool
	}{
		{"first", func() {}, true},
		{"nothing changed", func() {}, false},
		{"a source file changed", func() { write(t, filepath.Join(source, "main.go"), "package main\n\nfunc main() {}\n") }, true},
		{"a manifest changed", func() { write(t, filepath.Join(source, "rights.yaml"), "kind: Role\n") }, true},
		{"a link is gone", func() { remove(t, link) }, false},
		{"the program is gone", func() { remove(t, filepath.Join(root, "bin", "tools", "tiny")) }, true},
		{"the linker's variables changed", func() { p.stamped = map[string]string{"main.version": "2"} }, true},
	}
	for _, step := range steps {
		step.change()
		if built := build(); built != step.built {
			t.Errorf("%s: built %v, want %v", step.what, built, step.built)
		}
	}

	for name, want := range map[string]string{"rights.yaml": "kind: Role\n", "crds.yaml": "kind: A\n\n---\nkind: B\n"} {
		if got, err := os.ReadFile(filepath.Join(root, "bin", "tools", name)); err != nil || string(got) != want {
			t.Errorf("%s beside the program is %q, %v; want %q", name, got, err, want)
		}
	}

	// A build that fails says why, and leaves the program that was there.
	write(t, filepath.Join(source, "main.go"), "package main\n\nfunc main() { undefinedName() }\n")
	err := p.build(t.Context(), root, false, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "undefinedName") {
		t.Errorf("a broken source gave %v; want the compiler's message", err)
	}
	if _, err := os.Stat(filepath.Join(root, "bin", "tools", "tiny")); err != nil {
		t.Errorf("the program of the last good build: %v", err)
	}
}

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
