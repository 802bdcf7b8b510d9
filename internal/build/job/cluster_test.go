package job

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cluster keeps one Job and runs its Pod's build as a function.
type cluster struct {
	// start is the build's container: it writes its log and returns how it ended.
	start func(ctx context.Context, i Instruction, log io.Writer) corev1.ContainerStateTerminated
	// cut ends the log once after so many bytes.
	cut int

	mu      sync.Mutex
	changed chan struct{} // closed at each change
	calls   []string
	job     *batchv1.Job
	secret  *corev1.Secret
	state   State
	log     []byte
	ended   bool
	stop    context.CancelFunc
}

func (c *cluster) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	if c.changed != nil {
		close(c.changed)
	}
	c.changed = make(chan struct{})
}

// next returns a channel that is closed at the next change.
func (c *cluster) next() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

func (c *cluster) called(what string) { c.calls = append(c.calls, what) }

func (c *cluster) CreateJob(_ context.Context, job *batchv1.Job) (*batchv1.Job, error) {
	c.change(func() {
		if c.job == nil {
			c.called("create job")
			c.job = job.DeepCopy()
			c.job.UID = "uid"
		}
	})
	return c.job.DeepCopy(), nil
}

func (c *cluster) ApplySecret(_ context.Context, secret *corev1.Secret) error {
	c.change(func() {
		c.called("apply secret")
		c.secret = secret
	})
	return nil
}

func (c *cluster) ResumeJob(context.Context, string, string) error {
	var i Instruction
	if err := json.Unmarshal(c.secret.Data[instructionKey], &i); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	c.change(func() {
		c.called("resume job")
		c.job.Spec.Suspend = new(false)
		c.stop = stop
		c.show(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	})
	go func() {
		how := c.start(ctx, i, c)
		c.change(func() {
			c.ended = true
			if c.job != nil { // else it was deleted
				c.show(corev1.ContainerState{Terminated: &how})
			}
		})
	}()
	return nil
}

// show sets the state of the build's container.
func (c *cluster) show(s corev1.ContainerState) {
	c.state.Pod = &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.job.Namespace, Name: c.job.Name + "-x"},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: Container, State: s}}},
	}
}

// Write is the container's standard output.
func (c *cluster) Write(p []byte) (int, error) {
	c.change(func() { c.log = append(c.log, p...) })
	return len(p), nil
}

func (c *cluster) Watch(ctx context.Context, _, _ string, see func(State) (bool, error)) error {
	for {
		c.mu.Lock()
		state, changed := c.state, c.next()
		c.mu.Unlock()
		if done, err := see(state); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

func (c *cluster) Logs(ctx context.Context, _, _, _ string) (io.ReadCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &following{ctx: ctx, cluster: c, cut: c.cut}
	c.cut = 0
	return l, nil
}

type following struct {
	ctx     context.Context
	cluster *cluster
	at, cut int
}

func (f *following) Close() error { return nil }

func (f *following) Read(p []byte) (int, error) {
	for {
		f.cluster.mu.Lock()
		n := copy(p, f.cluster.log[f.at:])
		ended, changed := f.cluster.ended, f.cluster.next()
		f.cluster.mu.Unlock()
		if f.cut > 0 {
			n = min(n, f.cut-f.at)
		}
		f.at += n
		switch {
		case n > 0:
			return n, nil
		case ended || f.cut > 0 && f.at == f.cut:
			return 0, io.EOF
		}
		select {
		case <-f.ctx.Done():
			return 0, errors.New("the connection was closed")
		case <-changed:
		}
	}
}

func (c *cluster) DeleteSecret(context.Context, string, string) error {
	c.change(func() {
		c.called("delete secret")
		c.secret = nil
	})
	return nil
}

func (c *cluster) DeleteJob(context.Context, string, string) error {
	c.change(func() {
		c.called("delete job")
		c.job, c.secret, c.state = nil, nil, State{}
	})
	if c.stop != nil {
		c.stop()
	}
	return nil
}
