package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1apply "k8s.io/client-go/applyconfigurations/coordination/v1"
)

// The kubelet's own figures: the controller manager calls a node NotReady whose
// lease was not renewed for 50 s.
const (
	leaseDuration  = 40 * time.Second
	renewInterval  = 10 * time.Second
	statusInterval = 5 * time.Minute
	leaseNamespace = "kube-node-lease"
)

var asNode = metav1.ApplyOptions{FieldManager: "kubelet", Force: true}

// register makes the Node, or brings the one that is there up to date.
func (a *agent) register(ctx context.Context, m Machine) error {
	if _, err := a.k.CoreV1().Nodes().Apply(ctx, m.object(), asNode); err != nil {
		return fmt.Errorf("node %s: %w", m.Name, err)
	}
	if err := a.report(ctx, m); err != nil {
		return err
	}
	return a.firstRenewal(ctx, m)
}

func (a *agent) report(ctx context.Context, m Machine) error {
	if _, err := a.k.CoreV1().Nodes().ApplyStatus(ctx, m.status(metav1.Now(), metav1.NewTime(a.begun)), asNode); err != nil {
		return fmt.Errorf("status of node %s: %w", m.Name, err)
	}
	return nil
}

// firstRenewal waits for the namespace of the leases, which a new API server
// makes only a moment after it is ready.
func (a *agent) firstRenewal(ctx context.Context, m Machine) error {
	for {
		err := a.renew(ctx, m)
		if !apierrors.IsNotFound(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (a *agent) renew(ctx context.Context, m Machine) error {
	lease := coordinationv1apply.Lease(m.Name, leaseNamespace).WithSpec(coordinationv1apply.LeaseSpec().
		WithHolderIdentity(m.Name).
		WithLeaseDurationSeconds(int32(leaseDuration / time.Second)).
		WithRenewTime(metav1.NowMicro()))
	if _, err := a.k.CoordinationV1().Leases(leaseNamespace).Apply(ctx, lease, asNode); err != nil {
		return fmt.Errorf("lease of node %s: %w", m.Name, err)
	}
	return nil
}

// beat keeps the node alive until ctx ends. A beat that fails is logged, and
// tried again with the next.
func (a *agent) beat(ctx context.Context, m Machine) error {
	renew, status := time.NewTicker(renewInterval), time.NewTicker(statusInterval)
	defer renew.Stop()
	defer status.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-renew.C:
			err = a.renew(ctx, m)
		case <-status.C:
			err = a.report(ctx, m)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("heartbeat", "error", err)
		}
	}
}
