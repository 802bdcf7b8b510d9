package cdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
)

// An app may be any program that writes an assembly. These are shell scripts, so
// that nothing has to be installed.
const writes = `
mkdir -p "$CDK_OUTDIR"
cat > "$CDK_OUTDIR/manifest.json" <<END
{"version": "48.0.0", "artifacts": {"A": {"type": "aws:cloudformation:stack", "environment": "aws://$CDK_DEFAULT_ACCOUNT/$CDK_DEFAULT_REGION",
 "properties": {"templateFile": "A.json", "tags": {"context": "` + "`echo $CDK_CONTEXT_JSON | tr -d '\"{}'`" + `"}}}}, "missing": [$MISSING]}
END
echo '{"Resources": {}}' > "$CDK_OUTDIR/A.json"
`

type world struct {
	*Synthesizer
	request Request
	log     *log
}

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newWorld(t *testing.T, o Options, files map[string]string) *world {
	t.Helper()
	o.Dir = t.TempDir()
	tree, blobs := gittest.Tree(t, files)
	e, _ := tree.Entry("infra")
	w := &world{Synthesizer: New(o), log: &log{}}
	w.request = Request{Tree: tree, Read: blobs, Path: "infra", OID: e.OID, Place: here, Log: w.log}
	return w
}

func (w *world) times(what string) int { return strings.Count(w.log.String(), what) }

func TestTheSameInputSynthesizesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, map[string]string{
		"infra/cdk.json":         `{"app": "sh app.sh", "context": {"stage": "test", "size": 1}}`,
		"infra/cdk.context.json": `{"looked": "up"}`,
		"infra/app.sh":           writes,
	})
	w.request.Context = map[string]string{"stage": "production"}
	for range 2 {
		a, err := w.Synthesize(t.Context(), w.request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(here, a.Stacks[0].Place); diff != "" {
			t.Error(diff)
		}
		context := a.Stacks[0].Tags["context"]
		for _, want := range []string{"stage:production", "size:1", "looked:up", "aws:cdk:enable-path-metadata:true"} {
			if !strings.Contains(context, want) {
				t.Errorf("the app got the context %s, want %s in it", context, want)
			}
		}
	}
	if n := w.times("synthesizing:"); n != 1 {
		t.Errorf("synthesized %d times, want once", n)
	}
	w.request.Context = map[string]string{"stage": "other"}
	if _, err := w.Synthesize(t.Context(), w.request); err != nil {
		t.Fatal(err)
	}
	if n := w.times("synthesizing:"); n != 2 {
		t.Errorf("another context was synthesized %d times, want a second one", n)
	}
}

func TestOldAssembliesGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{Kept: 2}, map[string]string{"infra/cdk.json": `{"app": "sh app.sh"}`, "infra/app.sh": writes})
	for _, stage := range []string{"a", "b", "c"} {
		w.request.Context = map[string]string{"stage": stage}
		if _, err := w.Synthesize(t.Context(), w.request); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadDir(w.options.Dir + "/assemblies")
	if err != nil || len(kept) != 2 {
		t.Errorf("%d assemblies are kept, %v; want 2", len(kept), err)
	}
	if left, _ := os.ReadDir(w.options.Dir + "/work"); len(left) != 0 {
		t.Errorf("the work trees %v are left", left)
	}
}

func TestAnAppHasNoCredentials(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")
	w := newWorld(t, Options{}, map[string]string{"infra/cdk.json": `{"app": "env; sh app.sh"}`, "infra/app.sh": writes})
	w.request.Lookup = func(context.Context, string) ([]string, error) {
		return []string{"AWS_SECRET_ACCESS_KEY=hunter3-hunter3"}, nil
	}
	if _, err := w.Synthesize(t.Context(), w.request); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.log.String(), "hunter") {
		t.Error("the app saw credentials")
	}
}

