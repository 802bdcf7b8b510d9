// Package worktree is somebody's clone of a repository on the sandbox's Git
// server, for whoever tells a story or measures: files are edited, committed and
// pushed with the git program, and with none of the settings of the person who
// runs it.
package worktree

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tree is a clone in the folder Dir. It becomes one with the first Commit; the
// branch is main. Not for concurrent use.
type Tree struct {
	Dir string
	// URL of the repository, and who pushes to it.
	URL, User, Token string
}

// Write makes or replaces a file.
func (w *Tree) Write(name string, content []byte) error {
	path := filepath.Join(w.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// Replace changes a text that is in a file once.
func (w *Tree) Replace(name, before, after string) error {
	path := filepath.Join(w.Dir, filepath.FromSlash(name))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), before); n != 1 {
		return fmt.Errorf("%s has %q %d times, want it once", name, before, n)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), before, after, 1)), 0o644)
}

// Commit commits all that is in the tree.
func (w *Tree) Commit(ctx context.Context, message string) error {
	if _, err := os.Stat(filepath.Join(w.Dir, ".git")); err != nil {
		if _, err := w.Git(ctx, "init", "--quiet", "--initial-branch=main"); err != nil {
			return err
		}
	}
	if _, err := w.Git(ctx, "add", "--all"); err != nil {
		return err
	}
	_, err := w.Git(ctx, "commit", "--quiet", "--message", message)
	return err
}

// Push pushes the branch and returns its head.
func (w *Tree) Push(ctx context.Context) (head string, err error) {
	if head, err = w.Git(ctx, "rev-parse", "HEAD"); err != nil {
		return "", err
	}
	_, err = w.Git(ctx, "push", "--quiet", w.URL, "HEAD:main")
	return head, err
}

// Git runs git in the folder and returns what it printed.
func (w *Tree) Git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = w.Dir
	basic := base64.StdEncoding.EncodeToString([]byte(w.User + ":" + w.Token))
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Alice Archer", "GIT_AUTHOR_EMAIL=alice@example.com",
		"GIT_COMMITTER_NAME=Alice Archer", "GIT_COMMITTER_EMAIL=alice@example.com",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Basic "+basic,
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
