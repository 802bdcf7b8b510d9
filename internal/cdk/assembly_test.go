package cdk

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

// unpack writes the files of an archive into a folder.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var here = Place{"123456789012", "eu-west-1"}

func TestReadOrdersStacksAndFillsInThePlace(t *testing.T) {
	t.Parallel()
	archive, err := os.ReadFile("testdata/assembly.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := unpack(t, string(archive))
	a, err := Read(dir, here)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/assembly.json", strings.ReplaceAll(string(text), dir, "$DIR")+"\n")
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	stack := func(properties string) string {
		return `-- manifest.json --
{"version": "48.0.0", "artifacts": {"A": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": ` + properties + `}}}
-- A.json --
{"Resources": {}}
`
	}
	for name, test := range map[string]struct{ archive, want string }{
		"no assembly":                {"-- other --\n", "app.synth()"},
		"a newer schema":             {"-- manifest.json --\n" + `{"version": "56.0.0"}`, "newer"},
		"no stack":                   {"-- manifest.json --\n" + `{"version": "48.0.0"}`, "defines no stack"},
		"a path that leads out":      {stack(`{"templateFile": "../../etc/passwd"}`), "leads out"},
		"an absolute path":           {stack(`{"templateFile": "/etc/passwd"}`), "leads out"},
		"a template that is missing": {stack(`{"templateFile": "B.json"}`), "B.json"},
		"a circle": {`-- manifest.json --
{"version": "48.0.0", "artifacts": {
 "A": {"type": "aws:cloudformation:stack", "environment": "aws://1/r", "properties": {"templateFile": "A.json"}, "dependencies": ["B"]},
 "B": {"type": "aws:cloudformation:stack", "environment": "aws://1/r", "properties": {"templateFile": "A.json"}, "dependencies": ["A"]}}}
-- A.json --
{}
`, "circle: A → B → A"},
		"an image that is built otherwise": {`-- manifest.json --
{"version": "48.0.0", "artifacts": {
 "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}},
 "A": {"type": "aws:cloudformation:stack", "environment": "aws://1/r", "properties": {"templateFile": "A.json"}, "dependencies": ["A.assets"]}}}
-- A.json --
{}
-- assets.json --
{"version": "48.0.0", "dockerImages": {"i": {"displayName": "web", "source": {"directory": ".", "dockerBuildSecrets": {"a": "b"}}, "destinations": {}}}}
`, `image web: the option "dockerBuildSecrets"`},
		"an error on a construct": {`-- manifest.json --
{"version": "48.0.0", "artifacts": {"A": {"type": "aws:cloudformation:stack", "environment": "aws://1/r", "properties": {"templateFile": "A.json"},
 "metadata": {"/A/Bucket": [{"type": "aws:cdk:error", "data": "no encryption"}]}}}}
-- A.json --
{}
`, "[A/Bucket] no encryption"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(unpack(t, test.archive), here)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if got := errors.Is(err, ErrSchema); got != (name == "a newer schema") {
				t.Errorf("ErrSchema: %t", got)
			}
		})
	}
}

func TestPlaceFills(t *testing.T) {
	t.Parallel()
	got := Place{"1", "cn-north-1"}.fill("arn:${AWS::Partition}:s3:::b-${AWS::AccountId}-${AWS::Region}")
	if diff := cmp.Diff("arn:aws-cn:s3:::b-1-cn-north-1", got); diff != "" {
		t.Error(diff)
	}
}
