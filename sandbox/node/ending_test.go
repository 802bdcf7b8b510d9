package node

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestReadinessGates(t *testing.T) {
	t.Parallel()
	f := newLife(t, `{containers: [{name: web}], readinessGates: [{conditionType: target-health.elbv2.k8s.aws/web}]}`)
	f.pass(latency).want("Running web=running")
	set := func(status corev1.ConditionStatus) {
		const gate = "target-health.elbv2.k8s.aws/web"
		f.pod = f.pod.DeepCopy()
		if c := findCondition(f.pod.Status, gate); c != nil {
			c.Status = status
		} else {
			f.pod.Status.Conditions = append(f.pod.Status.Conditions, corev1.PodCondition{Type: gate, Status: status})
		}
		f.settle()
	}
	ready := func() string { return findCondition(f.pod.Status, corev1.PodReady).Message }
	if want := `corresponding condition of pod readiness gate "target-health.elbv2.k8s.aws/web" does not exist.`; ready() != want {
		t.Errorf("it says %q", ready())
	}
	set(corev1.ConditionFalse)
	f.want("Running web=running")
	set(corev1.ConditionTrue)
	f.want("Running ready web=running")
	set(corev1.ConditionFalse)
	f.want("Running web=running")
}

func TestInitContainersInOrderAndSidecars(t *testing.T) {
	t.Parallel()
	f := newLife(t, `
initContainers: [{name: first}, {name: proxy, restartPolicy: Always}, {name: second, envFrom: [{secretRef: {name: db}}]}]
containers: [{name: web}]
`)
	f.pass(latency - 1).want("Pending first=ContainerCreating proxy=PodInitializing second=PodInitializing web=PodInitializing")
	f.pass(time.Hour).want("Pending first=Completed proxy=running second=CreateContainerConfigError web=PodInitializing")
	f.secrets["db"] = nil
	f.pass(time.Hour).want("Running ready first=Completed proxy=running second=Completed web=running")
}

func TestRestartPolicies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec        string
		annotations map[string]string
		within      time.Duration
		want        string
		restarts    int32
	}{
		"a job completes":           {`{restartPolicy: Never, containers: [{name: j}]}`, nil, time.Second, "Succeeded j=Completed", 0},
		"a job fails":               {`{restartPolicy: Never, containers: [{name: j}]}`, map[string]string{AnnotationExitCode: "3"}, time.Second, "Failed j=Error", 0},
		"on failure, success":       {`{restartPolicy: OnFailure, containers: [{name: j}]}`, nil, time.Second, "Succeeded j=Completed", 0},
		"on failure, restart":       {`{restartPolicy: OnFailure, containers: [{name: j}]}`, map[string]string{AnnotationExitCode: "1"}, time.Second, "Running j=CrashLoopBackOff", 2},
		"backs off":                 {`containers: [{name: j}]`, map[string]string{AnnotationExitCode: "1"}, 12 * time.Second, "Running j=CrashLoopBackOff", 3},
		"runs for a while":          {`{restartPolicy: Never, containers: [{name: j}]}`, map[string]string{AnnotationRunFor: "1m"}, 30 * time.Second, "Running ready j=running", 0},
		"and ends":                  {`{restartPolicy: Never, containers: [{name: j}]}`, map[string]string{AnnotationRunFor: "1m"}, 2 * time.Minute, "Succeeded j=Completed", 0},
		"sidecars end with the job": {`{restartPolicy: Never, initContainers: [{name: p, restartPolicy: Always}], containers: [{name: j}]}`, nil, time.Minute, "Succeeded p=Completed j=Completed", 0},
		"init fails for good":       {`{restartPolicy: Never, initContainers: [{name: i}], containers: [{name: j}]}`, map[string]string{AnnotationInitExitCode: "1"}, time.Minute, "Failed i=Error j=PodInitializing", 0},
		"init is tried again":       {`{initContainers: [{name: i}], containers: [{name: j}]}`, map[string]string{AnnotationInitExitCode: "1"}, time.Second, "Pending i=CrashLoopBackOff j=PodInitializing", 0},
		"never ready":               {`containers: [{name: j}]`, map[string]string{AnnotationReady: "false"}, time.Hour, "Running j=running", 0},
		"no image":                  {`containers: [{name: j, image: nope}]`, map[string]string{AnnotationPullError: "not found"}, time.Hour, "Pending j=ImagePullBackOff", 0},
		"slow":                      {`containers: [{name: j}]`, map[string]string{AnnotationStartLatency: "10s"}, 9 * time.Second, "Pending j=ContainerCreating", 0},
		"unreadable annotation":     {`containers: [{name: j}]`, map[string]string{AnnotationStartLatency: "soon"}, time.Hour, "Pending j=CreateContainerConfigError", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newLife(t, tt.spec)
			f.pod.Annotations = tt.annotations
			f.pass(tt.within).want(tt.want)
			if got := f.pod.Status.ContainerStatuses[0].RestartCount; got != tt.restarts {
				t.Errorf("%d restarts, want %d", got, tt.restarts)
			}
		})
	}
}

