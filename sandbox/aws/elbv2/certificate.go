package elbv2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// served checks that certificates may be served, and returns their ARNs.
func (e *ELBV2) served(tx *store.Tx, scope store.Scope, list []types.Certificate) ([]types.Certificate, error) {
	var out []types.Certificate
	for _, c := range list {
		arn := aws.ToString(c.CertificateArn)
		issued, found, err := e.certificates.Issued(tx, scope.Account, scope.Region, arn)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return nil, wire.Errorf("CertificateNotFound", "Certificate '%s' not found", arn)
		case !issued:
			return nil, wire.Errorf("UnsupportedCertificate",
				"The certificate '%s' must have a fully-qualified domain name, a supported signature, and a supported key size.", arn)
		}
		out = append(out, types.Certificate{CertificateArn: c.CertificateArn})
	}
	return out, nil
}

// Using lists the load balancers whose listeners serve a certificate.
func (e *ELBV2) Using(tx *store.Tx, account, region, certificateARN string) ([]string, error) {
	var found []string
	err := listeners.Walk(tx, store.Scope{Account: account, Region: region}, "", func(_ string, l listener) error {
		byDefault := slices.ContainsFunc(l.Certificates, func(c types.Certificate) bool { return aws.ToString(c.CertificateArn) == certificateARN })
		if (byDefault || slices.Contains(l.More, certificateARN)) && !slices.Contains(found, *l.LoadBalancerArn) {
			found = append(found, *l.LoadBalancerArn)
		}
		return nil
	})
	return found, err
}

// maxCertificates is how many certificates a listener may have beside its default.
const maxCertificates = 25

// addCertificates adds certificates to a listener that is secure.
func (e *ELBV2) addCertificates(tx *store.Tx, scope store.Scope, arn *string, list []types.Certificate) error {
	l, err := lookup(tx, scope, listeners, aListener, arn)
	if err != nil {
		return err
	}
	if len(l.Certificates) == 0 {
		return invalid("Certificates cannot be added to %s listeners", l.Protocol)
	}
	if list, err = e.served(tx, scope, list); err != nil {
		return err
	}
	for _, c := range list {
		if !slices.Contains(l.More, *c.CertificateArn) {
			l.More = append(l.More, *c.CertificateArn)
		}
	}
	if len(l.More) > maxCertificates {
		return wire.Errorf("TooManyCertificates", "The listener '%s' can't have more certificates", *arn)
	}
	return listeners.Put(tx, scope, *arn, l)
}

func (e *ELBV2) removeCertificates(tx *store.Tx, scope store.Scope, arn *string, list []types.Certificate) error {
	l, err := lookup(tx, scope, listeners, aListener, arn)
	if err != nil {
		return err
	}
	for _, c := range list {
		if len(l.Certificates) > 0 && *l.Certificates[0].CertificateArn == aws.ToString(c.CertificateArn) && !slices.Contains(l.More, aws.ToString(c.CertificateArn)) {
			return wire.Errorf("OperationNotPermitted", "Default certificate cannot be removed")
		}
		l.More = slices.DeleteFunc(l.More, func(more string) bool { return more == aws.ToString(c.CertificateArn) })
	}
	return listeners.Put(tx, scope, *arn, l)
}

func (e *ELBV2) addListenerCertificates(ctx context.Context, in *elb.AddListenerCertificatesInput) (*elb.AddListenerCertificatesOutput, error) {
	out := &elb.AddListenerCertificatesOutput{}
	for _, c := range in.Certificates {
		out.Certificates = append(out.Certificates, types.Certificate{CertificateArn: c.CertificateArn, IsDefault: aws.Bool(false)})
	}
	return out, e.store.Update(func(tx *store.Tx) error {
		return e.addCertificates(tx, scopeOf(ctx), in.ListenerArn, in.Certificates)
	})
}

func (e *ELBV2) removeListenerCertificates(ctx context.Context, in *elb.RemoveListenerCertificatesInput) (*elb.RemoveListenerCertificatesOutput, error) {
	return nil, e.store.Update(func(tx *store.Tx) error {
		return e.removeCertificates(tx, scopeOf(ctx), in.ListenerArn, in.Certificates)
	})
}

func (e *ELBV2) describeListenerCertificates(ctx context.Context, in *elb.DescribeListenerCertificatesInput) (*elb.DescribeListenerCertificatesOutput, error) {
	out := &elb.DescribeListenerCertificatesOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		l, err := lookup(tx, scopeOf(ctx), listeners, aListener, in.ListenerArn)
		if err != nil {
			return err
		}
		var all []types.Certificate
		for _, c := range l.Certificates {
			all = append(all, types.Certificate{CertificateArn: c.CertificateArn, IsDefault: aws.Bool(true)})
		}
		for _, arn := range slices.Sorted(slices.Values(l.More)) {
			all = append(all, types.Certificate{CertificateArn: aws.String(arn), IsDefault: aws.Bool(false)})
		}
		// The default one stands before the others, which are in order.
		key := func(c types.Certificate) string {
			if *c.IsDefault {
				return ""
			}
			return *c.CertificateArn
		}
		out.Certificates, out.NextMarker = wire.Page(all, in.Marker, in.PageSize, maxPage, key)
		return nil
	})
	return out, err
}
