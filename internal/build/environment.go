package build

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/build/session"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// onPath are the folders of HOME that programs are looked up in before the
// machine's.
var onPath = []string{"bin", ".venv/bin", ".npm-global/bin", ".local/bin", "go/bin"}

// environment is complete, each source over the one before.
func (b *build) environment(values map[string]string) []string {
	home := b.folder("home")
	env := map[string]string{}
	for _, e := range contain.Environment(home, b.folder("tmp"), b.Network) {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	var path []string
	for _, dir := range onPath {
		path = append(path, filepath.Join(home, dir))
	}
	env["PATH"] = strings.Join(append(path, env["PATH"]), string(filepath.ListSeparator))
	// The CDK CLI keeps accounts by access key, and asks the system where home is.
	env["CDK_HOME"] = filepath.Join(home, ".cdk")
	env["NPM_CONFIG_PREFIX"] = filepath.Join(home, ".npm-global")
	if b.About.Region != "" {
		env["AWS_REGION"], env["AWS_DEFAULT_REGION"] = b.About.Region, b.About.Region
	}
	maps.Copy(env, values)
	maps.Copy(env, b.Variables)
	maps.Copy(env, b.codebuild())
	all := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, name+"="+env[name])
	}
	return all
}

// codebuild are the variables that CodeBuild documents and that have a meaning
// here ("Environment variables in build environments" in its user guide).
func (b *build) codebuild() map[string]string {
	a := b.About
	env := map[string]string{
		"CODEBUILD_CI":               "true",
		"CODEBUILD_BUILD_SUCCEEDING": "1",
		"CODEBUILD_SRC_DIR":          b.Source,
	}
	set := func(name, value string) {
		if value != "" {
			env[name] = value
		}
	}
	set("CODEBUILD_BUILD_ID", a.ID)
	if a.ID != "" && a.Region != "" && a.Account != "" {
		// Scripts take region and account out of it.
		set("CODEBUILD_BUILD_ARN", fmt.Sprintf("arn:aws:codebuild:%s:%s:build/%s", a.Region, a.Account, a.ID))
	}
	if a.Number > 0 {
		set("CODEBUILD_BUILD_NUMBER", strconv.FormatInt(a.Number, 10))
	}
	set("CODEBUILD_INITIATOR", a.Initiator)
	set("CODEBUILD_SOURCE_REPO_URL", a.Repository)
	set("CODEBUILD_SOURCE_VERSION", a.Commit)
	set("CODEBUILD_RESOLVED_SOURCE_VERSION", a.Commit)
	if a.Branch != "" {
		set("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/"+a.Branch)
		set("CODEBUILD_WEBHOOK_TRIGGER", "branch/"+a.Branch)
	}
	if !a.Started.IsZero() {
		set("CODEBUILD_START_TIME", strconv.FormatInt(a.Started.UnixMilli(), 10))
	}
	return env
}

// furnish puts into HOME what python and pip are called by. Both work in a
// virtual environment of HOME, so that what is installed stays there, also
// where the machine's own Python must not be changed; it still sees what that
// has. An activated environment of the build's own comes before on PATH.
func furnish(home string) error {
	bin := filepath.Join(home, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		if python, err = exec.LookPath("python"); err != nil {
			return nil // there is none to be called
		}
	}
	if python, err = filepath.Abs(python); err != nil {
		return err
	}
	venv := filepath.Join(home, ".venv")
	script := fmt.Sprintf(pythonScript, session.Quote(venv+"/bin/python3"), session.Quote(python), session.Quote(venv), session.Quote(venv+"/bin/python3"))
	for name, as := range map[string]string{"python": "", "python3": "", "pip": "-m pip ", "pip3": "-m pip "} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(fmt.Sprintf("%s %s\"$@\"\n", script, as)), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// pythonScript makes the environment, with a pip of its own only where the
// machine's Python has none.
const pythonScript = `#!/bin/sh
[ -e %s ] || %s -c '
import importlib.util, sys, venv
venv.create(sys.argv[1], system_site_packages=True, with_pip=importlib.util.find_spec("pip") is None)
' %s || exit
exec %s`
