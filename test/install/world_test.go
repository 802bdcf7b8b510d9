package install

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
)

// cluster is a sandbox without the controller and without nodes, into which a
// test installs the product as a user would.
type cluster struct {
	*sandbox.Sandbox
	t      *testing.T
	ctx    context.Context
	client client.WithWatch
	tree   string // the work tree of the repository "shop"
	// program is drawbridge; built gives the error of building it.
	program string
	built   <-chan error
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a sandbox")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c := &cluster{t: t, ctx: ctx, tree: t.TempDir(), program: filepath.Join(t.TempDir(), "drawbridge")}
	c.built = build(ctx, c.program) // while the sandbox starts
	s, err := sandbox.Up(ctx, sandbox.Options{
		Ephemeral: true, Without: []string{sandbox.Scheduler, sandbox.Nodes, sandbox.Controller},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c.Sandbox = s
	sch := runtime.NewScheme()
	c.check(scheme.AddToScheme(sch))
	c.check(v1alpha1.AddToScheme(sch))
	c.client, err = client.NewWithWatch(s.RESTConfig(), client.Options{Scheme: sch})
	c.check(err)
	return c
}

func build(ctx context.Context, program string) <-chan error {
	done := make(chan error, 1)
	go func() {
		out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "../../cmd/drawbridge").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build drawbridge: %w\n%s", err, out)
		}
		done <- err
	}()
	return done
}

func (c *cluster) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) run(cmd *exec.Cmd) string {
	c.t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// kubectl runs in the repository's root, as the cluster's administrator.
func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	if dir == "" {
		var err error
		dir, err = filepath.Abs("../../bin/controlplane")
		c.check(err)
	}
	cmd := exec.CommandContext(c.ctx, filepath.Join(dir, "kubectl"), args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	return c.run(cmd)
}

// serve starts the controller with the token of its service account, as it has in
// a Pod, and returns what it logs.
func (c *cluster) serve() *log {
	c.t.Helper()
	admin := c.RESTConfig()
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["c"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData, CertificateAuthority: admin.CAFile}
	kubeconfig.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: c.kubectl("create", "token", "drawbridge", "--namespace=drawbridge-system")}
	kubeconfig.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	kubeconfig.CurrentContext = "x"
	file := filepath.Join(c.t.TempDir(), "kubeconfig")
	c.check(clientcmd.WriteToFile(*kubeconfig, file))
	c.check(<-c.built)
	l := &log{}
	cmd := exec.Command(c.program, "serve", "--kubeconfig="+file, "--data-dir="+c.t.TempDir(), "--listen=127.0.0.1:0",
		"--leader-elect", "--leader-elect-namespace=drawbridge-system", "--stack-poll-interval=100ms")
	cmd.Env = append(os.Environ(), c.AWSEnv()...)
	cmd.Stdout, cmd.Stderr = l, l
	c.check(cmd.Start())
	c.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := cmd.Wait(); err != nil {
			c.t.Errorf("the controller: %v", err)
		}
		if c.t.Failed() {
			c.t.Logf("the controller's log:\n%s", l)
		}
	})
	return l
}

// push makes the files all that is in the repository and returns the commit.
func (c *cluster) push(files map[string]string) string {
	c.t.Helper()
	git := func(args ...string) string {
		cmd := exec.CommandContext(c.ctx, "git", append([]string{"-C", c.tree, "-c", "user.name=Alice", "-c", "user.email=alice@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		return c.run(cmd)
	}
	if _, err := os.Stat(filepath.Join(c.tree, ".git")); err != nil {
		server := forge.Client{URL: c.ForgeURL(), User: "alice", Token: c.Token("alice")}
		_, err := server.CreateRepository(c.ctx, "shop")
		c.check(err)
		git("init", "--quiet", "--initial-branch=main")
	}
	for name, text := range files {
		path := filepath.Join(c.tree, name)
		c.check(os.MkdirAll(filepath.Dir(path), 0o755))
		c.check(os.WriteFile(path, []byte(text), 0o644))
	}
	git("add", "--all")
	git("commit", "--quiet", "--message", "Deploy")
	basic := base64.StdEncoding.EncodeToString([]byte("alice:" + c.Token("alice")))
	git("-c", "http.extraHeader=Authorization: Basic "+basic, "push", "--quiet", c.GitURL("shop"), "HEAD:main")
	return git("rev-parse", "HEAD")
}

// ended returns the Change of the commit once it has ended.
func (c *cluster) ended(commit string) *v1alpha1.Change {
	c.t.Helper()
	stream, err := c.client.Watch(c.ctx, &v1alpha1.ChangeList{}, client.InNamespace("team"))
	c.check(err)
	defer stream.Stop()
	for e := range stream.ResultChan() {
		if change, ok := e.Object.(*v1alpha1.Change); ok && change.Spec.Commit == commit && change.Status.Phase.Final() {
			return change
		}
	}
	var env v1alpha1.Environment
	c.check(c.client.Get(context.Background(), client.ObjectKey{Namespace: "team", Name: "production"}, &env))
	c.t.Fatalf("the Change of %.10s did not end; the Environment: %+v", commit, env.Status)
	return nil
}

// told waits for an Event of that reason about the Environment.
func (c *cluster) told(reason string) {
	c.t.Helper()
	stream, err := c.client.Watch(c.ctx, &eventsv1.EventList{}, client.InNamespace("team"))
	c.check(err)
	defer stream.Stop()
	for e := range stream.ResultChan() {
		if event, ok := e.Object.(*eventsv1.Event); ok && event.Reason == reason && event.Regarding.Kind == "Environment" {
			return
		}
	}
	c.t.Fatalf("no Event %s", reason)
}

// sync asks for a fetch, as drawbridge sync does.
func (c *cluster) sync(request string) {
	c.t.Helper()
	c.kubectl("annotate", "--overwrite", "--namespace=team", "environment/production", v1alpha1.AnnotationSync+"="+request)
}

// log is what a program writes.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
