package node_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/sandbox/node"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node/podnet"
)

// ask asks a Pod until the answer has the status: the nodes learn of what they
// wrote by watch, as everybody does.
func ask(t *testing.T, client *http.Client, url string, status int) node.Answer {
	t.Helper()
	for late := time.Now().Add(deadline); ; {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("X-Forwarded-Proto", "https")
		var got node.Answer
		answer, err := client.Do(r)
		if err == nil {
			err = json.NewDecoder(answer.Body).Decode(&got)
			answer.Body.Close()
			if err == nil && answer.StatusCode == status {
				return got
			}
		}
		if time.Now().After(late) {
			t.Fatalf("%s: %v, %v; want status %d", url, answer, err, status)
		}
	}
}

func answers(t *testing.T, c cluster, pods podnet.Dialer) {
	client := &http.Client{Transport: &http.Transport{DialContext: pods.DialContext}}
	c.create(t, corev1.PodSpec{Containers: web(func(c *corev1.Container) { c.Ports = []corev1.ContainerPort{{ContainerPort: 2368}} })})
	pod := c.await(t, "ready", allReady(1))[0]
	url := "http://" + pod.Status.PodIP + ":2368/posts?page=2"
	want := node.Answer{
		Pod: "web", Namespace: c.namespace, Container: "web", Image: "ghost", Node: pod.Spec.NodeName, Zone: pod.Spec.NodeName[len("node-"):],
		Address: pod.Status.PodIP, Ready: true, Method: "GET", Host: pod.Status.PodIP + ":2368", Path: "/posts?page=2",
		Forwarded: map[string]string{"X-Forwarded-Proto": "https"},
	}
	if diff := cmp.Diff(want, ask(t, client, url, http.StatusOK)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := client.Get("http://" + pod.Status.PodIP + ":80/"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port that it does not declare: %v", err)
	}

	pod.Annotations = map[string]string{node.AnnotationReady: "false"}
	if _, err := c.CoreV1().Pods(c.namespace).Update(t.Context(), &pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if ask(t, client, url, http.StatusServiceUnavailable).Ready {
		t.Error("it calls itself ready")
	}
	if err := c.CoreV1().Pods(c.namespace).Delete(t.Context(), "web", metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
		t.Fatal(err)
	}
	c.awaitGone(t, "web")
	for late := time.Now().Add(deadline); ; {
		if _, err := client.Get(url); errors.Is(err, syscall.EHOSTUNREACH) {
			break
		} else if time.Now().After(late) {
			t.Fatalf("a Pod that is gone: %v", err)
		}
	}
}
