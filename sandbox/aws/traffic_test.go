package aws_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// pods are servers at the addresses of a network. Each says its address and what
// it was asked.
type pods struct {
	mu     sync.Mutex
	at     map[string]string // loopback address by the Pod's
	status map[string]*atomic.Int32
}

func (p *pods) add(t *testing.T, address string, handler http.Handler) *httptest.Server {
	t.Helper()
	status := new(atomic.Int32)
	status.Store(http.StatusOK)
	if handler == nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(int(status.Load()))
			fmt.Fprintf(w, "%s %s%s proto=%s port=%s for=%s", address, r.Host, r.URL.RequestURI(),
				r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Port"), r.Header.Get("X-Forwarded-For"))
		})
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at, p.status = map[string]string{}, map[string]*atomic.Int32{}
	}
	p.at[address+":2368"], p.status[address] = server.Listener.Addr().String(), status
	return server
}

func (p *pods) answer(address string, status int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status[address].Store(status)
}

func (p *pods) dial(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	to, ok := p.at[address]
	p.mu.Unlock()
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.EHOSTUNREACH}
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

func (w *world) register(t *testing.T, group string, ids ...string) {
	t.Helper()
	do(t, w.elb().RegisterTargets, &elb.RegisterTargetsInput{TargetGroupArn: aws.String(group), Targets: targets(ids...)})
}

// address is where a port of the only load balancer is served.
func (w *world) address(t *testing.T, port int32) string {
	t.Helper()
	for _, l := range w.Listeners() {
		if l.Port == port {
			return l.Address
		}
	}
	t.Fatalf("port %d is not served; %+v are", port, w.Listeners())
	return ""
}

