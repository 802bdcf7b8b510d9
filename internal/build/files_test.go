package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const layout = `
	mkdir -p a/b/c .hidden links out-1 out-2
	for f in top.txt a/one.txt a/two.map a/b/c/deep.txt .hidden/x .dot out-1/x out-2/y; do echo $f > $f; done
	chmod +x a/one.txt
	ln -s ../a/one.txt links/file; ln -s ../a links/folder; ln -s /etc/passwd links/outside; ln -s nowhere links/broken
	mkfifo pipe
`

func TestArtifacts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		artifacts string
		want      []string
		err       string
	}{
		"all":                  {`files: ["**/*"]`, []string{".dot", ".hidden/x", "a/b/c/deep.txt", "a/one.txt", "a/two.map", "buildspec.yml", "links/file", "out-1/x", "out-2/y", "top.txt"}, ""},
		"links kept":           {`files: ["links/**/*"], enable-symlinks: yes`, []string{"links/broken", "links/file", "links/folder", "links/outside"}, ""},
		"one level":            {`files: ["*.txt", "./a/*"], exclude-paths: ["a/b"]`, []string{"a/one.txt", "a/two.map", "top.txt"}, ""},
		"a folder":             {`files: ["a/"], exclude-paths: ["**/*.map"]`, []string{"a/b/c/deep.txt", "a/one.txt"}, ""},
		"base":                 {`files: ["**/*"], base-directory: a`, []string{"b/c/deep.txt", "one.txt", "two.map"}, ""},
		"bases":                {`files: ["**/*"], base-directory: "out-*"`, []string{"x", "y"}, ""},
		"flat":                 {`files: ["a/**/*.txt"], discard-paths: yes`, []string{"deep.txt", "one.txt"}, ""},
		"flat, twice the same": {`files: [".hidden/x", "out-1/x"], discard-paths: yes`, nil, ".hidden/x and out-1/x would be the same file, x"},
		"no base":              {`files: ["**/*"], base-directory: missing`, nil, "buildspec.yml:3: artifacts: base-directory: there is no folder missing"},
		"outside":              {`files: ["links/outside"]`, nil, "no file matches links/outside"},
		"no pattern":           {`files: ["[a"]`, nil, `"[a" is no pattern`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := request(t, map[string]string{"buildspec.yml": "version: 0.2\nphases: {build: {commands: ['. ../scratch/layout']}}\nartifacts: {" + c.artifacts + "}\n"})
			write(t, filepath.Join(r.Scratch, "layout"), layout)
			result, err := Run(t.Context(), r)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || len(result.Artifacts) > 0 {
					t.Errorf("got %v, %v, want %s", result.Artifacts, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			folder := filepath.Join(r.Output, result.Artifacts[0].Folder)
			if d := cmp.Diff(c.want, names(t, folder)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if info, err := os.Stat(filepath.Join(folder, "a/one.txt")); err == nil && info.Mode()&0o100 == 0 {
				t.Error("a/one.txt can't be executed any more")
			}
		})
	}
}

func TestSecondaryArtifactsAndDigest(t *testing.T) {
	t.Parallel()
	run := func(command string) []Artifact {
		r, _ := request(t, map[string]string{"buildspec.yml": `version: 0.2
phases: {build: {commands: ["` + command + `"]}}
artifacts:
  files: [a]
  secondary-artifacts:
    docs: {files: [b], name: "docs-$AWS_REGION"}
`, "a": "a\n", "b": "b\n"})
		result, err := Run(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range result.Artifacts {
			if len(names(t, filepath.Join(r.Output, a.Folder))) != 1 {
				t.Errorf("%s does not hold one file", a.Folder)
			}
		}
		return result.Artifacts
	}
	first, same, changed, executable := run("true"), run("touch a"), run("echo A > a"), run("chmod +x a")
	if d := cmp.Diff(first, same); d != "" {
		t.Errorf("the same content (-first +second):\n%s", d)
	}
	if first[0].Digest == changed[0].Digest || first[1].Digest != changed[1].Digest || first[0].Digest == executable[0].Digest {
		t.Errorf("digests %v, %v, %v", first, changed, executable)
	}
	if a := first[1]; a.ID != "docs" || a.Name != "docs-eu-west-1" || a.Folder != "secondary/docs" {
		t.Errorf("got %+v", a)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	cache := filepath.Join(t.TempDir(), "cache")
	run := func(commands, source string) (string, error) {
		r, log := request(t, map[string]string{
			"buildspec.yml":   "version: 0.2\nphases: {build: {commands: [" + commands + "]}}\ncache: {paths: [\"modules/**/*\", \"/root/.npm/**/*\", \"/var/cache/x\"]}\n",
			"modules/tracked": source + "\n",
		})
		r.Cache = cache
		_, err := Run(t.Context(), r)
		return log.String(), err
	}
	const fill = `'mkdir -p modules/bin "$HOME/.npm"; echo 1 > modules/one; ln -s ../one modules/bin/one; echo npm > "$HOME/.npm/x"; touch -d 2001-01-01 modules/one'`
	log, err := run(fill, "first")
	if err != nil || !strings.Contains(log, "/var/cache/x is not cached") {
		t.Fatalf("%v\n%s", err, log)
	}
	const look = `'cat modules/bin/one "$HOME/.npm/x" modules/tracked; date -r modules/one +%Y'`
	log, err = run(look+", 'echo broken > modules/one; false'", "second")
	if err == nil {
		t.Error("it should fail")
	}
	for _, line := range []string{"  1\n", "  npm\n", "  second\n", "  2001\n", "2 files restored to the source", "1 files restored to the home"} {
		if !strings.Contains(log, line) {
			t.Errorf("%q is not in the log:\n%s", line, log)
		}
	}
	// What failed is not saved.
	if log, err = run(look, "third"); err != nil || strings.Contains(log, "broken") {
		t.Errorf("%v\n%s", err, log)
	}
	if _, err := os.Stat(cache + ".next"); err == nil {
		t.Error("something is left beside the cache")
	}
}

func TestCopiesHaveALimit(t *testing.T) {
	t.Parallel()
	r, _ := request(t, map[string]string{"buildspec.yml": `version: 0.2
phases: {build: {commands: ["head -c 300000 /dev/zero > f; for i in 1 2 3 4 5 6 7 8; do ln -s f l$i; done"]}}
artifacts: {files: ["*"]}
`})
	r.Limits.Disk = 1 << 20
	if _, err := Run(t.Context(), r); err == nil || !strings.Contains(err.Error(), errBudget.Error()) {
		t.Errorf("got %v", err)
	}
}
