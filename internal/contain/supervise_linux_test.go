package contain

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Without namespaces the same holds; this machine may have them.
func TestSubreaperAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree := newSupervisor(order{
		Argv: []string{"sh", "-c", `
			(setsid sh -c 'exec 9> lock; flock -x 9; echo > held; trap "" TERM HUP; (setsid sleep 3600 &); sleep 3600' &)
			until [ -e held ]; do sleep 0.01; done
			trap : TERM; kill -TERM 0 # all in the group, which is not the supervisor's
			exit 7`},
		Env: Environment(dir, dir, true), Dir: dir,
	})
	var out bytes.Buffer
	tree.cmd.Stdout, tree.cmd.Stderr = &out, &out
	if err := tree.start(); err != nil {
		t.Fatal(err)
	}
	if s, err := tree.wait(); err != nil || s.Code != 7 {
		t.Errorf("got %+v, %v\n%s", s, err, out.String())
	}
	requireFree(t, filepath.Join(dir, "lock"))
}

// TestKilledOurselves runs this test's own program once more, which runs a
// command, and kills it.
func TestKilledOurselves(t *testing.T) {
	if dir := os.Getenv("CONTAIN_TEST_DIR"); dir != "" {
		c := shell(t, "exec 9> lock; flock -x 9; echo held; while :; do sleep 60; done")
		c.Dir, c.Stdout = dir, os.Stdout
		t.Fatal(Run(t.Context(), c))
	}
	t.Parallel()
	dir := t.TempDir()
	program := exec.Command("/proc/self/exe", "-test.run", "^TestKilledOurselves$")
	program.Env = append(os.Environ(), "CONTAIN_TEST_DIR="+dir, "TMPDIR="+dir) // it can't clean up
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = program.Wait()
	// The lock is given as soon as the command is gone, and not before.
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	free := make(chan error, 1)
	go func() { free <- syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }()
	select {
	case err := <-free:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the command outlived the program that ran it")
	}
}

func TestSeesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	if err := Available().Processes; err != nil {
		t.Skipf("not enforced here: %v", err)
	}
	var out bytes.Buffer
	c := shell(t, "ls -d /proc/[0-9]* | wc -l; id -u; stat -c %u .")
	c.Stdout = &out
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(out.String())
	if len(fields) != 3 || len(fields[0]) > 1 {
		t.Errorf("got %q; want few processes, and the user twice", fields)
	} else if fields[1] != fields[2] {
		t.Errorf("user %s, but its files belong to %s", fields[1], fields[2])
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	for stat, want := range map[string]struct {
		pid, parent int
		ok          bool
	}{
		"12 (sh) S 3 12 12":           {12, 3, true},
		"12 (a) b) (c) S 9) R 3 12\n": {12, 3, true},
		"12 (sh":                      {},
		"12 (sh) S":                   {},
		"":                            {},
		"x (sh) S y":                  {},
	} {
		pid, parent, ok := parseStat(stat)
		if ok != want.ok || ok && (pid != want.pid || parent != want.parent) {
			t.Errorf("%q: got %d, %d, %v", stat, pid, parent, ok)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	here := Available()
	if here.Processes == nil && here.Files != nil {
		t.Errorf("namespaces are permitted, mounts are not: %v", here.Files)
	}
	if here.Files != nil {
		t.Skipf("not enforced here: %v", here.Files)
	}
	base := t.TempDir()
	for _, dir := range []string{"work/tmp", "data/tree", "other"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"data/ledger", "data/tree/file", "other/file", "token"} {
		if err := os.WriteFile(filepath.Join(base, file), []byte("content\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		files  Files
		script string
		want   string
	}{
		"as it is": {Files{}, "echo new > ../other/asitis; ls ../data", "ledger\ntree\n"},
		"read-only": {
			Files{Writable: []string{base + "/work"}},
			"touch mine && (touch ../other/x || rm ../other/file || chmod 777 ../other || touch /etc/x) 2>/dev/null; cat ../other/file; echo > /dev/null; echo shm > /dev/shm/x",
			"content\n",
		},
		"can't be undone": {
			Files{Writable: []string{base + "/work"}},
			"mount -o remount,rw / 2>/dev/null; umount /dev/shm 2>/dev/null; unshare -rm sh -c 'mount -o remount,bind,rw /' 2>/dev/null; touch ../other/x 2>/dev/null || echo still",
			"still\n",
		},
		"hidden": {
			Files{Hidden: []string{base + "/data", base + "/token", base + "/missing"}},
			"ls ../data; cat ../token; echo end",
			"end\n",
		},
		"within hidden": {
			Files{Writable: []string{base + "/work", base + "/data/tree"}, Hidden: []string{base + "/data"}},
			"ls ../data; cat ../data/tree/file; echo changed > ../data/tree/file; touch ../data/x 2>/dev/null || echo none",
			"tree\ncontent\nnone\n",
		},
		"visible": {
			Files{Writable: []string{base + "/work"}, Tmp: base + "/work/tmp", Hidden: []string{base + "/data"}, Visible: []string{base + "/other", base + "/data/ledger"}},
			"cat ../other/file ../data/ledger; ls ../data; (echo > ../other/x || echo > ../data/ledger) 2>/dev/null || echo none",
			"content\ncontent\nledger\nnone\n",
		},
		"own /tmp": {
			Files{Writable: []string{base + "/work", base + "/work/tmp"}, Tmp: base + "/work/tmp"},
			"echo mine > /tmp/mine; cat tmp/mine; cat /var/tmp/mine; ls /tmp | grep -c .",
			"mine\nmine\n2\n", // mine, and the folders that lead to what is writable
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			command := shell(t, c.script)
			command.Dir, command.Env = base+"/work", Environment(base+"/work", base+"/work/tmp", false)
			command.Files, command.Stdout, command.Stderr = c.files, &out, &out
			if err := Run(t.Context(), command); err != nil {
				t.Errorf("%v", err)
			}
			if out.String() != c.want {
				t.Errorf("got %q, want %q", out.String(), c.want)
			}
		})
	}
	for file, want := range map[string]string{"data/ledger": "content\n", "other/file": "content\n", "data/tree/file": "changed\n", "other/asitis": "new\n"} {
		if got, err := os.ReadFile(filepath.Join(base, file)); err != nil || string(got) != want {
			t.Errorf("%s holds %q afterwards, %v", file, got, err)
		}
	}
	for _, file := range []string{"other/x", "data/x", "data/tree/x"} {
		if _, err := os.Stat(filepath.Join(base, file)); err == nil {
			t.Errorf("%s was written", file)
		}
	}
}
