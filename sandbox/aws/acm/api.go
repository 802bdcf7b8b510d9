package acm

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// remembered is how long a token says that a request is the same.
const remembered = time.Hour

func (a *ACM) requestCertificate(ctx context.Context, in *acm.RequestCertificateInput) (*acm.RequestCertificateOutput, error) {
	if in.Options != nil && in.Options.Export == types.CertificateExportEnabled {
		return nil, invalid("The sandbox has no certificates that can be exported.")
	}
	if in.CertificateAuthorityArn != nil || in.ManagedBy != "" {
		return nil, invalid("The sandbox has no private certificate authorities and no certificates that others manage.")
	}
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	r := request{
		domain: aws.ToString(in.DomainName), others: in.SubjectAlternativeNames, method: in.ValidationMethod, algorithm: in.KeyAlgorithm,
		mailTo: map[string]string{}, tags: tags, idempotency: aws.ToString(in.IdempotencyToken),
	}
	for _, option := range in.DomainValidationOptions {
		r.mailTo[strings.ToLower(aws.ToString(option.DomainName))] = aws.ToString(option.ValidationDomain)
	}
	scope := scopeOf(ctx)
	made, err := a.build(scope, r)
	if err != nil {
		return nil, err
	}
	err = a.store.Update(func(tx *store.Tx) error {
		same := false
		err := certificates.Walk(tx, scope, "", func(_ string, old certificate) error {
			if same = r.idempotency != "" && old.Idempotency == r.idempotency && slices.Equal(old.SubjectAlternativeNames, made.SubjectAlternativeNames) &&
				a.pace.Now().Before(old.CreatedAt.Add(remembered)); same {
				made = old
				return store.Stop
			}
			return nil
		})
		if err != nil || same {
			return err
		}
		if _, err := a.validate(tx, scope, &made); err != nil { // the records may be there already
			return err
		}
		return put(tx, scope, made)
	})
	return &acm.RequestCertificateOutput{CertificateArn: made.CertificateArn}, err
}

func (a *ACM) describeCertificate(ctx context.Context, in *acm.DescribeCertificateInput) (*acm.DescribeCertificateOutput, error) {
	out := &acm.DescribeCertificateOutput{}
	err := a.store.View(func(tx *store.Tx) error {
		found, err := a.described(tx, scopeOf(ctx), in.CertificateArn)
		out.Certificate = &found.CertificateDetail
		return err
	})
	return out, err
}

// described is a certificate as it is now, with its users.
func (a *ACM) described(tx *store.Tx, scope store.Scope, arn *string) (certificate, error) {
	found, err := find(tx, scope, arn)
	if err != nil {
		return found, err
	}
	found = found.at(a.pace.Now())
	found.InUseBy, err = a.users(tx, scope.Account, scope.Region, *arn)
	if len(found.InUseBy) > 0 && found.Type == types.CertificateTypeAmazonIssued && found.Status == types.CertificateStatusIssued {
		found.RenewalEligibility = types.RenewalEligibilityEligible
	}
	if found.InUseBy == nil {
		found.InUseBy = []string{}
	}
	return found, err
}

func (a *ACM) getCertificate(ctx context.Context, in *acm.GetCertificateInput) (*acm.GetCertificateOutput, error) {
	out := &acm.GetCertificateOutput{}
	err := a.store.View(func(tx *store.Tx) error {
		found, err := a.issued(tx, scopeOf(ctx), in.CertificateArn)
		out.Certificate, out.CertificateChain = aws.String(found.PEM), aws.String(found.Chain)
		return err
	})
	return out, err
}

func (a *ACM) deleteCertificate(ctx context.Context, in *acm.DeleteCertificateInput) (*acm.DeleteCertificateOutput, error) {
	return nil, a.store.Update(func(tx *store.Tx) error { return a.remove(tx, scopeOf(ctx), in.CertificateArn) })
}

func (a *ACM) remove(tx *store.Tx, scope store.Scope, arn *string) error {
	found, err := a.described(tx, scope, arn)
	if err != nil {
		return err
	}
	if len(found.InUseBy) > 0 {
		return &types.ResourceInUseException{Message: aws.String("Certificate " + *arn + " in account " + scope.Account + " is in use.")}
	}
	tx.OnCommit(a.broadcast) // nobody need wait for it any more
	return certificates.Delete(tx, scope, strings.TrimPrefix(*arn, arnOf(scope, "")))
}

// listed are the algorithms of the certificates in a list that asks for none.
var listed = []types.KeyAlgorithm{types.KeyAlgorithmRsa1024, types.KeyAlgorithmRsa2048}

