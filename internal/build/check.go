package build

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// check finds what of the specification this machine can't do.
func (b *build) check(ctx context.Context) error {
	for _, dir := range []string{b.Source, b.Scratch, b.Output} {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("build: %q is no absolute path", dir)
		}
	}
	var faults []error
	fail := func(at buildspec.Source, format string, args ...any) {
		faults = append(faults, document.Errorf(at, format, args...))
	}
	if _, err := exec.LookPath(b.Spec.Env.Shell); err != nil {
		fail(buildspec.Source{File: b.Spec.Phases[0].Source.File}, "env.shell: there is no %s on this machine", b.Spec.Env.Shell)
	}
	users := []buildspec.Text{b.Spec.RunAs}
	for _, p := range b.Spec.Phases {
		users = append(users, p.RunAs)
		for _, name := range slices.Sorted(maps.Keys(p.Runtimes)) {
			asked := p.Runtimes[name]
			if err := b.runtime(ctx, name, asked.Value); err != nil {
				fail(asked.Source, "runtime-versions: %s: %w", name, err)
			}
		}
	}
	for _, u := range users {
		if u.Value != "" && !isUs(u.Value) {
			fail(u.Source, "run-as: %s: a build runs as the user of the controller; leave run-as out", u.Value)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return document.Join(faults)
}

func isUs(name string) bool {
	if name == strconv.Itoa(os.Geteuid()) {
		return true
	}
	u, err := user.Current()
	return err == nil && u.Username == name
}

// runtimes are how the machine's version of a runtime is found out.
var runtimes = map[string][]string{
	"dotnet": {"dotnet", "--version"},
	"golang": {"go", "version"},
	"java":   {"java", "-version"},
	"nodejs": {"node", "--version"},
	"php":    {"php", "--version"},
	"python": {"python3", "--version"},
	"ruby":   {"ruby", "--version"},
}

// version is the first one in what a program says of itself.
var version = regexp.MustCompile(`\d+(\.\d+)+|\d+`)

// runtime compares the version that is asked for with the machine's.
func (b *build) runtime(ctx context.Context, name, asked string) error {
	argv, ok := runtimes[name]
	if !ok {
		return fmt.Errorf("unknown runtime%s", document.DidYouMean(name, slices.Collect(maps.Keys(runtimes))))
	}
	var said bytes.Buffer
	err := contain.Run(ctx, contain.Command{
		Argv: argv, Dir: b.Scratch, Stdout: &said, Stderr: &said,
		// Go would otherwise fetch another version of itself.
		Env:    append(contain.Environment(b.Scratch, b.Scratch, false), "GOTOOLCHAIN=local"),
		Limits: contain.Limits{Time: time.Minute, Output: 1 << 16},
	})
	if err != nil {
		return fmt.Errorf("version %s is asked for, but this machine has none that works: %w", asked, err)
	}
	found := version.FindString(said.String())
	if name == "java" {
		found = strings.TrimPrefix(found, "1.") // as Java 8 calls itself
	}
	if !satisfies(asked, found) {
		return fmt.Errorf("version %s is asked for, but this machine has %s; runtimes are not installed: ask for one that is there, or leave it out", asked, found)
	}
	return nil
}

// satisfies tells whether a version is what "20", "3.11", "18.x", "corretto17" or
// "latest" asks for.
func satisfies(asked, found string) bool {
	asked = strings.TrimSuffix(strings.TrimPrefix(asked, "corretto"), ".x")
	return asked == "latest" || found == asked || strings.HasPrefix(found, asked+".")
}
