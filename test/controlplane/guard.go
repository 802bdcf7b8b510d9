package controlplane

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// guards are those on duty. They are kept here because a guard that its owner
// forgot would be collected as garbage, its pipe closed with it, and what it
// guards killed while this process lives.
var guards sync.Map

// guard kills what this process started, if this process ends without stopping
// it: by a test's time limit, a panic outside a test, or a kill. envtest puts
// its programs into process groups of their own and would leave them running.
// It is a shell that reads from a pipe which nobody writes to: the read ends
// when the last holder of the other end, this process, is gone.
type guard struct {
	shell *exec.Cmd
	pipe  io.Closer
}

// startGuard guards all children of this process that are programs of the
// folder. Where there is no /proc it guards nothing.
func startGuard(programs string) (*guard, error) {
	pids := children(programs)
	if len(pids) == 0 {
		return &guard{}, nil
	}
	shell := exec.Command("/bin/sh", append([]string{"-c", `read -r _; kill -9 "$@"`, "guard"}, pids...)...)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // not for the Ctrl-C that ends this process
	pipe, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	g := &guard{shell: shell, pipe: pipe}
	guards.Store(g, struct{}{})
	return g, nil
}

// dismiss ends the guard without harm.
func (g *guard) dismiss() {
	if g == nil || g.shell == nil {
		return
	}
	guards.Delete(g)
	_ = g.shell.Process.Kill()
	_ = g.shell.Wait()
	_ = g.pipe.Close()
	g.shell = nil
}

// children are the processes that this process started from the folder, told
// by the file that each of them runs: what a process says its command line is
// may be empty for a moment, and differs where the folder is a link.
func children(programs string) []string {
	folder, err := filepath.EvalSymlinks(programs)
	if err != nil {
		return nil
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []string
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		// "pid (name) state ppid …", where the name may hold anything.
		rest := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(rest) < 2 || rest[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		dir := filepath.Dir(file)
		program, err := os.Readlink(filepath.Join(dir, "exe"))
		if err == nil && strings.HasPrefix(program, folder+"/") {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}
