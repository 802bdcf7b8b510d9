// Package verify_test asks the sandbox's AWS what package verify asks of an account, with
// the official clients on both sides.
package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/verify"
	"github.com/drawbridge-gitops/drawbridge/internal/verify/awsaccount"
	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/ec2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

const region = "eu-west-1"

var network = ec2.Cluster{
	Account: sandbox.DefaultAccount, Region: region, Name: "shop", Block: netip.MustParsePrefix("10.0.0.0/16"),
	Nodes: []ec2.Node{
		{InstanceID: "i-0000000000000000a", Type: "m5.large", Zone: region + "a", Subnet: netip.MustParsePrefix("10.0.0.0/18"), Address: netip.MustParseAddr("10.0.0.10"), Pods: netip.MustParsePrefix("10.0.16.0/24")},
		{InstanceID: "i-0000000000000000b", Type: "m5.large", Zone: region + "b", Subnet: netip.MustParsePrefix("10.0.64.0/18"), Address: netip.MustParseAddr("10.0.64.10"), Pods: netip.MustParsePrefix("10.0.80.0/24")},
	},
}

func start(t *testing.T) (*sandbox.Endpoint, aws.Config) {
	t.Helper()
	e, err := sandbox.New(sandbox.Options{
		Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Networks: []ec2.Cluster{network},
		Durations: simtime.Durations{"*/Create": time.Millisecond, "AWS::ElasticLoadBalancingV2::LoadBalancer": time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, config(server.URL)
}

func config(url string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// must takes a value or ends the test.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	_, cfg := start(t)
	ctx, account := t.Context(), awsaccount.New(cfg)
	secrets, parameters := secretsmanager.NewFromConfig(cfg), ssm.NewFromConfig(cfg)
	made := must[*secretsmanager.CreateSecretOutput](t)(secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("shop/db"), SecretString: aws.String("one")}))
	version := must[verify.Version](t)
	first := version(account.Secret(ctx, "shop/db", "AWSCURRENT"))
	if first.ID != *made.VersionId || time.Since(first.Changed).Abs() > time.Minute {
		t.Errorf("%+v, want %s", first, *made.VersionId)
	}
	if _, err := account.Secret(ctx, "shop/db", "AWSPREVIOUS"); !errors.Is(err, verify.ErrNotFound) {
		t.Errorf("a stage that is not there: %v", err)
	}
	put := must[*secretsmanager.PutSecretValueOutput](t)(secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretString: aws.String("two")}))
	second := version(account.Secret(ctx, *made.ARN, "AWSCURRENT"))
	if second.ID != *put.VersionId || second.Changed.Before(first.Changed) {
		t.Errorf("%+v after %+v, want %s", second, first, *put.VersionId)
	}
	// A stage that is moved back is a change, though the version is an old one.
	must[*secretsmanager.UpdateSecretVersionStageOutput](t)(secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: made.ARN, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: made.VersionId, RemoveFromVersionId: put.VersionId,
	}))
	if back := version(account.Secret(ctx, "shop/db", "AWSCURRENT")); back.ID != first.ID || back.Changed.Before(second.Changed) {
		t.Errorf("%+v after %+v", back, second)
	}
	if _, err := account.Secret(ctx, "shop/none", "AWSCURRENT"); !errors.Is(err, verify.ErrNotFound) {
		t.Error(err)
	}

	for i, value := range []string{"one", "two"} {
		must[*ssm.PutParameterOutput](t)(parameters.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/shop/site"), Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)}))
		for _, name := range []string{"/shop/site", "arn:aws:ssm:" + region + ":" + sandbox.DefaultAccount + ":parameter/shop/site"} {
			if v := version(account.Parameter(ctx, name)); v.ID != fmt.Sprint(i+1) || time.Since(v.Changed).Abs() > time.Minute {
				t.Errorf("%s: %+v", name, v)
			}
		}
	}
	if _, err := account.Parameter(ctx, "/shop"); !errors.Is(err, verify.ErrNotFound) {
		t.Error(err)
	}
}

// wellAt says that one address is healthy, and others are not.
type wellAt string

func (w wellAt) Health(_, _ string, _ elbtypes.TargetGroup, target elbtypes.TargetDescription) elbtypes.TargetHealth {
	if *target.Id == string(w) {
		return elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumHealthy}
	}
	return elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumUnhealthy, Reason: elbtypes.TargetHealthReasonEnumTimeout, Description: aws.String("Request timed out")}
}

