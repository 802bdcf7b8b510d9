// Command build makes the upstream programs that the sandbox runs, from the
// nested modules beside it:
//
//	go run ./sandbox/parts/build            # every part
//	go run ./sandbox/parts/build kubernetes # one of them
//
// The upstream's licence, and the manifests that its program needs in a cluster,
// are copied beside the program: the sandbox downloads nothing.
//
// A part is built only when the digest of its sources (its go.mod, go.sum, Go
// files and manifests, the way it is built and the platform) differs from the stamp that
// the last build left beside the program, so that a second run takes no time.
// The first takes minutes; progress is one line that changes on a terminal,
// and a line every 15 seconds elsewhere. A program is replaced by rename: who
// runs it while it is built anew keeps the old one. Two builds of one part at
// the same time wait for each other.
//
// It must be started within the module, and needs go and, when the module
// cache is empty, a module proxy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: build [part...]\nparts: %s\n", strings.Join(names(), ", "))
		flag.PrintDefaults()
	}
	force := flag.Bool("force", false, "build even when nothing changed")
	flag.Parse()
	if err := run(ctx, flag.Args(), *force, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// run builds the named parts, or all of them.
func run(ctx context.Context, wanted []string, force bool, out io.Writer) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("there is no part %q; the parts are %s", name, strings.Join(names(), ", "))
		}
	}
	for _, p := range parts {
		if len(wanted) > 0 && !slices.Contains(wanted, p.name) {
			continue
		}
		if err := p.build(ctx, root, force, out); err != nil {
			return fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	return nil
}

// moduleRoot returns the nearest folder above the current one that holds the
// parts.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "sandbox", "parts", "build", "main.go")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no folder above the current one holds sandbox/parts; start it within a checkout of drawbridge")
		}
		dir = parent
	}
}
