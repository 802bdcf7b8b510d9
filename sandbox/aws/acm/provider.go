package acm

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// provider drives AWS::CertificateManager::Certificate. Its physical ID is the
// ARN. Validation records that it writes stay when the certificate is deleted, as
// they do in AWS.
type provider struct{ *ACM }

// Create blocks until the certificate is issued, or ctx ends.
func (p provider) Create(ctx context.Context, r resource.Request) (resource.State, error) {
	wanted, zones, err := wantedOf(r)
	if err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: r.Account, Region: r.Region}
	made, err := p.build(scope, wanted)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	err = p.store.Update(func(tx *store.Tx) error {
		_, exists, err := certificates.Get(tx, scope, strings.TrimPrefix(*made.CertificateArn, arnOf(scope, "")))
		if err != nil || exists { // the same call again
			return err
		}
		if _, err := p.validate(tx, scope, &made); err != nil {
			return err
		}
		if err := put(tx, scope, made); err != nil {
			return err
		}
		return p.prove(tx, scope, made, zones)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return stateOf(*made.CertificateArn), p.wait(ctx, scope, made.CertificateArn)
}

func stateOf(arn string) resource.State {
	return resource.State{PhysicalID: arn, Ref: arn, Attributes: map[string]any{"Id": arn, "CertificateArn": arn}}
}

// prove writes the validation records of the names whose zones are known. That
// issues the certificate, if it was all that was missing.
func (p provider) prove(tx *store.Tx, scope store.Scope, c certificate, zones map[string]string) error {
	for _, validation := range c.DomainValidationOptions {
		zone := zones[*validation.DomainName]
		if zone == "" || validation.ResourceRecord == nil {
			continue
		}
		err := p.zones.Change(tx, scope.Account, zone, dnstypes.Change{
			Action: dnstypes.ChangeActionUpsert, ResourceRecordSet: &dnstypes.ResourceRecordSet{
				Name: validation.ResourceRecord.Name, Type: dnstypes.RRTypeCname, TTL: aws.Int64(300),
				ResourceRecords: []dnstypes.ResourceRecord{{Value: validation.ResourceRecord.Value}},
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wait blocks until a certificate is issued.
func (p provider) wait(ctx context.Context, scope store.Scope, arn *string) error {
	for {
		validated := p.ACM.wait() // before looking, so that nothing is missed
		var found certificate
		err := p.store.View(func(tx *store.Tx) (err error) {
			found, err = find(tx, scope, arn)
			return err
		})
		if err != nil {
			return refusal(err)
		}
		if found.Status == types.CertificateStatusIssued {
			return p.pace.Wait(ctx, found.Ready)
		}
		select {
		case <-validated:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p provider) Update(ctx context.Context, r resource.Request) (resource.State, error) {
	wanted, _, err := wantedOf(r)
	if err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: r.Account, Region: r.Region}
	err = p.store.Update(func(tx *store.Tx) error {
		found, err := find(tx, scope, &r.PhysicalID)
		if err != nil {
			return err
		}
		found.Tags = wanted.tags
		return put(tx, scope, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return stateOf(r.PhysicalID), p.pace.Wait(ctx, p.pace.End(r.Type, simtime.Update))
}

func (p provider) Delete(ctx context.Context, r resource.Request) error {
	scope := store.Scope{Account: r.Account, Region: r.Region}
	err := p.store.Update(func(tx *store.Tx) error { return p.remove(tx, scope, &r.PhysicalID) })
	if answer, _ := wire.As(err); err != nil && answer.Code != "ResourceNotFoundException" {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(r.Type, simtime.Delete))
}

// wantedOf reads the properties, and the zones of the names to be validated there.
func wantedOf(r resource.Request) (wanted request, zones map[string]string, err error) {
	p := resource.Props(r.Properties)
	for _, name := range []string{"CertificateAuthorityArn", "CertificateExport"} {
		if p.Has(name) {
			return wanted, nil, resource.Invalid("The sandbox has no %s of certificates", name)
		}
	}
	wanted = request{token: r.Token, mailTo: map[string]string{}}
	var method, algorithm string
	for name, into := range map[string]*string{
		"DomainName": &wanted.domain, "ValidationMethod": &method, "KeyAlgorithm": &algorithm,
	} {
		if *into, err = p.String(name); err != nil {
			return wanted, nil, err
		}
	}
	wanted.method, wanted.algorithm = types.ValidationMethod(method), types.KeyAlgorithm(algorithm)
	if wanted.others, err = p.Strings("SubjectAlternativeNames"); err != nil {
		return wanted, nil, err
	}
	if wanted.tags, err = p.Tags("Tags", r.Tags); err != nil {
		return wanted, nil, err
	}
	options, err := p.Objects("DomainValidationOptions")
	if err != nil {
		return wanted, nil, err
	}
	zones = map[string]string{}
	for _, option := range options {
		name, err := option.Required("DomainName")
		if err != nil {
			return wanted, nil, err
		}
		name = strings.ToLower(name)
		if zones[name], err = option.String("HostedZoneId"); err != nil {
			return wanted, nil, err
		}
		if wanted.mailTo[name], err = option.String("ValidationDomain"); err != nil {
			return wanted, nil, err
		}
	}
	return wanted, zones, nil
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	answer, expected := wire.As(err)
	if err == nil || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch answer.Code {
	case "ResourceNotFoundException", "NoSuchHostedZone":
		code = resource.NotFound
	case "ResourceInUseException":
		code = resource.ResourceConflict
	case "LimitExceededException":
		code = resource.ServiceLimitExceeded
	}
	return &resource.Error{Code: code, Message: answer.Message + " (Service: Acm, Error Code: " + answer.Code + ")"}
}
