package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// server is the API server that a measurement is made on.
type server struct {
	config *rest.Config
	client kubernetes.Interface
}

// warmUp applies a few objects, so that no measurement pays for the server's
// first requests.
func (s *server) warmUp(ctx context.Context) error {
	_, err := s.floor(ctx, workload{n: 50}, "warm-up")
	return err
}

// floor measures the bare loop in a new namespace, and waits until the server has
// come to rest.
func (s *server) floor(ctx context.Context, w workload, namespace string) (figure, error) {
	if err := s.namespace(ctx, namespace); err != nil {
		return figure{}, err
	}
	all, err := w.all(1)
	if err != nil {
		return figure{}, err
	}
	before, err := quiet(ctx, s.client)
	if err != nil {
		return figure{}, err
	}
	d, err := applyBare(ctx, s.config, namespace, all)
	if err != nil {
		return figure{}, err
	}
	if err := s.settled(ctx, namespace, w.n); err != nil {
		return figure{}, err
	}
	after, err := quiet(ctx, s.client)
	return figure{Duration: d, Requests: after.since(before).foreground()}, err
}

func (s *server) namespace(ctx context.Context, name string) error {
	_, err := s.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	return err
}

// settled waits until the controllers are done with n Deployments of a
// namespace, so that their work does not fall into the next measurement.
func (s *server) settled(ctx context.Context, namespace string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	done := map[string]bool{}
	for len(done) < n {
		w, err := s.client.AppsV1().Deployments(namespace).Watch(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("waiting for the controllers: %w", err)
		}
		for e := range w.ResultChan() {
			if d, ok := e.Object.(*appsv1.Deployment); ok && d.Status.ObservedGeneration == d.Generation && len(d.Status.Conditions) > 0 {
				done[d.Name] = true
			}
			if len(done) == n {
				break
			}
		}
		w.Stop()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for the controllers: %d of %d Deployments done: %w", len(done), n, err)
		}
	}
	runtime.GC()
	return nil
}

// scale scales a Deployment behind the product's back, and returns when the
// server had answered.
func (s *server) scale(ctx context.Context, namespace, name string, replicas int) (time.Time, error) {
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	_, err := s.client.AppsV1().Deployments(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "somebody"})
	return time.Now(), err
}

// scaledBack watches a Deployment from now on. The function that it returns waits
// until the Deployment was scaled to something and then to nothing, and says when
// that was seen.
func (s *server) scaledBack(ctx context.Context, namespace, name string) (func(context.Context) (time.Time, error), error) {
	w, err := s.client.AppsV1().Deployments(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (time.Time, error) {
		defer w.Stop()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for scaled := false; ; {
			select {
			case e, open := <-w.ResultChan():
				if !open {
					return time.Time{}, fmt.Errorf("the watch of Deployment %s ended", name)
				}
				d, ok := e.Object.(*appsv1.Deployment)
				switch {
				case !ok:
				case *d.Spec.Replicas > 0:
					scaled = true
				case scaled:
					return time.Now(), nil
				}
			case <-ctx.Done():
				return time.Time{}, fmt.Errorf("the drift of Deployment %s was not corrected: %w", name, ctx.Err())
			}
		}
	}, nil
}
