package traffic

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
)

// served is a listener that is served.
type served struct {
	traffic *Traffic
	port    int // on loopback
	server  *http.Server
	setup   atomic.Pointer[listenerSetup]
}

// listenerSetup is what a listener does at a time.
type listenerSetup struct {
	balancer elbv2.BalancerSetup
	elbv2.ListenerSetup
	proxy *httputil.ReverseProxy
	idle  time.Duration
	// close ends the idle connections to targets.
	close func()
}

// serve begins to serve a listener, or goes on by what it says now. It is called
// with t.mu held. A listener that can't be served is logged, and tried again with
// the next change.
func (t *Traffic) serve(b elbv2.BalancerSetup, l elbv2.ListenerSetup) {
	s := t.served[*l.ListenerArn]
	if s == nil {
		socket, err := listen(l.Loopback)
		if err != nil {
			t.Log.Error("load balancer does not listen", "listener", *l.ListenerArn, "error", err)
			return
		}
		s = &served{traffic: t, port: socket.Addr().(*net.TCPAddr).Port}
		s.adopt(b, l)
		s.open(socket, l.Protocol == types.ProtocolEnumHttps)
		t.served[*l.ListenerArn] = s
		t.Log.Info("load balancer listens", "name", *b.LoadBalancerName, "port", *l.Port, "address", socket.Addr().String())
	} else {
		s.adopt(b, l)
	}
	if l.Loopback != s.port {
		// In the background: who changed the configuration may hold the store.
		t.running.Go(func() {
			if err := t.Balancers.KeepLoopback(b.Account, b.Region, *l.ListenerArn, s.port); err != nil {
				t.Log.Error("load balancer: keep the port", "listener", *l.ListenerArn, "error", err)
			}
		})
	}
}

// adopt takes what the listener says now.
func (s *served) adopt(b elbv2.BalancerSetup, l elbv2.ListenerSetup) {
	next := &listenerSetup{balancer: b, ListenerSetup: l}
	seconds, _ := strconv.Atoi(b.Attributes["idle_timeout.timeout_seconds"]) // was checked when it was set
	next.idle = time.Duration(seconds) * time.Second
	if now := s.setup.Load(); now != nil && now.idle == next.idle {
		next.proxy, next.close = now.proxy, now.close
	} else {
		if now != nil {
			defer now.close()
		}
		next.proxy, next.close = s.traffic.newProxy(next.idle)
	}
	s.setup.Store(next)
}

func (s *served) open(socket net.Listener, secure bool) {
	s.server = &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute,
		// Clients that give up during the handshake are none of the log's business.
		ErrorLog:  discard,
		TLSConfig: &tls.Config{GetCertificate: s.certificate},
	}
	s.traffic.running.Go(func() {
		var err error
		if secure {
			err = s.server.ServeTLS(socket, "", "")
		} else {
			err = s.server.Serve(socket)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.traffic.Log.Error("load balancer listens no more", "address", socket.Addr().String(), "error", err)
		}
	})
}

func (s *served) close() {
	s.server.Close() //nolint:errcheck // it listens no more, whatever it says
	s.setup.Load().close()
}

// certificate is the listener's certificate that fits the name best that a client
// asks for, or its default one. It is read anew each time: it may have been imported
// again.
func (s *served) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	l := s.setup.Load()
	load := func(arn string) (*tls.Certificate, error) {
		c, err := s.traffic.Certificate(hello.Context(), l.balancer.Account, l.balancer.Region, arn)
		if err != nil {
			s.traffic.Log.Warn("load balancer can't serve a certificate", "certificate", arn, "error", err)
		}
		return &c, err
	}
	byDefault := aws.ToString(l.Certificates[0].CertificateArn)
	var best *tls.Certificate
	for _, arn := range append([]string{byDefault}, l.More...) {
		c, err := load(arn)
		if err != nil || hello.SupportsCertificate(c) != nil {
			continue
		}
		if slices.Contains(c.Leaf.DNSNames, strings.ToLower(hello.ServerName)) {
			return c, nil
		}
		if best == nil {
			best = c
		}
	}
	if best != nil {
		return best, nil
	}
	return load(byDefault)
}

// firstPort to pastPort are above those of the sandbox's parts, which are not to lose
// theirs, and below those that Linux gives to outgoing connections.
const firstPort, pastPort = 30000, 32768

// listen takes the port that was used before, or another that is free.
func listen(before int) (net.Listener, error) {
	port := before
	for tries := 0; ; tries++ {
		if port != 0 {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err == nil {
				return l, nil
			}
			if tries == 200 {
				return nil, fmt.Errorf("no free port between %d and %d: %w", firstPort, pastPort-1, err)
			}
		}
		port = firstPort + rand.IntN(pastPort-firstPort)
	}
}

// Listener is a listener that is served.
type Listener struct {
	Account, Region string
	// Balancer is the name of the load balancer, DNSName that in DNS.
	Balancer, DNSName string
	Protocol          types.ProtocolEnum
	Port              int32
	// Address is where it is served: "127.0.0.1:23456".
	Address string
}

// Listeners are those that are served, in the order of load balancers and ports.
func (t *Traffic) Listeners() []Listener {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Listener
	for _, b := range t.setup.Balancers {
		for _, l := range b.Listeners {
			if s := t.served[*l.ListenerArn]; s != nil {
				all = append(all, Listener{
					Account: b.Account, Region: b.Region, Balancer: *b.LoadBalancerName, DNSName: *b.DNSName,
					Protocol: l.Protocol, Port: *l.Port, Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
				})
			}
		}
	}
	return all
}

// loopback is where a load balancer's listener on a port is served, or 0.
func (t *Traffic) loopback(b elbv2.BalancerSetup, port int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range b.Listeners {
		if s := t.served[*l.ListenerArn]; s != nil && int(*l.Port) == port {
			return s.port
		}
	}
	return 0
}
