package cli

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // golden files have times in the reader's zone
	testscript.Main(m, map[string]func(){
		"drawbridge": func() { os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// What needs no cluster: usage, help, and clusters that can't be reached.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

// exits CODE ARGS... runs drawbridge and compares its exit code; its outputs can
// be matched as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err := ts.Exec("sh", append([]string{"-c", `drawbridge "$@"; code=$?; test $code = "$0" || { echo "exit code $code" >&2; exit 1; }`}, args...)...)
	if err != nil {
		ts.Fatalf("want exit code %s: %v", args[0], err)
	}
}
