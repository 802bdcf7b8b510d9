package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Clone reads a repository that somebody works in, and touches nothing of it: neither its
// index nor its objects. What it writes, such as the tree of files that are not committed,
// goes to a folder of its own, which Close removes. Unlike a Mirror's, its git commands in
// the work tree follow the user's configuration, as theirs do.
type Clone struct {
	*Mirror
	// Top is the folder of the work tree.
	Top string
	own string
}

// ErrNoClone says that a folder is not in a clone.
var ErrNoClone = errors.New("this is not a folder of a Git repository: go to a clone of the one that the Environment follows")

// OpenClone opens the clone that dir is in.
func OpenClone(ctx context.Context, dir string) (*Clone, error) {
	top, err := inClone(ctx, dir, nil, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, errors.Join(ErrNoClone, err)
	}
	objects, err := inClone(ctx, top, nil, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return nil, err
	}
	format, err := inClone(ctx, top, nil, "rev-parse", "--show-object-format")
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp("", "drawbridge-clone-")
	if err != nil {
		return nil, err
	}
	c := &Clone{Top: top, own: own}
	if err := c.borrow(ctx, objects, format); err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	return c, nil
}

// borrow makes the repository that has the clone's objects beside its own.
func (c *Clone) borrow(ctx context.Context, objects, format string) (err error) {
	// Open makes what is missing, but knows no format.
	if _, err = (&Mirror{dir: c.own}).run(ctx, nil, "init", "--quiet", "--bare", "--template=", "--object-format="+format); err != nil {
		return err
	}
	info := filepath.Join(c.own, "objects", "info")
	if err = os.MkdirAll(info, 0o700); err != nil {
		return err
	}
	if err = os.WriteFile(filepath.Join(info, "alternates"), []byte(objects+"\n"), 0o600); err != nil {
		return err
	}
	c.Mirror, err = Open(ctx, c.own)
	return err
}

// Close removes the folder of its own.
func (c *Clone) Close() error { return errors.Join(c.Mirror.Close(), os.RemoveAll(c.own)) }

// Revision reads the commit that a revision stands for: a branch, a tag, an abbreviation.
func (c *Clone) Revision(ctx context.Context, revision string) (Commit, error) {
	oid, err := inClone(ctx, c.Top, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil || !validOID(oid) {
		return Commit{}, fmt.Errorf("%w: no commit %q in %s: is it fetched?", ErrObjectNotFound, revision, c.Top)
	}
	return c.Commit(ctx, oid)
}

// WorkTree is the tree of all files as they are now, those that are ignored left out: what
// a commit of everything would have.
func (c *Clone) WorkTree(ctx context.Context) (tree string, err error) {
	index := filepath.Join(c.own, "index")
	env := []string{"GIT_INDEX_FILE=" + index, "GIT_OBJECT_DIRECTORY=" + filepath.Join(c.own, "objects")}
	present, err := inClone(ctx, c.Top, nil, "rev-parse", "--path-format=absolute", "--git-path", "index")
	if err != nil {
		return "", err
	}
	// The present index tells which files were not touched; only what it knows is read anew
	// otherwise, and it may be one that can't be copied.
	if data, readErr := os.ReadFile(present); readErr == nil {
		if err := os.WriteFile(index, data, 0o600); err != nil {
			return "", err
		}
		_, err = inClone(ctx, c.Top, env, "add", "--all")
	} else {
		err = readErr
	}
	if err != nil {
		if err := os.RemoveAll(index); err != nil {
			return "", err
		}
		if _, err := inClone(ctx, c.Top, env, "read-tree", "HEAD"); err != nil {
			return "", err
		}
		if _, err := inClone(ctx, c.Top, env, "add", "--all"); err != nil {
			return "", err
		}
	}
	return inClone(ctx, c.Top, env, "write-tree")
}

// inClone runs git as the user would, and returns what it prints.
func inClone(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("git %s: the git program is not on PATH; install git 2.36 or newer: %w", args[0], err)
	case errors.As(err, &exit):
		return "", &exitError{args[0], exit.ExitCode(), strings.ToValidUTF8(string(exit.Stderr), "?")}
	case err != nil:
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
