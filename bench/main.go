package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

func main() {
	sandbox.BePart()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// timeout of everything together; it is reached only when something hangs.
const timeout = 10 * time.Minute

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	n := flags.Int("components", 1000, "number of components, of four objects each")
	only := flags.String("only", "", "measure only this: sandbox, repository, stacks or kube (default: all but kube)")
	output := flags.String("o", "text", "text or json")
	profile := flags.String("profile", "", "write profiles of the controller's install (and of kube's and stacks') into this folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output != "text" && *output != "json" {
		return fmt.Errorf("-o %s: want text or json", *output)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "drawbridge-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, profile: *profile, workload: workload{n: *n}, report: newReport(*n)}
	sections := map[string]func(context.Context) error{"sandbox": b.sandbox, "repository": b.repository, "stacks": b.stacks, "kube": b.kube}
	names := []string{"sandbox", "repository", "stacks"}
	if *only != "" {
		names = []string{*only}
	}
	for _, name := range names {
		measure := sections[name]
		if measure == nil {
			return fmt.Errorf("-only %s: want %s", name, strings.Join(slices.Sorted(maps.Keys(sections)), ", "))
		}
		if err := measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.report.end()
	return b.report.print(os.Stdout, *output)
}

// bench holds what the measurements share.
type bench struct {
	dir      string // removed at the end
	profile  string // folder for profiles; none when empty
	workload workload
	report   *report
}

// build makes the product from the source as it is now.
func (b *bench) build(ctx context.Context) (program string, err error) {
	program = filepath.Join(b.dir, "drawbridge")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/drawbridge-gitops/drawbridge/cmd/drawbridge").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build drawbridge: %w\n%s", err, out)
	}
	return program, nil
}
