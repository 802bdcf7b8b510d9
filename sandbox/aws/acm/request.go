package acm

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// request is what a new certificate is to be.
type request struct {
	domain    string
	others    []string
	method    types.ValidationMethod
	algorithm types.KeyAlgorithm
	// mailTo are the domains whose owners are asked, where they are others.
	mailTo map[string]string
	tags   map[string]string
	// idempotency is the API's token, token CloudFormation's; either may be "".
	idempotency, token string
}

var domainForm = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$`)

// maxNames is how many names a certificate may have.
const maxNames = 100

func invalid(format string) error { return &types.ValidationException{Message: aws.String(format)} }

// names are all names of a certificate, each once, its domain first.
func (r request) names() ([]string, error) {
	var names []string
	for _, name := range append([]string{r.domain}, r.others...) {
		name = strings.TrimSuffix(strings.ToLower(name), ".")
		if !domainForm.MatchString(name) || len(name) > 253 {
			return nil, invalid("The domain name \"" + name + "\" is not valid: it must be a domain such as www.example.com or *.example.com.")
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > maxNames {
		return nil, &types.LimitExceededException{Message: aws.String("A certificate can't have more than 100 names.")}
	}
	return names, nil
}

// build returns a new certificate that waits for its validation.
func (a *ACM) build(scope store.Scope, r request) (certificate, error) {
	if r.algorithm == "" {
		r.algorithm = types.KeyAlgorithmRsa2048
	}
	switch r.method {
	case "":
		r.method = types.ValidationMethodEmail
	case types.ValidationMethodDns, types.ValidationMethodEmail:
	default:
		return certificate{}, invalid("The sandbox validates by DNS and EMAIL, not by " + string(r.method) + ".")
	}
	names, err := r.names()
	if err != nil {
		return certificate{}, err
	}
	key, err := newKey(r.algorithm)
	if err != nil {
		return certificate{}, err
	}
	id := uuid.New()
	if r.token != "" {
		id = uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.token))
	}
	made := certificate{Key: key, Tags: r.tags, Idempotency: r.idempotency, Token: r.token}
	made.CertificateDetail = types.CertificateDetail{
		CertificateArn: aws.String(arnOf(scope, id.String())), DomainName: aws.String(names[0]), SubjectAlternativeNames: names,
		Status: types.CertificateStatusPendingValidation, Type: types.CertificateTypeAmazonIssued, KeyAlgorithm: r.algorithm,
		CreatedAt: aws.Time(a.pace.Now()), Subject: aws.String("CN=" + names[0]), RenewalEligibility: types.RenewalEligibilityIneligible,
		Options: &types.CertificateOptions{Export: types.CertificateExportDisabled},
	}
	for _, name := range names {
		validation := types.DomainValidation{
			DomainName: aws.String(name), ValidationDomain: aws.String(name), ValidationMethod: r.method, ValidationStatus: types.DomainStatusPendingValidation,
		}
		if ask := r.mailTo[name]; ask != "" {
			if name != ask && !strings.HasSuffix(name, "."+ask) {
				return certificate{}, &types.InvalidDomainValidationOptionsException{Message: aws.String("The validation domain " + ask + " is not a domain above " + name + ".")}
			}
			validation.ValidationDomain = aws.String(ask)
		}
		if r.method == types.ValidationMethodDns {
			validation.ResourceRecord = validationRecord(scope.Account, name)
		} else {
			for _, user := range []string{"admin", "administrator", "hostmaster", "postmaster", "webmaster"} {
				validation.ValidationEmails = append(validation.ValidationEmails, user+"@"+strings.TrimPrefix(*validation.ValidationDomain, "*."))
			}
		}
		made.DomainValidationOptions = append(made.DomainValidationOptions, validation)
	}
	return made, nil
}

// validationRecord is the record that proves who owns a name. It is the same for
// all certificates of the account with that name, and for its wildcard.
func validationRecord(account, name string) *types.ResourceRecord {
	name = strings.TrimPrefix(name, "*.")
	digest := sha256.Sum256([]byte(account + "/" + name))
	text := hex.EncodeToString(digest[:])
	return &types.ResourceRecord{
		Name: aws.String("_" + text[:32] + "." + name + "."), Type: types.RecordTypeCname,
		Value: aws.String("_" + text[32:] + ".acm-validations.aws."),
	}
}

// validate looks for a certificate's records and issues it when all are there.
// It tells whether anything of it changed.
func (a *ACM) validate(tx *store.Tx, scope store.Scope, c *certificate) (bool, error) {
	if c.Status != types.CertificateStatusPendingValidation {
		return false, nil
	}
	left, changed := 0, false
	for i, validation := range c.DomainValidationOptions {
		if validation.ValidationStatus == types.DomainStatusSuccess {
			continue
		}
		left++
		if validation.ResourceRecord == nil {
			continue
		}
		values, err := a.zones.Values(tx, scope.Account, *validation.ResourceRecord.Name, dnstypes.RRTypeCname)
		if err != nil {
			return false, err
		}
		is := func(value string) bool {
			return strings.TrimSuffix(value, ".") == strings.TrimSuffix(*validation.ResourceRecord.Value, ".")
		}
		if slices.ContainsFunc(values, is) {
			c.DomainValidationOptions[i].ValidationStatus = types.DomainStatusSuccess
			left, changed = left-1, true
		}
	}
	if left > 0 {
		return changed, nil
	}
	tx.OnCommit(a.broadcast)
	return true, c.issue(tx, scope.Account, a.pace.Now(), a.pace.End(certificateType, simtime.Create))
}

// validateAll looks at the certificates of an account that wait for a record.
func (a *ACM) validateAll(tx *store.Tx, account string) error {
	scopes, err := tx.Scopes()
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		if scope.Account != account || scope.Region == "" {
			continue
		}
		all, err := certificates.List(tx, scope, "")
		if err != nil {
			return err
		}
		for _, c := range all {
			if changed, err := a.validate(tx, scope, &c); err != nil || !changed {
				if err != nil {
					return err
				}
				continue
			}
			if err := put(tx, scope, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait returns a channel that is closed at the next validation.
func (a *ACM) wait() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

func (a *ACM) broadcast() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.changed)
	a.changed = make(chan struct{})
}
