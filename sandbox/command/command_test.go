package command_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/command"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

// asCommand makes this test program the command.
const asCommand = "DRAWBRIDGE_SANDBOX_TEST_COMMAND"

func TestMain(m *testing.M) {
	sandbox.BePart()
	if os.Getenv(asCommand) != "" {
		os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// run runs the command in a process of its own.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...) // not bound to the test: its cleanup runs commands too
	cmd.Env = append(os.Environ(), asCommand+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	// A background child that kept our pipes open would block Wait.
	cmd.WaitDelay = time.Minute
	err = cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

const without = "--without=controller-manager,scheduler,nodes,aws,forge,controller"

func TestDetached(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	dir := filepath.Join(t.TempDir(), "it's here") // a name that needs quoting
	if _, stderr, code := run(t, "status", "--state", dir); code != 1 || !strings.Contains(stderr, "no sandbox here") {
		t.Errorf("status of nothing: %d, %s", code, stderr)
	}
	_, stderr, code := run(t, "up", "--detach", "--state", dir, without)
	if code != 0 || !strings.Contains(stderr, "sandbox ready in") || !strings.Contains(stderr, "eval ") {
		t.Fatalf("up --detach: %d, %s", code, stderr)
	}
	t.Cleanup(func() { run(t, "down", "--state", dir) })

	stdout, _, code := run(t, "status", "--state", dir, "-o", "json")
	var st sandbox.Status
	if err := json.Unmarshal([]byte(stdout), &st); err != nil || code != 0 {
		t.Fatalf("status: %d, %v: %s", code, err, stdout)
	}
	if st.State != sandbox.StateUp || len(st.Parts) != 2 {
		t.Errorf("status %+v", st)
	}
	if group, err := syscall.Getpgid(st.Supervisor); err != nil || group != st.Supervisor {
		t.Errorf("the supervisor %d is in group %d, %v: a signal to its starter's group would reach it", st.Supervisor, group, err)
	}
	if _, stderr, code := run(t, "up", "--detach", "--state", dir, without); code != 1 || !strings.Contains(stderr, "already up") {
		t.Errorf("a second up: %d, %s", code, stderr)
	}
	hold, err := unix.PidfdOpen(st.Supervisor, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(hold)
	if _, stderr, code := run(t, "reset", "--state", dir); code != 0 {
		t.Errorf("reset: %d, %s", code, stderr)
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(hold), Events: unix.POLLIN}}, 10_000); n != 1 {
		t.Errorf("the supervisor lives on after reset (%v)", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the state is still there: %v", err)
	}
}

func TestDetachedSaysWhyItDidNotStart(t *testing.T) {
	t.Parallel()
	_, stderr, code := run(t, "up", "-d", "--state", t.TempDir(), "--control-plane", "/nonexistent", without)
	if code != 1 || !strings.Contains(stderr, "run make controlplane") {
		t.Errorf("up -d: %d, %s", code, stderr)
	}
}

func TestInterruptTakesItDown(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	dir := t.TempDir()
	if _, stderr, code := run(t, "up", "-d", "--state", dir, without); code != 0 {
		t.Fatal(stderr)
	}
	t.Cleanup(func() { run(t, "down", "--state", dir) })
	st, err := sandbox.ReadStatus(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(st.Supervisor, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// StopIn waits for the end, whether or not its own signal comes too late.
	if _, err := sandbox.StopIn(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	stdout, _, code := run(t, "status", "--state", dir)
	if code != 3 || !strings.Contains(stdout, "stopped") {
		t.Errorf("status: %d, %s", code, stdout)
	}
	env, stderr, code := run(t, "env", "--state", dir)
	if code != 0 || !strings.Contains(env, "export KUBECONFIG="+dir+"/kubeconfig\n") {
		t.Errorf("env: %d, %s", code, stderr)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nonsense"}, {"up", "now"}, {"status", "-o", "xml"}, {"up", "--no-such-flag"}} {
		var out, errs bytes.Buffer
		if code := command.Run(args, &out, &errs); code != 2 || !strings.Contains(errs.String(), "--help") {
			t.Errorf("%v: %d, %s", args, code, errs.String())
		}
	}
}

func TestStatusTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	since := now.Add(-90 * time.Second)
	st := sandbox.Status{
		StateDir: "/home/ada/blog/.drawbridge", State: sandbox.StateUp, Supervisor: 41, Memory: 20 << 20, Took: 3.14, DNS: "127.0.0.1:20053",
		Parts: []sandbox.PartStatus{
			{Name: "etcd", State: sandbox.StateReady, Address: "https://127.0.0.1:20001", PID: 42, Memory: 105 << 20, Started: &since, Log: "/l/etcd.log"},
			{Name: "nodes", State: sandbox.StateStopped, Log: "/l/nodes.log"},
		},
	}
	var got bytes.Buffer
	if err := command.PrintStatus(&got, st, now); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join("testdata", "status.txt"), got.String())
}
