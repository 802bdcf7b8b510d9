package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

// request is a build of the files, one of which is buildspec.yml, in folders of
// its own, that gathers its log.
func request(t *testing.T, files map[string]string) (Request, *strings.Builder) {
	t.Helper()
	base := t.TempDir()
	r := Request{
		Source: filepath.Join(base, "source"), Scratch: filepath.Join(base, "scratch"), Output: filepath.Join(base, "output"),
		About:  About{ID: "blog:prod-7", Number: 7, Region: "eu-west-1", Account: "111122223333", Branch: "main", Commit: strings.Repeat("a", 40), Started: time.UnixMilli(1700000000123)},
		Limits: contain.Limits{Time: time.Minute},
	}
	for name, content := range files {
		write(t, filepath.Join(r.Source, name), content)
	}
	if err := os.MkdirAll(r.Scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	spec, err := buildspec.Parse("buildspec.yml", []byte(files["buildspec.yml"]))
	if err != nil {
		t.Fatal(err)
	}
	r.Spec = spec
	var text strings.Builder
	r.Log = func(l Line) {
		mark := " "
		if l.Mark {
			mark = "#"
		}
		fmt.Fprintf(&text, "%-10s%s %s\n", l.Phase, mark, strings.ReplaceAll(l.Text, base, "BASE"))
	}
	return r, &text
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

var duration = regexp.MustCompile(`after [0-9.]+(ms|s|µs)`)

// Each archive is a work tree; its golden file is the log, the error and the
// result.
func TestBuilds(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no test data", err)
	}
	for _, archive := range archives {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			t.Parallel()
			parsed, err := txtar.ParseFile(archive)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range parsed.Files {
				files[f.Name] = string(f.Data)
			}
			r, log := request(t, files)
			r.Variables = map[string]string{"OVERRIDDEN": "by the caller", "CODEBUILD_SRC_DIR": "not mine to set"}
			result, err := Run(t.Context(), r)
			for i := range result.Phases {
				if result.Phases[i].Outcome != Skipped && result.Phases[i].Duration <= 0 {
					t.Errorf("phase %s took no time", result.Phases[i].Name)
				}
				result.Phases[i].Duration = 0
			}
			text, jsonErr := json.MarshalIndent(result, "", "  ")
			if jsonErr != nil {
				t.Fatal(jsonErr)
			}
			got := fmt.Sprintf("%s\nerror: %v\n\n%s\n", duration.ReplaceAllString(log.String(), "after T"), err, text)
			golden.Check(t, strings.TrimSuffix(archive, ".txtar")+".golden", got)
		})
	}
}

const forever = "version: 0.2\nphases:\n  install: {commands: ['true']}\n  build:\n    commands: ['echo begun; sleep 3600']\n    finally: ['echo not reached']\n  post_build: {commands: ['echo not reached']}\n"

func TestCancelled(t *testing.T) {
	t.Parallel()
	r, log := request(t, map[string]string{"buildspec.yml": forever})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	newer := errors.New("a newer commit")
	gather := r.Log
	r.Log = func(l Line) {
		gather(l)
		if l.Text == "begun" {
			cancel(newer)
		}
	}
	result, err := Run(ctx, r)
	if !errors.Is(err, newer) {
		t.Errorf("got %v, want %v", err, newer)
	}
	if strings.Contains(log.String(), "not reached\n") {
		t.Errorf("it went on:\n%s", log)
	}
	var outcomes []Outcome
	for _, p := range result.Phases {
		outcomes = append(outcomes, p.Outcome)
	}
	if d := cmp.Diff([]Outcome{Succeeded, Failed, Skipped}, outcomes); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	r, _ := request(t, map[string]string{"buildspec.yml": forever})
	r.Limits.Time = 300 * time.Millisecond
	result, err := Run(t.Context(), r)
	if !errors.Is(err, contain.ErrTime) || !strings.Contains(err.Error(), "buildspec.yml:5") {
		t.Errorf("got %v", err)
	}
	if p := result.Phases[1]; p.Outcome != Failed || p.Error == "" {
		t.Errorf("got %+v", p)
	}
}

func TestRefusedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ spec, want string }{
		"another user":     {"run-as: nobody-we-are", "buildspec.yml:2: run-as: nobody-we-are: a build runs as the user"},
		"a phase's user":   {"phases: {build: {run-as: other, commands: [touch ran]}}", "buildspec.yml:2: run-as: other"},
		"version":          {"phases: {install: {runtime-versions: {golang: 1.1}}}", "buildspec.yml:2: runtime-versions: golang: version 1.1 is asked for, but this machine has 1."},
		"no such runtime":  {"phases: {install: {runtime-versions: {nodjs: 20}}}", `unknown runtime; did you mean "nodejs"?`},
		"no parameters":    {"env: {parameter-store: {A: b}}", "buildspec.yml:2: env.parameter-store: A: there is no access"},
		"no secrets":       {"env: {secrets-manager: {A: b}}", "buildspec.yml:2: env.secrets-manager: A: there is no access"},
		"all faults there": {"run-as: x\nenv: {secrets-manager: {A: b}}\nphases: {install: {runtime-versions: {golang: 1.1}}}", "golang"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := "version: 0.2\n" + c.spec + "\n"
			if !strings.Contains(spec, "phases") {
				spec += "phases: {build: {commands: [touch ran]}}\n"
			}
			r, _ := request(t, map[string]string{"buildspec.yml": spec})
			_, err := Run(t.Context(), r)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(r.Source, "ran")); err == nil {
				t.Error("a command ran")
			}
		})
	}
}

