// Package jobs tests builds that run as Jobs: on a real API server with Kubernetes'
// own Job controller. What a node would do for the Pods the test does itself: it runs
// the agent of the product as a process, with the instruction from the Secret.
package jobs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/build/job"
	"github.com/drawbridge-gitops/drawbridge/internal/cli"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	jobcluster "github.com/drawbridge-gitops/drawbridge/internal/controller/jobs"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
	"github.com/drawbridge-gitops/drawbridge/sandbox/worktree"
	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "build-agent" { // as the build's container
		os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// world is a cluster, a node of its own making, and a repository.
type world struct {
	t      *testing.T
	client kubernetes.Interface
	repo   *worktree.Tree
	url    string

	mu   sync.Mutex
	logs map[string]*log // by Pod
	runs int
}

// log is what a container prints, kept by the node.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ended bool
	more  *sync.Cond
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.more.Broadcast()
	return l.text.Write(p)
}

func (l *log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.more.Broadcast()
}

// follow copies the log until its end.
func (l *log) follow(w *io.PipeWriter) {
	for done := 0; ; {
		l.mu.Lock()
		for done == l.text.Len() && !l.ended {
			l.more.Wait()
		}
		text, ended := bytes.Clone(l.text.Bytes()[done:]), l.ended
		l.mu.Unlock()
		done += len(text)
		if _, err := w.Write(text); err != nil {
			return
		}
		if ended {
			w.Close()
			return
		}
	}
}

// cluster is the product's, but for the logs, which only a node has.
type cluster struct {
	*jobcluster.Cluster
	w *world
}

func (c cluster) Logs(ctx context.Context, _, pod, _ string) (io.ReadCloser, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	l := c.w.logs[pod]
	if l == nil {
		return nil, errors.New("no such container")
	}
	r, out := io.Pipe()
	context.AfterFunc(ctx, func() { _ = r.CloseWithError(ctx.Err()) }) // as a request ends
	go l.follow(out)
	return r, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	plane := controlplane.Own(t, controlplane.Options{Controllers: []string{"job-controller", "garbage-collector-controller"}})
	client, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	f, err := forge.New(forge.Options{Dir: t.TempDir(), Users: []forge.User{{Name: "alice", Token: "alices-token", Write: true}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		server.Close()
		if err := f.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := (forge.Client{URL: server.URL, User: "alice", Token: "alices-token"}).CreateRepository(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, client: client, url: server.URL + "/shop.git", logs: map[string]*log{}}
	w.repo = &worktree.Tree{Dir: t.TempDir(), URL: w.url, User: "alice", Token: "alices-token"}
	go w.node(t.Context())
	return w
}

// node runs the Pods that appear, until ctx ends.
func (w *world) node(ctx context.Context) {
	pods := w.client.CoreV1().Pods("default")
	watch, err := pods.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	defer watch.Stop()
	begun := map[string]context.CancelFunc{}
	for e := range watch.ResultChan() {
		pod, ok := e.Object.(*corev1.Pod)
		if !ok {
			continue
		}
		switch stop := begun[pod.Name]; {
		case stop == nil && pod.DeletionTimestamp == nil:
			running, cancel := context.WithCancel(ctx)
			begun[pod.Name] = cancel
			go w.run(running, pod.DeepCopy())
		case stop != nil && (e.Type == "DELETED" || pod.DeletionTimestamp != nil):
			stop()
		}
	}
}

// run is what a kubelet does for the build's container.
func (w *world) run(ctx context.Context, pod *corev1.Pod) {
	name := ""
	for _, v := range pod.Spec.Volumes {
		if v.Secret != nil {
			name = v.Secret.SecretName
		}
	}
	secret, err := w.client.CoreV1().Secrets(pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		w.t.Errorf("the instruction of Pod %s: %v", pod.Name, err)
		return
	}
	dir := w.t.TempDir()
	work, file := filepath.Join(dir, "work"), filepath.Join(dir, "instruction.json")
	if err := errors.Join(os.Mkdir(work, 0o755), os.WriteFile(file, secret.Data["instruction.json"], 0o600)); err != nil {
		w.t.Error(err)
		return
	}
	l := &log{}
	l.more = sync.NewCond(&l.mu)
	w.mu.Lock()
	w.logs[pod.Name] = l
	w.runs++
	w.mu.Unlock()
	w.report(ctx, pod, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}, corev1.PodRunning)
	cmd := exec.CommandContext(ctx, os.Args[0], "build-agent", "run", "--instruction", file, "--work", work)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "AWS_EC2_METADATA_DISABLED=true"}
	cmd.Stdout, cmd.Stderr = l, l
	err = cmd.Run()
	l.end()
	if ctx.Err() != nil {
		return // deleted
	}
	state, phase := corev1.ContainerStateTerminated{Reason: "Completed"}, corev1.PodSucceeded
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		state, phase = corev1.ContainerStateTerminated{Reason: "Error", ExitCode: int32(exit.ExitCode())}, corev1.PodFailed
	}
	w.report(ctx, pod, corev1.ContainerState{Terminated: &state}, phase)
}