func TestBalancersAndCertificates(t *testing.T) {
	t.Parallel()
	endpoint, cfg := start(t)
	endpoint.Balancers().SetHealth(wellAt("10.0.16.17"))
	ctx, account := t.Context(), awsaccount.New(cfg)
	client, certificates := elb.NewFromConfig(cfg), acm.NewFromConfig(cfg)
	lb := must[*elb.CreateLoadBalancerOutput](t)(client.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("k8s-shop-web"), Subnets: network.Subnets()})).LoadBalancers[0]
	var found verify.Balancer
	until(t, func() bool {
		all := must[[]verify.Balancer](t)(account.Balancers(ctx))
		found = all[0]
		return found.State == "active"
	})
	if d := cmp.Diff(verify.Balancer{ARN: *lb.LoadBalancerArn, DNSName: *lb.DNSName, Application: true, State: "active"}, found); d != "" {
		t.Error(d)
	}

	var groups []string
	for i, tag := range []string{"shop/web-web:80", "shop/web-admin:80"} {
		g := must[*elb.CreateTargetGroupOutput](t)(client.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
			Name: aws.String(fmt.Sprint("g", i)), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String(network.VPC()), TargetType: elbtypes.TargetTypeEnumIp,
			Tags: []elbtypes.Tag{{Key: aws.String("ingress.k8s.aws/resource"), Value: &tag}},
		}))
		groups = append(groups, *g.TargetGroups[0].TargetGroupArn)
	}
	zone := must[*route53.CreateHostedZoneOutput](t)(route53.NewFromConfig(cfg).CreateHostedZone(ctx, &route53.CreateHostedZoneInput{Name: aws.String("example.test"), CallerReference: aws.String("a")}))
	arn := *must[*acm.RequestCertificateOutput](t)(certificates.RequestCertificate(ctx, &acm.RequestCertificateInput{DomainName: aws.String("*.example.test"), ValidationMethod: "DNS"})).CertificateArn
	certificate := must[verify.Certificate](t)
	var pending verify.Certificate
	until(t, func() bool { pending = certificate(account.Certificate(ctx, arn)); return len(pending.Awaited) == 1 })
	if all := must[[]verify.Certificate](t)(account.PendingCertificates(ctx)); pending.Status != "PENDING_VALIDATION" || len(all) != 1 || !slices.Contains(all[0].Names, "*.example.test") {
		t.Errorf("%+v, %+v", pending, all)
	}
	awaited := pending.Awaited[0]
	change(t, cfg, *zone.HostedZone.Id, &dnstypes.ResourceRecordSet{Name: &awaited.Name, Type: dnstypes.RRType(awaited.Type), TTL: aws.Int64(60), ResourceRecords: []dnstypes.ResourceRecord{{Value: &awaited.Values[0]}}})
	until(t, func() bool { pending = certificate(account.Certificate(ctx, arn)); return pending.Status == "ISSUED" })
	if len(pending.Awaited) > 0 {
		t.Errorf("an issued certificate awaits %v", pending.Awaited)
	}

	if bound := must[[]string](t)(account.BoundCertificates(ctx, found.ARN)); len(bound) > 0 {
		t.Errorf("certificates of no listener: %v", bound)
	}
	must[*elb.CreateListenerOutput](t)(client.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: lb.LoadBalancerArn, Port: aws.Int32(443), Protocol: elbtypes.ProtocolEnumHttps, Certificates: []elbtypes.Certificate{{CertificateArn: &arn}},
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &groups[0]}},
	}))
	if d := cmp.Diff([]string{arn}, must[[]string](t)(account.BoundCertificates(ctx, found.ARN))); d != "" {
		t.Error(d)
	}
	must[*elb.RegisterTargetsOutput](t)(client.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &groups[0], Targets: []elbtypes.TargetDescription{
		{Id: aws.String("10.0.16.17"), Port: aws.Int32(80)}, {Id: aws.String("10.0.80.18"), Port: aws.Int32(80)},
	}}))
	wantGroups := []verify.TargetGroup{{ARN: groups[0], Type: "ip", Tags: map[string]string{"ingress.k8s.aws/resource": "shop/web-web:80"}}}
	if d := cmp.Diff(wantGroups, must[[]verify.TargetGroup](t)(account.TargetGroups(ctx, found.ARN))); d != "" {
		t.Errorf("only what the balancer sends to: %s", d)
	}
	var targets []verify.Target
	until(t, func() bool {
		targets = must[[]verify.Target](t)(account.Targets(ctx, groups[0]))
		return len(targets) == 2 && !slices.ContainsFunc(targets, func(t verify.Target) bool { return t.State == "initial" })
	})
	slices.SortFunc(targets, func(a, b verify.Target) int { return strings.Compare(a.ID, b.ID) })
	if d := cmp.Diff([]verify.Target{{ID: "10.0.16.17", State: "healthy"}, {ID: "10.0.80.18", State: "unhealthy", Reason: "Request timed out"}}, targets); d != "" {
		t.Error(d)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	_, cfg := start(t)
	ctx, account := t.Context(), awsaccount.New(cfg)
	made := must[*route53.CreateHostedZoneOutput](t)(route53.NewFromConfig(cfg).CreateHostedZone(ctx, &route53.CreateHostedZoneInput{Name: aws.String("example.test"), CallerReference: aws.String("a")}))
	zones := must[[]verify.Zone](t)(account.Zones(ctx))
	if len(zones) != 1 || zones[0].Name != "example.test" || !strings.HasSuffix(*made.HostedZone.Id, zones[0].ID) {
		t.Fatalf("%+v", zones)
	}
	plain := func(name, kind, value string) *dnstypes.ResourceRecordSet {
		return &dnstypes.ResourceRecordSet{Name: &name, Type: dnstypes.RRType(kind), TTL: aws.Int64(60), ResourceRecords: []dnstypes.ResourceRecord{{Value: &value}}}
	}
	change(t, cfg, zones[0].ID,
		plain("blog.example.test", "CNAME", "lb.eu-west-1.elb.amazonaws.com."),
		plain("lb.example.test", "A", "10.0.0.2"),
		plain("*.example.test", "A", "10.0.0.1"),
		plain("cname-blog.example.test", "TXT", `"heritage=external-dns,external-dns/owner=me"`),
		&dnstypes.ResourceRecordSet{Name: aws.String("shop.example.test"), Type: "A", AliasTarget: &dnstypes.AliasTarget{DNSName: aws.String("lb.example.test"), HostedZoneId: &zones[0].ID}},
	)
	for name, want := range map[string][]verify.Record{
		"blog.example.test":       {{Name: "blog.example.test", Type: "CNAME", Values: []string{"lb.eu-west-1.elb.amazonaws.com"}}},
		"*.example.test":          {{Name: "*.example.test", Type: "A", Values: []string{"10.0.0.1"}}},
		"shop.example.test":       {{Name: "shop.example.test", Type: "A", Values: []string{"lb.example.test"}}},
		"cname-blog.example.test": {{Name: "cname-blog.example.test", Type: "TXT", Values: []string{`"heritage=external-dns,external-dns/owner=me"`}}},
		"none.example.test":       nil,
	} {
		if d := cmp.Diff(want, must[[]verify.Record](t)(account.Records(ctx, zones[0].ID, name))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func change(t *testing.T, cfg aws.Config, zone string, sets ...*dnstypes.ResourceRecordSet) {
	t.Helper()
	batch := &dnstypes.ChangeBatch{}
	for _, s := range sets {
		batch.Changes = append(batch.Changes, dnstypes.Change{Action: dnstypes.ChangeActionUpsert, ResourceRecordSet: s})
	}
	if _, err := route53.NewFromConfig(cfg).ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: batch}); err != nil {
		t.Fatal(err)
	}
}

// until waits for what the service tells only when it is asked.
func until(t *testing.T, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); !f(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not happen in time")
		}
	}
}

