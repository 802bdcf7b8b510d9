package node

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// role is what a container is to its Pod.
type role int

const (
	regular  role = iota
	initOnce      // an init container that must complete
	sidecar       // an init container that stays
)

// container takes one container one step further: waiting, running, terminated,
// and waiting again when it is to be restarted.
func (l *look) container(c corev1.Container, cs *corev1.ContainerStatus, as role) {
	if cs.State.Running != nil {
		l.running(c, cs, as)
		return
	}
	if t := cs.State.Terminated; t != nil {
		if !l.restarts(as, t.ExitCode) {
			return
		}
		cs.LastTerminationState = cs.State
		cs.RestartCount++
	}
	l.starting(c, cs, as)
}

func (l *look) running(c corev1.Container, cs *corev1.ContainerStatus, as role) {
	if l.executes(c) {
		l.executing(cs)
		return
	}
	ends, after, code := l.ends(as)
	if !ends {
		cs.Ready = !l.unready
		return
	}
	cs.Ready = !l.unready && as != initOnce
	if left := after - l.since(phaseOf("run", c, cs)); left > 0 {
		l.lookAgain(left)
		return
	}
	l.end(cs, code)
	cs.Ready = as == initOnce && code == 0
}

// ends says whether, after how long and how a container ends by itself.
func (l *look) ends(as role) (ends bool, after time.Duration, code int32) {
	switch as {
	case initOnce:
		return true, 0, l.initExitCode
	case sidecar:
		return false, 0, 0
	}
	return l.finish, l.runFor, l.exitCode
}

func (l *look) restarts(as role, code int32) bool {
	policy := l.pod.Spec.RestartPolicy
	switch as {
	case sidecar:
		return true
	case initOnce:
		return code != 0 && policy != corev1.RestartPolicyNever
	}
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && code != 0
}

// starting is a container that does not run, and what keeps it from running.
func (l *look) starting(c corev1.Container, cs *corev1.ContainerStatus, as role) {
	if pause := backoff(cs.RestartCount); pause > 0 {
		if left := pause - l.since(phaseOf("backoff", c, cs)); left > 0 {
			wait(cs, "CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
				pause, c.Name, l.pod.Name, l.pod.Namespace, l.pod.UID))
			l.lookAgain(left)
			return
		}
	}
	if l.pullError != "" {
		wait(cs, "ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", c.Image, l.pullError))
		l.warn("Failed", fmt.Sprintf("Failed to pull image %q: %s", c.Image, l.pullError))
		return
	}
	err := l.behaviour.err
	if err == nil {
		err = environmentError(l.cluster, l.pod, c)
	}
	start := phaseOf("start", c, cs)
	if err != nil {
		delete(l.memory, start)
		wait(cs, "CreateContainerConfigError", err.Error())
		l.warn("Failed", "Error: "+err.Error())
		return
	}
	if left := l.startLatency - l.since(start); left > 0 {
		wait(cs, "ContainerCreating", "")
		l.lookAgain(left)
		return
	}
	if l.executes(c) && !l.execute(cs) {
		return
	}
	cs.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(l.now)}}
	cs.ContainerID = fmt.Sprintf("simulated://%s-%s-%d", l.pod.UID, c.Name, cs.RestartCount)
	cs.ImageID = "simulated://" + c.Image
	cs.Started = new(true)
	if l.executes(c) {
		l.executing(cs)
		return
	}
	cs.Ready = !l.unready && as != initOnce
	if ends, after, _ := l.ends(as); ends {
		l.since(phaseOf("run", c, cs))
		l.lookAgain(max(after, time.Millisecond))
	}
}

// phaseOf names a phase of one run of a container.
func phaseOf(phase string, c corev1.Container, cs *corev1.ContainerStatus) string {
	return phase + "/" + c.Name + "/" + strconv.Itoa(int(cs.RestartCount))
}

// backoff is the kubelet's: nothing before the first restart, then 10 s, doubled
// up to 5 minutes.
func backoff(restarts int32) time.Duration {
	if restarts < 2 {
		return 0
	}
	return min(10*time.Second<<min(restarts-2, 10), 5*time.Minute)
}

func wait(cs *corev1.ContainerStatus, reason, message string) {
	cs.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	cs.Ready, cs.Started = false, new(false)
}

func (l *look) end(cs *corev1.ContainerStatus, code int32) {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	t := &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, FinishedAt: metav1.NewTime(l.now), ContainerID: cs.ContainerID,
	}
	if cs.State.Running != nil {
		t.StartedAt = cs.State.Running.StartedAt
	}
	cs.State = corev1.ContainerState{Terminated: t}
	cs.Ready, cs.Started = false, new(false)
}

// endAll ends those that run.
func (l *look) endAll(all []corev1.ContainerStatus, code int32) {
	for i := range all {
		if all[i].State.Running != nil {
			l.end(&all[i], code)
		}
	}
}

func statusOf(all []corev1.ContainerStatus, c corev1.Container) corev1.ContainerStatus {
	for _, cs := range all {
		if cs.Name == c.Name {
			return cs
		}
	}
	return corev1.ContainerStatus{Name: c.Name, Image: c.Image}
}

var sleepCommand = regexp.MustCompile(`(?:^|[\s/;&])sleep\s+(\d+)\b`)

// preStop is how long a container's preStop hook takes: a sleep, as an action or
// in a command; any other command takes no time.
func preStop(c corev1.Container) time.Duration {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil {
		return 0
	}
	hook := c.Lifecycle.PreStop
	if hook.Sleep != nil {
		return time.Duration(hook.Sleep.Seconds) * time.Second
	}
	if hook.Exec == nil {
		return 0
	}
	m := sleepCommand.FindStringSubmatch(strings.Join(hook.Exec.Command, " "))
	if m == nil {
		return 0
	}
	seconds, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
