package node

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// look is one look at a Pod: what its status ought to be now, given what the
// cluster holds. It changes nothing but its memory, so that a look whose result
// could not be written is simply taken again.
type look struct {
	pod     *corev1.Pod
	cluster cluster
	now     time.Time
	behaviour
	memory memory
	// exec runs the Pod's command; nil where that is not allowed.
	exec *execution
	// hostIP is the node's address; address gives the Pod its own.
	hostIP  string
	address func() (string, error)

	status corev1.PodStatus
	outcome
}

// outcome is what else there is to do.
type outcome struct {
	// again is when to look again though nothing has happened; never when zero.
	again time.Duration
	// warnings become events.
	warnings []warning
	// remove says that the containers of a deleted Pod have ended.
	remove bool
}

type warning struct{ reason, message string }

// memory is when a phase of a Pod's life began, for phases shorter than the
// whole seconds that the API can tell. A node agent that is started anew has
// none: the phase begins again.
type memory map[string]time.Time

func (l *look) since(phase string) time.Duration {
	begun, ok := l.memory[phase]
	if !ok {
		begun = l.now
		l.memory[phase] = begun
	}
	return l.now.Sub(begun)
}

// warn makes an event, once in a Pod's life for one message.
func (l *look) warn(reason, message string) {
	if _, told := l.memory["warned/"+message]; told {
		return
	}
	l.memory["warned/"+message] = l.now
	l.warnings = append(l.warnings, warning{reason, message})
}

// lookAgain asks for another look in d, or earlier.
func (l *look) lookAgain(d time.Duration) {
	if l.again == 0 || d < l.again {
		l.again = d
	}
}

// take fills status and outcome.
func (l *look) take() {
	l.status = *l.pod.Status.DeepCopy()
	if l.pod.DeletionTimestamp != nil {
		l.terminate()
		return
	}
	if terminal(l.status.Phase) {
		return
	}
	l.status.ObservedGeneration = l.pod.Generation
	if l.status.StartTime == nil {
		l.status.StartTime = &metav1.Time{Time: l.now}
	}
	if l.command != "" && l.exec == nil {
		l.warn("ExecOff", "The command of annotation "+AnnotationExec+" is not run, and the container is simulated: drawbridge-sandbox up --exec allows commands of manifests to run on this machine, with your rights")
	}
	mounted := l.mount()
	initialized, initFailed := l.initContainers(mounted)
	l.containers(mounted, initialized, initFailed)
	l.status.Phase = l.phase(initialized, initFailed)
	if terminal(l.status.Phase) {
		l.endAll(l.status.InitContainerStatuses, 0)
		l.endAll(l.status.ContainerStatuses, 0)
	}
	l.conditions(initialized)
}

func (l *look) changed() bool { return !equality.Semantic.DeepEqual(l.pod.Status, l.status) }

func terminal(p corev1.PodPhase) bool { return p == corev1.PodSucceeded || p == corev1.PodFailed }

// mount says whether the Pod's volumes are mounted. Once they are they stay: a
// Secret that is deleted later stops nobody.
func (l *look) mount() bool {
	if conditionTrue(l.status, corev1.PodReadyToStartContainers) {
		return true
	}
	fail := func(reason, message string) bool {
		l.warn(reason, message)
		l.setCondition(corev1.PodReadyToStartContainers, false, "", "")
		return false
	}
	for _, v := range l.pod.Spec.Volumes {
		if err := volumeError(l.cluster, l.pod, v); err != nil {
			return fail("FailedMount", "MountVolume.SetUp failed for volume \""+v.Name+"\" : "+err.Error())
		}
	}
	ip := l.hostIP
	if !l.pod.Spec.HostNetwork {
		var err error
		if ip, err = l.address(); err != nil {
			return fail("FailedCreatePodSandBox", "Failed to create pod sandbox: "+err.Error())
		}
	}
	l.status.HostIP, l.status.HostIPs = l.hostIP, []corev1.HostIP{{IP: l.hostIP}}
	l.status.PodIP, l.status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	l.setCondition(corev1.PodReadyToStartContainers, true, "", "")
	return true
}

