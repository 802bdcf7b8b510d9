// Package aws is the sandbox's AWS: one http.Handler that the official clients
// and tools accept, given AWS_ENDPOINT_URL and an access key.
//
// # What a request meets
//
// The signature is verified (package sigv4); the access key says the account, the
// credential scope the region and the service. The request then goes to that
// service, which answers in its own protocol (package wire), unless a fault is set
// that makes it fail (package fault). Requests for what is not implemented get the
// service's proper error and are logged by name.
//
// # What is in it
//
// Each service is a package that serves its API, drives its CloudFormation
// resource types (package resource), and keeps its state in the one store that
// both share, accounts and regions apart. All of it is on disk in Options.Dir and
// is there again after a restart, or after kill -9. Types that no service drives
// go to the generic provider.
//
// # What is promised
//
// An Endpoint is safe for concurrent use. It opens no connection of its own. It
// logs no secrets. Paths that begin with /_sandbox/ are the sandbox's own and need
// no signature: GET /_sandbox/simulated-time?since=RFC3339 tells how much of the
// time since then went into simulated durations, as {"seconds": 3.0}; GET
// /_sandbox/names lists the names of load balancers ([Name]); and /_sandbox/faults sets
// faults:
//
//	curl -X POST -H 'Content-Type: application/json' $AWS_ENDPOINT_URL/_sandbox/faults \
//	  -d '{"kind": "throttle", "service": "cloudformation", "operation": "ExecuteChangeSet", "count": 3}'
package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/acm"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/ec2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/eks"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2/traffic"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/iam"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sigv4"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sts"
)

// DefaultAccount is the account of credentials that name none.
const DefaultAccount = "123456789012"

// Options of an Endpoint. Only Dir has no default.
type Options struct {
	// Dir keeps the state; it is made where it is missing.
	Dir string
	// Fsync makes the state survive the loss of power, not only of the process.
	Fsync bool
	// Clock is the machine's when nil.
	Clock simtime.Clock
	// Durations are simtime.Default() when nil.
	Durations simtime.Durations
	// Log is slog.Default() when nil.
	Log *slog.Logger
	// Credentials are the access keys that are known from the start; with none
	// there is one, "test" with the secret "test".
	Credentials []Credential
	// Zones are the letters of the availability zones of every region; "a" and
	// "b" when empty.
	Zones []string
	// Clusters are what EKS answers with: the sandbox's own control plane.
	Clusters []eks.Cluster
	// Networks are made in EC2, where they are not there already: those that the
	// clusters stand in.
	Networks []ec2.Cluster
	// Dial reaches the targets of load balancers, which then listen, on ports of
	// 127.0.0.1, and look at their targets (package elbv2/traffic). Without it they
	// are configured only.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Services adds further APIs, or replaces one of the same name.
	Services map[string]http.Handler
}

// Credential is an access key of an IAM user.
type Credential struct {
	AccessKeyID, SecretAccessKey string
	// Account is DefaultAccount when empty.
	Account string
	// User is the user's name, the access key ID when empty.
	User string
}

// Endpoint is the sandbox's AWS. Make one with [New].
type Endpoint struct {
	log          *slog.Logger
	store        *store.Store
	pace         *simtime.Pace
	resources    *resource.Registry
	services     map[string]http.Handler
	known        map[string]sigv4.Credential
	identities   *iam.IAM
	sts          *sts.STS
	domains      *route53.Route53
	certificates *acm.ACM
	balancers    *elbv2.ELBV2
	traffic      *traffic.Traffic // nil without Options.Dial
	verifier     sigv4.Verifier
	faults       fault.Switch
	closers      []func() error
}

// New opens the state in options.Dir and returns the endpoint over it. Close it.
func New(options Options) (*Endpoint, error) {
	if options.Dir == "" {
		return nil, errors.New("sandbox AWS: Options.Dir is empty: say where to keep the state")
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox AWS: make the state directory: %w", err)
	}
	state, err := store.Open(filepath.Join(options.Dir, "aws.db"), store.Options{Fsync: options.Fsync})
	if err != nil {
		return nil, fmt.Errorf("sandbox AWS: %w", err)
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if len(options.Zones) == 0 {
		options.Zones = []string{"a", "b"}
	}
	e := &Endpoint{
		log:       options.Log,
		store:     state,
		pace:      simtime.New(options.Clock, options.Durations),
		resources: &resource.Registry{},
		services:  map[string]http.Handler{},
		known:     known(options.Credentials),
		closers:   []func() error{state.Close},
	}
	e.verifier = sigv4.Verifier{
		Lookup:  e.credential,
		Now:     e.pace.Now,
		MaxBody: map[string]int64{"": 8 << 20, "s3": 512 << 20},
	}
	if err := e.addServices(options); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox AWS: %w", err), e.Close())
	}
	for name, service := range options.Services {
		e.services[name] = service
	}
	if options.Dial != nil {
		if err := e.listen(options); err != nil {
			return nil, errors.Join(fmt.Errorf("sandbox AWS: %w", err), e.Close())
		}
	}
	return e, nil
}

// Close ends work in progress and closes the state. Requests must have ended: use
// http.Server.Shutdown first.
func (e *Endpoint) Close() error {
	var errs []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i]())
	}
	return errors.Join(errs...)
}

// Faults make the services fail on request. Options.Services are left alone.
func (e *Endpoint) Faults() *fault.Switch { return &e.faults }

// Store is the state that all services share.
func (e *Endpoint) Store() *store.Store { return e.store }

// Resources are the providers of CloudFormation's resource types.
func (e *Endpoint) Resources() *resource.Registry { return e.resources }

// Simulated returns how much of the time between from and to went into simulated
// durations.
func (e *Endpoint) Simulated(from, to time.Time) time.Duration { return e.pace.Simulated(from, to) }
