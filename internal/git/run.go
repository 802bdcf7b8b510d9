package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// setting is a configuration key and its value, passed in the environment.
type setting struct{ key, value string }

// always holds for every git process that this package starts.
var always = []setting{
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"core.hooksPath", os.DevNull},
	{"core.fsmonitor", "false"},
	{"credential.helper", ""},
	{"fetch.recurseSubmodules", "false"},
	{"transfer.credentialsInUrl", "die"},
	// Git would send our authorization header to whatever host it is sent to.
	{"http.followRedirects", "false"},
	// A stalled transfer must end: under 1 kB/s for 30 s.
	{"http.lowSpeedLimit", "1000"},
	{"http.lowSpeedTime", "30"},
}

// inherited are the only variables that pass from our own environment: where
// git is, where temporary files go, and how to reach the network.
var inherited = []string{
	"PATH", "TMPDIR",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
}

func (m *Mirror) environment(settings ...setting) []string {
	protocols := "http:https"
	if m.local {
		protocols += ":file"
	}
	env := []string{
		"HOME=" + m.dir,
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=",
		"GIT_ALLOW_PROTOCOL=" + protocols,
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0",
	}
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	all := append(always[:len(always):len(always)], settings...)
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(all)))
	for i, s := range all {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s.key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s.value))
	}
	return env
}

// command prepares git with its own process group, so that cancelling also ends
// the transport process that git starts.
func (m *Mirror) command(ctx context.Context, settings []setting, args ...string) *exec.Cmd {
	// An explicit --git-dir also means that the owner of the directory, often
	// another user on a mounted volume, is not held against it.
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + m.dir}, args...)...)
	cmd.Env = m.environment(settings...)
	cmd.Dir = m.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// exitError is a git command that ended with a status other than 0.
type exitError struct {
	command string
	status  int
	stderr  string
}

func (e *exitError) Error() string {
	return fmt.Sprintf("git %s: exit status %d: %s", e.command, e.status, lastWords(e.stderr))
}

// run runs one git command to its end and returns its standard output.
func (m *Mirror) run(ctx context.Context, settings []setting, args ...string) ([]byte, error) {
	if m.isClosed() {
		return nil, ErrClosed
	}
	cmd := m.command(ctx, settings, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, &exitError{args[0], exit.ExitCode(), strings.ToValidUTF8(stderr.String(), "?")}
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("git %s: the git program is not on PATH; install git 2.36 or newer: %w", args[0], err)
	case err != nil:
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return stdout.Bytes(), nil
}
