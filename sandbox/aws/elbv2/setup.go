package elbv2

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Setup is all that is configured, of all accounts and regions, as whoever moves
// the traffic needs it.
type Setup struct {
	Balancers []BalancerSetup
	Groups    map[string]GroupSetup // by ARN
}

// BalancerSetup is a load balancer with its listeners.
type BalancerSetup struct {
	types.LoadBalancer
	Account, Region string
	Attributes      map[string]string // with their defaults
	// Ready is when it has been provisioned.
	Ready     time.Time
	Listeners []ListenerSetup
}

// ListenerSetup is a listener with its rules, in the order in which they are
// tried: the default one is the last.
type ListenerSetup struct {
	types.Listener
	Attributes map[string]string // with their defaults
	// More are the certificates beside the default one.
	More []string
	// Loopback is the port that [ELBV2.KeepLoopback] kept, or 0.
	Loopback int
	Rules    []types.Rule
}

// GroupSetup is a target group with the targets that are registered; those that
// drain are not.
type GroupSetup struct {
	types.TargetGroup // with LoadBalancerArns
	Account, Region   string
	Attributes        map[string]string // with their defaults
	Targets           []types.TargetDescription
}

// Setup returns what is configured now.
func (e *ELBV2) Setup() (Setup, error) {
	all := Setup{Groups: map[string]GroupSetup{}}
	err := e.store.View(func(tx *store.Tx) error {
		scopes, err := tx.Scopes()
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			if err := all.add(tx, scope); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

func (s *Setup) add(tx *store.Tx, scope store.Scope) error {
	used, err := users(tx, scope)
	if err != nil {
		return err
	}
	err = groups.Walk(tx, scope, "", func(arn string, g group) error {
		setup := GroupSetup{TargetGroup: g.shown(used), Account: scope.Account, Region: scope.Region, Attributes: union(g.defaults(), g.Attributes)}
		for _, t := range g.Targets {
			if t.Until.IsZero() {
				setup.Targets = append(setup.Targets, t.TargetDescription)
			}
		}
		s.Groups[arn] = setup
		return nil
	})
	if err != nil {
		return err
	}
	return balancers.Walk(tx, scope, "", func(arn string, b balancer) error {
		setup := BalancerSetup{
			LoadBalancer: b.LoadBalancer, Account: scope.Account, Region: scope.Region, Attributes: union(b.defaults(), b.Attributes), Ready: b.Ready,
		}
		err := listeners.Walk(tx, scope, listenersOf(arn), func(arn string, l listener) error {
			one := ListenerSetup{Listener: l.Listener, Attributes: union(l.defaults(), l.Attributes), More: l.More, Loopback: l.Loopback}
			all, err := rules.List(tx, scope, rulesOf(arn))
			slices.SortFunc(all, sequence)
			for _, r := range all {
				one.Rules = append(one.Rules, r.Rule)
			}
			setup.Listeners = append(setup.Listeners, one)
			return err
		})
		s.Balancers = append(s.Balancers, setup)
		return err
	})
}

// KeepLoopback remembers the port that a listener is served on, so that it is
// served on the same one after a restart. One that has gone meanwhile is no error.
func (e *ELBV2) KeepLoopback(account, region string, arn string, port int) error {
	scope := store.Scope{Account: account, Region: region}
	return e.store.Update(func(tx *store.Tx) error {
		l, found, err := listeners.Get(tx, scope, arn)
		if err != nil || !found || l.Loopback == port {
			return err
		}
		l.Loopback = port
		return listeners.Put(tx, scope, aws.ToString(l.ListenerArn), l)
	})
}

// Watch calls a function after each change of what is configured, before the call
// that makes it returns. It must not wait.
func (e *ELBV2) Watch(changed func()) { e.store.Watch("elbv2/", changed) }
