package node_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node/podnet"
)

func TestMain(m *testing.M) {
	sandbox.BePart()
	if os.Getenv(asServer) != "" {
		serveGreeting()
	}
	os.Exit(m.Run())
}

// deadline for anything that ought to happen, on a busy machine.
const deadline = time.Minute

// TestOnARealControlPlane runs the nodes below the real scheduler and
// controllers, each case in a namespace of its own.
func TestOnARealControlPlane(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	s, err := sandbox.Up(t.Context(), sandbox.Options{
		StateDir: t.TempDir(), Without: []string{sandbox.AWS, sandbox.Forge, sandbox.Controller},
		PodStartLatency: 10 * time.Millisecond,
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
	for name, test := range map[string]func(*testing.T, cluster){
		"replicas spread over zones": spread,
		"secret appears":             secretAppears,
		"volume appears":             volumeAppears,
		"job completes":              jobCompletes,
		"readiness gate":             readinessGate,
		"deletion takes its time":    deletion,
		"claim without a volume":     claim,
		"answers requests":           func(t *testing.T, c cluster) { answers(t, c, podnet.Dialer(s.PodProxy())) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := "test-" + strings.ReplaceAll(name, " ", "-")
			if _, err := k.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			c := cluster{k, ns}
			c.awaitAccount(t)
			test(t, c)
		})
	}
	// Leases and nodes are there, and the nodes differ in their zones.
	nodes, err := k.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 2 {
		t.Fatalf("%d nodes, %v", len(nodes.Items), err)
	}
	for _, n := range nodes.Items {
		lease, err := k.CoordinationV1().Leases("kube-node-lease").Get(t.Context(), n.Name, metav1.GetOptions{})
		if err != nil || lease.Spec.RenewTime == nil {
			t.Errorf("lease of %s: %v, %v", n.Name, lease, err)
		}
	}
}

type cluster struct {
	*kubernetes.Clientset
	namespace string
}

func (c cluster) awaitAccount(t *testing.T) {
	t.Helper()
	w, err := c.CoreV1().ServiceAccounts(c.namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	select {
	case <-w.ResultChan():
	case <-time.After(deadline):
		t.Fatal("the namespace got no service account")
	}
}

// await watches the namespace's Pods until they are as they should.
func (c cluster) await(t *testing.T, what string, ok func([]corev1.Pod) bool) []corev1.Pod {
	t.Helper()
	w, err := c.CoreV1().Pods(c.namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	pods := map[string]corev1.Pod{}
	late := time.After(deadline)
	for {
		now := slices.Collect(maps.Values(pods))
		if ok(now) {
			return now
		}
		select {
		case e := <-w.ResultChan():
			pod, is := e.Object.(*corev1.Pod)
			if !is {
				t.Fatalf("%s: the watch ended with %v", what, e.Object)
			}
			pods[pod.Name] = *pod
			if e.Type == watch.Deleted {
				delete(pods, pod.Name)
			}
		case <-late:
			t.Fatalf("%s: not after %s; the Pods are %s", what, deadline, describe(now))
		}
	}
}

func describe(pods []corev1.Pod) string {
	var b strings.Builder
	for _, p := range pods {
		fmt.Fprintf(&b, "\n%s on %s: %+v", p.Name, p.Spec.NodeName, p.Status)
	}
	return b.String()
}

func ready(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func allReady(n int) func([]corev1.Pod) bool {
	return func(pods []corev1.Pod) bool {
		return len(pods) == n && !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return !ready(p) })
	}
}

func waiting(reason string) func([]corev1.Pod) bool {
	return func(pods []corev1.Pod) bool {
		return len(pods) == 1 && slices.ContainsFunc(pods[0].Status.ContainerStatuses, func(cs corev1.ContainerStatus) bool {
			return cs.State.Waiting != nil && cs.State.Waiting.Reason == reason
		})
	}
}

func (c cluster) create(t *testing.T, pod corev1.PodSpec) *corev1.Pod {
	t.Helper()
	made, err := c.CoreV1().Pods(c.namespace).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: pod}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func web(change func(*corev1.Container)) []corev1.Container {
	c := corev1.Container{Name: "web", Image: "ghost"}
	if change != nil {
		change(&c)
	}
	return []corev1.Container{c}
}

func spread(t *testing.T, c cluster) {
	labels := map[string]string{"app": "web"}
	_, err := c.AppsV1().Deployments(c.namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: web(nil),
				TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
					MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.DoNotSchedule,
					LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := c.await(t, "two replicas", allReady(2))
	if pods[0].Spec.NodeName == pods[1].Spec.NodeName || pods[0].Status.PodIP == pods[1].Status.PodIP {
		t.Errorf("the replicas are not apart: %s", describe(pods))
	}
}

func secretAppears(t *testing.T, c cluster) {
	c.create(t, corev1.PodSpec{Containers: web(func(w *corev1.Container) {
		w.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "db"}}}}
	})})
	c.await(t, "an error", waiting("CreateContainerConfigError"))
	if _, err := c.CoreV1().Secrets(c.namespace).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	c.await(t, "ready", allReady(1))
	t.Logf("ready %s after the Secret", time.Since(begun).Round(time.Millisecond))
}

