// Package controlplane gives tests and benchmarks a real Kubernetes control
// plane: etcd and kube-apiserver through controller-runtime's envtest and, where
// asked for, the kube-controller-manager.
//
// The programs are looked for in KUBEBUILDER_ASSETS or, when that is not set, in
// bin/controlplane at the module's root. If they are missing a test fails and
// says to run `make controlplane`; it is never skipped for that.
//
// etcd works without fsync and everything listens on 127.0.0.1, at free ports. A
// stop ends the controller-manager, then the API server, then etcd, each killed
// when it has not ended within Options.StopTimeout: API servers told to stop
// together with their etcd live on for minutes. A guard kills them when the test
// process ends without stopping them.
//
// A test package that needs one calls Main from TestMain and Shared from its
// tests:
//
//	func TestMain(m *testing.M) { os.Exit(controlplane.Main(m)) }
package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Options of a Plane.
type Options struct {
	// Controllers of kube-controller-manager that run ("deployment-controller",
	// "garbage-collector-controller", …). It is not started when there are none.
	Controllers []string

	// Out gets what the programs write. Discarded when nil.
	Out io.Writer

	// StopTimeout is the kill deadline of each program. Default 10 s.
	StopTimeout time.Duration
}

// Plane is a control plane that runs.
type Plane struct {
	// Config has the rights of an administrator and envtest's limits of requests.
	Config *rest.Config

	env        *envtest.Environment
	programs   string
	dir        string
	controller *manager
	guard      *guard
}

// Start starts a control plane and returns when it is ready.
func Start(o Options) (*Plane, error) {
	programs, err := find()
	if err != nil {
		return nil, err
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 10 * time.Second
	}
	dir, err := os.MkdirTemp("", "controlplane-")
	if err != nil {
		return nil, err
	}
	p := &Plane{programs: programs, dir: dir, env: &envtest.Environment{
		BinaryAssetsDirectory:    programs,
		ControlPlaneStopTimeout:  o.StopTimeout,
		ControlPlaneStartTimeout: time.Minute,
	}}
	// KUBEBUILDER_ASSETS has been looked at; paths that are set are left alone.
	p.env.ControlPlane.Etcd = &envtest.Etcd{Path: filepath.Join(programs, "etcd"), Out: o.Out, Err: o.Out}
	p.env.ControlPlane.KubectlPath = filepath.Join(programs, "kubectl")
	api := p.env.ControlPlane.GetAPIServer()
	api.Path, api.Out, api.Err = filepath.Join(programs, "kube-apiserver"), o.Out, o.Out
	api.CertDir = filepath.Join(dir, "certificates") // ours, so that a restart finds it again
	// Without it an API server waits for its watches to end, a minute long.
	api.Configure().Append("shutdown-watch-termination-grace-period", "1s")
	// envtest's range has room for 254 Services.
	api.Configure().Set("service-cluster-ip-range", "10.0.0.0/16")
	if err := os.MkdirAll(api.CertDir, 0o700); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	if p.Config, err = p.env.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a control plane: %w", err), p.Stop())
	}
	if len(o.Controllers) > 0 {
		if p.controller, err = p.startManager(programs, o); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
	}
	if err := p.regard(); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// regard has the processes guarded that run now.
func (p *Plane) regard() (err error) {
	p.guard.dismiss()
	p.guard, err = startGuard(p.programs)
	return err
}

// Kubeconfig is a kubeconfig with Config's rights.
func (p *Plane) Kubeconfig() []byte { return p.env.KubeConfig }

// StopAPIServer stops the API server alone; etcd keeps its data.
func (p *Plane) StopAPIServer() error {
	return errors.Join(p.env.ControlPlane.APIServer.Stop(), p.regard())
}

// StartAPIServer starts it again at the same address, with the same certificates.
func (p *Plane) StartAPIServer() error {
	return errors.Join(p.env.ControlPlane.APIServer.Start(), p.regard())
}

// Stop stops everything and removes the data.
func (p *Plane) Stop() error {
	var errs []error
	if p.controller != nil {
		errs = append(errs, p.controller.stop())
	}
	errs = append(errs, p.env.Stop(), os.RemoveAll(p.dir))
	p.guard.dismiss()
	return errors.Join(errs...)
}

// find returns the folder of the programs.
func find() (string, error) {
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin", "controlplane")
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kubectl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("no control plane to test with: %w: run `make controlplane`", err)
		}
	}
	return dir, nil
}

// moduleRoot is the folder of go.mod at or above the working directory: tests
// run in their package's folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod at or above the working directory: set KUBEBUILDER_ASSETS to the folder of the control plane's programs")
		}
		dir = up
	}
}
