package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

const balancerType = "AWS::ElasticLoadBalancingV2::LoadBalancer"

// network is a VPC that load balancers can stand in.
type network struct {
	vpc     string
	subnets []string // one in each of two zones
}

func (w *world) network(t *testing.T) network {
	t.Helper()
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	gateway := w.create(t, "AWS::EC2::InternetGateway", "igw", nil).Ref
	w.create(t, "AWS::EC2::VPCGatewayAttachment", "att", map[string]any{"VpcId": vpc, "InternetGatewayId": gateway})
	return network{vpc, []string{w.subnetOf(t, vpc, "10.0.0.0/24", "us-east-1a"), w.subnetOf(t, vpc, "10.0.1.0/24", "us-east-1b")}}
}

func (w *world) elb() *elb.Client { return elb.NewFromConfig(w.Config) }

// balancer makes an application load balancer.
func (w *world) balancer(t *testing.T, n network, name string) types.LoadBalancer {
	t.Helper()
	made, err := w.elb().CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String(name), Subnets: n.subnets})
	if err != nil {
		t.Fatal(err)
	}
	return made.LoadBalancers[0]
}

// group makes a target group of addresses.
func (w *world) group(t *testing.T, n network, name string) string {
	t.Helper()
	made, err := w.elb().CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
		Name: aws.String(name), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String(n.vpc), TargetType: types.TargetTypeEnumIp,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.TargetGroups[0].TargetGroupArn
}

func forward(group string) []types.Action {
	return []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: aws.String(group)}}
}

// listener makes an HTTP listener that forwards to a group.
func (w *world) listener(t *testing.T, balancer, group string, port int32) string {
	t.Helper()
	made, err := w.elb().CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: aws.String(balancer), Port: aws.Int32(port), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(group),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.Listeners[0].ListenerArn
}

