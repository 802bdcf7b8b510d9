// Package elbv2 is the sandbox's Elastic Load Balancing (version 2): application
// and network load balancers, target groups, listeners, rules, their attributes
// and tags, the health of targets, its API, and the resource types
// AWS::ElasticLoadBalancingV2::LoadBalancer, TargetGroup, Listener, ListenerRule
// and ListenerCertificate.
//
// It holds what is configured. Package traffic below it moves the traffic: it follows
// the configuration ([ELBV2.Setup]) and tells how the targets are
// ([ELBV2.SetHealth]); without it they stay "initial". Every load balancer is at
// 127.0.0.1. A load balancer is provisioning for the simulated
// time, a deregistered target draining for the group's deregistration delay.
//
// Gateway load balancers, trust stores, reserved capacity, IPAM pools, Elastic
// addresses and resource policies are none of the sandbox's and are refused.
//
// Values in the store are the official client's own types. Keys are ARNs: those of
// a load balancer's listeners, and of a listener's rules, have one beginning.
package elbv2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Network is where load balancers stand. Errors are the API's of EC2.
type Network interface {
	VPC(ctx context.Context, account, region, id string) (ec2types.Vpc, error)
	Subnets(ctx context.Context, account, region string, ids []string) ([]ec2types.Subnet, error)
	// SecurityGroups checks that groups are in a VPC; with none it returns the
	// VPC's default group.
	SecurityGroups(ctx context.Context, account, region, vpcID string, ids []string) ([]string, error)
	// Gateway reports whether an internet gateway is attached to a VPC.
	Gateway(ctx context.Context, account, region, vpcID string) (bool, error)
}

// Certificates are those that listeners may serve.
type Certificates interface {
	Issued(tx *store.Tx, account, region, arn string) (issued, found bool, err error)
}

// Health tells how targets are.
type Health interface {
	// Health is how a target is that is registered with a group which a load
	// balancer uses. State and, unless it is healthy, Reason and Description are
	// those of DescribeTargetHealth. It is called often and must not wait.
	Health(account, region string, group types.TargetGroup, target types.TargetDescription) types.TargetHealth
}

// ELBV2 is the service. It is safe for concurrent use.
type ELBV2 struct {
	store        *store.Store
	pace         *simtime.Pace
	network      Network
	certificates Certificates

	mu     sync.Mutex
	health Health
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace, network Network, certificates Certificates) *ELBV2 {
	return &ELBV2{store: state, pace: pace, network: network, certificates: certificates, health: unknown{}}
}

// SetHealth says who tells the health of targets from now on.
func (e *ELBV2) SetHealth(h Health) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health = h
}

type balancer struct {
	types.LoadBalancer
	Attributes, Tags map[string]string
	Ready            time.Time // when it has been provisioned
}

type group struct {
	types.TargetGroup // without LoadBalancerArns, which its users tell
	Attributes, Tags  map[string]string
	Targets           []target
}

type target struct {
	types.TargetDescription
	// Until is when the target has drained; zero while it is registered.
	Until time.Time
}

type listener struct {
	types.Listener
	Attributes, Tags map[string]string
	More             []string // certificates beside the default one, for SNI
	// Loopback is the port on 127.0.0.1 that it was last served on, or 0.
	Loopback int
}

// rule is a rule of a listener; the default one is a row too, with the actions of
// the listener.
type rule struct {
	types.Rule
	Tags map[string]string
}

var (
	balancers = store.Table[balancer]{Name: "elbv2/load-balancers"}
	groups    = store.Table[group]{Name: "elbv2/target-groups"}
	listeners = store.Table[listener]{Name: "elbv2/listeners"}
	rules     = store.Table[rule]{Name: "elbv2/rules"}
)

const (
	balancerType    = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	groupType       = "AWS::ElasticLoadBalancingV2::TargetGroup"
	listenerType    = "AWS::ElasticLoadBalancingV2::Listener"
	ruleType        = "AWS::ElasticLoadBalancingV2::ListenerRule"
	certificateType = "AWS::ElasticLoadBalancingV2::ListenerCertificate"
)

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationError", format, args...)
}

func arnOf(scope store.Scope, rest string) string {
	return "arn:aws:elasticloadbalancing:" + scope.Region + ":" + scope.Account + ":" + rest
}

// idOf is the last part of an ARN; it depends on nothing but the token.
func idOf(token string) string {
	digest := sha256.Sum256([]byte("elbv2\x00" + token))
	return hex.EncodeToString(digest[:8])
}
