package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/drawbridge-gitops/drawbridge/sandbox/node/podnet"
)

// Options says which nodes to simulate.
type Options struct {
	Machines []Machine
	// StartLatency is how long a container takes to start.
	StartLatency time.Duration
	// Listener gets the proxy to the Pods' addresses (package podnet). None is
	// served when nil.
	Listener net.Listener
	// Exec lets Pods run commands (AnnotationExec); they are simulated when nil.
	Exec *Exec
	// Ready is called once the nodes are registered and Pods are taken care of.
	Ready func()
	// Log gets what goes wrong.
	Log *slog.Logger
}

// Rules are the rights that Run needs.
var Rules = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get", "create", "patch"}},
	{APIGroups: []string{""}, Resources: []string{"nodes/status"}, Verbs: []string{"patch"}},
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list", "watch", "delete"}},
	{APIGroups: []string{""}, Resources: []string{"pods/status"}, Verbs: []string{"update"}},
	{APIGroups: []string{""}, Resources: []string{"secrets", "configmaps"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"persistentvolumeclaims"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "patch"}},
	{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch", "update"}},
}

// Run simulates the nodes until ctx ends. Pods that ran when an earlier Run
// ended are taken over as they are.
func Run(ctx context.Context, cfg *rest.Config, o Options) error {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1 // a real kubelet a node, and not all of them behind one limit
	cfg.UserAgent = "drawbridge-sandbox-nodes"
	// Pods and Secrets by the thousand are half as large and a third as costly.
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	cfg.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	k, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	a := newAgent(k, o)
	g.Go(func() error {
		if err := a.sync(ctx); err != nil {
			return err
		}
		register, rctx := errgroup.WithContext(ctx)
		for _, m := range o.Machines {
			register.Go(func() error { return a.register(rctx, m) })
		}
		if err := register.Wait(); err != nil {
			return fmt.Errorf("register the nodes: %w", err)
		}
		for _, m := range o.Machines {
			g.Go(func() error { return a.beat(ctx, m) })
		}
		g.Go(func() error { return a.work(ctx) })
		g.Go(func() error { return a.network.serve(ctx) })
		if o.Listener != nil {
			g.Go(func() error { return a.proxy(ctx, o.Listener) })
		}
		if o.Ready != nil {
			o.Ready()
		}
		return nil
	})
	return g.Wait()
}

// proxy lets those outside reach the Pods until ctx ends.
func (a *agent) proxy(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: podnet.Handler(a.network.dial), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("proxy to the Pods: %w", err)
	}
	return nil
}

// ours is the machine of a Pod, nil when it is none of ours.
func (a *agent) ours(pod *corev1.Pod) *machineState { return a.machines[pod.Spec.NodeName] }
