package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
)

// A build of a commit has its folder and what it reads, and sees nothing of the
// rest of where it is run.
func TestBuilder(t *testing.T) {
	t.Parallel()
	const text = `version: 0.2
phases:
  build:
    commands:
      - cat ../shared/file; ls ..; echo more >> ../shared/file
      - '! cat "$SECRETS/ledger" 2>/dev/null && ls "$SECRETS"'
cache: {paths: ["kept/**/*"]}
`
	tree, blobs := gittest.Tree(t, map[string]string{
		"site/buildspec.yml": text, "shared/file": "shared\n", "other/file": "not for this build\n",
	})
	spec, err := buildspec.Parse("site/buildspec.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	secrets := t.TempDir()
	write(t, filepath.Join(secrets, "ledger"), "not for builds")
	b := NewBuilder(filepath.Join(secrets, "builds"), contain.Limits{}, secrets)
	var lines []string
	_, err = b.Build(t.Context(), Order{
		Tree: tree, Read: blobs, Path: "site", Reads: []string{"shared"}, Spec: spec, Component: "environment/site",
		Variables: map[string]string{"SECRETS": secrets},
		Log: func(l Line) {
			if !l.Mark {
				lines = append(lines, l.Text)
			}
		},
	})
	isolated := contain.Available().Files == nil
	if (err == nil) != isolated {
		t.Fatalf("isolated %v, and %v\n%s", isolated, err, strings.Join(lines, "\n"))
	}
	if d := cmp.Diff([]string{"shared", "shared", "site", "builds"}, lines); isolated && d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	left, err := os.ReadDir(filepath.Join(secrets, "builds/work"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
