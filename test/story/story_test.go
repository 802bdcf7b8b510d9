// Package story tests Drawbridge whole, as its users meet it: the drawbridge
// command, git, kubectl and AWS clients against a sandbox. Each script in testdata
// is one story; they run side by side in one sandbox, each with a repository, a
// namespace and an Environment of its own.
//
// In a script, besides testscript's own commands:
//
//	environment [NAME BRANCH]   makes the repository and the Environment $ENV, which
//	                        follows main; or another one, of a branch, in a namespace NAME
//	commit DIR [MESSAGE]    makes DIR all that is in the repository, pushes it, and sets $COMMIT
//	live                    waits until the Change of $COMMIT has succeeded
//	refused PATTERN...      waits until it has failed, saying all the patterns
//	drawbridge, kubectl, git   with their output in the file out
//	says PATTERN...         the last of their outputs has all the patterns
//	exited CODE             the last of them ended with this exit code
//	eventually PATTERN COMMAND...
//	head                    sets $HEAD to the last line of the output
//	change                  sets $CHANGE to the Change of $COMMIT
//	big FILE                makes a file of 50 MB
//
// $EXAMPLES is the folder of the examples.
package story

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

var (
	shared   *sandbox.Sandbox
	programs string // the folder with drawbridge and the control plane's programs
)

func TestMain(m *testing.M) {
	sandbox.BePart()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	flag.Parse()
	if testing.Short() {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "drawbridge-story-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "drawbridge")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/drawbridge").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build drawbridge: %w\n%s", err, out)
	}
	programs = dir
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shared, err = sandbox.Up(ctx, sandbox.Options{Ephemeral: true, Controller: program, PodStartLatency: 10 * time.Millisecond})
	if err != nil {
		return 1, err
	}
	defer shared.Down(context.Background())
	code := m.Run()
	if code != 0 {
		if log, err := os.ReadFile(shared.LogPath(sandbox.Controller)); err == nil {
			fmt.Fprintf(os.Stderr, "--- the controller's log, its end:\n%s\n", tail(log, 60))
		}
	}
	return code, nil
}

func tail(text []byte, lines int) string {
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func TestStories(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the sandbox")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"environment": environment,
			"commit":      commit,
			"live":        live,
			"says":        says,
			"exited":      exited,
			"refused":     refused,
			"drawbridge":  program("drawbridge"),
			"kubectl":     program("kubectl"),
			"git":         program("git"),
			"eventually":  eventually,
			"big":         big,
			"head":        head,
			"change":      change,
		},
	})
}
