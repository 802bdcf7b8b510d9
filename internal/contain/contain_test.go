package contain

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shell is a script in a folder of its own, under a time limit that no good run
// reaches.
func shell(t *testing.T, script string) Command {
	t.Helper()
	home := t.TempDir()
	return Command{
		Argv: []string{"sh", "-c", script}, Dir: home, Env: Environment(home, home, false),
		Limits: Limits{Time: time.Minute},
	}
}

func TestOutputStatusAndEnvironment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script   string
		out, err string
		exit     *ExitError
	}{
		"success":    {script: "echo out; echo err >&2", out: "out\n", err: "err\n"},
		"status":     {script: "echo out; exit 3", out: "out\n", exit: &ExitError{Command: "sh", Code: 3}},
		"signal":     {script: "kill -TERM $$; sleep 60", exit: &ExitError{Command: "sh", Signal: syscall.SIGTERM}},
		"input":      {script: "cat; echo end", out: "end\n"},
		"terminal":   {script: "true < /dev/tty && echo one; echo none", out: "none\n", err: "sh: 1: cannot open /dev/tty: No such device or address\n"},
		"group":      {script: "trap 'echo one' TERM; kill -TERM 0; echo alive", out: "one\nalive\n"},
		"open files": {script: "ls /proc/self/fd | wc -l", out: "4\n"}, // three, and ls's own
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, stderr bytes.Buffer
			command := shell(t, c.script)
			command.Stdout, command.Stderr = &out, &stderr
			err := Run(t.Context(), command)
			var exit *ExitError
			errors.As(err, &exit)
			if d := cmp.Diff(c.exit, exit); d != "" || (err != nil) != (c.exit != nil) {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
			if d := cmp.Diff(c.out, out.String()); d != "" {
				t.Errorf("stdout (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.err, stderr.String()); d != "" {
				t.Errorf("stderr (-want +got):\n%s", d)
			}
		})
	}
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-for-builds")
	t.Setenv("HTTPS_PROXY", "http://proxy.test:3128")
	var out bytes.Buffer
	c := shell(t, "env; echo; cat /proc/$PPID/environ || true")
	c.Stdout = &out
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "not-for-builds") || strings.Contains(s, "proxy.test") {
		t.Errorf("the command saw our environment:\n%s", s)
	}
	if env := Environment("/h", "/t", true); lookup(env, "HTTPS_PROXY") != "http://proxy.test:3128" {
		t.Errorf("the proxy is not passed to who may use the network: %v", env)
	}
}

func TestOneWriterKeepsTheOrder(t *testing.T) {
	t.Parallel()
	var both bytes.Buffer
	c := shell(t, "for i in 1 2 3; do echo out $i; echo err $i >&2; done")
	c.Stdout, c.Stderr, c.Stdin = &both, &both, strings.NewReader("unread")
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if want := "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"; both.String() != want {
		t.Errorf("got %q, want %q", both.String(), want)
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*Command){
		"no such program":    func(c *Command) { c.Argv = []string{"no-such-program"} },
		"not in its PATH":    func(c *Command) { c.Env = append(c.Env, "PATH=/nowhere") },
		"no such folder":     func(c *Command) { c.Dir = filepath.Join(c.Dir, "missing") },
		"not a program":      func(c *Command) { c.Argv = []string{"/etc/passwd"} },
		"nothing to run":     func(c *Command) { c.Argv = nil },
		"NUL in an argument": func(c *Command) { c.Argv = []string{"echo", "a\x00b"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := shell(t, "true")
			alter(&c)
			err := Run(t.Context(), c)
			var exit *ExitError
			if err == nil || errors.As(err, &exit) {
				t.Fatalf("got %v", err)
			}
			if missing := name == "no such program" || name == "not in its PATH"; errors.Is(err, exec.ErrNotFound) != missing {
				t.Errorf("%v: is exec.ErrNotFound: %v", err, !missing)
			}
		})
	}
}

// notify closes seen at the first byte.
type notify struct{ seen chan struct{} }

