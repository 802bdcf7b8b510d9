package node_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node/podnet"
)

// asServer makes this test program the server of a Pod.
const asServer = "DRAWBRIDGE_NODE_TEST_SERVER"

// serveGreeting answers with its variables, and ends with a code that it is asked
// for, or in order.
func serveGreeting() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s %s %d", os.Getenv("GREETING"), os.Getenv("HOSTNAME"), os.Getpid())
	})
	http.HandleFunc("/exit", func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println("asked to exit")
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		os.Exit(code)
	})
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	context.AfterFunc(ctx, func() { os.Exit(0) })
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// A Pod's command is a process that is started, probed, restarted and ended as a
// container is, and never survives the nodes.
func TestCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	s, err := sandbox.Up(t.Context(), sandbox.Options{
		StateDir: t.TempDir(), Without: []string{sandbox.AWS, sandbox.Forge, sandbox.Controller}, Exec: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	k, err := kubernetes.NewForConfig(s.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{k, "default"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "words"}, StringData: map[string]string{"greeting": "hello from $(HOSTNAME)"}}
	if _, err := k.CoreV1().Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{node.AnnotationExec: "'" + self + "'; exit $?"}},
		Spec: corev1.PodSpec{Containers: web(func(c *corev1.Container) {
			c.Ports = []corev1.ContainerPort{{ContainerPort: 8080}}
			c.Env = []corev1.EnvVar{
				{Name: asServer, Value: "1"},
				{Name: "GREETING", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "words"}, Key: "greeting"}}},
			}
			c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt32(8080)}}}
		})},
	}
	if _, err := k.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: podnet.Dialer(s.PodProxy()).DialContext, DisableKeepAlives: true}}
	// greeting is what the command says, and a hold on its process.
	greeting := func(restarts int32) (string, int) {
		t.Helper()
		pods := c.await(t, fmt.Sprintf("ready after %d restarts", restarts), func(pods []corev1.Pod) bool {
			return allReady(1)(pods) && pods[0].Status.ContainerStatuses[0].RestartCount == restarts
		})
		answer, err := client.Get("http://" + pods[0].Status.PodIP + ":8080/")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		text, number, _ := strings.Cut(string(body), " web ")
		pid, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		hold, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(hold) })
		return text, hold
	}
	ended := func(what string, hold int) {
		t.Helper()
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(hold), Events: unix.POLLIN}}, int(deadline.Milliseconds())); n != 1 {
			t.Errorf("%s: the process lives on (%v)", what, err)
		}
	}
	text, first := greeting(0)
	if text != "hello from $(HOSTNAME)" { // values of Secrets are not expanded
		t.Errorf("it says %q", text)
	}

	pods := c.await(t, "there", func(pods []corev1.Pod) bool { return len(pods) == 1 })
	client.Get("http://" + pods[0].Status.PodIP + ":8080/exit?code=3") //nolint:errcheck // it can't answer
	ended("it was asked to exit", first)
	_, second := greeting(1)
	now, err := k.CoreV1().Pods("default").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if last := now.Status.ContainerStatuses[0].LastTerminationState.Terminated; last == nil || last.ExitCode != 3 || last.Reason != "Error" {
		t.Errorf("it ended with %+v, want exit code 3", last)
	}
	log := filepath.Join(s.StateDir(), "logs", "pods", "default", "web_web.log")
	if printed, err := os.ReadFile(log); err != nil || !strings.Contains(string(printed), "asked to exit") {
		t.Errorf("the log has %q, %v", printed, err)
	}
	c.awaitEvent(t, "web", "ended with code 3: what it printed is in "+log)

	if err := s.Kill(sandbox.Nodes); err != nil {
		t.Fatal(err)
	}
	ended("the nodes were killed", second)
	if err := s.Start(t.Context(), sandbox.Nodes); err != nil {
		t.Fatal(err)
	}
	// The third start is after a back-off, as a kubelet has it.
	c.await(t, "backing off", waiting("CrashLoopBackOff"))
	_, third := greeting(2)
	if err := k.CoreV1().Pods("default").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.awaitGone(t, "web")
	ended("the Pod was deleted", third)
}

// awaitEvent waits for an event of a Pod that says something.
func (c cluster) awaitEvent(t *testing.T, pod, says string) {
	t.Helper()
	w, err := c.CoreV1().Events(c.namespace).Watch(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + pod})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	var seen []string
	for {
		select {
		case e := <-w.ResultChan():
			if event, is := e.Object.(*corev1.Event); is {
				if seen = append(seen, event.Message); strings.Contains(event.Message, says) {
					return
				}
			}
		case <-ctx.Done():
			t.Fatalf("no event says %q: %s", says, strings.Join(slices.Compact(seen), "; "))
		}
	}
}
