package acm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

func (a *ACM) importCertificate(ctx context.Context, in *acm.ImportCertificateInput) (*acm.ImportCertificateOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	if in.CertificateArn != nil && len(tags) > 0 {
		return nil, invalid("You cannot apply tags when reimporting a certificate.")
	}
	leaf, err := a.readImport(in)
	if err != nil {
		return nil, err
	}
	scope := scopeOf(ctx)
	arn := arnOf(scope, uuid.NewString())
	err = a.store.Update(func(tx *store.Tx) error {
		made := certificate{Tags: tags}
		now := a.pace.Now()
		made.CreatedAt = aws.Time(now)
		if in.CertificateArn != nil {
			old, err := find(tx, scope, in.CertificateArn)
			if err != nil {
				return err
			}
			if old.Type != types.CertificateTypeImported {
				return invalid("The certificate " + *in.CertificateArn + " was not imported and so cannot be reimported.")
			}
			made, arn = old, *in.CertificateArn
		}
		names := leaf.DNSNames
		if len(names) == 0 {
			names = []string{leaf.Subject.CommonName}
		}
		made.CertificateArn, made.DomainName, made.SubjectAlternativeNames = aws.String(arn), aws.String(names[0]), names
		made.Type, made.Status, made.ImportedAt = types.CertificateTypeImported, types.CertificateStatusIssued, aws.Time(now)
		made.RenewalEligibility, made.Options = types.RenewalEligibilityIneligible, &types.CertificateOptions{}
		made.PEM, made.Chain, made.Key = string(in.Certificate), string(in.CertificateChain), string(in.PrivateKey)
		if err := made.read(); err != nil {
			return err
		}
		return put(tx, scope, made)
	})
	return &acm.ImportCertificateOutput{CertificateArn: aws.String(arn)}, err
}

// readImport checks what is to be imported. Errors never hold the key.
func (a *ACM) readImport(in *acm.ImportCertificateInput) (*x509.Certificate, error) {
	block, rest := pem.Decode(in.Certificate)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, invalid("The certificate field contains no certificate in PEM.")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, invalid("The certificate field contains more than one certificate. You can specify only one certificate in this field.")
	}
	if block, _ := pem.Decode(in.PrivateKey); block == nil {
		return nil, invalid("The private key is not in PEM.")
	}
	pair, err := tls.X509KeyPair(in.Certificate, in.PrivateKey)
	if err != nil {
		return nil, invalid("The private key does not match the certificate, or one of them can't be read.")
	}
	now := a.pace.Now()
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, invalid("The certificate has expired.")
	case now.Before(leaf.NotBefore):
		return nil, invalid("The certificate is not yet valid.")
	case algorithmOf(leaf.PublicKey) == "":
		return nil, invalid("The key algorithm of the certificate is not supported.")
	}
	pool := x509.NewCertPool()
	if len(in.CertificateChain) == 0 {
		return pair.Leaf, nil
	}
	if !pool.AppendCertsFromPEM(in.CertificateChain) {
		return nil, invalid("The certificate chain contains no certificate in PEM.")
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return nil, invalid("Could not validate the certificate with the certificate chain.")
	}
	return pair.Leaf, nil
}