func TestLoadBalancers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := simtime.NewManual(time.Now())
	options := sandbox.Options{Dir: dir, Clock: clock, Durations: simtime.Durations{balancerType: 2 * time.Second}}
	w := start(t, options)
	n := w.network(t)
	made := w.balancer(t, n, "blog")
	if !strings.HasPrefix(*made.DNSName, "blog-") || !strings.HasSuffix(*made.DNSName, ".us-east-1.elb.amazonaws.com") || *made.CanonicalHostedZoneId != "Z35SXDOTRQ7X7K" {
		t.Errorf("DNS name %s in zone %s", *made.DNSName, *made.CanonicalHostedZoneId)
	}
	if made.State.Code != types.LoadBalancerStateEnumProvisioning || len(made.AvailabilityZones) != 2 || len(made.SecurityGroups) != 1 {
		t.Errorf("made: %+v", made)
	}
	if again := w.balancer(t, n, "blog"); *again.LoadBalancerArn != *made.LoadBalancerArn {
		t.Errorf("the repeated call made %s", *again.LoadBalancerArn)
	}
	client := w.elb()
	_, err := client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String("blog"), Subnets: n.subnets, Scheme: types.LoadBalancerSchemeEnumInternal})
	wantCode(t, err, "DuplicateLoadBalancerName")
	network, err := client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{
		Name: aws.String("stream"), Type: types.LoadBalancerTypeEnumNetwork, Scheme: types.LoadBalancerSchemeEnumInternal, Subnets: n.subnets[:1],
	})
	if err != nil || !strings.HasSuffix(*network.LoadBalancers[0].DNSName, ".elb.us-east-1.amazonaws.com") || !strings.Contains(*network.LoadBalancers[0].LoadBalancerArn, "loadbalancer/net/stream/") {
		t.Errorf("network load balancer: %v, %v", network, err)
	}
	for code, in := range map[string]*elb.CreateLoadBalancerInput{
		"SubnetNotFound":              {Name: aws.String("x"), Subnets: []string{"subnet-0", n.subnets[0]}},
		"InvalidSecurityGroup":        {Name: aws.String("x"), Subnets: n.subnets, SecurityGroups: []string{"sg-0"}},
		"InvalidConfigurationRequest": {Name: aws.String("x"), Subnets: []string{n.subnets[0], n.subnets[0]}},
		"ValidationError":             {Name: aws.String("x"), Subnets: n.subnets[:1]},
		"InvalidScheme":               {Name: aws.String("x"), Subnets: n.subnets, Scheme: "public"},
	} {
		_, err := client.CreateLoadBalancer(t.Context(), in)
		wantCode(t, err, code)
	}
	_, err = client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String(strings.Repeat("x", 33)), Subnets: n.subnets})
	wantCode(t, err, "ValidationError")

	arn := made.LoadBalancerArn
	guard := w.securityGroup(t, n.vpc, "front")
	if _, err := client.SetSecurityGroups(t.Context(), &elb.SetSecurityGroupsInput{LoadBalancerArn: arn, SecurityGroups: []string{guard}}); err != nil {
		t.Error(err)
	}
	third := w.subnetOf(t, n.vpc, "10.0.2.0/24", "us-east-1a")
	if _, err := client.SetSubnets(t.Context(), &elb.SetSubnetsInput{LoadBalancerArn: arn, Subnets: []string{third, n.subnets[1]}}); err != nil {
		t.Error(err)
	}
	if _, err := client.SetIpAddressType(t.Context(), &elb.SetIpAddressTypeInput{LoadBalancerArn: arn, IpAddressType: types.IpAddressTypeDualstack}); err != nil {
		t.Error(err)
	}
	protect := func(value string) error {
		_, err := client.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: arn, Attributes: []types.LoadBalancerAttribute{
			{Key: aws.String("deletion_protection.enabled"), Value: aws.String(value)}, {Key: aws.String("idle_timeout.timeout_seconds"), Value: aws.String("30")},
		}})
		return err
	}
	if err := protect("true"); err != nil {
		t.Error(err)
	}
	wantCode(t, protect("perhaps"), "ValidationError")
	_, err = client.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: arn})
	wantCode(t, err, "OperationNotPermitted")
	// What stands under a load balancer stays.
	_, err = ec2.NewFromConfig(w.Config).DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String(guard)})
	wantCode(t, err, "DependencyViolation")
	wantHandlerCode(t, w.delete(t, "AWS::EC2::Subnet", "x", third, nil), "ResourceConflict")

	clock.Advance(2 * time.Second)
	w.stop() // what follows is read after a restart
	w = start(t, options)
	client = w.elb()
	all, err := client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{Names: []string{"blog"}})
	if err != nil {
		t.Fatal(err)
	}
	got := all.LoadBalancers[0]
	if got.State.Code != types.LoadBalancerStateEnumActive || got.IpAddressType != types.IpAddressTypeDualstack || *got.AvailabilityZones[0].SubnetId != third || got.SecurityGroups[0] != guard {
		t.Errorf("after its changes: %+v", got)
	}
	attributes, err := client.DescribeLoadBalancerAttributes(t.Context(), &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, a := range attributes.Attributes {
		values[*a.Key] = *a.Value
	}
	if values["idle_timeout.timeout_seconds"] != "30" || values["routing.http2.enabled"] != "true" || len(values) < 20 {
		t.Errorf("attributes = %v", values)
	}
	if _, err := client.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: arn, Attributes: []types.LoadBalancerAttribute{
		{Key: aws.String("deletion_protection.enabled"), Value: aws.String("false")},
	}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is gone
		if _, err := client.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: arn}); err != nil {
			t.Error(err)
		}
	}
	_, err = client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{Names: []string{"blog"}})
	wantCode(t, err, "LoadBalancerNotFound")
	_, err = client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{*arn}})
	wantCode(t, err, "LoadBalancerNotFound")
	page, err := client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(1)})
	if err != nil || len(page.LoadBalancers) != 1 || page.NextMarker != nil {
		t.Errorf("a page = %v, %v", page, err)
	}
}

func TestLoadBalancerNeedsAGateway(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	in := &elb.CreateLoadBalancerInput{Name: aws.String("x"), Subnets: []string{w.subnetOf(t, vpc, "10.0.0.0/24", "us-east-1a"), w.subnetOf(t, vpc, "10.0.1.0/24", "us-east-1b")}}
	_, err := w.elb().CreateLoadBalancer(t.Context(), in)
	wantCode(t, err, "InvalidSubnet")
	in.Scheme = types.LoadBalancerSchemeEnumInternal
	if _, err := w.elb().CreateLoadBalancer(t.Context(), in); err != nil {
		t.Error(err)
	}
}

