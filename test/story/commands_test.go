package story

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
)

// patience is for one thing to happen in a sandbox on a busy machine; a script that
// installs packages sets PATIENCE to more.
const patience = 90 * time.Second

func patienceOf(ts *testscript.TestScript) time.Duration {
	if more, err := time.ParseDuration(ts.Getenv("PATIENCE")); err == nil {
		return more
	}
	return patience
}

func setup(env *testscript.Env) error {
	script := filepath.Base(env.WorkDir)
	sum := sha256.Sum256([]byte(env.WorkDir))
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(strings.TrimPrefix(script, "script-")), "-"), "-")
	name = fmt.Sprintf("%.30s-%s", name, hex.EncodeToString(sum[:3]))
	for _, e := range shared.Env() {
		key, value, _ := strings.Cut(e, "=")
		env.Setenv(key, value)
	}
	env.Setenv("ENV", name)
	env.Setenv("NS", name)
	env.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	env.Setenv("GIT_TERMINAL_PROMPT", "0")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env.Setenv("GIT_"+who+"_NAME", "Alice Archer")
		env.Setenv("GIT_"+who+"_EMAIL", "alice@example.com")
	}
	basic := base64.StdEncoding.EncodeToString([]byte("alice:" + shared.Token("alice")))
	env.Setenv("GIT_CONFIG_COUNT", "1")
	env.Setenv("GIT_CONFIG_KEY_0", "http.extraHeader")
	env.Setenv("GIT_CONFIG_VALUE_0", "Authorization: Basic "+basic)
	env.Setenv("REPO", shared.GitURL(name))
	return nil
}

func connect(ts *testscript.TestScript) client.Client {
	s := runtime.NewScheme()
	ts.Check(scheme.AddToScheme(s))
	ts.Check(v1alpha1.AddToScheme(s))
	k, err := client.New(shared.RESTConfig(), client.Options{Scheme: s})
	ts.Check(err)
	return k
}

// environment makes a repository with a webhook, a namespace, and an Environment
// in it that follows the repository's main branch; or one more Environment there,
// of another branch, which deploys to a namespace of its name.
func environment(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 && len(args) != 2 {
		ts.Fatalf("usage: environment [NAME BRANCH]")
	}
	ctx := context.Background()
	name := ts.Getenv("ENV")
	named := func(n string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: name, Name: n} }
	env := &v1alpha1.Environment{ObjectMeta: named(name), Spec: v1alpha1.EnvironmentSpec{
		Source: v1alpha1.Source{
			URL: shared.GitURL(name), Branch: "main", SecretRef: &v1alpha1.LocalReference{Name: "git"},
			WebhookSecretRef: &v1alpha1.LocalReference{Name: "webhook"}, Interval: &metav1.Duration{Duration: time.Hour},
		},
		AWS:     &v1alpha1.AWS{Region: shared.Region()},
		Build:   v1alpha1.Build{RoleARN: "arn:aws:iam::123456789012:role/builds"},
		Cluster: v1alpha1.Cluster{Namespace: name},
	}}
	k := connect(ts)
	if len(args) == 2 {
		env.Name, env.Spec.Source.Branch, env.Spec.Cluster.Namespace = args[0], args[1], args[0]
		ts.Check(k.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: args[0]}}))
		ts.Check(k.Create(ctx, env))
		return
	}
	server := forge.Client{URL: ts.Getenv("DRAWBRIDGE_GIT_URL"), User: "alice", Token: shared.Token("alice")}
	_, err := server.CreateRepository(ctx, name)
	ts.Check(err)
	ts.Check(server.SetHook(ctx, name, "drawbridge", forge.Hook{URL: shared.APIURL() + "/webhooks/push", Secret: shared.WebhookSecret()}))
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&corev1.Secret{ObjectMeta: named("git"), StringData: map[string]string{"username": "drawbridge", "password": shared.Token("drawbridge")}},
		&corev1.Secret{ObjectMeta: named("webhook"), StringData: map[string]string{"token": shared.WebhookSecret()}},
		env,
	} {
		ts.Check(k.Create(ctx, o))
	}
}

// commit pushes a folder as all that is in the repository.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: commit DIR [MESSAGE]")
	}
	message := "Deploy " + args[0]
	if len(args) == 2 {
		message = args[1]
	}
	tree := ts.MkAbs(".tree")
	if _, err := os.Stat(tree); err != nil {
		ts.Check(os.MkdirAll(tree, 0o755))
		run1(ts, tree, "git", "init", "--quiet", "--initial-branch=main")
	}
	run1(ts, tree, "git", "rm", "-rq", "--ignore-unmatch", ".")
	ts.Check(os.CopyFS(tree, os.DirFS(ts.MkAbs(args[0]))))
	run1(ts, tree, "git", "add", "--all")
	run1(ts, tree, "git", "commit", "--quiet", "--allow-empty", "--message", message)
	run1(ts, tree, "git", "push", "--quiet", ts.Getenv("REPO"), "HEAD:main")
	ts.Setenv("COMMIT", strings.TrimSpace(run1(ts, tree, "git", "rev-parse", "HEAD")))
}

