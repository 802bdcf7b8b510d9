package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// part is one nested module and the program that comes out of it.
type part struct {
	name    string            // folder under sandbox/parts, and the program's name
	into    string            // folder under bin
	pkg     string            // the main package, "." when the folder holds it
	links   []string          // further names of the program, beside it
	stamped map[string]string // string variables that the linker sets
	copied  copied            // files that go beside the program
}

// parts is everything that can be built. A new upstream program is a folder
// with a go.mod and one row here.
var parts = []part{
	{
		name:    "kubernetes",
		into:    "controlplane",
		pkg:     ".",
		links:   []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"},
		stamped: kubernetesVersion("1", "36", "3"),
	},
	{
		name:   "external-secrets",
		into:   "operators/external-secrets",
		pkg:    "github.com/external-secrets/external-secrets",
		copied: copied{"LICENSE": "LICENSE", "crds.yaml": "deploy/crds/bundle.yaml"},
	},
	{
		name:    "external-dns",
		into:    "operators/external-dns",
		pkg:     "sigs.k8s.io/external-dns",
		stamped: map[string]string{"sigs.k8s.io/external-dns/pkg/apis/externaldns.Version": "v0.21.0"},
		copied:  copied{"LICENSE": "LICENSE.md"},
	},
	{
		name:    "aws-load-balancer-controller",
		into:    "operators/aws-load-balancer-controller",
		pkg:     "sigs.k8s.io/aws-load-balancer-controller",
		stamped: map[string]string{"sigs.k8s.io/aws-load-balancer-controller/pkg/version.GitVersion": "v3.3.0"},
		copied: copied{
			"LICENSE": "LICENSE", "crds.yaml": "config/crd/bases/*.yaml",
			"role.yaml": "config/rbac/role.yaml", "webhooks.yaml": "config/webhook/manifests.yaml",
		},
	},
}

func names() []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.name)
	}
	return out
}

// kubernetesVersion returns the variables by which Kubernetes' programs know
// their version. Upstream sets them in its own build; without them a program
// calls itself v0.0.0 and kubectl can't compare itself with the server.
func kubernetesVersion(major, minor, patch string) map[string]string {
	vars := map[string]string{}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		vars[pkg+".gitMajor"] = major
		vars[pkg+".gitMinor"] = minor
		vars[pkg+".gitVersion"] = "v" + major + "." + minor + "." + patch
	}
	return vars
}

// flags returns the arguments of go build that decide what is built.
func (p part) flags() []string {
	ld := "-s -w"
	for _, name := range slices.Sorted(maps.Keys(p.stamped)) {
		ld += " -X " + name + "=" + p.stamped[name]
	}
	return []string{"-trimpath", "-ldflags=" + ld}
}

// build makes the program and its links, unless they are there already.
func (p part) build(ctx context.Context, root string, force bool, out io.Writer) error {
	source := filepath.Join(root, "sandbox", "parts", p.name)
	into := filepath.Join(root, "bin", p.into)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(into, "."+p.name+".lock"))
	if err != nil {
		return err
	}
	defer unlock()

	want, err := p.digest(source)
	if err != nil {
		return err
	}
	stamp := filepath.Join(into, "."+p.name+".stamp")
	program := filepath.Join(into, p.name)
	if !force && upToDate(stamp, program, want) {
		return p.link(into)
	}

	// A program whose stamp is old is not up to date, even if this build is
	// killed between the two renames.
	if err := os.Remove(stamp); err != nil && !os.IsNotExist(err) {
		return err
	}
	begun := time.Now()
	fresh := filepath.Join(into, "."+p.name+".new")
	defer os.Remove(fresh)
	if err := compile(ctx, p, source, fresh, out); err != nil {
		return err
	}
	if err := os.Rename(fresh, program); err != nil {
		return err
	}
	if err := p.copy(ctx, source, into); err != nil {
		return err
	}
	if err := p.link(into); err != nil {
		return err
	}
	if err := writeByRename(stamp, want+"\n"); err != nil {
		return err
	}
	rel, err := filepath.Rel(root, program)
	if err != nil {
		rel = program
	}
	fmt.Fprintf(out, "built %s in %s\n", rel, time.Since(begun).Round(time.Second))
	return nil
}

// digest is over everything of ours that decides what the part is. Upstream
// sources are in it by their sums in go.sum.
func (p part) digest(source string) (string, error) {
	var files []string
	for _, pattern := range []string{"*.go", manifests} {
		found, err := filepath.Glob(filepath.Join(source, pattern))
		if err != nil {
			return "", err
		}
		files = append(files, found...)
	}
	files = append(files, filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum"))
	h := sha256.New()
	fmt.Fprintf(h, "%s/%s\n%s\n%s\n", runtime.GOOS, runtime.GOARCH, p.pkg, strings.Join(p.flags(), "\n"))
	for _, to := range slices.Sorted(maps.Keys(p.copied)) {
		fmt.Fprintf(h, "%s %s\n", to, p.copied[to])
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(name), len(body), body)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func upToDate(stamp, program, want string) bool {
	have, err := os.ReadFile(stamp)
	if err != nil || strings.TrimSpace(string(have)) != want {
		return false
	}
	info, err := os.Stat(program)
	return err == nil && info.Mode().IsRegular()
}

// link makes the further names of the program point at it.
func (p part) link(into string) error {
	for _, name := range p.links {
		path := filepath.Join(into, name)
		if target, err := os.Readlink(path); err == nil && target == p.name {
			continue
		}
		fresh := filepath.Join(into, "."+name+".new")
		if err := os.Remove(fresh); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(p.name, fresh); err != nil {
			return err
		}
		if err := os.Rename(fresh, path); err != nil {
			return err
		}
	}
	return nil
}

func writeByRename(path, body string) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(body), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// lock waits for the exclusive lock of a file, which the system frees when this
// process ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
