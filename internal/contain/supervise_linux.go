package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A supervisor is this program under another name. It is told apart here, not by
// a call in main, because a program that forgot the call would start itself again
// whole. It never reaches main, and it runs on the main thread, which is what
// no_new_privs, capabilities and Pdeathsig are bound to.
func init() {
	if len(os.Args) == 1 && os.Args[0] == supervisorName {
		supervise()
		os.Exit(0)
	}
}

// The supervisor's open files, beside the command's three.
const (
	ordersFile = 3
	answerFile = 4
)

func supervise() {
	closeOnExec()
	orders := os.NewFile(ordersFile, "orders")
	answer := json.NewEncoder(os.NewFile(answerFile, "answer"))
	var o order
	received := json.NewDecoder(orders)
	if err := received.Decode(&o); err != nil {
		return // whoever started us is gone
	}
	if err := o.prepare(); err != nil {
		_ = answer.Encode(status{Failure: err.Error()})
		return
	}
	if o.Probe {
		_ = answer.Encode(status{})
		return
	}
	f := family{all: o.PIDs}
	leader, err := o.begin()
	if err != nil {
		_ = answer.Encode(status{Failure: err.Error(), NotFound: errors.Is(err, exec.ErrNotFound)})
		return
	}
	go func() {
		// The other end is closed by kill, or by the kernel when its process died.
		_, _ = io.Copy(io.Discard, orders)
		f.end()
	}()
	_ = answer.Encode(f.wait(leader))
}

// closeOnExec keeps from the command what the supervisor has open, and what our
// own parent may have left open in us.
func closeOnExec() {
	if unix.CloseRange(ordersFile, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	// Kernels before 5.11 can't.
	syscall.CloseOnExec(ordersFile)
	syscall.CloseOnExec(answerFile)
}

// prepare makes the supervisor what the order says, all of which its children
// inherit.
func (o order) prepare() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt what is abandoned: %w", err)
	}
	if o.PIDs {
		// Mounts of a namespace with another owner do not spread outwards.
		if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("mount an own /proc: %w", err)
		}
		if err := o.Files.arrange(); err != nil {
			return fmt.Errorf("arrange its files: %w", err)
		}
	}
	if o.Network {
		if err := loopback(); err != nil {
			return fmt.Errorf("start an own loopback: %w", err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if o.File > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(o.File), Max: uint64(o.File)}); err != nil {
			return fmt.Errorf("limit the size of a file: %w", err)
		}
	}
	// Who is root in the user namespace could undo all of this otherwise.
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil && (o.PIDs || o.Network) {
		return fmt.Errorf("give up administration: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid new privileges: %w", err)
	}
	return nil
}

func loopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}

// begin starts the command and returns its PID.
func (o order) begin() (int, error) {
	if err := os.Chdir(o.Dir); err != nil {
		return 0, err
	}
	os.Setenv("PATH", lookup(o.Env, "PATH"))
	program, err := exec.LookPath(o.Argv[0])
	if err != nil {
		return 0, err
	}
	pid, err := syscall.ForkExec(program, o.Argv, &syscall.ProcAttr{
		Env:   o.Env,
		Files: []uintptr{0, 1, 2},
		// A command without its supervisor is nobody's.
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, &fs.PathError{Op: "start", Path: program, Err: err}
	}
	// It is the command's alone, who may close it early.
	_ = syscall.Close(0)
	return pid, nil
}

// family is all that descends from the supervisor.
type family struct {
	// all is set when there is nobody else that it could signal.
	all    bool
	mu     sync.Mutex
	ending bool
}

// wait reaps until nobody is left and returns how the leader ended. Each who dies
// leaves his children to us, so killing again after each death reaches all.
func (f *family) wait(leader int) (s status) {
	for {
		var w syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &w, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil: // ECHILD
			return s
		}
		if pid == leader {
			if w.Signaled() {
				s.Signal = w.Signal()
			} else {
				s.Code = w.ExitStatus()
			}
			f.end()
			continue
		}
		f.mu.Lock()
		ending := f.ending
		f.mu.Unlock()
		if ending {
			f.kill()
		}
	}
}

// end kills everybody, now and until wait returns.
func (f *family) end() {
	f.mu.Lock()
	f.ending = true
	f.mu.Unlock()
	f.kill()
}

func (f *family) kill() {
	if f.all {
		_ = syscall.Kill(-1, syscall.SIGKILL)
		return
	}
	for _, pid := range descendants(os.Getpid()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// descendants are the processes below one, nearest first.
func descendants(of int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it is gone
		}
		pid, parent, ok := parseStat(string(content))
		if ok {
			children[parent] = append(children[parent], pid)
		}
	}
	found := children[of]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// parseStat reads "PID (name) state PPID …". The name may hold anything.
func parseStat(stat string) (pid, parent int, ok bool) {
	first, _, ok1 := strings.Cut(stat, " ")
	end := strings.LastIndex(stat, ")")
	if !ok1 || end < 0 {
		return 0, 0, false
	}
	rest := strings.Fields(stat[end+1:])
	if len(rest) < 2 {
		return 0, 0, false
	}
	pid, err1 := strconv.Atoi(first)
	parent, err2 := strconv.Atoi(rest[1])
	return pid, parent, err1 == nil && err2 == nil
}