// initContainers takes them one step further, in order. initialized says that
// the others may start, failed that they never will.
func (l *look) initContainers(mounted bool) (initialized, failed bool) {
	open := mounted
	var next []corev1.ContainerStatus
	for _, c := range l.pod.Spec.InitContainers {
		cs := statusOf(l.status.InitContainerStatuses, c)
		kind := initOnce
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			kind = sidecar
		}
		switch {
		case !open:
			wait(&cs, "PodInitializing", "")
		case failed:
		default:
			l.container(c, &cs, kind)
		}
		switch {
		case kind == sidecar:
			open = open && cs.State.Running != nil
		case cs.State.Terminated == nil:
			open = false
		case cs.State.Terminated.ExitCode != 0:
			open = false
			failed = failed || !l.restarts(kind, cs.State.Terminated.ExitCode)
		}
		next = append(next, cs)
	}
	l.status.InitContainerStatuses = next
	// A sidecar that fell over later does not take the others back.
	return open || (mounted && !failed && conditionTrue(l.status, corev1.PodInitialized)), failed
}

func (l *look) containers(mounted, initialized, failed bool) {
	waitFor := "ContainerCreating"
	if len(l.pod.Spec.InitContainers) > 0 {
		waitFor = "PodInitializing"
	}
	var next []corev1.ContainerStatus
	for _, c := range l.pod.Spec.Containers {
		cs := statusOf(l.status.ContainerStatuses, c)
		if mounted && initialized && !failed {
			l.container(c, &cs, regular)
		} else {
			wait(&cs, waitFor, "")
		}
		next = append(next, cs)
	}
	l.status.ContainerStatuses = next
}

// phase follows the kubelet's rules.
func (l *look) phase(initialized, initFailed bool) corev1.PodPhase {
	if initFailed {
		return corev1.PodFailed
	}
	if !initialized {
		return corev1.PodPending
	}
	var waiting, alive, failed int
	for _, cs := range l.status.ContainerStatuses {
		switch {
		case cs.State.Terminated != nil && !l.restarts(regular, cs.State.Terminated.ExitCode):
			if cs.State.Terminated.ExitCode != 0 {
				failed++
			}
		case cs.State.Waiting != nil && cs.LastTerminationState.Terminated == nil:
			waiting++
		default:
			alive++
		}
	}
	switch {
	case waiting > 0:
		return corev1.PodPending
	case alive > 0:
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

// terminate ends the containers of a deleted Pod when they have had the time
// that they need, or their grace.
func (l *look) terminate() {
	running := func(cs corev1.ContainerStatus) bool { return cs.State.Running != nil }
	if slices.ContainsFunc(l.status.ContainerStatuses, running) || slices.ContainsFunc(l.status.InitContainerStatuses, running) {
		need, grace := l.stopLatency, time.Duration(0)
		for _, c := range l.pod.Spec.Containers {
			need = max(need, preStop(c)+l.stopLatency)
		}
		if g := l.pod.DeletionGracePeriodSeconds; g != nil {
			grace = time.Duration(*g) * time.Second
		}
		if l.stopping(need-l.stopLatency, grace) {
			return
		}
		if left := min(need, grace) - l.since("stop"); left > 0 {
			l.lookAgain(left)
			return
		}
		var code int32
		if need > grace {
			code = 137 // killed, as the kubelet reports it
		}
		l.endExecuted()
		l.endAll(l.status.InitContainerStatuses, code)
		l.endAll(l.status.ContainerStatuses, code)
	}
	if !terminal(l.status.Phase) {
		l.status.Phase = corev1.PodSucceeded
		for _, cs := range l.status.ContainerStatuses {
			if cs.State.Terminated == nil || cs.State.Terminated.ExitCode != 0 {
				l.status.Phase = corev1.PodFailed
			}
		}
		l.conditions(conditionTrue(l.status, corev1.PodInitialized))
	}
	l.remove = true
}