func (n notify) Write(p []byte) (int, error) {
	select {
	case <-n.seen:
	default:
		close(n.seen)
	}
	return len(p), nil
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const forever = "trap '' TERM INT HUP; while :; do sleep 60; done"
	for name, c := range map[string]struct {
		script string
		limits Limits
		want   error
	}{
		"runs forever":                 {forever, Limits{Time: 300 * time.Millisecond}, ErrTime},
		"prints for ever":              {"yes; " + forever, Limits{Output: 10_000}, ErrOutput},
		"prints on both for ever":      {"yes >&2 & yes", Limits{Output: 10_000}, ErrOutput},
		"prints a little too much":     {"echo 123456789", Limits{Output: 9}, ErrOutput},
		"prints what is allowed":       {"echo 12345678", Limits{Output: 9}, nil},
		"fills the disk":               {"i=0; while :; do i=$((i+1)); head -c 65536 /dev/zero > f$i; done", Limits{Disk: 1 << 20}, ErrDisk},
		"fills the disk and ends":      {"head -c 65536 /dev/zero > f", Limits{Disk: 1 << 14}, ErrDisk},
		"fills the disk and fails":     {"head -c 65536 /dev/zero > f; exit 1", Limits{Disk: 1 << 14}, ErrDisk},
		"one file, many names":         {"head -c 65536 /dev/zero > f; for i in 1 2 3 4; do ln f f$i; ln -s / l$i; done", Limits{Disk: 1 << 17}, nil},
		"roots in roots":               {"mkdir in; head -c 65536 /dev/zero > in/f", Limits{Disk: 1 << 17}, nil},
		"a sparse file takes no space": {"head -c 1 /dev/zero | dd of=f bs=1 seek=100000000 2>&1", Limits{Disk: 1 << 17}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := shell(t, c.script)
			if c.limits.Time == 0 {
				c.limits.Time = time.Minute
			}
			command.Limits, command.Roots = c.limits, []string{command.Dir, command.Dir, command.Dir + "/in"}
			var out bytes.Buffer
			command.Stdout = &out
			err := Run(t.Context(), command)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if limit := c.limits.Output; limit > 0 && int64(out.Len()) > limit {
				t.Errorf("%d bytes came through a limit of %d", out.Len(), limit)
			}
			var limit *LimitError
			if errors.As(err, &limit) && (limit.Allowed == 0 || errors.Is(err, ErrDisk) && limit.Used <= limit.Allowed) {
				t.Errorf("no figures: %+v", limit)
			}
		})
	}
}

func TestLargeFile(t *testing.T) {
	t.Parallel()
	c := shell(t, "exec head -c 100000 /dev/zero > f")
	c.Limits.File = 10_000
	err := Run(t.Context(), c)
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Signal != syscall.SIGXFSZ || !strings.Contains(err.Error(), "larger than is allowed") {
		t.Errorf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	c := shell(t, "trap '' TERM; echo begun; while :; do sleep 60; done")
	begun := notify{make(chan struct{})}
	c.Stdout = begun
	newer := errors.New("a newer commit")
	go func() {
		<-begun.seen
		cancel(newer)
	}()
	if err := Run(ctx, c); !errors.Is(err, newer) {
		t.Errorf("got %v, want %v", err, newer)
	}
	if err := Run(ctx, c); !errors.Is(err, newer) {
		t.Errorf("got %v from a context that has ended, want %v", err, newer)
	}
}

// A lock that a process holds tells when it is gone, wherever it has run to.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	const daemons = `
		for i in 1 2 3; do
			(setsid sh -c 'exec 9> lock'$i'; flock -x 9; echo > held'$i'; trap "" TERM HUP; while :; do sleep 60; done' </dev/null >/dev/null 2>&1 &)
		done
		for i in 1 2 3; do until [ -e held$i ]; do sleep 0.01; done; done
		echo ready
	`
	for name, end := range map[string]string{"ends": "exit 0", "fails": "exit 1", "is killed": "sleep 60"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := shell(t, daemons+end)
			ready := notify{make(chan struct{})}
			c.Stdout = ready
			if name == "is killed" {
				go func() {
					<-ready.seen
					cancel()
				}()
			}
			if err := Run(ctx, c); (err == nil) != (name == "ends") {
				t.Fatalf("got %v", err)
			}
			for _, lock := range []string{"lock1", "lock2", "lock3"} {
				requireFree(t, filepath.Join(c.Dir, lock))
			}
		})
	}
}

func requireFree(t *testing.T, lock string) {
	t.Helper()
	f, err := os.Open(lock)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Errorf("%s is held by a process that was left behind: %v", filepath.Base(lock), err)
	}
}

func TestStreamsThatDaemonsHoldDoNotDelay(t *testing.T) {
	t.Parallel()
	c := shell(t, "(setsid sh -c 'trap \"\" TERM HUP; sleep 3600' &) ; echo done")
	var out bytes.Buffer
	c.Stdout = &out
	if err := Run(t.Context(), c); err != nil || out.String() != "done\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "reached")
			conn.Close()
		}
	}()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	if here := Available(); here.Processes == nil && here.Network != nil {
		t.Errorf("one namespace is permitted and another is not: %v", here.Network)
	}
	const reach = "import socket,sys; print(socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5).recv(9).decode())"
	for _, network := range []bool{true, false} {
		if err := Available().Network; err != nil && !network {
			t.Logf("not enforced here: %v", err)
			continue
		}
		c := shell(t, "")
		c.Argv = []string{"python3", "-c", reach, port}
		c.Network = network
		var out bytes.Buffer
		c.Stdout = &out
		err := Run(t.Context(), c)
		if got := out.String() == "reached\n"; got != network {
			t.Errorf("network %v, but reached our port: %v (%v)", network, got, err)
		}
	}
	// Programs that talk to themselves still can.
	c := shell(t, "")
	c.Argv = []string{"python3", "-c", `
import socket
s = socket.create_server(("127.0.0.1", 0))
socket.create_connection(s.getsockname(), 5)
`}
	if err := Run(t.Context(), c); err != nil {
		t.Errorf("own loopback: %v", err)
	}
}
