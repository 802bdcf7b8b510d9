// Package clients judges the sandbox's AWS by clients that others wrote: its tests
// run the AWS CLI and the CDK CLI, with CDK apps in TypeScript and in Python,
// against an endpoint on this machine. The scripts in testdata read as examples.
//
// The clients are packages of npm and PyPI in the versions that the files in
// packages pin. Install puts them into bin/clients, once: a stamp beside each part
// says what it was made from. Nothing of them is used outside the tests.
package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Part is a set of packages that are installed together.
type Part struct {
	// Name is its folder in bin/clients.
	Name string
	// Bin is the folder with its programs, below that one.
	Bin string

	needs    []string   // programs that must be there
	files    []string   // of the folder packages, copied into the part
	commands [][]string // run in the part, one after the other
	took     string     // how long that is
}

// Node is the CDK CLI and what apps in TypeScript need; Python is the AWS CLI and
// what apps in Python need.
var (
	Node = Part{
		Name: "node", Bin: "node_modules/.bin", needs: []string{"node", "npm"},
		files:    []string{"package.json", "package-lock.json"},
		commands: [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"}},
		took:     "10 seconds",
	}
	Python = Part{
		Name: "python", Bin: "venv/bin", needs: []string{"python3"},
		files: []string{"requirements.txt"},
		commands: [][]string{
			{"python3", "-m", "venv", "venv"},
			{"venv/bin/python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement", "requirements.txt"},
		},
		took: "a minute",
	}
)

// Dir is where the part is, in a checkout of the project.
func (p Part) Dir(root string) string { return filepath.Join(root, "bin", "clients", p.Name) }

// Install makes the part, unless it is there already, and tells out about it. Two
// at the same time wait for each other. An error says what is missing.
func (p Part) Install(ctx context.Context, root string, out io.Writer) error {
	if err := p.install(ctx, root, out); err != nil {
		return fmt.Errorf("the %s clients can't be had: %w", p.Name, err)
	}
	return nil
}

func (p Part) install(ctx context.Context, root string, out io.Writer) error {
	for _, program := range p.needs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not in PATH: install it", program)
		}
	}
	dir := p.Dir(root)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	want, err := p.digest(root)
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, ".stamp")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	fmt.Fprintf(out, "installing %s into bin/clients/%s (about %s)\n", strings.Join(p.files, ", "), p.Name, p.took)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	for _, name := range p.files {
		body, err := os.ReadFile(manifest(root, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			return err
		}
	}
	begun := time.Now()
	for _, command := range p.commands {
		if err := run(ctx, dir, command, begun, out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "installed bin/clients/%s in %s\n", p.Name, time.Since(begun).Round(time.Second))
	return os.WriteFile(stamp, []byte(want), 0o644)
}

func manifest(root, name string) string {
	return filepath.Join(root, "test", "clients", "packages", name)
}

// digest is over what decides what is installed. A venv holds the path of its
// folder and that of its interpreter.
func (p Part) digest(root string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s/%s %s\n%q\n", runtime.GOOS, runtime.GOARCH, p.Dir(root), p.commands)
	for _, program := range p.needs {
		path, err := exec.LookPath(program)
		if err != nil {
			return "", err
		}
		version, err := exec.Command(path, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("%s --version: %w", program, err)
		}
		fmt.Fprintf(h, "%s %s", path, version)
	}
	for _, name := range p.files {
		body, err := os.ReadFile(manifest(root, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(body), body)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// run runs one command and shows every 15 seconds that it is under way.
func run(ctx context.Context, dir string, command []string, begun time.Time, out io.Writer) error {
	name := command[0]
	if strings.Contains(name, "/") {
		name = filepath.Join(dir, name)
	}
	cmd := exec.CommandContext(ctx, name, command[1:]...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	done := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { done <- cmd.Wait() }()
	ticks := time.NewTicker(15 * time.Second)
	defer ticks.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, bytes.TrimSpace(said.Bytes()))
			}
			return nil
		case <-ticks.C:
			fmt.Fprintf(out, "%s is at it (%s)\n", filepath.Base(command[0]), time.Since(begun).Round(time.Second))
		}
	}
}

// lock waits for the exclusive lock of a file, which the system frees when this
// process ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { f.Close() }, nil
}