func TestTermination(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec        string
		annotations map[string]string
		grace       int64
		takes       time.Duration
		code        int32
	}{
		"at once":            {`containers: [{name: web}]`, nil, 30, stopLatency, 0},
		"preStop sleep":      {`containers: [{name: web, lifecycle: {preStop: {sleep: {seconds: 5}}}}]`, nil, 30, 5*time.Second + stopLatency, 0},
		"preStop command":    {`containers: [{name: web, lifecycle: {preStop: {exec: {command: [sh, -c, "sleep 7; nginx -s quit"]}}}}]`, nil, 30, 7*time.Second + stopLatency, 0},
		"grace is the limit": {`containers: [{name: web, lifecycle: {preStop: {sleep: {seconds: 50}}}}]`, nil, 10, 10 * time.Second, 137},
		"slow":               {`containers: [{name: web}]`, map[string]string{AnnotationStopLatency: "3s"}, 30, 3 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newLife(t, tt.spec)
			f.pod.Annotations = tt.annotations
			f.pass(latency).want("Running ready web=running")
			f.pod = f.pod.DeepCopy()
			f.pod.DeletionTimestamp, f.pod.DeletionGracePeriodSeconds = &metav1.Time{Time: f.now}, &tt.grace
			f.pass(tt.takes - time.Millisecond).want("Running ready web=running")
			if f.last.remove {
				t.Error("it is removed while its container runs")
			}
			f.pass(tt.takes)
			if !f.last.remove || f.pod.Status.ContainerStatuses[0].State.Terminated == nil {
				t.Fatalf("after its time it is %s", f.state())
			}
			if got := f.pod.Status.ContainerStatuses[0].State.Terminated.ExitCode; got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
		})
	}
}

func TestAPodThatNeverStartedEndsAtOnce(t *testing.T) {
	t.Parallel()
	f := newLife(t, `containers: [{name: web, envFrom: [{secretRef: {name: db}}]}]`)
	f.pass(time.Hour)
	f.pod = f.pod.DeepCopy()
	f.pod.DeletionTimestamp, f.pod.DeletionGracePeriodSeconds = &metav1.Time{Time: f.now}, new(int64(30))
	if f.settle(); !f.last.remove {
		t.Errorf("it is not removed: %s", f.state())
	}
}

func TestAddressesGoRound(t *testing.T) {
	t.Parallel()
	a := newAddresses(netip.MustParsePrefix("10.0.1.0/30"))
	give := func(uid string) string {
		ip, err := a.give(types.UID(uid))
		if err != nil {
			return err.Error()
		}
		return ip
	}
	a.keep("old", "10.0.1.2")
	a.keep("elsewhere", "10.9.9.9")
	got := []string{give("a"), give("a"), give("b"), give("c")}
	a.free("a")
	got = append(got, give("c"))
	want := []string{"10.0.1.1", "10.0.1.1", "10.0.1.3", "no free address in 10.0.1.0/30", "10.0.1.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestMachinesAreInDifferentZones(t *testing.T) {
	t.Parallel()
	m := Machines("eu-central-1")
	if len(m) != 2 || m[0].Zone != "eu-central-1a" || m[1].Zone != "eu-central-1b" || m[0].Pods.Overlaps(m[1].Pods) {
		t.Errorf("machines %+v", m)
	}
	if id := m[0].object().Spec.ProviderID; !strings.HasPrefix(*id, "aws:///eu-central-1a/i-") {
		t.Errorf("provider ID %s", *id)
	}
}
