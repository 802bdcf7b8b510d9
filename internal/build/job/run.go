package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
)

// Cluster is what Run needs of a cluster. Each call may be repeated.
type Cluster interface {
	// CreateJob creates the Job, or returns the one of that name which is there.
	CreateJob(ctx context.Context, job *batchv1.Job) (*batchv1.Job, error)
	// ApplySecret creates the Secret, or gives the one which is there this content.
	ApplySecret(ctx context.Context, secret *corev1.Secret) error
	// ResumeJob sets spec.suspend to false.
	ResumeJob(ctx context.Context, namespace, name string) error
	// Watch calls see with each state of the Job, the present one first, until it
	// returns true or an error, or ctx ends.
	Watch(ctx context.Context, namespace, job string, see func(State) (bool, error)) error
	// Logs follows a container's log, from its beginning to its end.
	Logs(ctx context.Context, namespace, pod, container string) (io.ReadCloser, error)
	// DeleteSecret deletes a Secret. One that does not exist is deleted.
	DeleteSecret(ctx context.Context, namespace, name string) error
	// DeleteJob deletes a Job and all that it owns, at once.
	DeleteJob(ctx context.Context, namespace, name string) error
}

// State is how far a Job is.
type State struct {
	// Pod is nil while there is none, and when it is gone.
	Pod *corev1.Pod
	// Failed is the message of the Job's condition of that name, or empty.
	Failed string
}

// farewell is how long deleting may take after the context has ended.
const farewell = 10 * time.Second

// pause is how long a log that was cut off is left alone.
const pause = time.Second

// Run runs the build to its end, or goes on with it. Its errors are those of
// build.Run as far as they can be told from outside: *build.FailedError is one,
// the cause of ctx is another, the rest is text.
func Run(ctx context.Context, c Cluster, d Declaration, i Instruction, log func(build.Line)) (build.Result, error) {
	i.Limits = d.Limits
	result, err := run(ctx, c, d, i, log)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	var end error
	if ctx.Err() != nil {
		err = fmt.Errorf("job %s/%s: deleted: %w", d.Namespace, d.Name, context.Cause(ctx))
		end = c.DeleteJob(after, d.Namespace, d.Name)
	} else {
		end = c.DeleteSecret(after, d.Namespace, d.Name)
	}
	if end != nil {
		err = errors.Join(err, fmt.Errorf("clean up after job %s/%s: %w", d.Namespace, d.Name, end))
	}
	return result, err
}

func run(ctx context.Context, c Cluster, d Declaration, i Instruction, log func(build.Line)) (build.Result, error) {
	fail := func(err error) (build.Result, error) {
		return build.Result{}, fmt.Errorf("job %s/%s: %w", d.Namespace, d.Name, err)
	}
	job, err := c.CreateJob(ctx, Object(d))
	if err != nil {
		return fail(err)
	}
	if job.Spec.Suspend != nil && *job.Spec.Suspend {
		secret, err := Secret(job, i)
		if err != nil {
			return fail(err)
		}
		if err := c.ApplySecret(ctx, secret); err != nil {
			return fail(err)
		}
		if err := c.ResumeJob(ctx, d.Namespace, d.Name); err != nil {
			return fail(err)
		}
	}
	t := transcript{emit: log}
	for {
		pod, err := begun(ctx, c, d)
		if err != nil {
			return fail(err)
		}
		result, err := t.follow(ctx, c, pod)
		switch {
		case ctx.Err() != nil:
			return fail(context.Cause(ctx))
		case !errors.Is(err, errNoResult):
			return result, err
		}
		if how, ok := ended(pod); ok {
			if t.rest != "" {
				log(build.Line{Text: t.rest})
			}
			return fail(fmt.Errorf("the build's container ended without a result: %s", how))
		}
		// The log was cut off, or ended a moment before the Pod's status says so.
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (t *transcript) follow(ctx context.Context, c Cluster, pod *corev1.Pod) (build.Result, error) {
	text, err := c.Logs(ctx, pod.Namespace, pod.Name, Container)
	if err != nil {
		return build.Result{}, fmt.Errorf("log of Pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	defer text.Close()
	return t.read(text)
}

// begun waits until the build's container has a log, or can't have one.
func begun(ctx context.Context, c Cluster, d Declaration) (pod *corev1.Pod, err error) {
	err = c.Watch(ctx, d.Namespace, d.Name, func(s State) (bool, error) {
		if s.Pod != nil {
			for _, status := range s.Pod.Status.ContainerStatuses {
				if status.Name == Container && (status.State.Running != nil || status.State.Terminated != nil) {
					pod = s.Pod
					return true, nil
				}
			}
			if err := hopeless(s.Pod); err != nil {
				return false, err
			}
		}
		if s.Failed != "" {
			return false, errors.New(s.Failed)
		}
		return false, nil
	})
	return pod, err
}

// hopeless says why a Pod's containers will not start, if that is so.
func hopeless(pod *corev1.Pod) error {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch w, t := s.State.Waiting, s.State.Terminated; {
		case w != nil && slices.Contains([]string{"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerError", "RunContainerError"}, w.Reason):
			return fmt.Errorf("container %s of Pod %s does not start: %s: %s", s.Name, pod.Name, w.Reason, w.Message)
		case t != nil && t.ExitCode != 0:
			return fmt.Errorf("container %s of Pod %s failed: %s, exit code %d", s.Name, pod.Name, t.Reason, t.ExitCode)
		}
	}
	return nil
}

// ended says how the build's container ended, if it did.
func ended(pod *corev1.Pod) (how string, ok bool) {
	for _, s := range pod.Status.ContainerStatuses {
		if t := s.State.Terminated; t != nil && s.Name == Container {
			return fmt.Sprintf("%s, exit code %d", t.Reason, t.ExitCode), true
		}
	}
	return "", false
}
