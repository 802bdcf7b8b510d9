// Package demo tells the core of Drawbridge's story in a running sandbox: a blog
// whose database and Pods come from one commit, and a second commit that lets
// both survive the loss of a zone.
//
// It uses what a user would: git to push, the drawbridge command to follow and to
// show the record. Nothing in it is canned; each line printed was just true.
package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/term"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/onboard"
	"github.com/drawbridge-gitops/drawbridge/sandbox/worktree"
)

// Options of a telling.
type Options struct {
	// Drawbridge is the path of the drawbridge command.
	Drawbridge string
	// Example is the repository that is pushed; see package examples.
	Example string
	// CDK is the path of the CDK CLI, for an example that needs it.
	CDK string
	// Again is the command line that brings the sandbox up once more; empty when it
	// stays up after the story.
	Again string
	// Use is the command line that points a shell at the sandbox.
	Use string
	// Out is where the story is told.
	Out io.Writer
}

// Names in the story.
const (
	repository  = "ghost"
	namespace   = "default"
	environment = "production"
	author      = "alice"
)

// Run tells the story and returns the first thing that went wrong in it.
func Run(ctx context.Context, s *sandbox.Sandbox, o Options) error {
	work, err := os.MkdirTemp("", "drawbridge-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	example, ok := stories[o.Example]
	if !ok {
		return fmt.Errorf("no story is told with the example %q", o.Example)
	}
	t := &telling{sandbox: s, options: o, story: example, repo: &worktree.Tree{Dir: work, URL: s.GitURL(repository), User: author, Token: s.Token(author)}, begun: time.Now()}
	for _, part := range []func(context.Context) error{t.setUp, t.bootstrap, t.firstCommit, t.secondCommit, t.record, t.whereNext} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

type telling struct {
	sandbox *sandbox.Sandbox
	options Options
	repo    *worktree.Tree
	begun   time.Time
	change  string // the last one
	story   story
}

// story is what the examples differ in.
type story struct {
	// database is the file that says whether the database is Multi-AZ, with the
	// text that it has at first and the one that it gets.
	database, single, multi string
	cdk                     bool
}

var stories = map[string]story{
	"ghost":     {database: "aws/database/template.yaml", single: "MultiAZ: false", multi: "MultiAZ: true"},
	"ghost-cdk": {database: "cdk/app.py", single: "multi_az=False", multi: "multi_az=True", cdk: true},
}

// say prints a heading, bold on a terminal.
func (t *telling) say(format string, args ...any) {
	bold, plain := "", ""
	if f, ok := t.options.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		bold, plain = "\033[1m", "\033[0m"
	}
	fmt.Fprintf(t.options.Out, "\n"+bold+format+plain+"\n", args...)
}

// tell prints a line below it.
func (t *telling) tell(format string, args ...any) {
	fmt.Fprintf(t.options.Out, "  "+format+"\n", args...)
}

func (t *telling) setUp(ctx context.Context) error {
	t.say("1. The platform team binds a branch to a place")
	if err := onboard.Bind(ctx, t.place(), onboard.Binding{Environment: environment, Repository: repository, Branch: "main"}); err != nil {
		return err
	}
	t.tell("Environment %q: branch main of %s, region %s, this cluster", environment, t.sandbox.GitURL(repository), t.sandbox.Region())
	return nil
}

// bootstrap makes what the CDK needs once in an account and region.
func (t *telling) bootstrap(ctx context.Context) error {
	if !t.story.cdk {
		return nil
	}
	account := "aws://" + t.place()["AWS_ACCOUNT_ID"] + "/" + t.sandbox.Region()
	t.tell("The account is made ready for the CDK, by its own CLI: cdk bootstrap %s", account)
	cmd := exec.CommandContext(ctx, t.options.CDK, "bootstrap", "--no-notices", account)
	cmd.Dir = t.repo.Dir
	cmd.Env = append(os.Environ(), t.sandbox.Env()...)
	cmd.Env = append(cmd.Env, "CDK_HOME="+t.sandbox.StateDir(), "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=true", "CI=true", "NO_COLOR=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cdk bootstrap: %w\n%s", err, out)
	}
	return nil
}

func (t *telling) firstCommit(ctx context.Context) error {
	t.say("2. Alice pushes a blog: a database in AWS, Pods in Kubernetes, one repository")
	commit, err := t.begin(ctx)
	if err != nil {
		return err
	}
	if err := t.follow(ctx, commit); err != nil {
		return err
	}
	return t.proof(ctx)
}

func (t *telling) secondCommit(ctx context.Context) error {
	t.say("3. One more commit: the database goes Multi-AZ, the blog gets a second Pod")
	commit, err := t.surviveZoneLoss(ctx)
	if err != nil {
		return err
	}
	if diff, err := t.repo.Git(ctx, "show", "--format=", "--unified=0", commit); err == nil {
		for _, line := range changedLines(diff) {
			t.tell("%s", line)
		}
	}
	if err := t.follow(ctx, commit); err != nil {
		return err
	}
	return t.proof(ctx)
}

func (t *telling) record(ctx context.Context) error {
	t.say("4. The record: who, what, when, why")
	return t.drawbridge(ctx, "show", t.change)
}

func (t *telling) whereNext(context.Context) error {
	t.say("Told in %.1f s. Where to look next, in another shell:", time.Since(t.begun).Seconds())
	if t.options.Again != "" {
		t.tell("%s  # the sandbox stops now and keeps its state", t.options.Again)
	}
	t.tell("%s", t.options.Use)
	t.tell("drawbridge status  # what is live")
	t.tell("drawbridge graph   # what waits for what")
	t.tell("kubectl -n ghost get pods -o wide")
	t.tell("kubectl -n ghost scale deploy/ghost --replicas=5  # and see it taken back")
	t.tell("git clone http://alice:$DRAWBRIDGE_GIT_TOKEN_ALICE@${DRAWBRIDGE_GIT_URL#http://}/%s.git", repository)
	if t.options.Again != "" {
		t.tell("drawbridge-sandbox down  # in the end")
	}
	return nil
}
