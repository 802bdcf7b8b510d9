package forge

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// git runs the program in an environment that is the same on every machine.
type git struct{ program string }

// settings of all repositories. They are given with each command and not kept
// in the repositories, so that those of an older sandbox follow.
var settings = [][2]string{
	{"http.receivepack", "true"},
	{"receive.fsckObjects", "true"},
	{"receive.denyDeleteCurrent", "ignore"},
	// No work in the background that outlives the command, and no object that
	// the record of pushes names is ever lost.
	{"receive.autogc", "false"},
	{"gc.auto", "0"},
}

func (g git) env() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.DevNull,
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_CONFIG_COUNT=" + strconv.Itoa(len(settings)),
	}
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env
}

// run returns what a command prints; its error has what it says of the reason.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Env = g.env()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
