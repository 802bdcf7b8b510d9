package traffic

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
)

// route is where a request goes.
type route struct {
	by     *served
	l      *listenerSetup
	group  elbv2.GroupSetup
	target targetKey
}

type routeKey struct{}

var discard = stdlog.New(io.Discard, "", 0)

// onlyHTTP2 is HTTP/2 with and without TLS.
func onlyHTTP2() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// newProxy returns a proxy to targets, and what ends its idle connections. Its
// requests carry a route. idle is how long a target may stay silent.
func (t *Traffic) newProxy(idle time.Duration) (*httputil.ReverseProxy, func()) {
	transport := func(protocols *http.Protocols) *http.Transport {
		return &http.Transport{
			DialContext: t.Dial, Protocols: protocols, ResponseHeaderTimeout: idle, IdleConnTimeout: idle,
			MaxIdleConnsPerHost: 32, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // load balancers do not verify their targets
		}
	}
	one, two := transport(nil), transport(onlyHTTP2())
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.In.Context().Value(routeKey{}).(route).rewrite(p) },
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if v := aws.ToString(r.Context().Value(routeKey{}).(route).group.ProtocolVersion); v == "HTTP2" || v == "GRPC" {
				return two.RoundTrip(r)
			}
			return one.RoundTrip(r)
		}),
		FlushInterval: -1, // streams pass as they come
		ErrorLog:      discard,
		ErrorHandler:  func(w http.ResponseWriter, r *http.Request, err error) { t.failed(w, r, err) },
	}
	return proxy, func() {
		one.CloseIdleConnections()
		two.CloseIdleConnections()
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// failed answers in the place of a target that did not.
func (t *Traffic) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	to := r.Context().Value(routeKey{}).(route)
	status := http.StatusBadGateway
	var network net.Error
	if errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		status = http.StatusGatewayTimeout
	}
	t.Log.Warn("load balancer: a target did not answer", "name", *to.l.balancer.LoadBalancerName, "target", to.target.address(), "status", status, "error", err)
	answer(w, status)
}

// rewrite makes the request to the target.
func (to route) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host = "http", to.target.address()
	if to.group.Protocol == types.ProtocolEnumHttps {
		p.Out.URL.Scheme = "https"
	}
	p.Out.Host = to.host(p.In)
	from := clientOf(p.In).String()
	if to.l.balancer.Attributes["routing.http.xff_client_port.enabled"] == "true" {
		from = p.In.RemoteAddr
	}
	before := strings.Join(p.In.Header.Values("X-Forwarded-For"), ", ")
	switch mode := to.l.balancer.Attributes["routing.http.xff_header_processing.mode"]; {
	case mode == "remove":
		p.Out.Header.Del("X-Forwarded-For")
	case mode == "preserve":
		if before != "" {
			p.Out.Header.Set("X-Forwarded-For", before)
		}
	case before != "":
		p.Out.Header.Set("X-Forwarded-For", before+", "+from)
	default:
		p.Out.Header.Set("X-Forwarded-For", from)
	}
	p.Out.Header.Set("X-Forwarded-Proto", strings.ToLower(string(to.l.Protocol)))
	p.Out.Header.Set("X-Forwarded-Port", strconv.Itoa(int(*to.l.Port)))
}

// host is the name that the target is asked for: without the loopback port, which
// only this machine knows, and with the listener's where that is not the usual one.
func (to route) host(r *http.Request) string {
	if to.l.balancer.Attributes["routing.http.preserve_host_header.enabled"] == "true" {
		return r.Host
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	} else if port != strconv.Itoa(to.by.port) && port != strconv.Itoa(int(*to.l.Port)) {
		return r.Host
	}
	if *to.l.Port == 80 || *to.l.Port == 443 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(*to.l.Port)))
}
