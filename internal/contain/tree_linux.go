package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// supervisorName is argv[0] of a supervisor.
const supervisorName = "drawbridge-contain"

// order is what a supervisor is told. It comes over a pipe, since arguments are
// public, and the environment of a process is too, for its own user.
type order struct {
	Argv, Env []string
	Dir       string
	File      int64
	Files     Files
	// PIDs and Network are the namespaces that the supervisor finds itself in.
	PIDs, Network bool
	// Probe asks only whether the namespaces can be set up.
	Probe bool
}

// status is what a supervisor answers before it ends.
type status struct {
	Code     int            `json:"code,omitempty"`
	Signal   syscall.Signal `json:"signal,omitempty"`
	Failure  string         `json:"failure,omitempty"`
	NotFound bool           `json:"notFound,omitempty"`
}

// tree is a supervisor and all that descends from it.
type tree struct {
	cmd    *exec.Cmd
	order  order
	orders *os.File // to write; its end is the order to kill everything
	answer *os.File // to read
}

func newTree(c Command) *tree {
	here := Available()
	o := order{
		Argv: c.Argv, Env: c.Env, Dir: c.Dir, File: c.Limits.File,
		PIDs: here.Processes == nil, Network: !c.Network && here.Network == nil,
	}
	if here.Files == nil {
		o.Files = c.Files
	}
	return newSupervisor(o)
}

func newSupervisor(o order) *tree {
	// The path is good also after the program's file was replaced.
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{supervisorName}, Env: []string{}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if o.PIDs {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	if o.Network {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
	}
	if o.PIDs || o.Network {
		ownUser(cmd.SysProcAttr)
	}
	return &tree{cmd: cmd, order: o}
}

func (t *tree) start() error {
	readOrders, writeOrders, err := os.Pipe()
	if err != nil {
		return err
	}
	readAnswer, writeAnswer, err := os.Pipe()
	if err != nil {
		return errors.Join(err, readOrders.Close(), writeOrders.Close())
	}
	t.orders, t.answer = writeOrders, readAnswer
	t.cmd.ExtraFiles = []*os.File{readOrders, writeAnswer}
	err = t.cmd.Start()
	readOrders.Close()
	writeAnswer.Close()
	if err != nil {
		t.orders.Close()
		t.answer.Close()
		return fmt.Errorf("start its supervisor: %w", err)
	}
	// A supervisor that ended already says so in wait.
	_ = json.NewEncoder(t.orders).Encode(t.order)
	return nil
}

// kill has everything killed, at once. It returns when ended is closed.
func (t *tree) kill(ended <-chan struct{}) {
	t.orders.Close()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = t.cmd.Process.Kill()
		<-ended
	}
}

func (t *tree) wait() (status, error) {
	defer t.orders.Close()
	defer t.answer.Close()
	err := t.cmd.Wait()
	var s status
	said, _ := io.ReadAll(t.answer)
	if json.Unmarshal(said, &s) != nil {
		return s, fmt.Errorf("its supervisor was killed or failed: %w", errors.Join(err, errors.New("no answer")))
	}
	return s, err
}