// get asks a listener for a URL of a host, and returns the status and the body.
func get(t *testing.T, address, host, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestHealthFollowsTheTargets(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	var p pods
	w := start(t, sandbox.Options{Clock: clock, Dial: p.dial, Durations: simtime.Durations{balancerType: 2 * time.Second}})
	n := w.network(t)
	made := do(t, w.elb().CreateTargetGroup, &elb.CreateTargetGroupInput{
		Name: aws.String("ghost"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(2368), VpcId: aws.String(n.vpc), TargetType: types.TargetTypeEnumIp,
		HealthCheckIntervalSeconds: aws.Int32(10), HealthyThresholdCount: aws.Int32(2), UnhealthyThresholdCount: aws.Int32(2),
	})
	group := *made.TargetGroups[0].TargetGroupArn
	p.add(t, "10.0.0.1", nil)
	p.add(t, "10.0.0.2", nil)
	closed := p.add(t, "10.0.0.3", nil)
	closed.Close()
	w.register(t, group, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
	w.listener(t, *w.balancer(t, n, "blog").LoadBalancerArn, group, 80)
	expect := func(when string, want ...string) {
		t.Helper()
		got := w.healthOf(t, group)
		for i, one := range want {
			if id := fmt.Sprintf("10.0.0.%d", i+1); got[id] != one {
				t.Errorf("%s: %s is %q, want %q", when, id, got[id], one)
			}
		}
	}
	const (
		well, first  = "healthy ", "initial Elb.InitialHealthChecking"
		refused, bad = "unhealthy Target.FailedHealthChecks", "unhealthy Target.ResponseCodeMismatch"
		nobody       = "unhealthy Target.Timeout"
	)
	expect("while the load balancer is made", "initial Elb.RegistrationInProgress")
	if got := len(w.Listeners()); got != 0 {
		t.Errorf("%d listeners while the load balancer is made", got)
	}
	clock.Waiting(1) // the load balancer
	clock.Advance(2 * time.Second)
	clock.Waiting(4) // the next look at each
	expect("after the first look", well, well, first, first)
	next := func() {
		clock.Advance(10 * time.Second)
		clock.Waiting(4)
	}
	next()
	expect("after the second", well, well, refused, nobody)
	p.answer("10.0.0.2", 503)
	next()
	expect("one failed look is no reason", well, well, refused, nobody)
	next()
	expect("two are", well, bad, refused, nobody)
	p.answer("10.0.0.2", 200)
	next()
	expect("one that passed is no reason", well, bad)
	next()
	expect("two are", well, well)
	out := do(t, w.elb().DescribeTargetHealth, &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(group), Targets: targets("10.0.0.3")})
	if got := aws.ToString(out.TargetHealthDescriptions[0].TargetHealth.Description); got != "Health checks failed" {
		t.Errorf("description = %q", got)
	}
}

func TestRequestsReachTargetsInTurns(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	var p pods
	options := sandbox.Options{Dir: t.TempDir(), Clock: clock, Dial: p.dial}
	w := start(t, options)
	n := w.network(t)
	group := w.group(t, n, "ghost")
	w.listener(t, *w.balancer(t, n, "blog").LoadBalancerArn, group, 80)
	address := w.address(t, 80)
	if status, _ := get(t, address, "ghost.example.test", "/"); status != http.StatusServiceUnavailable {
		t.Errorf("without targets: %d, want 503", status)
	}
	p.add(t, "10.0.0.1", nil)
	p.add(t, "10.0.0.2", nil)
	w.register(t, group, "10.0.0.1", "10.0.0.2")
	clock.Waiting(2)
	seen := map[string]int{}
	for range 4 {
		status, body := get(t, address, "ghost.example.test:"+strings.Split(address, ":")[1], "/a%20b?x=1")
		pod, rest, _ := strings.Cut(body, " ")
		if want := "ghost.example.test/a%20b?x=1 proto=http port=80 for=127.0.0.1"; status != http.StatusOK || rest != want {
			t.Errorf("%d %q, want 200 %q", status, rest, want)
		}
		seen[pod]++
	}
	if diff := cmp.Diff(map[string]int{"10.0.0.1": 2, "10.0.0.2": 2}, seen); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
	do(t, w.elb().DeregisterTargets, &elb.DeregisterTargetsInput{TargetGroupArn: aws.String(group), Targets: targets("10.0.0.1")})
	for range 2 {
		if _, body := get(t, address, "ghost.example.test", "/"); !strings.HasPrefix(body, "10.0.0.2 ") {
			t.Errorf("a target that drains got a request: %q", body)
		}
	}
	w.stop()
	w = start(t, options)
	if again := w.address(t, 80); again != address {
		t.Errorf("after a restart it listens on %s, not on %s", again, address)
	}
	do(t, w.elb().DeleteLoadBalancer, &elb.DeleteLoadBalancerInput{LoadBalancerArn: do(t, w.elb().DescribeLoadBalancers, &elb.DescribeLoadBalancersInput{}).LoadBalancers[0].LoadBalancerArn})
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("it listens after it was deleted")
	}
}

// What the load balancer says in the place of a target that does not answer.
func TestBadTargets(t *testing.T) {
	t.Parallel()
	var p pods
	w := start(t, sandbox.Options{Dial: p.dial})
	n := w.network(t)
	p.add(t, "10.0.0.1", nil).Close()
	p.add(t, "10.0.0.3", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	silent := p.add(t, "10.0.0.4", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.CloseClientConnections)
	balancer := w.balancer(t, n, "blog").LoadBalancerArn
	do(t, w.elb().ModifyLoadBalancerAttributes, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: balancer, Attributes: []types.LoadBalancerAttribute{
		{Key: aws.String("idle_timeout.timeout_seconds"), Value: aws.String("1")},
	}})
	for i, want := range []int{502, 504, 502, 504} {
		id := fmt.Sprintf("10.0.0.%d", i+1)
		group := w.group(t, n, fmt.Sprintf("bad-%d", i))
		w.register(t, group, id)
		w.listener(t, *balancer, group, int32(81+i))
		status, body := get(t, w.address(t, int32(81+i)), "x", "/")
		if status != want || !strings.Contains(body, fmt.Sprintf("<center><h1>%d ", want)) {
			t.Errorf("%s: %d %q, want %d", id, status, body, want)
		}
	}
}

func TestHTTPSWithTheCertificateOfTheName(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	var p pods
	w := start(t, sandbox.Options{Clock: clock, Dial: p.dial})
	n := w.network(t)
	group := w.group(t, n, "ghost")
	zone := w.zone(t, "example.test")
	first, second := w.certificate(t, "one.example.test"), w.certificate(t, "*.two.example.test")
	for _, arn := range []string{first, second} {
		w.prove(t, zone, w.describeCertificate(t, arn).DomainValidationOptions)
	}
	balancer := w.balancer(t, n, "blog").LoadBalancerArn
	made := do(t, w.elb().CreateListener, &elb.CreateListenerInput{
		LoadBalancerArn: balancer, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(group),
		Certificates: []types.Certificate{{CertificateArn: aws.String(first)}},
	})
	do(t, w.elb().AddListenerCertificates, &elb.AddListenerCertificatesInput{
		ListenerArn: made.Listeners[0].ListenerArn, Certificates: []types.Certificate{{CertificateArn: aws.String(second)}},
	})
	do(t, w.elb().CreateListener, &elb.CreateListenerInput{
		LoadBalancerArn: balancer, Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp, DefaultActions: []types.Action{{
			Type: types.ActionTypeEnumRedirect, RedirectConfig: &types.RedirectActionConfig{Protocol: aws.String("HTTPS"), Port: aws.String("443"), StatusCode: "HTTP_301"},
		}},
	})
	p.add(t, "10.0.0.1", nil)
	w.register(t, group, "10.0.0.1")
	clock.Waiting(1)

	authority, err := w.Certificates().Authority(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	// As curl --connect-to does it: the URL is the real one.
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			port := int32(80)
			if strings.HasSuffix(to, ":443") {
				port = 443
			}
			return new(net.Dialer).DialContext(ctx, network, w.address(t, port))
		}},
	}
	defer client.CloseIdleConnections()
	for _, host := range []string{"one.example.test", "a.two.example.test"} {
		answer, err := client.Get("https://" + host + "/x")
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := "10.0.0.1 " + host + "/x proto=https port=443 for=127.0.0.1"; string(body) != want || answer.ProtoMajor != 2 {
			t.Errorf("%s %q, want HTTP/2 %q", answer.Proto, body, want)
		}
	}
	if _, err := client.Get("https://other.example.test/"); err == nil || !strings.Contains(err.Error(), "one.example.test") {
		t.Errorf("a name of no certificate: %v; want that of the default one", err)
	}
	location := func(url string) string {
		t.Helper()
		answer, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Location"))
	}
	if got, want := location("http://one.example.test/a?b=c"), "301 https://one.example.test:443/a?b=c"; got != want && got != strings.Replace(want, ":443", "", 1) {
		t.Errorf("redirect = %s, want %s", got, want)
	}
	// A client that asked for the loopback port can follow it there.
	local := strings.Split(w.address(t, 80), ":")[1]
	if got, want := location("http://one.example.test:"+local+"/a"), "301 https://one.example.test:"+strings.Split(w.address(t, 443), ":")[1]+"/a"; got != want {
		t.Errorf("redirect = %s, want %s", got, want)
	}
}

