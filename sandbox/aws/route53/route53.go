// Package route53 is the sandbox's Route 53: hosted zones and their records, its
// API, the resource types AWS::Route53::HostedZone, RecordSet and RecordSetGroup,
// and the answers that a DNS server of the zones gives ([Route53.Answer]).
//
// Route 53 has no regions; its state is the account's. A batch of changes is made
// whole or not at all, with the service's own messages for each change that can't
// be made. Its change is PENDING for the simulated time and INSYNC after it; the
// records are there at once.
//
// Health checks, traffic policies, DNSSEC, query logs and CIDR routing are none
// of the sandbox's, and are refused by name. Of the routing policies, weights are
// drawn, and of the others the first record that there is answers.
package route53

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Route53 is the service. It is safe for concurrent use, once [Route53.Watch] and
// [Route53.Alias] have been called.
type Route53 struct {
	store    *store.Store
	pace     *simtime.Pace
	targets  Targets
	watchers []func(tx *store.Tx, account string) error
	draw     func(below int64) int64
}

// Targets are the names of other services that an alias may stand for.
type Targets interface {
	// Domain is the domain of a hosted zone of the service's own, such as
	// "us-east-1.elb.amazonaws.com." of Z35SXDOTRQ7X7K; false for other IDs.
	Domain(hostedZoneID string) (string, bool)
	// Addresses are where a name is reached; none when nothing has the name. The
	// name has no dot at its end.
	Addresses(tx *store.Tx, account, name string) ([]netip.Addr, error)
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *Route53 {
	return &Route53{store: state, pace: pace, draw: rand.Int64N}
}

// Alias says what aliases to names outside the zones stand for; without it, to
// nothing.
func (r *Route53) Alias(targets Targets) { r.targets = targets }

// Watch adds a function that is called in the transaction of each batch that is
// made, after it.
func (r *Route53) Watch(changed func(tx *store.Tx, account string) error) {
	r.watchers = append(r.watchers, changed)
}

type zone struct {
	ID, Name, CallerReference, Comment string
	Private                            bool
	VPCs                               []types.VPC
	NameServers                        []string
	Created                            time.Time
	Tags                               map[string]string
}

type change struct {
	ID, Comment     string
	Submitted, Done time.Time
}

var (
	zones   = store.Table[zone]{Name: "route53/zones"}
	records = store.Table[types.ResourceRecordSet]{Name: "route53/records"} // by keyOf
	changes = store.Table[change]{Name: "route53/changes"}
)

const (
	zoneType   = "AWS::Route53::HostedZone"
	recordType = "AWS::Route53::RecordSet"
	groupType  = "AWS::Route53::RecordSetGroup"
)

// Service returns the API.
func (r *Route53) Service() *wire.Service {
	service := &wire.Service{Name: "route53", Protocol: wire.RestXML, Differences: differsFromAWS, Namespace: "https://route53.amazonaws.com/doc/2013-04-01/"}
	wire.Register(service, "CreateHostedZone", r.createHostedZone)
	wire.Register(service, "GetHostedZone", r.getHostedZone)
	wire.Register(service, "ListHostedZones", r.listHostedZones)
	wire.Register(service, "ListHostedZonesByName", r.listHostedZonesByName)
	wire.Register(service, "GetHostedZoneCount", r.getHostedZoneCount)
	wire.Register(service, "UpdateHostedZoneComment", r.updateHostedZoneComment)
	wire.Register(service, "DeleteHostedZone", r.deleteHostedZone)
	wire.Register(service, "ChangeResourceRecordSets", r.changeResourceRecordSets)
	wire.Register(service, "ListResourceRecordSets", r.listResourceRecordSets)
	wire.Register(service, "GetChange", r.getChange)
	wire.Register(service, "ChangeTagsForResource", r.changeTagsForResource)
	wire.Register(service, "ListTagsForResource", r.listTagsForResource)
	wire.Register(service, "ListTagsForResources", r.listTagsForResources)
	return service
}

// Register adds the resource types.
func (r *Route53) Register(registry *resource.Registry) {
	registry.Register(zoneProvider{r}, zoneType)
	registry.Register(recordProvider{r}, recordType, groupType)
}

func scopeOf(ctx context.Context) store.Scope {
	return store.Scope{Account: wire.CallOf(ctx).Account}
}

func invalidInput(format string, args ...any) error {
	return wire.Errorf("InvalidInput", format, args...)
}

// tell calls the watchers.
func (r *Route53) tell(tx *store.Tx, scope store.Scope) error {
	for _, watcher := range r.watchers {
		if err := watcher(tx, scope.Account); err != nil {
			return err
		}
	}
	return nil
}