func TestOnlyItsOwnFilesAreWritten(t *testing.T) {
	t.Parallel()
	if err := contain.Available().Files; err != nil {
		t.Skipf("not enforced here: %v", err)
	}
	r, log := request(t, map[string]string{"buildspec.yml": `version: 0.2
phases:
  build:
    commands:
      - echo tree > file; echo home > ~/file; echo tmp > /tmp/file; cat file ~/file "$TMPDIR/file"
      - touch /etc/outside ../outside 2>/dev/null || echo refused
      - cat ../seen; echo $(wc -c < /etc/passwd) bytes
`})
	base := filepath.Dir(r.Source)
	write(t, filepath.Join(base, "seen"), "seen\n")
	// The test's folder is in /tmp, which is the build's own.
	r.Files = contain.Files{Hidden: []string{"/etc/passwd"}, Visible: []string{filepath.Join(base, "seen")}}
	if _, err := Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  tree\n", "  home\n", "  tmp\n", "  refused\n", "  seen\n", "  0 bytes\n"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
	for _, file := range []string{"/etc/outside", filepath.Join(base, "outside")} {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s was written", file)
		}
	}
}

func TestSatisfies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, found string
		want         bool
	}{
		{"20", "20.20.2", true}, {"20.x", "20.1.0", true}, {"2", "20.20.2", false}, {"3.11", "3.11.7", true}, {"3.1", "3.11.7", false},
		{"corretto17", "17.0.15", true}, {"corretto8", "8.0", true}, {"latest", "1", true}, {"20.20.2", "20.20.2", true}, {"21", "20.20.2", false},
	} {
		if got := satisfies(c.asked, c.found); got != c.want {
			t.Errorf("%s by %s: %v", c.asked, c.found, got)
		}
	}
}

// account is a parameter store and a Secrets Manager.
type account map[string]string

func (a account) Parameter(_ context.Context, name string) (string, error) { return a.get(name) }

func (a account) SecretString(_ context.Context, id, stage, version string) (string, error) {
	return a.get(strings.Join([]string{id, stage, version}, " "))
}

func (a account) get(name string) (string, error) {
	if v, ok := a[name]; ok {
		return v, nil
	}
	return "", errors.New("not found")
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	const spec = `version: 0.2
env:
  parameter-store: {TOKEN: /ci/token}
  secrets-manager:
    PASSWORD: db:password
    OLD: db:password:AWSPREVIOUS
    ALL: "db:::v1"
    PORT: db:port
  exported-variables: [PUBLIC, PORT, URL, TOKEN]
phases:
  build:
    commands:
      - export PUBLIC=yes URL=mysql://u:$PASSWORD@h; echo $TOKEN; printf $PASSWORD | base64; echo "$OLD"
      - test "$ALL" = '{"password":"second-password","port":3306}' && echo second-password
      - 'echo caller-$TOKEN-secret; : second-password'
`
	store := account{
		"/ci/token":         "parameter-token",
		"db AWSCURRENT ":    `{"password":"third-password","port":3306}`,
		"db AWSPREVIOUS ":   `{"password":"first-password"}`,
		"db  v1":            `{"password":"second-password","port":3306}`,
		"broken AWSCURRENT": "x",
	}
	r, log := request(t, map[string]string{"buildspec.yml": spec})
	r.Parameters, r.Secrets, r.Hidden = store, store, []string{"caller-"}
	result, err := Run(t.Context(), r)
	if err == nil || !strings.Contains(err.Error(), "exported variable URL holds a secret value") {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff(map[string]string{"PUBLIC": "yes", "PORT": "3306"}, result.Exported); d != "" {
		t.Errorf("exported (-want +got):\n%s", d)
	}
	all := log.String() + fmt.Sprint(err) + fmt.Sprint(result)
	for _, secret := range []string{"parameter-token", "first-password", "second-password", "third-password", "dGhpcmQtcGFzc3dvcmQ", "caller-"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is shown:\n%s", secret, all)
		}
	}
	if n := strings.Count(log.String(), "  ***\n"); n != 4 {
		t.Errorf("%d lines of stars, want 4:\n%s", n, log)
	}
}

func TestSecretsThatAreNotThere(t *testing.T) {
	t.Parallel()
	const spec = `version: 0.2
env:
  parameter-store: {A: /none}
  secrets-manager:
    B: none
    C: text:key
    D: json:key
    E: json:empty
phases: {build: {commands: [touch ran]}}
`
	store := account{"text AWSCURRENT ": "hunter2-plain", "json AWSCURRENT ": `{"other": "hunter2-json", "empty": null}`}
	r, _ := request(t, map[string]string{"buildspec.yml": spec})
	r.Parameters, r.Secrets = store, store
	_, err := Run(t.Context(), r)
	want := []string{
		"buildspec.yml:3: env.parameter-store: A: parameter /none: not found",
		"buildspec.yml:5: env.secrets-manager: B: secret none: not found",
		`buildspec.yml:6: env.secrets-manager: C: secret text: it holds no JSON object, so there is no key "key"; leave the key out to get all of it`,
		`buildspec.yml:7: env.secrets-manager: D: secret json: its JSON has no key "key"`,
		"buildspec.yml:8: env.secrets-manager: E: secret json: the value of its key \"empty\" is null",
	}
	if d := cmp.Diff(strings.Join(want, "\n"), fmt.Sprint(err)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		all = append(all, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}