func (w *world) report(ctx context.Context, pod *corev1.Pod, state corev1.ContainerState, phase corev1.PodPhase) {
	pods := w.client.CoreV1().Pods(pod.Namespace)
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now.Status.Phase = phase
		now.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: job.Container, State: state}}
		_, err = pods.UpdateStatus(ctx, now, metav1.UpdateOptions{})
		return err
	})
	if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
		w.t.Errorf("status of Pod %s: %v", pod.Name, err)
	}
}

// push commits a buildspec and returns the commit.
func (w *world) push(spec string) string {
	w.t.Helper()
	for name, text := range map[string]string{"ci/buildspec.yml": spec, "lib/greeting": "hello from lib\n", "secret": "none of the build's business"} {
		if err := w.repo.Write(name, []byte(text)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.repo.Commit(w.t.Context(), "spec"); err != nil {
		w.t.Fatal(err)
	}
	commit, err := w.repo.Push(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return commit
}

func (w *world) build(ctx context.Context, name, commit string, see func(string)) (build.Result, error) {
	d := job.Declaration{Namespace: "default", Name: name, Image: "builder:1", AgentImage: "drawbridge:1", Limits: contain.Limits{Time: time.Minute, Output: 1 << 20, Disk: 1 << 30}}
	i := job.Instruction{
		Repository: w.url, Username: "alice", Password: "alices-token", Commit: commit, Path: "ci", Reads: []string{"lib"}, Buildspec: "buildspec.yml",
		About: build.About{ID: "ci:1", Branch: "main", Commit: commit, Region: "eu-west-1"}, Variables: map[string]string{"STAGE": "test"},
	}
	return job.Run(ctx, cluster{jobcluster.New(w.client), w}, d, i, func(l build.Line) { see(l.Text) })
}

// left are the Jobs and Secrets that are there.
func (w *world) left() (jobs, secrets int) {
	w.t.Helper()
	all, err := w.client.BatchV1().Jobs("default").List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	kept, err := w.client.CoreV1().Secrets("default").List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(all.Items), len(kept.Items)
}

const spec = `version: 0.2
env: {exported-variables: [VERSION]}
phases:
  build:
    commands:
      - cat ../lib/greeting
      - "[ ! -e ../secret ]"
      - export VERSION=1.2-$STAGE
`

func TestABuildRunsAsAJobOnce(t *testing.T) {
	w := newWorld(t)
	commit := w.push(spec)
	for range 2 { // a controller after this one asks again, and goes on with the same Job
		var lines []string
		result, err := w.build(t.Context(), "build-ci-1", commit, func(line string) { lines = append(lines, line) })
		if err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
		}
		if diff := cmp.Diff(map[string]string{"VERSION": "1.2-test"}, result.Exported); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(strings.Join(lines, "\n"), "hello from lib") {
			t.Errorf("the log is\n%s", strings.Join(lines, "\n"))
		}
	}
	if w.runs != 1 {
		t.Errorf("the build ran %d times", w.runs)
	}
	if jobs, secrets := w.left(); jobs != 1 || secrets != 0 {
		t.Errorf("%d Jobs and %d Secrets are left; the Job stays for a while, its Secret does not", jobs, secrets)
	}
}

func TestABuildThatFailsSaysWhere(t *testing.T) {
	w := newWorld(t)
	commit := w.push("version: 0.2\nphases:\n  build:\n    commands:\n      - exit 3\n")
	_, err := w.build(t.Context(), "build-ci-2", commit, func(string) {})
	var failed *build.FailedError
	if !errors.As(err, &failed) || failed.Status != 3 || failed.Source.String() != "ci/buildspec.yml:5" {
		t.Errorf("got %v", err)
	}
}

func TestASupersededBuildIsDeleted(t *testing.T) {
	w := newWorld(t)
	commit := w.push("version: 0.2\nphases:\n  build:\n    commands:\n      - echo waiting\n      - sleep 1000\n")
	superseded := errors.New("superseded")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := w.build(ctx, "build-ci-3", commit, func(line string) {
		if line == "waiting" {
			cancel(superseded)
		}
	})
	if !errors.Is(err, superseded) {
		t.Fatalf("got %v", err)
	}
	watch, err := w.client.BatchV1().Jobs("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	gone := time.After(time.Minute)
	for {
		if jobs, _ := w.left(); jobs == 0 {
			return
		}
		select {
		case <-watch.ResultChan():
		case <-gone:
			t.Fatal("the Job is still there")
		}
	}
}