// What is refused is told as the action that the role lacks, whichever protocol says so.
func TestRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
		if r.Header.Get("X-Amz-Target") != "" {
			fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"no"}`)
			return
		}
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
	}))
	t.Cleanup(server.Close)
	account := reflect.ValueOf(awsaccount.New(config(server.URL)))
	for i := range account.NumMethod() {
		name := account.Type().Method(i).Name
		in := []reflect.Value{reflect.ValueOf(t.Context())}
		for range account.Method(i).Type().NumIn() - 1 {
			in = append(in, reflect.ValueOf("thing"))
		}
		out := account.Method(i).Call(in)
		err, _ := out[len(out)-1].Interface().(error)
		var denied *verify.DeniedError
		if !errors.As(err, &denied) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := map[string]string{
			"Secret": "secretsmanager:DescribeSecret", "Parameter": "ssm:DescribeParameters", "Balancers": "elasticloadbalancing:DescribeLoadBalancers",
			"TargetGroups": "elasticloadbalancing:DescribeTargetGroups", "Targets": "elasticloadbalancing:DescribeTargetHealth", "BoundCertificates": "elasticloadbalancing:DescribeListeners",
			"Certificate": "acm:DescribeCertificate", "PendingCertificates": "acm:ListCertificates", "Zones": "route53:ListHostedZones", "Records": "route53:ListResourceRecordSets",
		}[name]
		if denied.Action != want {
			t.Errorf("%s: %s, want %s", name, denied.Action, want)
		}
	}
}
