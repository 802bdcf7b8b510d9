package node

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// objects is a cluster that holds what a test puts there.
type objects struct {
	secrets, configMaps map[string][]string
	claims              map[string]corev1.PersistentVolumeClaimPhase
}

func (o objects) secretKeys(_, name string) ([]string, bool) {
	keys, ok := o.secrets[name]
	return keys, ok
}

func (o objects) configMapKeys(_, name string) ([]string, bool) {
	keys, ok := o.configMaps[name]
	return keys, ok
}

func (o objects) claimPhase(_, name string) (corev1.PersistentVolumeClaimPhase, bool) {
	phase, ok := o.claims[name]
	return phase, ok
}

// life is a Pod whose time the test moves on.
type life struct {
	t   *testing.T
	pod *corev1.Pod
	objects
	memory memory
	now    time.Time
	noIP   bool

	last *look
}

const latency = 300 * time.Millisecond

func newLife(t *testing.T, spec string) *life {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "blog", Namespace: "default", UID: "u1", Generation: 1}}
	if err := yaml.UnmarshalStrict([]byte(spec), &pod.Spec); err != nil {
		t.Fatal(err)
	}
	if pod.Spec.RestartPolicy == "" {
		pod.Spec.RestartPolicy = corev1.RestartPolicyAlways
	}
	pod.Status.Phase = corev1.PodPending
	return &life{
		t: t, pod: pod, memory: memory{}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		objects: objects{map[string][]string{}, map[string][]string{}, map[string]corev1.PersistentVolumeClaimPhase{}},
	}
}

// settle looks until nothing changes at this moment.
func (f *life) settle() *life {
	f.t.Helper()
	for range 20 {
		l := &look{
			pod: f.pod, cluster: f.objects, now: f.now, behaviour: behaviourOf(f.pod, latency),
			memory: f.memory, hostIP: "10.0.0.10",
			address: func() (string, error) {
				if f.noIP {
					return "", errors.New("no free address in 10.0.1.0/24")
				}
				return "10.0.1.5", nil
			},
		}
		l.take()
		if f.last != nil {
			l.warnings = append(f.last.warnings, l.warnings...)
		}
		f.last = l
		if !l.changed() {
			return f
		}
		f.pod = f.pod.DeepCopy()
		f.pod.Status = l.status
	}
	f.t.Fatal("the status never settles")
	return f
}

// pass lets time go by until the Pod waits for nothing more, at most d.
func (f *life) pass(d time.Duration) *life {
	f.t.Helper()
	f.settle()
	for end := f.now.Add(d); f.last.again > 0 && !f.now.Add(f.last.again).After(end); {
		f.now = f.now.Add(f.last.again)
		f.settle()
	}
	return f
}

// state is the Pod in one line: phase, ready, each container.
func (f *life) state() string {
	var b strings.Builder
	b.WriteString(string(f.pod.Status.Phase))
	if conditionTrue(f.pod.Status, corev1.PodReady) {
		b.WriteString(" ready")
	}
	for _, cs := range slices.Concat(f.pod.Status.InitContainerStatuses, f.pod.Status.ContainerStatuses) {
		b.WriteString(" " + cs.Name + "=")
		switch {
		case cs.State.Running != nil:
			b.WriteString("running")
		case cs.State.Terminated != nil:
			b.WriteString(cs.State.Terminated.Reason)
		case cs.State.Waiting != nil:
			b.WriteString(cs.State.Waiting.Reason)
		}
	}
	return b.String()
}

func (f *life) want(want string) *life {
	f.t.Helper()
	if got := f.state(); got != want {
		f.t.Errorf("the Pod is\n  %s, want\n  %s", got, want)
	}
	return f
}

func (f *life) message() string {
	for _, cs := range f.pod.Status.ContainerStatuses {
		if cs.State.Waiting != nil {
			return cs.State.Waiting.Message
		}
	}
	return ""
}

func (f *life) warnings() []string {
	var all []string
	for _, w := range f.last.warnings {
		all = append(all, w.reason+": "+w.message)
	}
	return all
}

func TestStartTakesItsLatency(t *testing.T) {
	t.Parallel()
	f := newLife(t, `containers: [{name: web, image: ghost}]`)
	f.pass(latency - 1).want("Pending web=ContainerCreating")
	if f.pod.Status.PodIP != "10.0.1.5" || f.pod.Status.HostIP != "10.0.0.10" {
		t.Errorf("addresses %q, %q", f.pod.Status.PodIP, f.pod.Status.HostIP)
	}
	f.pass(latency).want("Running ready web=running")
	if f.last.again != 0 {
		t.Errorf("a Pod that runs is looked at again in %s", f.last.again)
	}
}