func TestAnAppSeesItsOwnFilesOnly(t *testing.T) {
	t.Parallel()
	if err := contain.Available().Files; err != nil {
		t.Skipf("this machine does not isolate files: %v", err)
	}
	secret := t.TempDir()
	if err := os.WriteFile(filepath.Join(secret, "token"), []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := "cat " + secret + "/token; echo x > " + secret + "/written; echo x > /tmp/shared; sh app.sh"
	w := newWorld(t, Options{}, map[string]string{"infra/cdk.json": fmt.Sprintf(`{"app": %q}`, app), "infra/app.sh": writes})
	w.options.Hidden = []string{secret, filepath.Dir(w.options.Dir)} // what is hidden holds its own work tree, too
	if _, err := w.Synthesize(t.Context(), w.request); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	if strings.Contains(w.log.String(), "hunter2") {
		t.Error("the app saw what is hidden")
	}
	if _, err := os.Stat(filepath.Join(secret, "written")); err == nil {
		t.Error("the app wrote outside of its work tree")
	}
}

func TestAnAppThatFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  func(error) bool
		text  string
	}{
		"shows its own words": {
			map[string]string{"infra/cdk.json": `{"app": "sh app.sh"}`, "infra/app.sh": "echo 'File \"app.py\", line 7: no such construct' >&2; echo DB_PASSWORD=hunter2; exit 3"},
			func(err error) bool {
				var e *AppError
				return errors.As(err, &e) && e.Exit.Code == 3 && !strings.Contains(err.Error(), "hunter2")
			},
			`File "app.py", line 7`,
		},
		"runs for ever": {
			map[string]string{"infra/cdk.json": `{"app": "sleep 1000"}`},
			func(err error) bool { return errors.Is(err, contain.ErrTime) }, "time",
		},
		"prints for ever": {
			map[string]string{"infra/cdk.json": `{"app": "yes"}`},
			func(err error) bool { return errors.Is(err, contain.ErrOutput) }, "output",
		},
		"fills the disk": {
			map[string]string{"infra/cdk.json": `{"app": "head -c 30000000 /dev/zero > big; sleep 1000"}`},
			func(err error) bool { return errors.Is(err, contain.ErrDisk) }, "disk",
		},
		"has no command": {
			map[string]string{"infra/cdk.json": `{}`},
			func(err error) bool { var e *document.Error; return errors.As(err, &e) }, "infra/cdk.json",
		},
		"is no JSON": {
			map[string]string{"infra/cdk.json": `{`},
			func(err error) bool { var e *document.Error; return errors.As(err, &e) }, "infra/cdk.json",
		},
		"writes nothing": {
			map[string]string{"infra/cdk.json": `{"app": "true"}`},
			func(err error) bool { return errors.Is(err, os.ErrNotExist) }, "app.synth()",
		},
		"looks things up with no identity": {
			map[string]string{"infra/cdk.json": `{"app": "MISSING='{\"key\": \"vpc-provider:main\"}' sh app.sh"}`, "infra/app.sh": writes},
			func(err error) bool { return true }, "vpc-provider:main",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Options{Limits: contain.Limits{Time: 3 * time.Second, Output: 1 << 20, Disk: 20 << 20}}, test.files)
			_, err := w.Synthesize(t.Context(), w.request)
			if err == nil || !test.want(err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %q in it", err, test.text)
			}
		})
	}
}

func TestSynthesisEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, map[string]string{"infra/cdk.json": `{"app": "echo started; sleep 1000"}`})
	ctx, cancel := context.WithCancelCause(t.Context())
	superseded := errors.New("superseded")
	w.request.Log = writer(func(p []byte) {
		if strings.Contains(string(p), "started\n") {
			cancel(superseded)
		}
	})
	if _, err := w.Synthesize(ctx, w.request); !errors.Is(err, superseded) {
		t.Errorf("got %v, want the cause of the end", err)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestToolchainsAreToldByFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files []string
		want  []string
	}{
		"npm with a lock":    {[]string{"package.json", "package-lock.json"}, []string{"package-lock.json"}},
		"npm without":        {[]string{"package.json"}, []string{"package.json"}},
		"yarn":               {[]string{"package.json", "yarn.lock"}, []string{"yarn.lock"}},
		"Python":             {[]string{"requirements.txt", "requirements-dev.txt"}, []string{"requirements.txt"}},
		"Python and Node":    {[]string{"requirements.txt", "package.json", "package-lock.json"}, []string{"package-lock.json", "requirements.txt"}},
		"Go":                 {[]string{"go.mod"}, []string{"go.mod"}},
		"nothing to install": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"infra/cdk.json": "{}"}
			for _, f := range test.files {
				files["infra/"+f] = "{}"
			}
			tree, _ := gittest.Tree(t, files)
			var got []string
			for _, c := range toolchainsOf(tree, "infra") {
				got = append(got, c.marker)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheAppsPackagesDecideTheVersionOfTheCLI(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"2.1000.3": "2.1000.3", "": CLIVersion, "file:../evil": CLIVersion, "2.1.0 || https://example.test/x.tgz": CLIVersion,
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, "node_modules", "aws-cdk", "package.json")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, fmt.Appendf(nil, `{"version": %q}`, version), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := (&run{dir: dir}).version(); got != want {
			t.Errorf("%q: version %s, want %s", version, got, want)
		}
	}
	if got := (&run{dir: t.TempDir()}).version(); got != CLIVersion {
		t.Errorf("no packages: version %s", got)
	}
}
