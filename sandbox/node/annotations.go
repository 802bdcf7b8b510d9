package node

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations on a Pod that say how its simulated containers behave. They may be
// changed while it runs. One that can't be read shows as
// CreateContainerConfigError.
const (
	// AnnotationStartLatency is how long each container takes to start, "2s".
	AnnotationStartLatency = "sandbox.drawbridge.dev/start-latency"
	// AnnotationRunFor makes the containers end after that time, "5s".
	AnnotationRunFor = "sandbox.drawbridge.dev/run-for"
	// AnnotationExitCode makes the containers end with that code, after
	// AnnotationRunFor or, without it, as soon as they have started.
	AnnotationExitCode = "sandbox.drawbridge.dev/exit-code"
	// AnnotationInitExitCode is the code that init containers end with.
	AnnotationInitExitCode = "sandbox.drawbridge.dev/init-exit-code"
	// AnnotationReady set to "false" makes readiness probes fail.
	AnnotationReady = "sandbox.drawbridge.dev/ready"
	// AnnotationPullError makes the images impossible to pull; its value is the
	// message.
	AnnotationPullError = "sandbox.drawbridge.dev/pull-error"
	// AnnotationStopLatency is how long the containers take to end when asked.
	AnnotationStopLatency = "sandbox.drawbridge.dev/stop-latency"
	// AnnotationExec makes the Pod's first container a process of this machine: its
	// value is a command line for sh, which is to listen on 127.0.0.1:$PORT. It runs
	// with the rights of who runs the sandbox, and only where Options.Exec allows it.
	AnnotationExec = "sandbox.drawbridge.dev/exec"
)

// behaviour is how the containers of one Pod behave.
type behaviour struct {
	startLatency, stopLatency time.Duration
	// finish says that the containers end by themselves, after runFor, with
	// exitCode.
	finish       bool
	runFor       time.Duration
	exitCode     int32
	initExitCode int32
	unready      bool
	pullError    string
	// command is what the first container runs, if it is not simulated.
	command string
	// err is an annotation that can't be read.
	err error
}

// stopLatency is how long a simulated container takes to end, by default.
const stopLatency = 50 * time.Millisecond

func behaviourOf(pod *corev1.Pod, startLatency time.Duration) behaviour {
	b := behaviour{startLatency: startLatency, stopLatency: stopLatency}
	b.finish = pod.Spec.RestartPolicy != corev1.RestartPolicyAlways
	duration := func(name string, into *time.Duration) bool {
		v, ok := pod.Annotations[name]
		if !ok {
			return false
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			b.err = fmt.Errorf("annotation %s is %q, want a duration such as 2s", name, v)
			return false
		}
		*into = d
		return true
	}
	code := func(name string, into *int32) bool {
		v, ok := pod.Annotations[name]
		if !ok {
			return false
		}
		n, err := strconv.ParseUint(v, 10, 8)
		if err != nil {
			b.err = fmt.Errorf("annotation %s is %q, want an exit code from 0 to 255", name, v)
			return false
		}
		*into = int32(n)
		return true
	}
	duration(AnnotationStartLatency, &b.startLatency)
	duration(AnnotationStopLatency, &b.stopLatency)
	code(AnnotationInitExitCode, &b.initExitCode)
	if duration(AnnotationRunFor, &b.runFor) {
		b.finish = true
	}
	if code(AnnotationExitCode, &b.exitCode) {
		b.finish = true
	}
	b.command = pod.Annotations[AnnotationExec]
	b.unready = pod.Annotations[AnnotationReady] == "false"
	b.pullError = pod.Annotations[AnnotationPullError]
	return b
}
