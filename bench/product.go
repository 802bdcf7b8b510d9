package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// product is `drawbridge serve` as a process of its own, which can be killed,
// profiled and measured.
type product struct {
	program, url, profiles string
	args                   []string
	env                    []string
	log                    string
	child                  *part.Child
}

// serve starts the controller beside a sandbox, where the sandbox would have
// started its own.
func (b *bench) serve(ctx context.Context, c *castle) (*product, error) {
	program, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	profiles, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &product{
		program: program, url: c.APIURL(), profiles: profiles,
		env: append(os.Environ(), c.AWSEnv()...), log: filepath.Join(b.dir, "controller.log"),
		args: []string{
			"drawbridge", "serve", "--kubeconfig=" + c.Kubeconfig(), "--data-dir=" + filepath.Join(b.dir, "controller"),
			"--listen=" + strings.TrimPrefix(c.APIURL(), "http://"), "--pprof-listen=" + profiles,
		},
	}
	return p, p.start(ctx)
}

// controllers starts those of the control plane's controllers that the workload
// needs and no other, so that little else competes with what is measured.
func (b *bench) controllers(c *castle) (*part.Child, error) {
	program, err := filepath.Abs(filepath.Join(cmp.Or(os.Getenv("KUBEBUILDER_ASSETS"), "bin/controlplane"), "kube-controller-manager"))
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("%w: run make controlplane, and this from the module's root", err)
	}
	return part.Start(part.Command{
		Name: sandbox.ControllerManager, Path: program, Env: os.Environ(), Dir: b.dir, Log: filepath.Join(b.dir, "controllers.log"),
		Args: []string{
			"kube-controller-manager", "--kubeconfig=" + c.Kubeconfig(), "--leader-elect=false", "--secure-port=0",
			"--controllers=" + strings.Join(controllers, ","), "--kube-api-qps=1000", "--kube-api-burst=2000",
		},
	})
}

// controllers that the workload needs.
var controllers = []string{"deployment-controller", "replicaset-controller", "namespace-controller", "garbage-collector-controller"}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start returns when the controller says that it is ready.
func (p *product) start(ctx context.Context) (err error) {
	p.child, err = part.Start(part.Command{Name: "controller", Path: p.program, Args: p.args, Env: p.env, Dir: filepath.Dir(p.log), Log: p.log})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if err := get(ctx, p.url+"/readyz", io.Discard); err == nil {
			return nil
		} else if ctx.Err() != nil {
			return fmt.Errorf("the controller is not ready: %w; its log ends in:\n%s", err, p.child.Tail(12))
		}
		select {
		case <-time.After(5 * time.Millisecond): // it has no way to tell
		case <-p.child.Done():
			return p.child.Err()
		case <-ctx.Done():
		}
	}
}

func get(ctx context.Context, url string, to io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	_, err = io.Copy(to, res.Body)
	return err
}

// kill is kill -9.
func (p *product) kill() { p.child.Kill() }

func end(child *part.Child) {
	if err := child.Stop(context.Background(), 10*time.Second); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

func (p *product) peak() (int, error) { return peak(p.child.Pid()) }

func (p *product) cpuTime() (time.Duration, error) { return cpuTime(p.child.Pid()) }

// cpuProfile begins a CPU profile of the controller, of twenty seconds; the function
// that it returns waits for its end. Without a folder it does nothing.
func (p *product) cpuProfile(ctx context.Context, dir string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- p.save(ctx, "profile?seconds=20", filepath.Join(dir, "install.cpu")) }()
	return func() error { return <-done }, nil
}

// heapProfile saves what the controller holds. Without a folder it does nothing.
func (p *product) heapProfile(ctx context.Context, dir string) error {
	if dir == "" {
		return nil
	}
	return p.save(ctx, "heap?gc=1", filepath.Join(dir, "installed.heap"))
}

func (p *product) save(ctx context.Context, what, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return get(ctx, "http://"+p.profiles+"/debug/pprof/"+what, f)
}
