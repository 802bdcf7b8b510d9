// Package jobs makes and follows, in a cluster, the Jobs that builds run as. It is the
// side of package job that talks to an API server: its [Cluster] is a job.Cluster.
package jobs

import (
	"context"
	"io"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build/job"
)

// Cluster is a job.Cluster, whose documentation is the contract. It acts as whoever
// its client is, and is safe for concurrent use.
type Cluster struct{ client kubernetes.Interface }

var _ job.Cluster = (*Cluster)(nil)

// New works through a client.
func New(client kubernetes.Interface) *Cluster { return &Cluster{client} }

// CreateJob creates the Job, or returns the one of that name which is there.
func (c *Cluster) CreateJob(ctx context.Context, wanted *batchv1.Job) (*batchv1.Job, error) {
	made, err := c.client.BatchV1().Jobs(wanted.Namespace).Create(ctx, wanted, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	if apierrors.IsAlreadyExists(err) {
		return c.client.BatchV1().Jobs(wanted.Namespace).Get(ctx, wanted.Name, metav1.GetOptions{})
	}
	return made, err
}

// ApplySecret creates the Secret, or gives the one which is there this content.
func (c *Cluster) ApplySecret(ctx context.Context, secret *corev1.Secret) error {
	secrets := c.client.CoreV1().Secrets(secret.Namespace)
	_, err := secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	if apierrors.IsAlreadyExists(err) {
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: v1alpha1.FieldManager})
	}
	return err
}

// ResumeJob lets the Job begin.
func (c *Cluster) ResumeJob(ctx context.Context, namespace, name string) error {
	_, err := c.client.BatchV1().Jobs(namespace).Patch(ctx, name, types.MergePatchType, []byte(`{"spec":{"suspend":false}}`), metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	return err
}

// Watch calls see with each state of the Job.
func (c *Cluster) Watch(ctx context.Context, namespace, name string, see func(job.State) (bool, error)) error {
	watching, stop := context.WithCancel(ctx)
	of := func(edit func(*metav1.ListOptions)) informers.SharedInformerFactory {
		return informers.NewSharedInformerFactoryWithOptions(c.client, 0, informers.WithNamespace(namespace), informers.WithTweakListOptions(edit))
	}
	pods := of(func(o *metav1.ListOptions) { o.LabelSelector = batchv1.JobNameLabel + "=" + name })
	jobs := of(func(o *metav1.ListOptions) { o.FieldSelector = "metadata.name=" + name })
	defer jobs.Shutdown()
	defer pods.Shutdown()
	defer stop()
	changed := make(chan struct{}, 1)
	wake := func() {
		select {
		case changed <- struct{}{}:
		default: // the next look sees it too
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { wake() }, UpdateFunc: func(any, any) { wake() }, DeleteFunc: func(any) { wake() },
	}
	podList, jobList := pods.Core().V1().Pods(), jobs.Batch().V1().Jobs()
	for _, informer := range []cache.SharedIndexInformer{podList.Informer(), jobList.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	pods.Start(watching.Done())
	jobs.Start(watching.Done())
	if !cache.WaitForCacheSync(ctx.Done(), podList.Informer().HasSynced, jobList.Informer().HasSynced) {
		return context.Cause(ctx)
	}
	for {
		var s job.State
		found, err := podList.Lister().Pods(namespace).List(labels.Everything())
		if err != nil {
			return err
		}
		if len(found) > 0 {
			s.Pod = found[0].DeepCopy()
		}
		if of, err := jobList.Lister().Jobs(namespace).Get(name); err == nil {
			s.Failed = failedJob(of)
		}
		if done, err := see(s); done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// failedJob says why the Job failed, if it did.
func failedJob(of *batchv1.Job) string {
	for _, x := range of.Status.Conditions {
		if x.Type == batchv1.JobFailed && x.Status == corev1.ConditionTrue {
			return x.Reason + ": " + x.Message
		}
	}
	return ""
}

// Logs follows a container's log.
func (c *Cluster) Logs(ctx context.Context, namespace, pod, container string) (io.ReadCloser, error) {
	return c.client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(ctx)
}

// DeleteSecret deletes a Secret that may be gone already.
func (c *Cluster) DeleteSecret(ctx context.Context, namespace, name string) error {
	err := c.client.CoreV1().Secrets(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// DeleteJob deletes a Job and its Pods, without waiting for what they run.
func (c *Cluster) DeleteJob(ctx context.Context, namespace, name string) error {
	now, background := int64(0), metav1.DeletePropagationBackground
	err := c.client.BatchV1().Jobs(namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now, PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
