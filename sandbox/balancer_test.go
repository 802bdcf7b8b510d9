package sandbox_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	own "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/node"
)

// clientConfig is the configuration of an AWS client of a sandbox.
func clientConfig(s *sandbox.Sandbox) aws.Config {
	env := map[string]string{}
	for _, e := range s.AWSEnv() {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return aws.Config{
		Region: s.Region(), BaseEndpoint: aws.String(s.AWSEndpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	}
}

// must makes a call of an AWS client that must succeed.
func must[In, Out, Option any](t *testing.T, call func(context.Context, *In, ...func(*Option)) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := call(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// until asks until the answer is right, for at most the deadline.
func until(t *testing.T, what string, right func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(deadline); !right(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not after %s", what, deadline)
		}
	}
}

// A load balancer of the account takes requests to the Pods of the cluster, under a
// name and a certificate of the account, and follows how the Pods are.
func TestRequestsReachPodsThroughALoadBalancer(t *testing.T) {
	t.Parallel()
	s := up(t, sandbox.Options{
		StateDir: t.TempDir(), Without: []string{sandbox.Forge, sandbox.Controller}, PodStartLatency: 10 * time.Millisecond,
		AWSDurations: simtime.Durations{"AWS::ElasticLoadBalancingV2::TargetGroup": 50 * time.Millisecond},
	})
	site := newSite(t, s)
	k := clientset(t, s)
	pods := map[string]corev1.Pod{}
	for i, m := range node.Machines(s.Region()) {
		pod := site.run(t, k, fmt.Sprintf("ghost-%d", i), m.Name)
		pods[pod.Name] = pod
	}
	for _, pod := range pods {
		must(t, site.elb.RegisterTargets, &elb.RegisterTargetsInput{TargetGroupArn: site.group, Targets: target(pod)})
	}
	until(t, "both targets are healthy", func() bool {
		return site.health(t, pods["ghost-0"]) == "healthy" && site.health(t, pods["ghost-1"]) == "healthy"
	})

	seen := map[string]string{}
	for range 4 {
		answer := site.ask(t, http.StatusOK)
		seen[answer.Pod] = answer.Zone
		if answer.Host != siteName || answer.Forwarded["X-Forwarded-Proto"] != "https" || answer.Forwarded["X-Forwarded-Port"] != "443" {
			t.Errorf("the Pod was asked %+v", answer)
		}
	}
	if want := map[string]string{"ghost-0": s.Region() + "a", "ghost-1": s.Region() + "b"}; !maps.Equal(seen, want) {
		t.Errorf("answers from %v, want %v", seen, want)
	}

	// One is not ready: its target fails, and gets no more requests.
	sick := pods["ghost-0"]
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"false"}}}`, node.AnnotationReady)
	if _, err := k.CoreV1().Pods("default").Patch(t.Context(), sick.Name, "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the target fails", func() bool { return site.health(t, sick) == "unhealthy Health checks failed with these codes: [503]" })
	for range 2 {
		if answer := site.ask(t, http.StatusOK); answer.Pod != "ghost-1" {
			t.Errorf("%s answered, which is not ready", answer.Pod)
		}
	}
	// It is deleted: nobody has the address. It drains, and is forgotten.
	if err := k.CoreV1().Pods("default").Delete(t.Context(), sick.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
		t.Fatal(err)
	}
	until(t, "the address is nobody's", func() bool { return site.health(t, sick) == "unhealthy Request timed out" })
	must(t, site.elb.DeregisterTargets, &elb.DeregisterTargetsInput{TargetGroupArn: site.group, Targets: target(sick)})
	if got := site.health(t, sick); got != "draining Target deregistration is in progress" {
		t.Errorf("a target that was deregistered is %s", got)
	}
	until(t, "it is forgotten", func() bool { return site.health(t, sick) == "unused Target is not registered to the target group" })

	// Each part alone comes back to the same.
	for _, part := range []string{sandbox.Nodes, sandbox.AWS} {
		if err := s.Kill(part); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		until(t, "the target is healthy after the restart of "+part, func() bool { return site.health(t, pods["ghost-1"]) == "healthy" })
		if answer := site.ask(t, http.StatusOK); answer.Pod != "ghost-1" {
			t.Errorf("after the restart of %s: %+v", part, answer)
		}
	}
}

const siteName = "ghost.example.test"

// site is a load balancer with a certificate and a name, in the cluster's network.
type site struct {
	sandbox *sandbox.Sandbox
	elb     *elb.Client
	group   *string
	client  *http.Client
}

func newSite(t *testing.T, s *sandbox.Sandbox) site {
	t.Helper()
	config := clientConfig(s)
	dnsClient, acmClient, elbClient := route53.NewFromConfig(config), acm.NewFromConfig(config), elb.NewFromConfig(config)
	zone := must(t, dnsClient.CreateHostedZone, &route53.CreateHostedZoneInput{Name: aws.String("example.test"), CallerReference: aws.String("1")}).HostedZone
	point := func(name string, set dnstypes.ResourceRecordSet) {
		set.Name = aws.String(name)
		must(t, dnsClient.ChangeResourceRecordSets, &route53.ChangeResourceRecordSetsInput{HostedZoneId: zone.Id, ChangeBatch: &dnstypes.ChangeBatch{
			Changes: []dnstypes.Change{{Action: dnstypes.ChangeActionUpsert, ResourceRecordSet: &set}},
		}})
	}
	certificate := must(t, acmClient.RequestCertificate, &acm.RequestCertificateInput{DomainName: aws.String(siteName), ValidationMethod: acmtypes.ValidationMethodDns}).CertificateArn
	proof := must(t, acmClient.DescribeCertificate, &acm.DescribeCertificateInput{CertificateArn: certificate}).Certificate.DomainValidationOptions[0].ResourceRecord
	point(*proof.Name, dnstypes.ResourceRecordSet{Type: dnstypes.RRTypeCname, TTL: aws.Int64(60), ResourceRecords: []dnstypes.ResourceRecord{{Value: proof.Value}}})

	subnets := must(t, ec2.NewFromConfig(config).DescribeSubnets, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{s.VPC()}}, {Name: aws.String("tag:kubernetes.io/role/elb"), Values: []string{"1"}},
	}}).Subnets
	var ids []string
	for _, subnet := range subnets {
		ids = append(ids, *subnet.SubnetId)
	}
	balancer := must(t, elbClient.CreateLoadBalancer, &elb.CreateLoadBalancerInput{Name: aws.String("blog"), Subnets: ids}).LoadBalancers[0]
	group := must(t, elbClient.CreateTargetGroup, &elb.CreateTargetGroupInput{
		Name: aws.String("ghost"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(2368), VpcId: aws.String(s.VPC()), TargetType: types.TargetTypeEnumIp,
	}).TargetGroups[0].TargetGroupArn
	must(t, elbClient.ModifyTargetGroupAttributes, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: group, Attributes: []types.TargetGroupAttribute{
		{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("1")},
	}})
	must(t, elbClient.CreateListener, &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancerArn, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps,
		Certificates:   []types.Certificate{{CertificateArn: certificate}},
		DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: group}},
	})
	point(siteName, dnstypes.ResourceRecordSet{Type: dnstypes.RRTypeA, AliasTarget: &dnstypes.AliasTarget{
		HostedZoneId: balancer.CanonicalHostedZoneId, DNSName: balancer.DNSName, EvaluateTargetHealth: true,
	}})

	trusted, err := os.ReadFile(s.Authority())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	made := site{sandbox: s, elb: elbClient, group: group}
	// The client finds the site as the world does: by DNS, then by its certificate.
	made.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return made.dial(ctx, t, network)
		},
	}}
	return made
}

// dial resolves the site's name at the sandbox's server, and connects to the port
// that stands for 443 there.
func (s site) dial(ctx context.Context, t *testing.T, network string) (net.Conn, error) {
	question := new(dns.Msg)
	question.SetQuestion(siteName+".", dns.TypeA)
	answer, _, err := new(dns.Client).ExchangeContext(ctx, question, s.sandbox.DNS())
	if err != nil || len(answer.Answer) != 1 {
		return nil, fmt.Errorf("%v: %w", answer, err)
	}
	names, err := own.ReadNames(ctx, s.sandbox.AWSEndpoint())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(names, func(n own.Name) bool { return n.Name == siteName && n.Port == 443 })
	if i < 0 {
		return nil, fmt.Errorf("nothing listens for %s: %+v", siteName, names)
	}
	_, port, err := net.SplitHostPort(names[i].Address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(answer.Answer[0].(*dns.A).A.String(), port))
}

// ask asks the site, which must answer with the status.
func (s site) ask(t *testing.T, status int) node.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+siteName+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got node.Answer
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || answer.StatusCode != status {
		t.Errorf("%s, %v; want %d", answer.Status, err, status)
	}
	return got
}

// run starts a Pod on a node, and returns it when it is ready.
func (s site) run(t *testing.T, k kubernetes.Interface, name, on string) corev1.Pod {
	t.Helper()
	pods := k.CoreV1().Pods("default")
	_, err := pods.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{
		NodeName:   on,
		Containers: []corev1.Container{{Name: "ghost", Image: "ghost:6", Ports: []corev1.ContainerPort{{ContainerPort: 2368}}}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var pod *corev1.Pod
	until(t, name+" is ready", func() bool {
		if pod, err = pods.Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.ContainersReady && c.Status == corev1.ConditionTrue
		})
	})
	return *pod
}

func target(pod corev1.Pod) []types.TargetDescription {
	return []types.TargetDescription{{Id: aws.String(pod.Status.PodIP), Port: aws.Int32(2368)}}
}

// health is the state of a Pod's target, and what is said of it.
func (s site) health(t *testing.T, pod corev1.Pod) string {
	t.Helper()
	out := must(t, s.elb.DescribeTargetHealth, &elb.DescribeTargetHealthInput{TargetGroupArn: s.group, Targets: target(pod)})
	h := out.TargetHealthDescriptions[0].TargetHealth
	if h.Description == nil {
		return string(h.State)
	}
	return string(h.State) + " " + *h.Description
}
