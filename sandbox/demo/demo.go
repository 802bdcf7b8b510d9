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
	t := &telling{sandbox: s, options: o, repo: &worktree.Tree{Dir: work, URL: s.GitURL(repository), User: author, Token: s.Token(author)}, begun: time.Now()}
	for _, part := range []func(context.Context) error{t.setUp, t.firstCommit, t.secondCommit, t.record, t.whereNext} {
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
	t.tell(`eval "$(bin/drawbridge-sandbox env --state %s)"; export PATH="$PWD/bin:$PWD/bin/controlplane:$PATH"`, t.sandbox.StateDir())
	t.tell("drawbridge status               what is live")
	t.tell("drawbridge graph                what waits for what")
	t.tell("kubectl -n ghost get pods -o wide")
	t.tell("kubectl -n ghost scale deploy/ghost --replicas=5   and see it taken back")
	t.tell("git clone http://alice:$DRAWBRIDGE_GIT_TOKEN_ALICE@${DRAWBRIDGE_GIT_URL#http://}/%s.git", repository)
	return nil
}
