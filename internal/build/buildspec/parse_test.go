package buildspec

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

func TestParse(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			if spec, err := Parse(filepath.Base(f), content); err != nil {
				got = "error:\n" + err.Error() + "\n"
			} else {
				text, err := json.MarshalIndent(spec, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = string(text) + "\n"
			}
			golden.Check(t, strings.TrimSuffix(f, ".yml")+".golden", got)
		})
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("version: 0.2\nphases: &a\n  build: *a\n  commands: [*a]\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		spec, err := Parse("f", content)
		if (spec == nil) != (err != nil) {
			t.Fatalf("a specification and an error, or neither: %v", err)
		}
		if err != nil {
			var at *document.Error
			if !errors.As(err, &at) {
				t.Errorf("%v has no position", err)
			}
			return
		}
		if len(spec.Phases) == 0 {
			t.Error("nothing to run")
		}
		for name := range spec.Env.Variables {
			if !variable.MatchString(name) {
				t.Errorf("a variable with the name %q", name)
			}
		}
	})
}
