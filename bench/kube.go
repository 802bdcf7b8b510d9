package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

// kube measures the Kubernetes plane by itself, without a repository or a
// controller: all components applied and waited for, one changed, one drift
// corrected.
func (b *bench) kube(ctx context.Context) (err error) {
	plane, err := controlplane.Start(controlplane.Options{Controllers: controllers})
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := plane.Stop(); err == nil {
			err = stopErr
		}
	}()
	client, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		return err
	}
	k := &alone{bench: b, server: &server{plane.Config, client}}
	if err := k.server.warmUp(ctx); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	if err := k.floor(ctx, "kube, floor, before", "floor-1"); err != nil {
		return err
	}
	if err := k.measure(ctx, "kube"); err != nil {
		return err
	}
	return k.floor(ctx, "kube, floor, after", "floor-2")
}

// alone is package kube in this process.
type alone struct {
	*bench
	server  *server
	cluster *kube.Cluster
}

func (k *alone) floor(ctx context.Context, name, namespace string) error {
	f, err := k.server.floor(ctx, k.workload, namespace)
	f.Name, f.Requests = name, f.Requests.byVerb(workloadResources)
	if err == nil {
		k.report.add(f)
	}
	return err
}

func (k *alone) measure(ctx context.Context, namespace string) error {
	if err := k.server.namespace(ctx, namespace); err != nil {
		return err
	}
	all, err := k.workload.all(1)
	if err != nil {
		return err
	}
	changed, err := k.workload.objects(k.workload.n/2, 2)
	if err != nil {
		return err
	}
	if err := resetPeak(); err != nil {
		return err
	}
	before := heap()
	if k.cluster, err = kube.New(k.server.config, kube.Options{}); err != nil {
		return err
	}
	defer k.cluster.Close()
	deploy := func(ctx context.Context, i int, objects []render.Object) error {
		owner := kube.Owner{Environment: "bench/production", Component: k.workload.name(i)}
		a, err := k.cluster.Apply(ctx, owner, objects, kube.ApplyOptions{DefaultNamespace: namespace})
		if err != nil {
			return err
		}
		return k.cluster.Wait(ctx, a.Objects, nil)
	}
	f, err := k.timed(ctx, "kube, install and ready", func() (time.Duration, error) {
		begin := time.Now()
		g, ctx := errgroup.WithContext(ctx)
		for i, objects := range all {
			g.Go(func() error { return deploy(ctx, i, objects) })
		}
		err := g.Wait()
		return time.Since(begin), err
	})
	if err != nil {
		return err
	}
	mib, err := peak(os.Getpid())
	if err != nil {
		return err
	}
	if err := k.server.settled(ctx, namespace, k.workload.n); err != nil {
		return err
	}
	f.Note = fmt.Sprintf("peak memory %d MiB; %d bytes of heap are kept for each object", mib, (heap()-before)/(4*k.workload.n))
	if _, err := k.timed(ctx, "kube, change one and ready", func() (time.Duration, error) {
		begin := time.Now()
		err := deploy(ctx, k.workload.n/2, changed)
		return time.Since(begin), err
	}); err != nil {
		return err
	}
	f, err = k.timed(ctx, "kube, drift of one corrected", func() (time.Duration, error) {
		return k.correct(ctx, namespace, deploy, all)
	})
	if err != nil {
		return err
	}
	f.Note = "the PATCH is the scaling behind our back"
	return nil
}

// timed times f, counts its requests, and profiles it where that was asked for.
func (k *alone) timed(ctx context.Context, name string, f func() (time.Duration, error)) (*figure, error) {
	before, err := countRequests(ctx, k.server.client)
	if err != nil {
		return nil, err
	}
	stop, err := k.profileKube(name)
	if err != nil {
		return nil, err
	}
	d, err := f()
	stop()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	after, err := countRequests(ctx, k.server.client)
	if err != nil {
		return nil, err
	}
	return k.report.add(figure{Name: name, Duration: d, Requests: after.since(before).byVerb(workloadResources)}), nil
}

func (k *alone) profileKube(name string) (stop func(), _ error) {
	if name != "kube, install and ready" {
		return func() {}, nil
	}
	return k.profileHere("kube.cpu")
}

// profileHere writes a profile of this process until stop is called, if profiles
// are asked for.
func (b *bench) profileHere(file string) (stop func(), _ error) {
	if b.profile == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		return nil, err
	}
	w, err := os.Create(filepath.Join(b.profile, file))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); w.Close() }, nil
}

// correct scales a Deployment behind our back and waits until that was noticed
// and undone. The time is that from the answer to the scaling to the end.
func (k *alone) correct(ctx context.Context, namespace string, deploy func(context.Context, int, []render.Object) error, all [][]render.Object) (time.Duration, error) {
	const i = 0
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	begin, err := k.server.scale(ctx, namespace, k.workload.name(i), 3)
	if err != nil {
		return 0, err
	}
	select {
	case drift := <-k.cluster.Drifts():
		for _, o := range all[i] {
			if o.Object.GetKind() != drift.Object.Kind {
				continue
			}
			if err := deploy(ctx, i, []render.Object{o}); err != nil {
				return 0, err
			}
		}
	case <-ctx.Done():
		return 0, fmt.Errorf("the drift of %s was not noticed: %w", k.workload.name(i), ctx.Err())
	}
	took := time.Since(begin)
	live, err := k.server.client.AppsV1().Deployments(namespace).Get(ctx, k.workload.name(i), metav1.GetOptions{})
	if err == nil && *live.Spec.Replicas != 0 {
		err = fmt.Errorf("the drift of %s was not corrected: %d replicas", k.workload.name(i), *live.Spec.Replicas)
	}
	return took, err
}