func (a *ACM) listCertificates(ctx context.Context, in *acm.ListCertificatesInput) (*acm.ListCertificatesOutput, error) {
	if in.SortBy != "" && in.SortOrder == "" || in.SortBy == "" && in.SortOrder != "" {
		return nil, &types.InvalidArgsException{Message: aws.String("SortBy and SortOrder must be given together.")}
	}
	algorithms := listed
	if in.Includes != nil && len(in.Includes.KeyTypes) > 0 {
		algorithms = in.Includes.KeyTypes
	}
	out := &acm.ListCertificatesOutput{}
	err := a.store.View(func(tx *store.Tx) error {
		all, err := certificates.List(tx, scopeOf(ctx), "")
		if err != nil {
			return err
		}
		if in.SortBy == types.SortByCreatedAt {
			slices.SortStableFunc(all, func(x, y certificate) int {
				if in.SortOrder == types.SortOrderDescending {
					x, y = y, x
				}
				return x.CreatedAt.Compare(*y.CreatedAt)
			})
		}
		limit, skip := int(max(aws.ToInt32(in.MaxItems), 0)), in.NextToken != nil
		if limit == 0 {
			limit = 1000
		}
		for _, one := range all {
			if skip { // up to the last of the page before
				skip = *one.CertificateArn != *in.NextToken
				continue
			}
			c, err := a.described(tx, scopeOf(ctx), one.CertificateArn)
			if err != nil {
				return err
			}
			if !slices.Contains(algorithms, c.KeyAlgorithm) || len(in.CertificateStatuses) > 0 && !slices.Contains(in.CertificateStatuses, c.Status) || !c.has(in.Includes) {
				continue
			}
			if len(out.CertificateSummaryList) == limit {
				out.NextToken = out.CertificateSummaryList[limit-1].CertificateArn
				return nil
			}
			out.CertificateSummaryList = append(out.CertificateSummaryList, c.summary())
		}
		if skip {
			return &types.InvalidArgsException{Message: aws.String("The token of the next page is not valid.")}
		}
		return nil
	})
	return out, err
}

// has reports whether a certificate has one of the uses that a filter asks for.
func (c certificate) has(filter *types.Filters) bool {
	if filter == nil {
		return true
	}
	usage := len(filter.KeyUsage) == 0 || slices.ContainsFunc(c.KeyUsages, func(u types.KeyUsage) bool {
		return slices.Contains(filter.KeyUsage, u.Name) || slices.Contains(filter.KeyUsage, types.KeyUsageNameAny)
	})
	extended := len(filter.ExtendedKeyUsage) == 0 || slices.ContainsFunc(c.ExtendedKeyUsages, func(u types.ExtendedKeyUsage) bool {
		return slices.Contains(filter.ExtendedKeyUsage, u.Name) || slices.Contains(filter.ExtendedKeyUsage, types.ExtendedKeyUsageNameAny)
	})
	export := filter.ExportOption == "" || c.Options != nil && c.Options.Export == filter.ExportOption
	return usage && extended && export && filter.ManagedBy == c.ManagedBy
}

func (c certificate) summary() types.CertificateSummary {
	s := types.CertificateSummary{
		CertificateArn: c.CertificateArn, DomainName: c.DomainName, SubjectAlternativeNameSummaries: c.SubjectAlternativeNames,
		HasAdditionalSubjectAlternativeNames: aws.Bool(false), Status: c.Status, Type: c.Type, KeyAlgorithm: c.KeyAlgorithm,
		InUse: aws.Bool(len(c.InUseBy) > 0), RenewalEligibility: c.RenewalEligibility, Exported: aws.Bool(false),
		CreatedAt: c.CreatedAt, IssuedAt: c.IssuedAt, ImportedAt: c.ImportedAt, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
	}
	for _, usage := range c.KeyUsages {
		s.KeyUsages = append(s.KeyUsages, usage.Name)
	}
	for _, usage := range c.ExtendedKeyUsages {
		s.ExtendedKeyUsages = append(s.ExtendedKeyUsages, usage.Name)
	}
	return s
}

func (a *ACM) addTagsToCertificate(ctx context.Context, in *acm.AddTagsToCertificateInput) (*acm.AddTagsToCertificateOutput, error) {
	added, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, a.retag(scopeOf(ctx), in.CertificateArn, func(tags map[string]string) {
		for key, value := range added {
			tags[key] = value
		}
	})
}

func (a *ACM) removeTagsFromCertificate(ctx context.Context, in *acm.RemoveTagsFromCertificateInput) (*acm.RemoveTagsFromCertificateOutput, error) {
	return nil, a.retag(scopeOf(ctx), in.CertificateArn, func(tags map[string]string) {
		for _, tag := range in.Tags { // a value, where one is given, must be the tag's
			if value, ok := tags[aws.ToString(tag.Key)]; ok && (tag.Value == nil || *tag.Value == value) {
				delete(tags, *tag.Key)
			}
		}
	})
}

func (a *ACM) listTagsForCertificate(ctx context.Context, in *acm.ListTagsForCertificateInput) (*acm.ListTagsForCertificateOutput, error) {
	out := &acm.ListTagsForCertificateOutput{}
	err := a.store.View(func(tx *store.Tx) error {
		found, err := find(tx, scopeOf(ctx), in.CertificateArn)
		out.Tags = tagList(found.Tags)
		return err
	})
	return out, err
}
