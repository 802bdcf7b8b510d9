package cdk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Toolchain is how the packages of an app are installed, told by the files in
// its folder:
//
//	package-lock.json, npm-shrinkwrap.json   npm ci
//	yarn.lock                                yarn install --frozen-lockfile
//	pnpm-lock.yaml                           pnpm install --frozen-lockfile
//	package.json alone                       npm install
//	requirements.txt                         python3 -m venv, pip install -r
//	go.mod                                   go mod download
//	pom.xml                                  mvn dependency:go-offline
//
// A folder may have several of them.
type Toolchain struct {
	// marker is the file that tells it.
	marker string
	// files are all that decide what is installed, as patterns of file names.
	files []string
	// steps are the commands, in order.
	steps [][]string
	// keeps is the folder that they make beside the files, and that the next
	// run of the same files can use; none for those that have a cache of their own.
	keeps string
}

var npmFiles = []string{"package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", ".npmrc", ".yarnrc"}

var toolchains = []Toolchain{
	{"package-lock.json", npmFiles, [][]string{{"npm", "ci", "--no-audit", "--no-fund"}}, "node_modules"},
	{"npm-shrinkwrap.json", npmFiles, [][]string{{"npm", "ci", "--no-audit", "--no-fund"}}, "node_modules"},
	{"yarn.lock", npmFiles, [][]string{{"yarn", "install", "--frozen-lockfile", "--non-interactive"}}, "node_modules"},
	{"pnpm-lock.yaml", npmFiles, [][]string{{"pnpm", "install", "--frozen-lockfile"}}, "node_modules"},
	{"package.json", npmFiles, [][]string{{"npm", "install", "--no-audit", "--no-fund", "--no-package-lock"}}, "node_modules"},
	{"requirements.txt", []string{"requirements*.txt", "constraints*.txt"}, [][]string{
		{"python3", "-m", "venv", ".venv"},
		{".venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	}, ".venv"},
	{"go.mod", nil, [][]string{{"go", "mod", "download"}}, ""},
	{"pom.xml", nil, [][]string{{"mvn", "-B", "-q", "dependency:go-offline"}}, ""},
}

// toolchainsOf finds what the folder needs; of the Node package managers only the
// first.
func toolchainsOf(tree *git.Tree, folder string) []Toolchain {
	var out []Toolchain
	for _, t := range toolchains {
		_, ok := tree.Entry(path.Join(folder, t.marker))
		if ok && !slices.ContainsFunc(out, func(o Toolchain) bool { return o.keeps != "" && o.keeps == t.keeps }) {
			out = append(out, t)
		}
	}
	return out
}

// local tells whether what is installed depends on more of the folder than the
// toolchain's files, so that it can't be used by another commit.
func (t Toolchain) local(ctx context.Context, tree *git.Tree, read git.BlobReader, folder string) (bool, error) {
	data, _, err := tree.ReadFile(ctx, read, path.Join(folder, cmp.Or(map[string]string{"node_modules": "package.json"}[t.keeps], t.marker)))
	if err != nil {
		return false, err
	}
	if t.keeps == "node_modules" {
		var p struct {
			Workspaces                    any
			Dependencies, DevDependencies map[string]string
			Scripts                       map[string]string
		}
		if err := json.Unmarshal(data, &p); err != nil {
			return false, fmt.Errorf("%s: %w", path.Join(folder, "package.json"), err)
		}
		local := p.Workspaces != nil || p.Scripts["postinstall"] != "" || p.Scripts["prepare"] != "" || p.Scripts["install"] != ""
		for _, all := range []map[string]string{p.Dependencies, p.DevDependencies} {
			for _, version := range all {
				local = local || strings.HasPrefix(version, "file:") || strings.HasPrefix(version, "link:") || strings.HasPrefix(version, ".")
			}
		}
		return local, nil
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, ".") || strings.HasPrefix(line, "-e") || strings.HasPrefix(line, "--editable") || strings.Contains(line, "file:") {
			return true, nil
		}
	}
	return false, nil
}

// digest of the files that decide what is installed.
func (t Toolchain) digest(tree *git.Tree, folder string) string {
	h := sha256.New()
	fmt.Fprintln(h, t.steps)
	for _, e := range tree.Children(folder) {
		for _, pattern := range t.files {
			if ok, _ := path.Match(pattern, path.Base(e.Path)); ok {
				fmt.Fprintf(h, "%q %s\n", path.Base(e.Path), e.OID)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// install brings the packages of a toolchain into the folder of a work tree.
func (s *Synthesizer) install(ctx context.Context, r *run, t Toolchain) error {
	local := t.keeps == ""
	if !local {
		var err error
		if local, err = t.local(ctx, r.Tree, r.Read, r.Path); err != nil {
			return err
		}
	}
	if local {
		return s.steps(ctx, r, t, r.dir)
	}
	kept := filepath.Join(s.options.Dir, "packages", t.digest(r.Tree, r.Path))
	unlock, err := s.turns.Take(ctx, kept)
	if err != nil {
		return err
	}
	defer unlock()
	stamp := filepath.Join(kept, "complete")
	if _, err := os.Stat(stamp); err != nil {
		if err := os.RemoveAll(kept); err != nil {
			return err
		}
		if err := os.MkdirAll(kept, 0o755); err != nil {
			return err
		}
		for _, e := range r.Tree.Children(r.Path) {
			for _, pattern := range t.files {
				if ok, _ := path.Match(pattern, path.Base(e.Path)); !ok || !e.IsFile() {
					continue
				}
				data, _, err := r.Tree.ReadFile(ctx, r.Read, e.Path)
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(kept, path.Base(e.Path)), data, 0o644); err != nil {
					return err
				}
			}
		}
		if err := s.steps(ctx, r, t, kept); err != nil {
			return err
		}
		if err := os.WriteFile(stamp, nil, 0o644); err != nil {
			return err
		}
	}
	return os.Symlink(filepath.Join(kept, t.keeps), filepath.Join(r.dir, t.keeps))
}

// steps runs the commands of a toolchain in a folder, with the network.
func (s *Synthesizer) steps(ctx context.Context, r *run, t Toolchain, dir string) error {
	for _, argv := range t.steps {
		if !strings.Contains(argv[0], "/") {
			if _, err := exec.LookPath(argv[0]); err != nil {
				return fmt.Errorf("%s: the packages of the app are installed by %s, which is not on the PATH of the controller", path.Join(r.Path, t.marker), argv[0])
			}
		} else {
			argv = append([]string{filepath.Join(dir, argv[0])}, argv[1:]...)
		}
		r.tell("installing: %s", strings.Join(t.said(argv, dir), " "))
		if err := s.command(ctx, r, contain.Command{Argv: argv, Dir: dir, Env: s.installEnv(r), Network: true, Roots: []string{dir, r.home}}); err != nil {
			return fmt.Errorf("install the packages that %s names: %w", path.Join(r.Path, t.marker), err)
		}
	}
	return nil
}

// said is a command as a person would write it in the folder.
func (t Toolchain) said(argv []string, dir string) []string {
	out := slices.Clone(argv)
	out[0] = strings.TrimPrefix(out[0], dir+string(filepath.Separator))
	return out
}

// packageSettings are variables by which package managers find their registry
// and its certificates; they go to the steps that install, and to no other.
var packageSettings = []string{"NPM_CONFIG_", "npm_config_", "PIP_", "UV_", "GOPROXY=", "GONOSUMDB=", "GOFLAGS=", "GONOPROXY=", "GOPRIVATE=", "MAVEN_", "NODE_EXTRA_CA_CERTS="}

// installEnv is what the package managers get: where packages come from, and a
// home of their own with the caches of earlier runs.
func (s *Synthesizer) installEnv(r *run) []string {
	env := append(contain.Environment(s.home(), r.tmp, true), "CI=true", "NO_COLOR=1", "NPM_CONFIG_UPDATE_NOTIFIER=false")
	own, _ := os.UserHomeDir()
	for name, file := range map[string]string{"NPM_CONFIG_USERCONFIG": ".npmrc", "PIP_CONFIG_FILE": ".config/pip/pip.conf"} {
		if _, err := os.Stat(filepath.Join(own, file)); own != "" && err == nil {
			env = append(env, name+"="+filepath.Join(own, file))
		}
	}
	for _, v := range s.options.Environ {
		if slices.ContainsFunc(packageSettings, func(prefix string) bool { return strings.HasPrefix(v, prefix) }) {
			env = append(env, v)
		}
	}
	return env
}