// TestNameAndCertificateOfALoadBalancer joins the three services, as a deployed
// site does.
func TestNameAndCertificateOfALoadBalancer(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	n := w.network(t)
	made := w.balancer(t, n, "blog")
	zone := w.zone(t, "example.test")
	group := w.group(t, n, "ghost")
	arn := w.certificate(t, "ghost.example.test")
	client := w.elb()
	https := &elb.CreateListenerInput{
		LoadBalancerArn: made.LoadBalancerArn, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(group),
		Certificates: []types.Certificate{{CertificateArn: aws.String(arn)}},
	}
	_, err := client.CreateListener(t.Context(), https)
	wantCode(t, err, "UnsupportedCertificate") // not issued yet
	w.prove(t, zone, w.describeCertificate(t, arn).DomainValidationOptions)
	listener, err := client.CreateListener(t.Context(), https)
	if err != nil || *listener.Listeners[0].SslPolicy != "ELBSecurityPolicy-2016-08" {
		t.Fatalf("listener = %v, %v", listener, err)
	}
	if diff := cmp.Diff([]string{*made.LoadBalancerArn}, w.describeCertificate(t, arn).InUseBy); diff != "" {
		t.Errorf("InUseBy (-want +got):\n%s", diff)
	}
	_, err = acm.NewFromConfig(w.Config).DeleteCertificate(t.Context(), &acm.DeleteCertificateInput{CertificateArn: aws.String(arn)})
	wantCode(t, err, "ResourceInUseException")

	more := w.certificate(t, "more.example.test")
	w.prove(t, zone, w.describeCertificate(t, more).DomainValidationOptions)
	list := []types.Certificate{{CertificateArn: aws.String(more)}}
	if _, err := client.AddListenerCertificates(t.Context(), &elb.AddListenerCertificatesInput{ListenerArn: listener.Listeners[0].ListenerArn, Certificates: list}); err != nil {
		t.Error(err)
	}
	if got := w.describeCertificate(t, more).InUseBy; len(got) != 1 {
		t.Errorf("InUseBy of a second certificate = %v", got)
	}
	if _, err := client.RemoveListenerCertificates(t.Context(), &elb.RemoveListenerCertificatesInput{ListenerArn: listener.Listeners[0].ListenerArn, Certificates: list}); err != nil {
		t.Error(err)
	}
	_, err = client.RemoveListenerCertificates(t.Context(), &elb.RemoveListenerCertificatesInput{ListenerArn: listener.Listeners[0].ListenerArn, Certificates: https.Certificates})
	wantCode(t, err, "OperationNotPermitted")
	shown, err := client.DescribeListenerCertificates(t.Context(), &elb.DescribeListenerCertificatesInput{ListenerArn: listener.Listeners[0].ListenerArn})
	if err != nil || len(shown.Certificates) != 1 || *shown.Certificates[0].CertificateArn != arn {
		t.Errorf("certificates = %v, %v", shown, err)
	}

	_, err = w.changeRecords(t.Context(), zone, "CREATE", set("ghost.example.test", dnstypes.RRTypeA, "Z35SXDOTRQ7X7K/other.example.org"))
	wantCode(t, err, "InvalidChangeBatch")
	_, err = w.changeRecords(t.Context(), zone, "CREATE", set("ghost.example.test", dnstypes.RRTypeA, "Z35SXDOTRQ7X7K/dualstack."+*made.DNSName))
	if err != nil {
		t.Fatal(err)
	}
	server := w.nameserver(t)
	if got, want := dig(t, server, "ghost.example.test. A"), "NOERROR; aa; ghost.example.test. A 127.0.0.1"; got != want {
		t.Errorf("dig = %s, want %s", got, want)
	}
	if _, err := client.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: made.LoadBalancerArn}); err != nil {
		t.Fatal(err)
	}
	if got, want := dig(t, server, "ghost.example.test. A"), "NOERROR; aa; authority SOA example.test."; got != want {
		t.Errorf("without its load balancer dig = %s, want %s", got, want)
	}
	if got := w.describeCertificate(t, arn).InUseBy; len(got) != 0 {
		t.Errorf("InUseBy = %v after the load balancer has gone", got)
	}
}
