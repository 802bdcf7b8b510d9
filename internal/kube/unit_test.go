package kube

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
)

func FuzzID(f *testing.F) {
	for _, s := range []string{"/ConfigMap/default/a", "apps/Deployment/shop/web", "g/K//n", "///", "a/b", "/Kind/ns/with/slash"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err == nil && id.String() != s {
			t.Errorf("%q became %q", s, id)
		}
	})
}

func FuzzOwner(f *testing.F) {
	f.Add("ns/env/web=/ConfigMap/default/a")
	f.Add("=/ConfigMap/default/a")
	f.Add("x=y")
	f.Fuzz(func(t *testing.T, annotation string) {
		id := ID{Kind: "ConfigMap", Namespace: "default", Name: "a"}
		if o, ok := ownerOf(annotation, id); ok && o.annotation(id) != annotation {
			t.Errorf("%q became %q", annotation, o.annotation(id))
		}
	})
}

func TestLabelValue(t *testing.T) {
	t.Parallel()
	a, b := labelValue(strings.Repeat("a", 70)+"1"), labelValue(strings.Repeat("a", 70)+"2")
	if len(a) > 63 || a == b || labelValue("production") != "production" {
		t.Error(a, b)
	}
}

func TestHashFieldsIgnoresOrder(t *testing.T) {
	t.Parallel()
	a := hashFields([]byte(`{"f:spec":{"f:replicas":{},"f:x":{".":{},"k:{\"a\":1}":{}}}}`))
	b := hashFields([]byte(`{"f:spec":{"f:x":{"k:{\"a\":1}":{},".":{}},"f:replicas":{}}}`))
	c := hashFields([]byte(`{"f:spec":{"f:x":{"k:{\"a\":1}":{},".":{},"f:replicas":{}}}}`))
	if a != b || a == c || a == (fields{}) {
		t.Error(a, b, c)
	}
	if parseFields(a.String()) != a || parseFields("short") != (fields{}) {
		t.Error("a hash does not survive its own text")
	}
}

// A server that is overloaded is asked again when it says; one that refuses is
// not; one that stays away is given up, by name.
func TestRetries(t *testing.T) {
	t.Parallel()
	var answers []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		code := answers[0]
		answers = answers[1:]
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "7")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	c, err := New(&rest.Config{Host: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var waits []time.Duration
	c.own.patience.sleep = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}
	ask := func(codes ...int) error {
		answers, waits = codes, nil
		_, err := c.own.do(t.Context(), request{verb: "GET", path: "/x"})
		return err
	}
	if err := ask(429, 503, 500, 200); err != nil || len(waits) != 3 || waits[0] != 7*time.Second || waits[1] >= time.Second {
		t.Error(err, waits)
	}
	for _, code := range []int{400, 401, 403, 404, 409, 422, 501} {
		if err := ask(code); err == nil || len(waits) != 0 {
			t.Error(code, err, waits)
		}
	}
	server.Close()
	c.own.patience.limit = 0
	if err := ask(); err == nil || !strings.Contains(err.Error(), server.URL) || !strings.Contains(err.Error(), "could not be reached") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.own.do(ctx, request{verb: "GET", path: "/x"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestBlockedBy(t *testing.T) {
	t.Parallel()
	waiting := func(reason, message string) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "web", State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
		}}}}
	}
	crashing := waiting("CrashLoopBackOff", "back-off 10s")
	crashing.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}
	for want, pod := range map[string]corev1.Pod{
		`container web: CreateContainerConfigError: secret "db" not found`:                 {Status: waiting("CreateContainerConfigError", `secret "db" not found`)},
		"container web: CrashLoopBackOff: back-off 10s (it ended with exit code 2, Error)": {Status: crashing},
		"Unschedulable: 0/2 nodes are available":                                           {Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: "PodScheduled", Status: "False", Reason: "Unschedulable", Message: "0/2 nodes are available"}}}},
		"container web is running but not ready":                                           {Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "web", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}},
		"readiness gate target-health.elbv2.k8s.aws/a is not true":                         {Spec: corev1.PodSpec{ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "target-health.elbv2.k8s.aws/a"}}}},
		"": {Status: waiting("ContainerCreating", "")},
	} {
		if d := cmp.Diff(want, blockedBy(&pod)); d != "" {
			t.Error(d)
		}
	}
}

func TestDesired(t *testing.T) {
	t.Parallel()
	object := map[string]any{
		"kind": "X", "status": map[string]any{"a": 1},
		"metadata": map[string]any{
			"name": "n", "uid": "u", "resourceVersion": "1", "labels": map[string]any{"l": "1"},
			"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "{}"},
		},
	}
	want := map[string]any{"kind": "X", "metadata": map[string]any{"labels": map[string]any{"l": "1"}}}
	if d := cmp.Diff(want, desired(object)); d != "" {
		t.Error(d)
	}
	if object["status"] == nil {
		t.Error("the argument was changed")
	}
}