// A connection that is upgraded passes in both directions.
func TestWebSocketsPass(t *testing.T) {
	t.Parallel()
	var p pods
	w := start(t, sandbox.Options{Dial: p.dial})
	n := w.network(t)
	group := w.group(t, n, "chat")
	p.add(t, "10.0.0.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		c, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		fmt.Fprint(c, "echo "+line)
	}))
	w.register(t, group, "10.0.0.1")
	w.listener(t, *w.balancer(t, n, "blog").LoadBalancerArn, group, 80)
	c, err := net.Dial("tcp", w.address(t, 80))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
	in := bufio.NewReader(c)
	answer, err := http.ReadResponse(in, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", answer, err)
	}
	fmt.Fprint(c, "hello\n")
	if line, err := in.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// A client that takes cookies stays with its group and its target.
func TestStickiness(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	var p pods
	w := start(t, sandbox.Options{Clock: clock, Dial: p.dial})
	n := w.network(t)
	one, two := w.group(t, n, "one"), w.group(t, n, "two")
	listener := w.listener(t, *w.balancer(t, n, "blog").LoadBalancerArn, one, 80)
	weights := func(a, b int32) {
		t.Helper()
		do(t, w.elb().ModifyListener, &elb.ModifyListenerInput{ListenerArn: aws.String(listener), DefaultActions: []types.Action{{
			Type: types.ActionTypeEnumForward, ForwardConfig: &types.ForwardActionConfig{
				TargetGroups:                []types.TargetGroupTuple{{TargetGroupArn: aws.String(one), Weight: aws.Int32(a)}, {TargetGroupArn: aws.String(two), Weight: aws.Int32(b)}},
				TargetGroupStickinessConfig: &types.TargetGroupStickinessConfig{Enabled: aws.Bool(true), DurationSeconds: aws.Int32(60)},
			},
		}}})
	}
	for i, group := range []string{one, two} {
		do(t, w.elb().ModifyTargetGroupAttributes, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: aws.String(group), Attributes: []types.TargetGroupAttribute{
			{Key: aws.String("stickiness.enabled"), Value: aws.String("true")},
		}})
		for j := range 2 {
			id := fmt.Sprintf("10.0.%d.%d", i, j+1)
			p.add(t, id, nil)
			w.register(t, group, id)
		}
	}
	weights(1, 0)
	clock.Waiting(4)
	var cookies []*http.Cookie
	ask := func() string {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.address(t, 80)+"/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		if cookies == nil {
			cookies = answer.Cookies()
		}
		pod, _, _ := strings.Cut(string(body), " ")
		return pod
	}
	first := ask()
	if len(cookies) != 4 || !strings.HasPrefix(first, "10.0.0.") {
		t.Fatalf("%s with cookies %v", first, cookies)
	}
	weights(1, 999)
	for range 3 {
		if got := ask(); got != first {
			t.Errorf("the client went from %s to %s", first, got)
		}
	}
	weights(0, 1)
	if got := ask(); !strings.HasPrefix(got, "10.0.1.") {
		t.Errorf("a group without weight got the request: %s", got)
	}
	weights(0, 0)
	if status, _ := get(t, w.address(t, 80), "x", "/"); status != http.StatusServiceUnavailable {
		t.Errorf("without any weight: %d, want 503", status)
	}
}