func volumeAppears(t *testing.T, c cluster) {
	pod := c.create(t, corev1.PodSpec{Containers: web(nil), Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}},
	}}}})
	c.await(t, "not started", waiting("ContainerCreating"))
	w, err := c.CoreV1().Events(c.namespace).Watch(t.Context(), metav1.ListOptions{FieldSelector: "reason=FailedMount,involvedObject.uid=" + string(pod.UID)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	select {
	case e := <-w.ResultChan():
		if got := e.Object.(*corev1.Event).Message; got != `MountVolume.SetUp failed for volume "v" : configmap "settings" not found` {
			t.Errorf("the event says %q", got)
		}
	case <-time.After(deadline):
		t.Error("no FailedMount event")
	}
	if _, err := c.CoreV1().ConfigMaps(c.namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.await(t, "ready", allReady(1))
}

func jobCompletes(t *testing.T, c cluster) {
	made, err := c.BatchV1().Jobs(c.namespace).Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "migrate"},
		Spec:       batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: web(nil)}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.BatchV1().Jobs(c.namespace).Watch(t.Context(), metav1.SingleObject(metav1.ObjectMeta{Name: made.Name}))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	late := time.After(deadline)
	for {
		select {
		case e := <-w.ResultChan():
			if job, is := e.Object.(*batchv1.Job); is && job.Status.CompletionTime != nil && job.Status.Succeeded == 1 {
				return
			}
		case <-late:
			t.Fatal("the Job did not complete")
		}
	}
}

func readinessGate(t *testing.T, c cluster) {
	c.create(t, corev1.PodSpec{Containers: web(nil), ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "example.org/healthy"}}})
	pods := c.await(t, "running", func(pods []corev1.Pod) bool { return len(pods) == 1 && pods[0].Status.Phase == corev1.PodRunning })
	if ready(pods[0]) {
		t.Error("it is ready before its gate")
	}
	patch := `{"status":{"conditions":[{"type":"example.org/healthy","status":"True"}]}}`
	if _, err := c.CoreV1().Pods(c.namespace).Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	c.await(t, "ready", allReady(1))
}

func deletion(t *testing.T, c cluster) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{node.AnnotationStopLatency: "700ms"}},
		Spec:       corev1.PodSpec{Containers: web(nil), TerminationGracePeriodSeconds: new(int64(30))},
	}
	if _, err := c.CoreV1().Pods(c.namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.await(t, "ready", allReady(1))
	begun := time.Now()
	if err := c.CoreV1().Pods(c.namespace).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.await(t, "terminating", func(pods []corev1.Pod) bool {
		return len(pods) == 1 && pods[0].DeletionTimestamp != nil && pods[0].Status.ContainerStatuses[0].State.Running != nil
	})
	c.awaitGone(t, "web")
	if took := time.Since(begun); took < 700*time.Millisecond {
		t.Errorf("it was gone after %s, before its containers could end", took)
	}
}

func (c cluster) awaitGone(t *testing.T, name string) {
	t.Helper()
	list, err := c.CoreV1().Pods(c.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) == 0 {
		return
	}
	w, err := c.CoreV1().Pods(c.namespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	late := time.After(deadline)
	for {
		select {
		case e := <-w.ResultChan():
			if e.Type == watch.Deleted {
				return
			}
		case <-late:
			t.Fatalf("%s is still there", name)
		}
	}
}

// A claim that nobody provides for is no quiet hang: the scheduler says why.
func claim(t *testing.T, c cluster) {
	if _, err := c.CoreV1().PersistentVolumeClaims(c.namespace).Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.create(t, corev1.PodSpec{Containers: web(nil), Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
	}}}})
	c.await(t, "unschedulable, with the reason", func(pods []corev1.Pod) bool {
		return len(pods) == 1 && slices.ContainsFunc(pods[0].Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable && strings.Contains(c.Message, "PersistentVolumeClaim")
		})
	})
}