func TestMissingSecretsAndConfigMaps(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec    string
		state   string // while it is missing
		message string // of the container, or the event
		give    func(objects)
	}{
		"env secret": {
			spec:    `containers: [{name: web, env: [{name: P, valueFrom: {secretKeyRef: {name: db, key: password}}}]}]`,
			state:   "Pending web=CreateContainerConfigError",
			message: `secret "db" not found`,
			give:    func(o objects) { o.secrets["db"] = []string{"password"} },
		},
		"env secret key": {
			spec:    `containers: [{name: web, env: [{name: P, valueFrom: {secretKeyRef: {name: half, key: password}}}]}]`,
			state:   "Pending web=CreateContainerConfigError",
			message: `couldn't find key password in Secret default/half`,
			give:    func(o objects) { o.secrets["half"] = []string{"user", "password"} },
		},
		"envFrom configmap": {
			spec:    `containers: [{name: web, envFrom: [{configMapRef: {name: settings}}]}]`,
			state:   "Pending web=CreateContainerConfigError",
			message: `configmap "settings" not found`,
			give:    func(o objects) { o.configMaps["settings"] = nil },
		},
		"secret volume": {
			spec:    `{containers: [{name: web}], volumes: [{name: tls, secret: {secretName: cert}}]}`,
			state:   "Pending web=ContainerCreating",
			message: `FailedMount: MountVolume.SetUp failed for volume "tls" : secret "cert" not found`,
			give:    func(o objects) { o.secrets["cert"] = nil },
		},
		"projected configmap key": {
			spec:    `{containers: [{name: web}], volumes: [{name: all, projected: {sources: [{configMap: {name: half, items: [{key: b, path: b}]}}]}}]}`,
			state:   "Pending web=ContainerCreating",
			message: `FailedMount: MountVolume.SetUp failed for volume "all" : references non-existent configmap key: b`,
			give:    func(o objects) { o.configMaps["half"] = []string{"b"} },
		},
		"claim": {
			spec:    `{containers: [{name: web}], volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}`,
			state:   "Pending web=ContainerCreating",
			message: `FailedMount: MountVolume.SetUp failed for volume "data" : persistentvolumeclaim "data" not found`,
			give:    func(o objects) { o.claims["data"] = corev1.ClaimBound },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newLife(t, tt.spec)
			f.secrets["half"], f.configMaps["half"] = []string{"user"}, []string{"a"}
			f.pass(time.Hour).want(tt.state)
			if got := append(f.warnings(), f.message()); !slices.Contains(got, tt.message) {
				t.Errorf("it says %q, want %q", got, tt.message)
			}
			if f.last.again != 0 {
				t.Error("it is polled")
			}
			tt.give(f.objects)
			f.pass(latency).want("Running ready web=running")
		})
	}
}

func TestWhatIsOptionalMayBeMissing(t *testing.T) {
	t.Parallel()
	f := newLife(t, `
containers:
- name: web
  envFrom: [{secretRef: {name: a, optional: true}}, {configMapRef: {name: b, optional: true}}]
  env:
  - {name: C, valueFrom: {secretKeyRef: {name: half, key: c, optional: true}}}
  - {name: D, valueFrom: {configMapKeyRef: {name: d, key: d, optional: true}}}
volumes:
- {name: e, secret: {secretName: e, optional: true}}
- {name: f, configMap: {name: half, optional: true, items: [{key: f, path: f}]}}
- {name: g, emptyDir: {}}
- {name: h, downwardAPI: {}}
`)
	f.secrets["half"], f.configMaps["half"] = nil, nil
	f.pass(latency).want("Running ready web=running")
}

func TestASecretThatGoesLaterStopsNobody(t *testing.T) {
	t.Parallel()
	f := newLife(t, `{containers: [{name: web, envFrom: [{secretRef: {name: db}}]}], volumes: [{name: v, secret: {secretName: db}}]}`)
	f.secrets["db"] = nil
	f.pass(latency).want("Running ready web=running")
	delete(f.secrets, "db")
	f.pass(time.Hour).want("Running ready web=running")
}

func TestVolumesThatNoNodeHere(t *testing.T) {
	t.Parallel()
	f := newLife(t, `{containers: [{name: web}], volumes: [{name: v, csi: {driver: efs.csi.aws.com}}]}`)
	f.pass(time.Hour).want("Pending web=ContainerCreating")
	if got := f.warnings(); len(got) != 1 || !strings.Contains(got[0], `no CSI driver "efs.csi.aws.com"`) {
		t.Errorf("it says %q", got)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	f := newLife(t, `containers: [{name: web}]`)
	f.noIP = true
	f.pass(time.Hour).want("Pending web=ContainerCreating")
	host := newLife(t, `{hostNetwork: true, containers: [{name: web}]}`)
	host.noIP = true
	host.pass(latency).want("Running ready web=running")
	if host.pod.Status.PodIP != "10.0.0.10" {
		t.Errorf("a Pod on the host's network has %s", host.pod.Status.PodIP)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	f := newLife(t, `{containers: [{name: web}, {name: log, envFrom: [{secretRef: {name: db}}]}], initContainers: [{name: migrate}]}`)
	f.pass(time.Hour).want("Pending migrate=Completed web=running log=CreateContainerConfigError")
	got := map[corev1.PodConditionType]string{}
	for _, c := range f.pod.Status.Conditions {
		got[c.Type] = strings.TrimSpace(strings.Join([]string{string(c.Status), c.Reason, c.Message}, " "))
	}
	want := map[corev1.PodConditionType]string{
		corev1.PodReadyToStartContainers: "True",
		corev1.PodInitialized:            "True",
		corev1.ContainersReady:           "False ContainersNotReady containers with unready status: [log]",
		corev1.PodReady:                  "False ContainersNotReady containers with unready status: [log]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if keys := slices.Sorted(maps.Keys(want)); len(keys) != len(f.pod.Status.Conditions) {
		t.Errorf("a condition is there twice: %v", f.pod.Status.Conditions)
	}
}
