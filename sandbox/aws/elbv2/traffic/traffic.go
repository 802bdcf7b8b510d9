// Package traffic moves the traffic of a sandbox's load balancers: what Elastic Load
// Balancing does once it is configured (package elbv2).
//
// Each listener of an application load balancer is served on a port of 127.0.0.1
// (the load balancer's DNS name resolves to that address, not to the port:
// [Traffic.Listeners] tells it). The port is kept with the listener, and is another
// one only when somebody else has it at a start. Rules, actions, cookies, headers and
// the answers 502, 503 and 504 are as the service documents them. A target that
// drains gets no new request, and may end those that it has.
//
// Targets are looked at by real requests, as their group's health check says, the
// first as soon as they are registered with a group that an active load balancer
// uses. Then every simtime.Look of the target group, or its own interval where that
// is zero. A check that fails is one more towards the group's threshold.
//
// What is not as in AWS: the only client address is 127.0.0.1; network load balancers
// are not served, but the health of their targets is known; instances and functions
// are no targets that can be reached; a redirect to a port of the same load balancer
// names the loopback port, for clients that asked for one; a target that nobody has
// the address of times out at once; gRPC health checks see only whether a connection
// can be made; actions that authenticate answer 561.
//
// Sources: the user guides of Application Load Balancers and of target groups, and
// the API reference.
package traffic

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
)

// Options of [Start]. None has a default but Log.
type Options struct {
	Balancers *elbv2.ELBV2
	// Certificate is one that a listener serves.
	Certificate func(ctx context.Context, account, region, arn string) (tls.Certificate, error)
	// Dial reaches the targets by their addresses. Errors that wrap ECONNREFUSED and
	// EHOSTUNREACH are told apart.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now and After are the clock's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	// Interval is how often targets are looked at; their group's own when zero.
	Interval time.Duration
	// Log is slog.Default() when nil.
	Log *slog.Logger
}

// Traffic is what Start started. It is safe for concurrent use.
type Traffic struct {
	Options
	ctx     context.Context
	end     context.CancelFunc
	made    chan struct{} // has one element when a load balancer may be in the making
	running sync.WaitGroup

	following sync.Mutex // one at a time, so that the last to read is the last to follow

	mu     sync.Mutex
	setup  elbv2.Setup
	served map[string]*served // by the ARN of the listener
	checks map[targetKey]*check
	turns  map[string]uint64 // of each target group: requests so far
}

// Start serves what is configured, and what will be, until Close: a change of the
// configuration is followed before the call that makes it returns.
func Start(o Options) (*Traffic, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	t := &Traffic{
		Options: o, made: make(chan struct{}, 1),
		served: map[string]*served{}, checks: map[targetKey]*check{}, turns: map[string]uint64{},
	}
	t.ctx, t.end = context.WithCancel(context.Background())
	if err := t.follow(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.running.Go(t.await)
	o.Balancers.SetHealth(t)
	o.Balancers.Watch(t.again)
	return t, nil
}

// Close ends all listeners and checks, and returns when they have ended. Requests in
// progress are cut.
func (t *Traffic) Close() error {
	t.mu.Lock()
	t.end()
	for arn, s := range t.served {
		s.close()
		delete(t.served, arn)
	}
	t.mu.Unlock()
	t.running.Wait()
	return nil
}

// again follows what has changed.
func (t *Traffic) again() {
	if err := t.follow(); err != nil {
		t.Log.Error("load balancers: what is configured can't be read", "error", err)
	}
	select {
	case t.made <- struct{}{}:
	default:
	}
}

// await follows each load balancer that becomes ready, until the end.
func (t *Traffic) await() {
	for {
		var ready <-chan time.Time
		if next := t.nextReady(); !next.IsZero() {
			ready = t.After(next.Sub(t.Now()))
		}
		select {
		case <-t.ctx.Done():
			return
		case <-t.made:
		case <-ready:
			t.again()
		}
	}
}

// nextReady is when a load balancer will be ready that is not, or zero.
func (t *Traffic) nextReady() (next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	for _, b := range t.setup.Balancers {
		if now.Before(b.Ready) && (next.IsZero() || b.Ready.Before(next)) {
			next = b.Ready
		}
	}
	return next
}

// follow makes listeners and checks what the configuration says.
func (t *Traffic) follow() error {
	t.following.Lock()
	defer t.following.Unlock()
	setup, err := t.Balancers.Setup()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return nil
	}
	t.setup = setup
	now := t.Now()
	listening, looked := map[string]bool{}, map[targetKey]bool{}
	for _, b := range setup.Balancers {
		if now.Before(b.Ready) {
			continue
		}
		for arn, g := range setup.Groups {
			if !slices.Contains(g.LoadBalancerArns, *b.LoadBalancerArn) || !aws.ToBool(g.HealthCheckEnabled) {
				continue
			}
			for _, target := range g.Targets {
				key := keyOf(arn, target)
				looked[key] = true
				t.look(key, g, target)
			}
		}
		if b.Type != types.LoadBalancerTypeEnumApplication {
			continue
		}
		for _, l := range b.Listeners {
			listening[*l.ListenerArn] = true
			t.serve(b, l)
		}
	}
	for arn, s := range t.served {
		if !listening[arn] {
			s.close()
			delete(t.served, arn)
		}
	}
	for key, c := range t.checks {
		if !looked[key] {
			c.end()
			delete(t.checks, key)
		}
	}
	return nil
}
