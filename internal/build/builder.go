package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/turns"
)

// Builder runs builds of commits in folders of its own: each in a work tree that
// is gone afterwards, with what the builds of one component keep for each other.
// It is safe for concurrent use; builds of one component wait for each other.
type Builder struct {
	dir    string
	limits contain.Limits
	hidden []string
	turns  turns.Turns // by the folder of the cache
}

// NewBuilder returns a Builder that works below the folder, all of which can be
// made again. Zero limits are an hour, 64 MiB of output and 8 GiB of disk a build.
// Builds do not see what is in the hidden folders and files, where the kernel
// permits that; the folder of the Builder may be in one.
func NewBuilder(dir string, limits contain.Limits, hidden ...string) *Builder {
	if limits == (contain.Limits{}) {
		limits = contain.Limits{Time: time.Hour, Output: 64 << 20, Disk: 8 << 30}
	}
	return &Builder{dir: dir, limits: limits, hidden: hidden}
}

// Order is a build of a folder of a commit.
type Order struct {
	Tree *git.Tree
	Read git.BlobReader
	// Path of the folder, and Reads the paths outside of it that the build needs.
	Path  string
	Reads []string
	Spec  *buildspec.Spec
	// Buildspec is where the specification lies in the folder.
	Buildspec string
	// Component is a name that only builds of the same component have.
	Component string
	About     About
	// Variables, Hidden, Parameters, Secrets and Log are as in Request.
	Variables  map[string]string
	Hidden     []string
	Parameters Parameters
	Secrets    Secrets
	Log        func(Line)
}

// Build runs a build to its end. Its errors are those of Run.
func (b *Builder) Build(ctx context.Context, o Order) (Result, error) {
	sum := sha256.Sum256([]byte(o.Component))
	cache := filepath.Join(b.dir, "cache", hex.EncodeToString(sum[:])[:32])
	letGo, err := b.turns.Take(ctx, cache)
	if err != nil {
		return Result{}, err
	}
	defer letGo()
	if err := os.MkdirAll(filepath.Join(b.dir, "work"), 0o700); err != nil {
		return Result{}, fmt.Errorf("build: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Join(b.dir, "work"), "build-")
	if err != nil {
		return Result{}, fmt.Errorf("build: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // what is left is only in the way
	source, scratch := filepath.Join(work, "src"), filepath.Join(work, "scratch")
	for _, dir := range []string{source, scratch} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return Result{}, fmt.Errorf("build: %w", err)
		}
	}
	if err := o.Tree.Export(ctx, o.Read, source, append([]string{o.Path}, o.Reads...)...); err != nil {
		return Result{}, err
	}
	return Run(ctx, Request{
		Spec: o.Spec, Source: filepath.Join(source, filepath.FromSlash(o.Path)), Scratch: scratch,
		Output: filepath.Join(work, "artifacts"), Cache: cache, About: o.About, Variables: o.Variables, Hidden: o.Hidden,
		Parameters: o.Parameters, Secrets: o.Secrets, Limits: b.limits, Network: true, Log: o.Log,
		Files: contain.Files{Writable: []string{source}, Hidden: b.hidden},
	})
}
