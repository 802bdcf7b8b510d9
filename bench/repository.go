package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

// repository measures a repository of many components, beside the floor.
func (b *bench) repository(ctx context.Context) error {
	c, err := b.up(ctx, sandbox.ControllerManager, sandbox.Scheduler, sandbox.Nodes, sandbox.AWS, sandbox.Controller)
	if err != nil {
		return err
	}
	defer c.down()
	controllers, err := b.controllers(c)
	if err != nil {
		return err
	}
	defer end(controllers)
	if err := c.connect(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(c.tree.Dir)
	server := &server{config: c.RESTConfig(), client: c.kube}
	if err := server.warmUp(ctx); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	p, err := b.serve(ctx, c)
	if err != nil {
		return err
	}
	defer func() { end(p.child) }() // the one that runs then
	m := &many{bench: b, castle: c, server: server, product: p}
	before, err := m.floor(ctx, "floor, before", "floor-1")
	if err != nil {
		return err
	}
	install, err := m.install(ctx)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	for _, step := range []func(context.Context) error{m.changeOne, m.changeNone, m.drift, m.idle, m.restart} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	after, err := m.floor(ctx, "floor, after", "floor-2")
	if err != nil {
		return err
	}
	floor := (before + after) / 2
	install.within(3*floor, fmt.Sprintf("≤ 3 × floor (%s)", (3*floor).Round(10*time.Millisecond)))
	install.Note = fmt.Sprintf("%.2f × floor; %s", install.Duration.Seconds()/floor.Seconds(), install.Note)
	return nil
}

// many is the product at work on many components.
type many struct {
	*bench
	castle  *castle
	server  *server
	product *product
}

const manyNamespace = "bench"

func (m *many) floor(ctx context.Context, name, namespace string) (time.Duration, error) {
	used, err := m.serverTime()
	if err != nil {
		return 0, err
	}
	f, err := m.server.floor(ctx, m.workload, namespace)
	if err != nil {
		return 0, fmt.Errorf("floor: %w", err)
	}
	now, err := m.serverTime()
	if err != nil {
		return 0, err
	}
	f.Name, f.Requests = name, f.Requests.byVerb(workloadResources)
	f.Note = fmt.Sprintf("the API server and etcd used %.2f s of CPU", (now - used).Seconds())
	m.report.add(f)
	return f.Duration, nil
}

// serverTime is the CPU time that the API server and etcd have used.
func (m *many) serverTime() (time.Duration, error) {
	var total time.Duration
	for _, p := range m.castle.Status().Parts {
		if p.Name != sandbox.APIServer && p.Name != sandbox.Etcd {
			continue
		}
		used, err := cpuTime(p.PID)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

// workloadResources are those of the components, and what they are recorded in.
var workloadResources = map[string]bool{
	"serviceaccounts": true, "services": true, "deployments": true, "ingresses": true,
	"components": true, "changes": true, "environments": true,
}

func (m *many) install(ctx context.Context) (*figure, error) {
	for i := range m.workload.n {
		path, content := m.workload.file(i, 1)
		if err := m.castle.tree.Write(path, content); err != nil {
			return nil, err
		}
	}
	if err := m.server.namespace(ctx, manyNamespace); err != nil {
		return nil, err
	}
	env := v1alpha1.EnvironmentSpec{Cluster: v1alpha1.Cluster{Namespace: manyNamespace}}
	if err := m.castle.bind(ctx, env); err != nil {
		return nil, err
	}
	stop, err := m.product.cpuProfile(ctx, m.profile)
	if err != nil {
		return nil, err
	}
	ours, err := m.product.cpuTime()
	if err != nil {
		return nil, err
	}
	theirs, err := m.serverTime()
	if err != nil {
		return nil, err
	}
	f, err := m.castle.deploy(ctx, "install")
	if err != nil {
		return nil, err
	}
	oursNow, err := m.product.cpuTime()
	if err != nil {
		return nil, err
	}
	theirsNow, err := m.serverTime()
	if err != nil {
		return nil, err
	}
	f.Note = fmt.Sprintf("the API server and etcd used %.2f s of CPU; %s", (theirsNow - theirs).Seconds(), f.Note)
	if err := stop(); err != nil {
		return nil, err
	}
	all := f.Requests
	f.Name = fmt.Sprintf("install %d components", m.workload.n)
	f.Requests = all.of(func(what string) bool { return workloadResources[resource(what)] && !controlPlane(what) })
	install := m.report.add(f)
	dry := 0
	for what, n := range all {
		if isDryRun(what) {
			dry += n
		}
	}
	m.report.add(figure{Name: "install, dry runs", Value: fmt.Sprint(dry), Aim: "0", Met: dry == 0})
	if err := m.server.settled(ctx, manyNamespace, m.workload.n); err != nil {
		return nil, err
	}
	mib, err := m.product.peak()
	if err != nil {
		return nil, err
	}
	m.report.add(figure{Name: "install, controller's peak memory", Value: fmt.Sprintf("%d MiB", mib)})
	m.report.add(figure{Name: "install, controller's CPU time", Duration: oursNow - ours})
	return install, m.product.heapProfile(ctx, m.profile)
}

// changeOne measures a commit that changes one image, five times, since one of so
// short a time says little.
func (m *many) changeOne(ctx context.Context) error {
	var all []figure
	for revision := 2; revision <= 6; revision++ {
		path, content := m.workload.file(m.workload.n/2, revision)
		if err := m.castle.tree.Write(path, content); err != nil {
			return err
		}
		f, err := m.castle.deploy(ctx, fmt.Sprintf("change one, revision %d", revision))
		if err != nil {
			return fmt.Errorf("change one: %w", err)
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b figure) int { return cmp.Compare(a.Duration, b.Duration) })
	f := all[len(all)/2]
	f.Name = "change one"
	f.Requests = f.Requests.of(func(what string) bool { return workloadResources[resource(what)] && !controlPlane(what) })
	f.Note = fmt.Sprintf("the median of %d, from %s to %s; %s", len(all), all[0].measured(), all[len(all)-1].measured(), f.Note)
	m.report.add(f).under(300 * time.Millisecond)
	return nil
}

func (m *many) changeNone(ctx context.Context) error {
	return m.none(ctx, m.castle, "commit that touches none of them", "README.md")
}

func (m *many) drift(ctx context.Context) error {
	before, err := quiet(ctx, m.castle.kube)
	if err != nil {
		return err
	}
	back, err := m.server.scaledBack(ctx, manyNamespace, m.workload.name(0))
	if err != nil {
		return err
	}
	begin, err := m.server.scale(ctx, manyNamespace, m.workload.name(0), 3)
	if err != nil {
		return err
	}
	at, err := back(ctx)
	if err != nil {
		return err
	}
	after, err := quiet(ctx, m.castle.kube)
	if err != nil {
		return err
	}
	f := figure{Name: "drift of one corrected", Duration: at.Sub(begin), Note: "the PATCH of deployments is the scaling behind our back, the WATCH is the benchmark's own"}
	f.Requests = after.since(before).foreground().of(func(what string) bool { return !controlPlane(what) })
	m.report.add(f).under(500 * time.Millisecond)
	return nil
}

// idle counts what is asked while nothing happens.
func (m *many) idle(ctx context.Context) error {
	const span = 10 * time.Second
	before, err := quiet(ctx, m.castle.kube)
	if err != nil {
		return err
	}
	select {
	case <-time.After(span):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := countRequests(ctx, m.castle.kube)
	if err != nil {
		return err
	}
	all := after.since(before)
	polls := all.foreground().of(func(what string) bool { return !controlPlane(what) && verb(what) != "WATCH" })
	total := 0
	for _, n := range polls {
		total += n
	}
	m.report.add(figure{
		Name: "idle for 10 s, requests that are no watch or lease", Value: fmt.Sprint(total), Aim: "0", Met: total == 0,
		Requests: all, Note: "all requests, those of the control plane for itself included; one reading of the metrics is the benchmark's own",
	})
	return nil
}

// restart kills the controller, lets an object drift, and starts another one.
func (m *many) restart(ctx context.Context) error {
	mib, err := m.product.peak()
	if err != nil {
		return err
	}
	m.report.add(figure{Name: "controller's peak memory, all of the above", Value: fmt.Sprintf("%d MiB", mib)})
	m.product.kill()
	back, err := m.server.scaledBack(ctx, manyNamespace, m.workload.name(1))
	if err != nil {
		return err
	}
	if _, err := m.server.scale(ctx, manyNamespace, m.workload.name(1), 3); err != nil {
		return err
	}
	before, err := countRequests(ctx, m.castle.kube)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := m.product.start(ctx); err != nil {
		return err
	}
	m.report.add(figure{Name: "restart after kill -9, to ready", Duration: time.Since(begin)})
	at, err := back(ctx)
	if err != nil {
		return err
	}
	after, err := quiet(ctx, m.castle.kube)
	if err != nil {
		return err
	}
	f := figure{Name: "restart, to a drift from meanwhile corrected", Duration: at.Sub(begin)}
	f.Requests = after.since(before).foreground().of(func(what string) bool { return !controlPlane(what) })
	m.report.add(f)
	return m.left(ctx)
}

// left makes sure that what was measured is there.
func (m *many) left(ctx context.Context) error {
	var components v1alpha1.ComponentList
	if err := m.castle.client.List(ctx, &components); err != nil {
		return err
	}
	for _, c := range components.Items {
		if c.Status.InputDigest != c.Spec.InputDigest || len(c.Status.Applied) != 4 {
			return fmt.Errorf("component %s is not whole: %+v", c.Name, c.Status)
		}
	}
	var services corev1.ServiceList
	if err := m.castle.client.List(ctx, &services); err != nil {
		return err
	}
	here := 0
	for _, s := range services.Items {
		if s.Namespace == manyNamespace {
			here++
		}
	}
	if len(components.Items) != m.workload.n || here != m.workload.n {
		return fmt.Errorf("%d Components and %d Services, want %d", len(components.Items), here, m.workload.n)
	}
	ingresses, err := m.castle.kube.NetworkingV1().Ingresses(manyNamespace).List(ctx, metav1.ListOptions{})
	if err == nil && len(ingresses.Items) != m.workload.n {
		err = fmt.Errorf("%d Ingresses, want %d", len(ingresses.Items), m.workload.n)
	}
	return err
}
