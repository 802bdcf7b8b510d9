package verify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Account is what a region of an AWS account says of itself. Each call is one look:
// nothing is kept. What is not there is ErrNotFound, what may not be seen a
// *DeniedError; every other error may pass with time.
type Account interface {
	// Secret is the version of a secret that has the stage, by the secret's name or ARN.
	Secret(ctx context.Context, id, stage string) (Version, error)
	// Parameter is the newest version of a parameter of the Parameter Store.
	Parameter(ctx context.Context, name string) (Version, error)
	// Balancers are all load balancers of the region.
	Balancers(ctx context.Context) ([]Balancer, error)
	// TargetGroups that a balancer sends to, with their tags.
	TargetGroups(ctx context.Context, balancer string) ([]TargetGroup, error)
	Targets(ctx context.Context, group string) ([]Target, error)
	// BoundCertificates are the ARNs of those that the listeners of a balancer have.
	BoundCertificates(ctx context.Context, balancer string) ([]string, error)
	Certificate(ctx context.Context, arn string) (Certificate, error)
	// PendingCertificates wait for their validation.
	PendingCertificates(ctx context.Context) ([]Certificate, error)
	// Zones are all hosted zones of the account.
	Zones(ctx context.Context) ([]Zone, error)
	// Records are those of a zone that have the name.
	Records(ctx context.Context, zone, name string) ([]Record, error)
}

// ErrNotFound says that the account has no such thing.
var ErrNotFound = errors.New("not found")

// DeniedError says that the Environment's role has no right to look.
type DeniedError struct {
	Action string // such as "elasticloadbalancing:DescribeTargetHealth"
}

func (e *DeniedError) Error() string { return "no right to " + e.Action }

// Version of a secret or a parameter.
type Version struct {
	ID string
	// Changed is when it became what it is, or later: by the account's clock.
	Changed time.Time
}

// Balancer is a load balancer.
type Balancer struct {
	ARN, DNSName string
	// Application: it has rules and target groups that an Ingress is made into.
	Application bool
	// State is "active" when it serves.
	State, Reason string
}

// TargetGroup is what a balancer sends to.
type TargetGroup struct {
	ARN  string
	Type string // "ip" or "instance"
	Tags map[string]string
}

// Target of a group.
type Target struct {
	ID string // an address or an instance
	// State is "healthy", "initial", "unhealthy", "draining", "unused" or "unavailable".
	State, Reason string
}

// Certificate of ACM.
type Certificate struct {
	ARN, Status, Reason string
	Names               []string // that it is for; "*.example.com" among them
	// Awaited are the DNS records by which its names are validated, of those that are not
	// yet.
	Awaited []Record
}

// Zone is a hosted zone.
type Zone struct {
	ID, Name string // without the dot at the end
}

// Record is a resource record set.
type Record struct {
	Name, Type string
	// Values, or the one name that it is an alias of.
	Values []string
}

func (r Record) String() string {
	return fmt.Sprintf("%s %s %s", r.Name, r.Type, first(r.Values))
}

func first(values []string) string {
	if len(values) == 0 {
		return "?"
	}
	return values[0]
}
