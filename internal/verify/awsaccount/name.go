package awsaccount

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

func (a *Account) Certificate(ctx context.Context, arn string) (verify.Certificate, error) {
	out, err := a.certificates.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	if err != nil {
		return verify.Certificate{}, told("certificate "+arn, err)
	}
	d := out.Certificate
	c := verify.Certificate{ARN: arn, Status: string(d.Status), Reason: string(d.FailureReason), Names: d.SubjectAlternativeNames}
	if len(c.Names) == 0 {
		c.Names = []string{aws.ToString(d.DomainName)}
	}
	for _, v := range d.DomainValidationOptions {
		if r := v.ResourceRecord; r != nil && v.ValidationStatus != acmtypes.DomainStatusSuccess {
			c.Awaited = append(c.Awaited, verify.Record{Name: aws.ToString(r.Name), Type: string(r.Type), Values: []string{aws.ToString(r.Value)}})
		}
	}
	return c, nil
}

func (a *Account) PendingCertificates(ctx context.Context) ([]verify.Certificate, error) {
	var all []verify.Certificate
	pages := acm.NewListCertificatesPaginator(a.certificates, &acm.ListCertificatesInput{CertificateStatuses: []acmtypes.CertificateStatus{acmtypes.CertificateStatusPendingValidation}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, told("certificates", err)
		}
		for _, s := range page.CertificateSummaryList {
			c, err := a.Certificate(ctx, aws.ToString(s.CertificateArn))
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (a *Account) Zones(ctx context.Context) ([]verify.Zone, error) {
	var all []verify.Zone
	for pages := route53.NewListHostedZonesPaginator(a.names, &route53.ListHostedZonesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, told("hosted zones", err)
		}
		for _, z := range page.HostedZones {
			all = append(all, verify.Zone{ID: strings.TrimPrefix(aws.ToString(z.Id), "/hostedzone/"), Name: strings.TrimSuffix(aws.ToString(z.Name), ".")})
		}
	}
	return all, nil
}

// Records of one name stand together, so the first page has all of them but where there
// are hundreds of weighted ones.
func (a *Account) Records(ctx context.Context, zone, name string) ([]verify.Record, error) {
	out, err := a.names.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &zone, StartRecordName: &name})
	if err != nil {
		return nil, told("records of the hosted zone "+zone, err)
	}
	var all []verify.Record
	for _, s := range out.ResourceRecordSets {
		if !strings.EqualFold(unescaped(aws.ToString(s.Name)), name) {
			break
		}
		r := verify.Record{Name: name, Type: string(s.Type)}
		if s.AliasTarget != nil {
			r.Values = []string{strings.TrimSuffix(aws.ToString(s.AliasTarget.DNSName), ".")}
		}
		for _, v := range s.ResourceRecords {
			r.Values = append(r.Values, strings.TrimSuffix(aws.ToString(v.Value), "."))
		}
		all = append(all, r)
	}
	return all, nil
}

// unescaped is a name without the dot at its end, and with its octal escapes read: \052
// is a star.
func unescaped(name string) string {
	name = strings.TrimSuffix(name, ".")
	for i := strings.IndexByte(name, '\\'); i >= 0 && i+4 <= len(name); i = strings.IndexByte(name, '\\') {
		code, err := strconv.ParseUint(name[i+1:i+4], 8, 8)
		if err != nil {
			break
		}
		name = name[:i] + string(rune(code)) + name[i+4:]
	}
	return name
}
