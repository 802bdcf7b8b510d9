package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
	"github.com/drawbridge-gitops/drawbridge/sandbox/onboard"
	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// bare is a control plane without anything around it: the quickest to start.
var bare = []string{sandbox.ControllerManager, sandbox.Scheduler, sandbox.Nodes, sandbox.AWS, sandbox.Forge, sandbox.Controller}

// withoutProduct is everything but the controller, which has tests of its own.
var withoutProduct = []string{sandbox.Controller}

func up(t *testing.T, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	s, err := sandbox.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func clientset(t *testing.T, s *sandbox.Sandbox) *kubernetes.Clientset {
	t.Helper()
	k, err := kubernetes.NewForConfig(s.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDownAndUpBringTheSameWorldBack(t *testing.T) {
	t.Parallel()
	o := sandbox.Options{StateDir: t.TempDir(), Without: withoutProduct}
	s := up(t, o)
	note := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "note"}, Data: map[string]string{"kept": "yes"}}
	if _, err := clientset(t, s).CoreV1().ConfigMaps("default").Create(t.Context(), note, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	before, env := children(s), s.Env()
	if err := s.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Err() != nil {
		t.Errorf("Err after Down: %v", s.Err())
	}
	for name, gone := range before {
		gone.wait(t, name)
	}
	st, err := sandbox.ReadStatus(o.StateDir)
	if err != nil || st.State != sandbox.StateDown {
		t.Errorf("after Down the status is %s, %v", st.State, err)
	}

	again := up(t, o)
	if diff := cmp.Diff(env, again.Env()); diff != "" {
		t.Errorf("the environment changed (-first +second):\n%s", diff)
	}
	got, err := clientset(t, again).CoreV1().ConfigMaps("default").Get(t.Context(), "note", metav1.GetOptions{})
	if err != nil || got.Data["kept"] != "yes" {
		t.Errorf("the ConfigMap of the first time: %v, %v", got.Data, err)
	}
	if _, err := sandbox.Up(t.Context(), o); !errors.Is(err, sandbox.ErrLocked) {
		t.Errorf("a second Up of the same folder: %v, want ErrLocked", err)
	}
}

// A port that somebody else took meanwhile is replaced, and what was made before
// goes on working.
func TestUpFollowsPortsThatMoved(t *testing.T) {
	t.Parallel()
	o := sandbox.Options{StateDir: t.TempDir(), Without: []string{sandbox.ControllerManager, sandbox.Scheduler, sandbox.Nodes, sandbox.AWS, sandbox.Controller}}
	s := up(t, o)
	if err := onboard.Bind(t.Context(), onboard.PlaceOf(s.Env()), onboard.Binding{Environment: "production", Repository: "shop", Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, taken := range []string{s.ForgeURL(), s.APIURL()} {
		l, err := net.Listen("tcp", strings.TrimPrefix(taken, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	again := up(t, o)
	k, err := onboard.PlaceOf(again.Env()).Client()
	if err != nil {
		t.Fatal(err)
	}
	var env v1alpha1.Environment
	if err := k.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "production"}, &env); err != nil {
		t.Fatal(err)
	}
	server := forge.Client{URL: again.ForgeURL(), User: "alice", Token: again.Token("alice")}
	hooks, err := server.Hooks(t.Context(), "shop")
	if err != nil || len(hooks) != 1 {
		t.Fatal(hooks, err)
	}
	if again.ForgeURL() == s.ForgeURL() || again.APIURL() == s.APIURL() {
		t.Fatal("the ports were not taken")
	}
	got := []string{env.Spec.Source.URL, hooks[0].URL}
	if diff := cmp.Diff([]string{again.GitURL("shop"), again.APIURL() + "/webhooks/push"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAKilledPartIsNamedAndTheSandboxComesDown(t *testing.T) {
	t.Parallel()
	s := up(t, sandbox.Options{StateDir: t.TempDir(), Without: []string{sandbox.Nodes, sandbox.AWS, sandbox.Forge, sandbox.Controller}})
	all := children(s)
	if err := syscall.Kill(pid(t, s, sandbox.Scheduler), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	var end *part.ExitError
	if !errors.As(s.Err(), &end) || end.Part != sandbox.Scheduler || end.State != "signal: killed" {
		t.Errorf("Err() = %v, want that the scheduler was killed", s.Err())
	}
	if end != nil && end.Tail == "" {
		t.Error("without the end of its log")
	}
	for name, gone := range all {
		gone.wait(t, name)
	}
	st, err := sandbox.ReadStatus(s.StateDir())
	if err != nil || st.State != sandbox.StateDied || !strings.Contains(st.Error, sandbox.Scheduler) {
		t.Errorf("the status is %s (%s), %v; want died, and the scheduler named", st.State, st.Error, err)
	}
}

func TestEphemeralSandboxesSideBySide(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	o := sandbox.Options{StateDir: parent, Ephemeral: true, Without: bare}
	one, two := up(t, o), up(t, o)
	if one.APIServerURL() == two.APIServerURL() || one.StateDir() == two.StateDir() {
		t.Errorf("both are at %s in %s", one.APIServerURL(), one.StateDir())
	}
	for _, s := range []*sandbox.Sandbox{one, two} {
		if _, err := clientset(t, s).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
			t.Errorf("%s: %v", s.APIServerURL(), err)
		}
	}
	for _, s := range []*sandbox.Sandbox{one, two} {
		if err := s.Down(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("ephemeral sandboxes left %v, %v", left, err)
	}
}

// The sandbox lets a test take a part away and give it back.
func TestAPartCanBeKilledAndStarted(t *testing.T) {
	t.Parallel()
	s := up(t, sandbox.Options{StateDir: t.TempDir(), Without: bare})
	before := pid(t, s, sandbox.APIServer)
	if err := s.Kill(sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	if _, err := clientset(t, s).Discovery().ServerVersion(); err == nil {
		t.Error("the API server answers after it was killed")
	}
	if err := s.Start(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	if _, err := clientset(t, s).Discovery().ServerVersion(); err != nil {
		t.Errorf("the API server that was started again: %v", err)
	}
	if pid(t, s, sandbox.APIServer) == before {
		t.Error("it is still the same process")
	}
	if err := s.Kill("nonsense"); err == nil {
		t.Error("a part that is not there was killed")
	}
}

const superviseVariable = "DRAWBRIDGE_SANDBOX_TEST_SUPERVISE"

// supervise is a supervisor in a process of its own, to be killed.
func supervise(dir string) int {
	s, err := sandbox.Up(context.Background(), sandbox.Options{StateDir: dir, Without: withoutProduct})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("up")
	<-s.Done()
	return 1
}

func TestNoPartSurvivesTheSupervisor(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), superviseVariable+"="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it is killed already, unless the test failed
		cmd.Wait()         //nolint:errcheck // likewise
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
		t.Fatalf("the supervisor said %q, %v", line, err)
	}
	st, err := sandbox.ReadStatus(dir)
	if err != nil || st.State != sandbox.StateUp || st.Supervisor != cmd.Process.Pid {
		t.Fatalf("status %+v, %v", st, err)
	}
	all := map[string]process{}
	for _, p := range st.Parts {
		all[p.Name] = watch(p.PID)
		if p.Memory == 0 {
			t.Errorf("%s has no memory", p.Name)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for name, gone := range all {
		gone.wait(t, name)
	}
	if st, err := sandbox.ReadStatus(dir); err != nil || st.State != sandbox.StateDied || !strings.Contains(st.Error, "supervisor") {
		t.Errorf("status afterwards %+v, %v", st, err)
	}
	// What was killed comes up again.
	s := up(t, sandbox.Options{StateDir: dir, Without: bare})
	if _, err := clientset(t, s).CoreV1().Nodes().Get(t.Context(), "node-us-east-1b", metav1.GetOptions{}); err != nil {
		t.Errorf("what was there before the kill: %v", err)
	}
}

func TestAMissingProgramSaysWhatToRun(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for _, o := range []sandbox.Options{{Controller: nowhere}, {ControlPlane: nowhere}} {
		o.StateDir = t.TempDir()
		_, err := sandbox.Up(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), nowhere) || !strings.Contains(err.Error(), "run make") {
			t.Errorf("Up = %v, want where it looked and what to run", err)
		}
	}
}

func pid(t *testing.T, s *sandbox.Sandbox, name string) int {
	t.Helper()
	for _, p := range s.Status().Parts {
		if p.Name == name {
			return p.PID
		}
	}
	t.Fatalf("no part %s", name)
	return 0
}

// children are the processes of a sandbox.
func children(s *sandbox.Sandbox) map[string]process {
	all := map[string]process{}
	for _, p := range s.Status().Parts {
		all[p.Name] = watch(p.PID)
	}
	return all
}

// deadline for a process that was killed to be gone, on a busy machine.
const deadline = 30 * time.Second
