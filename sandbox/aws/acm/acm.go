// Package acm is the sandbox's Certificate Manager: real X.509 certificates, its
// API, and the resource type AWS::CertificateManager::Certificate.
//
// A certificate that is to be validated by DNS stays PENDING_VALIDATION until each
// of its names has its CNAME record in a public hosted zone of the account, and is
// ISSUED, after the simulated time, by the change that brings the last of them:
// nothing polls. Validation by EMAIL never ends, since nobody reads the mail.
//
// Certificates are signed by an authority of the account, made at first use and
// kept with the state ([ACM.Authority] is what clients trust). They last 198 days
// and are not renewed. Private certificate authorities, exports and HTTP
// validation are none of the sandbox's.
package acm

import (
	"context"
	"crypto/tls"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Zones are the hosted zones that have the records of validation.
type Zones interface {
	// Values are those of a record in the public zones of an account.
	Values(tx *store.Tx, account, name string, kind dnstypes.RRType) ([]string, error)
	// Change makes a batch of changes in a zone.
	Change(tx *store.Tx, account, zoneID string, list ...dnstypes.Change) error
	// Watch calls a function in the transaction of each change, after it.
	Watch(func(tx *store.Tx, account string) error)
}

// ACM is the service. It is safe for concurrent use, once [ACM.UsedBy] has been
// called.
type ACM struct {
	store *store.Store
	pace  *simtime.Pace
	zones Zones
	users func(tx *store.Tx, account, region, arn string) ([]string, error)

	mu      sync.Mutex
	changed chan struct{} // closed and made anew when certificates are validated
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace, zones Zones) *ACM {
	a := &ACM{store: state, pace: pace, zones: zones, changed: make(chan struct{})}
	a.users = func(*store.Tx, string, string, string) ([]string, error) { return nil, nil }
	zones.Watch(a.validateAll)
	return a
}

// UsedBy says who knows the users of a certificate: the ARNs of what it serves.
func (a *ACM) UsedBy(users func(tx *store.Tx, account, region, arn string) ([]string, error)) {
	a.users = users
}

const certificateType = "AWS::CertificateManager::Certificate"

// certificate is a certificate as it is, or will be when it is Ready.
type certificate struct {
	types.CertificateDetail
	PEM, Chain, Key string
	Tags            map[string]string
	// Ready is when a validated certificate is issued.
	Ready time.Time
	// Idempotency is the request's, Token that of CloudFormation.
	Idempotency, Token string
}

var (
	certificates = store.Table[certificate]{Name: "acm/certificates"} // by the ID in the ARN
	authorities  = store.Table[authority]{Name: "acm/authorities"}
)

// Service returns the API.
func (a *ACM) Service() *wire.Service {
	service := &wire.Service{Name: "acm", Protocol: wire.JSON11, Differences: differsFromAWS, Target: "CertificateManager"}
	wire.Register(service, "RequestCertificate", a.requestCertificate)
	wire.Register(service, "ImportCertificate", a.importCertificate)
	wire.Register(service, "DescribeCertificate", a.describeCertificate)
	wire.Register(service, "GetCertificate", a.getCertificate)
	wire.Register(service, "ListCertificates", a.listCertificates)
	wire.Register(service, "DeleteCertificate", a.deleteCertificate)
	wire.Register(service, "AddTagsToCertificate", a.addTagsToCertificate)
	wire.Register(service, "RemoveTagsFromCertificate", a.removeTagsFromCertificate)
	wire.Register(service, "ListTagsForCertificate", a.listTagsForCertificate)
	return service
}

// Register adds the resource type.
func (a *ACM) Register(registry *resource.Registry) {
	registry.Register(provider{a}, certificateType)
}

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

func arnOf(scope store.Scope, id string) string {
	return "arn:aws:acm:" + scope.Region + ":" + scope.Account + ":certificate/" + id
}

// find returns a certificate by its ARN, as it is kept.
func find(tx *store.Tx, scope store.Scope, arn *string) (certificate, error) {
	if !strings.HasPrefix(aws.ToString(arn), "arn:") {
		return certificate{}, &types.InvalidArnException{Message: aws.String(aws.ToString(arn) + " is not a valid ARN")}
	}
	id, ours := strings.CutPrefix(*arn, arnOf(scope, ""))
	found, exists, err := certificates.Get(tx, scope, id)
	if err == nil && (!ours || !exists) {
		err = &types.ResourceNotFoundException{Message: aws.String("Could not find certificate " + *arn + ".")}
	}
	return found, err
}

func put(tx *store.Tx, scope store.Scope, c certificate) error {
	return certificates.Put(tx, scope, strings.TrimPrefix(*c.CertificateArn, arnOf(scope, "")), c)
}

// at is a certificate as it is at a time: one that is validated is issued when
// the simulated time is over.
func (c certificate) at(now time.Time) certificate {
	if c.Status != types.CertificateStatusIssued || !now.Before(c.Ready) {
		return c
	}
	c.Status = types.CertificateStatusPendingValidation
	c.PEM, c.Chain = "", ""
	c.IssuedAt, c.NotBefore, c.NotAfter, c.Serial, c.Issuer, c.SignatureAlgorithm = nil, nil, nil, nil, nil, nil
	validations := append([]types.DomainValidation(nil), c.DomainValidationOptions...)
	for i := range validations {
		validations[i].ValidationStatus = types.DomainStatusPendingValidation
	}
	c.DomainValidationOptions = validations
	return c
}

// Issued reports whether a certificate is there and fit for use.
func (a *ACM) Issued(tx *store.Tx, account, region, arn string) (issued, found bool, err error) {
	scope := store.Scope{Account: account, Region: region}
	c, found, err := certificates.Get(tx, scope, strings.TrimPrefix(arn, arnOf(scope, "")))
	return c.at(a.pace.Now()).Status == types.CertificateStatusIssued, found, err
}

// TLS returns a certificate with its chain and key, for what serves it. One that
// is not issued is the API's error.
func (a *ACM) TLS(_ context.Context, account, region, arn string) (tls.Certificate, error) {
	var found certificate
	err := a.store.View(func(tx *store.Tx) (err error) {
		found, err = a.issued(tx, store.Scope{Account: account, Region: region}, &arn)
		return err
	})
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair([]byte(found.PEM+found.Chain), []byte(found.Key))
}

func (a *ACM) issued(tx *store.Tx, scope store.Scope, arn *string) (certificate, error) {
	found, err := find(tx, scope, arn)
	if found = found.at(a.pace.Now()); err == nil && found.Status != types.CertificateStatusIssued {
		err = &types.RequestInProgressException{Message: aws.String("The certificate " + *arn + " has not been issued yet: it is " + string(found.Status) + ".")}
	}
	return found, err
}
