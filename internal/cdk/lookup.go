package cdk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// standIn is the app that the CDK CLI is given: it hands over the assembly that the
// real app made, and notes the context that the CLI knows by then. The CLI keeps
// what it found in cdk.context.json, but what went wrong in that context only.
const standIn = `mkdir -p "$CDK_OUTDIR" && cp -R "$ASSEMBLY"/. "$CDK_OUTDIR" && printf %s "$CDK_CONTEXT_JSON" > known.json
`

// lookUp lets the CDK CLI look up what the assembly says is missing. The CLI asks
// the stand-in twice: a second look at the same assembly finds the same keys
// missing, at which it stops. Its own verdict on the assembly therefore does not
// matter, only what it found.
func (s *Synthesizer) lookUp(ctx context.Context, r *run, a *app, m []missing) error {
	var keys, roles []string
	for _, x := range m {
		keys = append(keys, x.Key)
		if role := r.Place.fill(x.Props.LookupRole); !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	if len(roles) > 1 {
		return fmt.Errorf("the app looks things up with several roles (%s): use one", strings.Join(roles, ", "))
	}
	if r.Lookup == nil {
		return fmt.Errorf("the app looks things up in AWS (%s), and there is no identity to do so with: commit cdk.context.json with the values, or bootstrap the account, which makes a role for lookups", strings.Join(keys, ", "))
	}
	credentials, err := r.Lookup(ctx, roles[0])
	if err != nil {
		return fmt.Errorf("the app looks things up in AWS (%s): %w", strings.Join(keys, ", "), err)
	}
	cli, err := s.cli(ctx, r)
	if err != nil {
		return err
	}
	dir := filepath.Join(r.work, "lookup")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "app.sh"), []byte(standIn), 0o644); err != nil {
		return err
	}
	r.tell("looking up: %s", strings.Join(keys, ", "))
	env := append(contain.Environment(r.home, r.tmp, true), credentials...)
	env = append(env, "AWS_REGION="+r.Place.Region, "CDK_HOME="+r.home, "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=true", "NO_COLOR=1", "CI=true", "AWS_EC2_METADATA_DISABLED=true", "ASSEMBLY="+r.out)
	err = s.command(ctx, r, contain.Command{
		Argv: []string{cli, "synth", "--app", "sh app.sh", "--output", filepath.Join(r.work, "looked.out"), "--quiet", "--lookups", "--no-notices", "--no-version-reporting"},
		Dir:  dir, Env: env, Network: true, Roots: []string{r.work},
	})
	if exit := (*contain.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	known := map[string]any{}
	if e := readJSON(filepath.Join(dir, "known.json"), &known); e != nil {
		return errors.Join(fmt.Errorf("the CDK CLI looked up nothing for %s; its output is in the log", strings.Join(keys, ", ")), err)
	}
	for _, key := range keys {
		if v, ok := known[key].(map[string]any); ok && v["$providerError"] != nil {
			return fmt.Errorf("looking up %s: %v", key, v["$providerError"])
		}
	}
	found := map[string]any{}
	if e := readJSON(filepath.Join(dir, "cdk.context.json"), &found); e != nil && !errors.Is(e, fs.ErrNotExist) {
		return e
	}
	maps.Copy(a.context, found)
	return nil
}

// version of the CDK CLI: the one that the app's own packages hold, else ours.
func (r *run) version() string {
	var own struct{ Version string }
	if err := readJSON(filepath.Join(r.dir, "node_modules", "aws-cdk", "package.json"), &own); err == nil && released.MatchString(own.Version) {
		return own.Version
	}
	return CLIVersion
}

// released is a version as npm's registry has it, and nothing that npm would take
// for a file or another source.
var released = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// cli is the program of the CDK CLI. It is installed from the registry, once a
// version, and never taken out of the app's packages: those are what the
// repository says they are, and it runs beside credentials.
func (s *Synthesizer) cli(ctx context.Context, r *run) (string, error) {
	version := r.version()
	dir := filepath.Join(s.options.Dir, "cli", version)
	program := filepath.Join(dir, "node_modules", ".bin", "cdk")
	unlock, err := s.turns.Take(ctx, dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	stamp := filepath.Join(dir, "complete")
	if exists(stamp) {
		return program, nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errors.New("context is looked up by the CDK CLI, which npm installs, and npm is not on the PATH of the controller")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	r.tell("installing: the CDK CLI %s", version)
	err = s.command(ctx, r, contain.Command{
		Argv: []string{"npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "aws-cdk@" + version},
		Dir:  dir, Env: s.installEnv(r), Network: true, Roots: []string{dir},
	})
	if err != nil {
		return "", fmt.Errorf("install the CDK CLI %s: %w", version, err)
	}
	return program, os.WriteFile(stamp, nil, 0o644)
}