func run1(ts *testscript.TestScript, dir, name string, args ...string) string {
	out, err := command(ts, dir, name, args...)
	if err != nil {
		ts.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// command runs a program in the script's environment and returns both its
// outputs.
func command(ts *testscript.TestScript, dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patienceOf(ts))
	defer cancel()
	path := name
	switch name {
	case "drawbridge":
		path = filepath.Join(programs, name)
	case "kubectl":
		path = ts.MkAbs(filepath.Join(controlPlane(ts), name))
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	for _, e := range scriptEnv {
		if v := ts.Getenv(e); v != "" {
			cmd.Env = append(cmd.Env, e+"="+v)
		}
	}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done in %s", patienceOf(ts))
	}
	return string(out), err
}

// scriptEnv is what programs see of the script's environment.
var scriptEnv = []string{
	"PATH", "HOME", "TMPDIR", "KUBECONFIG", "DRAWBRIDGE_API_URL", "DRAWBRIDGE_API_TOKEN", "ENV", "NS",
	"GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_TERMINAL_PROMPT", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0",
	"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
}

func controlPlane(ts *testscript.TestScript) string {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return dir
	}
	dir, err := filepath.Abs("../../bin/controlplane")
	ts.Check(err)
	return dir
}

func live(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: live")
	}
	out, err := command(ts, ts.MkAbs("."), "drawbridge", "changes", "-n", ts.Getenv("NS"), "-e", ts.Getenv("ENV"), "--watch", "--commit", ts.Getenv("COMMIT"))
	ts.Logf("%s", out)
	if err != nil {
		out, _ := command(ts, ts.MkAbs("."), "drawbridge", "logs", "-n", ts.Getenv("NS"), "-e", ts.Getenv("ENV"))
		ts.Logf("its log:\n%s", out)
		ts.Fatalf("the Change did not succeed: %v", err)
	}
}

func refused(ts *testscript.TestScript, neg bool, patterns []string) {
	if neg || len(patterns) == 0 {
		ts.Fatalf("usage: refused PATTERN...")
	}
	out, err := command(ts, ts.MkAbs("."), "drawbridge", "changes", "-n", ts.Getenv("NS"), "-e", ts.Getenv("ENV"), "--watch", "--commit", ts.Getenv("COMMIT"))
	ts.Logf("%s", out)
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 {
		ts.Fatalf("the Change did not fail: %v", err)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(out) {
			ts.Fatalf("it does not say %q", p)
		}
	}
}

// program runs a program whose name is a command of scripts, in the script's
// namespace.
func program(name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if name != "git" {
			args = append([]string{"-n", ts.Getenv("NS")}, args...)
		}
		out, err := command(ts, ts.MkAbs("."), name, args...)
		ts.Setenv("OUT", out)
		ts.Setenv("CODE", "0")
		if exit, ok := err.(*exec.ExitError); ok {
			ts.Setenv("CODE", fmt.Sprint(exit.ExitCode()))
		}
		ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(out), 0o644))
		ts.Logf("%s", out)
		if (err != nil) != neg {
			ts.Fatalf("%s: %v", name, err)
		}
	}
}

// says looks for patterns in what the last program printed.
func says(ts *testscript.TestScript, neg bool, patterns []string) {
	if len(patterns) == 0 {
		ts.Fatalf("usage: says PATTERN...")
	}
	out := ts.Getenv("OUT")
	for _, p := range patterns {
		if regexp.MustCompile(`(?m)`+p).MatchString(out) == neg {
			ts.Fatalf("%q: found %t in\n%s", p, !neg, out)
		}
	}
}

// exited compares the exit code of the last program.
func exited(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: exited CODE")
	}
	if got := ts.Getenv("CODE"); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// eventually repeats a command until it prints the pattern, whatever its exit
// code: for what a script can't watch.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN drawbridge|kubectl|git ARGS...")
	}
	pattern := regexp.MustCompile(args[0])
	if args[1] != "git" {
		args = append([]string{args[0], args[1], "-n", ts.Getenv("NS")}, args[2:]...)
	}
	var out string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if out, _ = command(ts, ts.MkAbs("."), args[1], args[2:]...); pattern.MatchString(out) {
			return
		}
	}
	ts.Fatalf("never %q; in the end:\n%s", args[0], out)
}

// head keeps the last output, as of git rev-parse.
func head(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: head")
	}
	ts.Setenv("HEAD", strings.TrimSpace(ts.Getenv("OUT")))
}

// change keeps the name of the commit's newest Change.
func change(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: change")
	}
	var list v1alpha1.ChangeList
	ts.Check(connect(ts).List(context.Background(), &list, client.InNamespace(ts.Getenv("NS"))))
	for _, c := range list.Items {
		if c.Spec.Commit == ts.Getenv("COMMIT") {
			ts.Setenv("CHANGE", c.Name)
		}
	}
}

// big makes a file that no manifest should be as large as.
func big(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: big FILE")
	}
	line := []byte("apiVersion: v1 # " + strings.Repeat("x", 1<<10) + "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat(line, 50<<20/len(line)), 0o644))
}
