package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// copied are files of the upstream's module that go beside the program: the name
// there, and the path in the module, whose last element may be a pattern. What it
// matches becomes one file of several YAML documents.
type copied map[string]string

// manifests are those of our own, in the part's folder: they go beside the
// program under their own names.
const manifests = "*.yaml"

// copy puts the part's files beside its program.
func (p part) copy(ctx context.Context, source, into string) error {
	ours, err := filepath.Glob(filepath.Join(source, manifests))
	if err != nil {
		return err
	}
	for _, path := range ours {
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := writeByRename(filepath.Join(into, filepath.Base(path)), string(body)); err != nil {
			return err
		}
	}
	if len(p.copied) == 0 {
		return nil
	}
	module, err := moduleOf(ctx, source, p.pkg)
	if err != nil {
		return err
	}
	for to, pattern := range p.copied {
		body, err := documents(filepath.Join(module, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		if err := writeByRename(filepath.Join(into, to), body); err != nil {
			return err
		}
	}
	return nil
}

// moduleOf returns the folder of the module that holds a package.
func moduleOf(ctx context.Context, source, pkg string) (string, error) {
	cmd := goCommand(ctx, source, "list", "-f", "{{.Module.Dir}}", pkg)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list %s: %w\n%s", pkg, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// documents joins the files that match a pattern.
func documents(pattern string) (string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	if len(paths) == 0 {
		return "", fmt.Errorf("upstream has no %s", pattern)
	}
	slices.Sort(paths)
	var all strings.Builder
	for i, path := range paths {
		if i > 0 {
			all.WriteString("\n---\n")
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		all.Write(body)
	}
	return all.String(), nil
}
