package cdk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// lookUp lets the CDK CLI look up what the assembly says is missing. The CLI is
// given the assembly in place of an app and writes cdk.context.json; a second look
// at the same assembly finds the same keys missing, at which it stops. Its own
// verdict on the assembly therefore does not matter, only what it wrote.
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
	r.tell("looking up: %s", strings.Join(keys, ", "))
	env := append(contain.Environment(r.home, r.tmp, true), credentials...)
	env = append(env, "AWS_REGION="+r.Place.Region, "CDK_HOME="+r.home, "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=true", "NO_COLOR=1", "CI=true", "AWS_EC2_METADATA_DISABLED=true")
	err = s.command(ctx, r, contain.Command{
		Argv: []string{cli, "synth", "--app", r.out, "--quiet", "--lookups", "--no-notices", "--no-version-reporting"},
		Dir:  dir, Env: env, Network: true, Roots: []string{r.work},
	})
	if exit := (*contain.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	found := map[string]any{}
	if e := readJSON(filepath.Join(dir, "cdk.context.json"), &found); e != nil {
		return errors.Join(fmt.Errorf("the CDK CLI looked up nothing for %s; its output is in the log", strings.Join(keys, ", ")), err)
	}
	for _, key := range keys {
		if v, ok := found[key].(map[string]any); ok && v["$providerError"] != nil {
			return fmt.Errorf("looking up %s: %v", key, v["$providerError"])
		}
	}
	maps.Copy(a.context, found)
	return nil
}

// cli is the program of the CDK CLI: that of the app's packages, else one of our
// own, installed once.
func (s *Synthesizer) cli(ctx context.Context, r *run) (string, error) {
	const program = "node_modules/.bin/cdk"
	if own := filepath.Join(r.dir, program); exists(own) {
		return own, nil
	}
	dir := filepath.Join(s.options.Dir, "cli", CLIVersion)
	unlock, err := s.turns.Take(ctx, dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	stamp := filepath.Join(dir, "complete")
	if exists(stamp) {
		return filepath.Join(dir, program), nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errors.New("context is looked up by the CDK CLI, which npm installs, and npm is not on the PATH of the controller")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	r.tell("installing: the CDK CLI %s", CLIVersion)
	err = s.command(ctx, r, contain.Command{
		Argv: slices.Concat([]string{"npm", "install", "--prefix", dir}, []string{"--no-audit", "--no-fund", "aws-cdk@" + CLIVersion}),
		Dir:  dir, Env: s.installEnv(r), Network: true, Roots: []string{dir},
	})
	if err != nil {
		return "", fmt.Errorf("install the CDK CLI %s: %w", CLIVersion, err)
	}
	return filepath.Join(dir, program), os.WriteFile(stamp, nil, 0o644)
}
