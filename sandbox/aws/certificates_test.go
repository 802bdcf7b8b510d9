package aws_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/pki"
)

const certificateType = "AWS::CertificateManager::Certificate"

// certificate requests one and returns its ARN.
func (w *world) certificate(t *testing.T, domain string, others ...string) string {
	t.Helper()
	out, err := acm.NewFromConfig(w.Config).RequestCertificate(t.Context(), &acm.RequestCertificateInput{
		DomainName: aws.String(domain), SubjectAlternativeNames: others, ValidationMethod: types.ValidationMethodDns,
		KeyAlgorithm: types.KeyAlgorithmEcPrime256v1, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blog")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.CertificateArn
}

func (w *world) describeCertificate(t *testing.T, arn string) types.CertificateDetail {
	t.Helper()
	out, err := acm.NewFromConfig(w.Config).DescribeCertificate(t.Context(), &acm.DescribeCertificateInput{CertificateArn: aws.String(arn)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Certificate
}

// prove writes the validation records of a certificate.
func (w *world) prove(t *testing.T, zone string, validations []types.DomainValidation) {
	t.Helper()
	for _, v := range validations {
		if _, err := w.changeRecords(t.Context(), zone, "UPSERT", set(*v.ResourceRecord.Name, dnstypes.RRTypeCname, *v.ResourceRecord.Value)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificateIsIssuedByItsRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := simtime.NewManual(time.Now())
	options := sandbox.Options{Dir: dir, Clock: clock, Durations: simtime.Durations{certificateType: time.Second}}
	w := start(t, options)
	zone := w.zone(t, "example.test")
	arn := w.certificate(t, "example.test", "*.example.test", "www.example.test")
	pending := w.describeCertificate(t, arn)
	if pending.Status != types.CertificateStatusPendingValidation || len(pending.DomainValidationOptions) != 3 ||
		*pending.DomainValidationOptions[0].ResourceRecord.Name != *pending.DomainValidationOptions[1].ResourceRecord.Name {
		t.Fatalf("requested: %+v", pending)
	}
	client := acm.NewFromConfig(w.Config)
	_, err := client.GetCertificate(t.Context(), &acm.GetCertificateInput{CertificateArn: aws.String(arn)})
	wantCode(t, err, "RequestInProgressException")

	w.prove(t, zone, pending.DomainValidationOptions[:2])
	statuses := func() (got []types.DomainStatus) {
		for _, v := range w.describeCertificate(t, arn).DomainValidationOptions {
			got = append(got, v.ValidationStatus)
		}
		return got
	}
	if diff := cmp.Diff([]types.DomainStatus{"SUCCESS", "SUCCESS", "PENDING_VALIDATION"}, statuses()); diff != "" {
		t.Errorf("with one record (-want +got):\n%s", diff)
	}
	w.prove(t, zone, pending.DomainValidationOptions[2:])
	if got := w.describeCertificate(t, arn).Status; got != types.CertificateStatusPendingValidation {
		t.Errorf("before the simulated time is over it is %s", got)
	}
	clock.Advance(time.Second)

	w.stop() // what follows is read after a restart
	w = start(t, options)
	issued := w.describeCertificate(t, arn)
	if issued.Status != types.CertificateStatusIssued || issued.NotAfter == nil || *issued.SignatureAlgorithm != "SHA256WITHECDSA" {
		t.Errorf("issued: %+v", issued)
	}
	w.serves(t, arn, "www.example.test", "any.example.test")
	// Whoever owns the name once may have more certificates of it at once.
	again := w.certificate(t, "www.example.test")
	clock.Advance(time.Second)
	if got := w.describeCertificate(t, again).Status; got != types.CertificateStatusIssued {
		t.Errorf("a second certificate is %s", got)
	}
}

// serves fails unless a server with the certificate is trusted under the names.
func (w *world) serves(t *testing.T, arn string, names ...string) {
	t.Helper()
	pair, err := w.Certificates().TLS(t.Context(), account, w.Region, arn)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := w.Certificates().Authority(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	for _, name := range names {
		connection, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: pool, ServerName: name})
		if err != nil {
			t.Errorf("as %s: %v", name, err)
			continue
		}
		_ = connection.Close()
	}
}

func TestCertificatesOfTheAPI(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := acm.NewFromConfig(w.Config)
	first := w.certificate(t, "a.example.test")
	request := &acm.RequestCertificateInput{DomainName: aws.String("b.example.test"), IdempotencyToken: aws.String("t")} // RSA, by EMAIL
	second, err := client.RequestCertificate(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := client.RequestCertificate(t.Context(), request); err != nil || *same.CertificateArn != *second.CertificateArn {
		t.Errorf("the repeated request made %v, %v", same, err)
	}
	mailed := w.describeCertificate(t, *second.CertificateArn).DomainValidationOptions[0]
	if mailed.ResourceRecord != nil || len(mailed.ValidationEmails) != 5 {
		t.Errorf("validation by mail = %+v", mailed)
	}
	list := func(in *acm.ListCertificatesInput) (got []string) {
		t.Helper()
		pages := acm.NewListCertificatesPaginator(client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.CertificateSummaryList {
				got = append(got, *c.DomainName)
			}
		}
		return got
	}
	all := &types.Filters{KeyTypes: types.KeyAlgorithm("").Values()}
	order := func(o types.SortOrder) *acm.ListCertificatesInput {
		return &acm.ListCertificatesInput{Includes: all, SortBy: types.SortByCreatedAt, SortOrder: o, MaxItems: aws.Int32(1)}
	}
	for name, test := range map[string]struct {
		in   *acm.ListCertificatesInput
		want []string
	}{
		"RSA alone":  {&acm.ListCertificatesInput{}, []string{"b.example.test"}},
		"ascending":  {order(types.SortOrderAscending), []string{"a.example.test", "b.example.test"}},
		"descending": {order(types.SortOrderDescending), []string{"b.example.test", "a.example.test"}},
		"issued":     {&acm.ListCertificatesInput{Includes: all, CertificateStatuses: []types.CertificateStatus{types.CertificateStatusIssued}}, nil},
	} {
		if diff := cmp.Diff(test.want, list(test.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	arn := aws.String(first)
	if _, err := client.AddTagsToCertificate(t.Context(), &acm.AddTagsToCertificateInput{CertificateArn: arn, Tags: []types.Tag{{Key: aws.String("x"), Value: aws.String("y")}}}); err != nil {
		t.Fatal(err)
	}
	_, err = client.RemoveTagsFromCertificate(t.Context(), &acm.RemoveTagsFromCertificateInput{CertificateArn: arn, Tags: []types.Tag{
		{Key: aws.String("team")}, {Key: aws.String("x"), Value: aws.String("other")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	tags, err := client.ListTagsForCertificate(t.Context(), &acm.ListTagsForCertificateInput{CertificateArn: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "x" {
		t.Errorf("tags = %v, %v", tags, err)
	}
	_, err = client.AddTagsToCertificate(t.Context(), &acm.AddTagsToCertificateInput{CertificateArn: arn, Tags: []types.Tag{{Key: aws.String("aws:x")}}})
	wantCode(t, err, "InvalidTagException")
	for _, bad := range []*acm.RequestCertificateInput{
		{DomainName: aws.String("-x.test")}, {DomainName: aws.String("a.*.test")}, {DomainName: aws.String("a.test"), KeyAlgorithm: types.KeyAlgorithmRsa4096},
	} {
		_, err = client.RequestCertificate(t.Context(), bad)
		wantCode(t, err, "ValidationException")
	}
	if _, err := client.DeleteCertificate(t.Context(), &acm.DeleteCertificateInput{CertificateArn: arn}); err != nil {
		t.Fatal(err)
	}
	_, err = client.DescribeCertificate(t.Context(), &acm.DescribeCertificateInput{CertificateArn: arn})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = client.DescribeCertificate(t.Context(), &acm.DescribeCertificateInput{CertificateArn: aws.String("certificate-of-no-arn")})
	wantCode(t, err, "InvalidArnException")
}

func TestImportedCertificates(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := acm.NewFromConfig(w.Config)
	own, err := pki.New("own")
	if err != nil {
		t.Fatal(err)
	}
	one, err := own.Server("a.example.test", "a.example.test")
	if err != nil {
		t.Fatal(err)
	}
	other, err := own.Server("b.example.test", "b.example.test")
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.ImportCertificate(t.Context(), &acm.ImportCertificateInput{Certificate: one.Certificate, PrivateKey: one.Key, CertificateChain: own.Certificate()})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.describeCertificate(t, *made.CertificateArn); got.Type != types.CertificateTypeImported || *got.DomainName != "a.example.test" || got.KeyAlgorithm != types.KeyAlgorithmEcPrime256v1 {
		t.Errorf("imported: %+v", got)
	}
	again, err := client.ImportCertificate(t.Context(), &acm.ImportCertificateInput{CertificateArn: made.CertificateArn, Certificate: other.Certificate, PrivateKey: other.Key})
	if err != nil || *again.CertificateArn != *made.CertificateArn {
		t.Errorf("imported again: %v, %v", again, err)
	}
	got, err := client.GetCertificate(t.Context(), &acm.GetCertificateInput{CertificateArn: made.CertificateArn})
	if err != nil || *got.Certificate != string(other.Certificate) {
		t.Errorf("GetCertificate = %v, %v", got, err)
	}
	for says, bad := range map[string]*acm.ImportCertificateInput{
		"does not match":        {Certificate: one.Certificate, PrivateKey: other.Key},
		"no certificate":        {Certificate: []byte("x"), PrivateKey: one.Key},
		"more than one":         {Certificate: append(append([]byte{}, one.Certificate...), other.Certificate...), PrivateKey: one.Key},
		"the certificate chain": {Certificate: one.Certificate, PrivateKey: one.Key, CertificateChain: other.Certificate},
	} {
		_, err := client.ImportCertificate(t.Context(), bad)
		wantCode(t, err, "ValidationException")
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
	}
}

func TestCertificatesByStacks(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	zone := w.zone(t, "example.test")
	properties := map[string]any{
		"DomainName": "example.test", "SubjectAlternativeNames": []any{"www.example.test"}, "ValidationMethod": "DNS", "KeyAlgorithm": "EC_prime256v1",
		"DomainValidationOptions": []any{
			map[string]any{"DomainName": "example.test", "HostedZoneId": zone}, map[string]any{"DomainName": "www.example.test", "HostedZoneId": zone},
		},
	}
	made := w.create(t, certificateType, "c", properties)
	if again := w.create(t, certificateType, "c", properties); again.Ref != made.Ref || w.describeCertificate(t, made.Ref).Status != types.CertificateStatusIssued {
		t.Errorf("the repeated call made %s, after %s", again.Ref, made.Ref)
	}
	if records := w.recordsOf(t, zone, 300); len(records) != 4 {
		t.Errorf("records = %v", records)
	}
	if err := w.delete(t, certificateType, "d", made.Ref, properties); err != nil {
		t.Error(err)
	}
	if err := w.delete(t, certificateType, "d", made.Ref, properties); err != nil {
		t.Errorf("delete of what is gone: %v", err)
	}

	// Without a zone the call waits until somebody has written the record.
	open := map[string]any{"DomainName": "new.example.test", "ValidationMethod": "DNS", "KeyAlgorithm": "EC_prime256v1"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	state, err := w.provider(t, certificateType).Create(ctx, w.request(certificateType, "open", open))
	if !errors.Is(err, context.Canceled) || state.PhysicalID == "" {
		t.Errorf("with its context ended the call answers %+v, %v", state, err)
	}
	done := make(chan resource.State, 1)
	go func() { done <- w.create(t, certificateType, "open", open) }()
	w.prove(t, zone, w.describeCertificate(t, state.PhysicalID).DomainValidationOptions)
	if got := <-done; got.Ref != state.PhysicalID {
		t.Errorf("the call that waited made %s, after %s", got.Ref, state.PhysicalID)
	}
	_, err = w.tryCreate(t, certificateType, "bad", map[string]any{"DomainName": "x", "ValidationMethod": "DNS"})
	wantHandlerCode(t, err, resource.InvalidRequest)
}
