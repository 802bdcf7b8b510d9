package controlplane

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// manager is a kube-controller-manager that runs.
type manager struct {
	cmd     *exec.Cmd
	ended   chan struct{}
	timeout time.Duration
}

// startManager starts the controllers. They are ready when they act; what waits
// for them waits for what they do.
func (p *Plane) startManager(programs string, o Options) (*manager, error) {
	kubeconfig := filepath.Join(p.dir, "controller-manager.kubeconfig")
	if err := os.WriteFile(kubeconfig, p.Kubeconfig(), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(programs, "kube-controller-manager"),
		"--kubeconfig="+kubeconfig,
		"--controllers="+strings.Join(o.Controllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=1000", "--kube-api-burst=2000",
	)
	cmd.Stdout, cmd.Stderr = o.Out, o.Out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the controller-manager: %w", err)
	}
	m := &manager{cmd: cmd, ended: make(chan struct{}), timeout: o.StopTimeout}
	go func() {
		defer close(m.ended)
		_ = cmd.Wait() // told to stop, it says so by its exit code
	}()
	return m, nil
}

func (m *manager) stop() error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	deadline := time.NewTimer(m.timeout)
	defer deadline.Stop()
	select {
	case <-m.ended:
		return nil
	case <-deadline.C:
		err := m.cmd.Process.Kill()
		<-m.ended
		return err
	}
}
