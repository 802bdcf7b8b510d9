package forge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// ErrName says that a repository or a hook can't have this name.
var ErrName = errors.New("a name is 1 to 100 letters, digits, dots, dashes and underscores, starts with a letter or a digit, has no two dots in a row, and does not end in .git or .lock")

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// checkName makes a name safe as one element of a path and of a URL.
func checkName(name string) error {
	lower := strings.ToLower(name)
	if !nameForm.MatchString(name) || strings.Contains(name, "..") ||
		strings.HasSuffix(lower, ".git") || strings.HasSuffix(lower, ".lock") {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	return nil
}

// repository is a bare repository.
type repository struct {
	name, dir string
	git       git

	// pushing is held while a push changes refs, so that what changes in between
	// is that push's doing.
	pushing sync.Mutex
}

func (f *Forge) repository(name string) *repository {
	return &repository{name: name, dir: filepath.Join(f.projectRoot(), name+".git"), git: f.git}
}

// find answers by names that were checked before, and so never asks the disk
// about a name that comes from outside.
func (f *Forge) find(name string) (*repository, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	repo, ok := f.repositories[name]
	return repo, ok
}

// create makes a repository, unless there is one of that name. It appears whole.
func (f *Forge) create(ctx context.Context, name string) (made bool, err error) {
	if err := checkName(name); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repositories[name] != nil {
		return false, nil
	}
	tmp, err := os.MkdirTemp(f.incoming(), "init-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // New removes what is left
	repo := f.repository(name)
	if _, err := f.git.run(ctx, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", tmp); err != nil {
		return false, fmt.Errorf("repository %s: %w", name, err)
	}
	if err := os.Rename(tmp, repo.dir); err != nil {
		return false, fmt.Errorf("repository %s: %w", name, err)
	}
	f.repositories[name] = repo
	return true, nil
}

// refs are all refs with the object that each points at.
func (r *repository) refs(ctx context.Context) (map[string]string, error) {
	out, err := r.run(ctx, "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		oid, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		refs[ref] = oid
	}
	return refs, nil
}

// holds tells whether the history of after holds before. What is not a commit,
// as a tag of a file, is held by nothing.
func (r *repository) holds(ctx context.Context, after, before string) bool {
	_, err := r.run(ctx, "merge-base", "--is-ancestor", before, after)
	return err == nil
}

// commit reads the commit that an object is, or that a tag points at.
func (r *repository) commit(ctx context.Context, oid string) (*commit, error) {
	out, err := r.run(ctx, "show", "--no-patch", "--no-show-signature", "--no-notes", "--no-mailmap",
		"--format=%H%x00%T%x00%aI%x00%an%x00%ae%x00%B", oid+"^{commit}", "--")
	if err != nil {
		return nil, err
	}
	field := strings.SplitN(out, "\x00", 6)
	if len(field) != 6 {
		return nil, fmt.Errorf("repository %s: commit %s: git shows %d fields of it, not 6", r.name, oid, len(field))
	}
	return &commit{
		ID: field[0], TreeID: field[1], Timestamp: field[2],
		Author:  author{Name: field[3], Email: field[4]},
		Message: strings.TrimRight(field[5], "\n"),
	}, nil
}

func (r *repository) run(ctx context.Context, args ...string) (string, error) {
	out, err := r.git.run(ctx, append([]string{"--git-dir=" + r.dir}, args...)...)
	if err != nil {
		return "", fmt.Errorf("repository %s: %w", r.name, err)
	}
	return out, nil
}
