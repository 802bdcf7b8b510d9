package traffic

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// ServeHTTP does with a request what the listener's rules say.
func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := s.setup.Load()
	if r.Header.Get("X-Amzn-Trace-Id") == "" {
		r.Header.Set("X-Amzn-Trace-Id", s.traceID())
	}
	for name, value := range l.Attributes {
		if field, ok := strings.CutPrefix(name, "routing.http.response."); ok && value != "" {
			if field, ok := strings.CutSuffix(field, ".header_value"); ok {
				w.Header().Set(strings.ReplaceAll(field, "_", "-"), value)
			}
		}
	}
	rule := matching(l.Rules, r)
	if len(rule.Actions) == 0 {
		answer(w, http.StatusServiceUnavailable)
		return
	}
	// Those before the last authenticate, which nobody here does.
	if len(rule.Actions) > 1 {
		answer(w, statusUnauthenticated)
		return
	}
	switch action := rule.Actions[0]; action.Type {
	case types.ActionTypeEnumFixedResponse:
		status, _ := strconv.Atoi(*action.FixedResponseConfig.StatusCode) // was checked when it was set
		if kind := aws.ToString(action.FixedResponseConfig.ContentType); kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.Header().Set("Server", serverName)
		w.WriteHeader(status)
		io.WriteString(w, aws.ToString(action.FixedResponseConfig.MessageBody)) //nolint:errcheck // the client is gone
	case types.ActionTypeEnumRedirect:
		s.redirect(w, r, l, *action.RedirectConfig)
	case types.ActionTypeEnumForward:
		rewrite(r, rule.Transforms)
		s.forward(w, r, l, *action.ForwardConfig)
	default:
		answer(w, http.StatusNotImplemented)
	}
}

const serverName = "awselb/2.0"

// statusUnauthenticated is the service's own: the identity provider gave an error.
const statusUnauthenticated = 561

// answer is a page of the load balancer's own.
func answer(w http.ResponseWriter, status int) {
	text := http.StatusText(status)
	switch status {
	case http.StatusServiceUnavailable:
		text = "Service Temporarily Unavailable"
	case http.StatusGatewayTimeout:
		text = "Gateway Time-out"
	case statusUnauthenticated:
		text = "Authentication Error"
	}
	w.Header().Set("Server", serverName)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html>\r\n<head><title>%[1]d %[2]s</title></head>\r\n<body>\r\n<center><h1>%[1]d %[2]s</h1></center>\r\n</body>\r\n</html>\r\n", status, text) //nolint:errcheck // the client is gone
}

// traceID is the ID that a request gets that has none.
func (s *served) traceID() string {
	unique := make([]byte, 12)
	rand.Read(unique) //nolint:errcheck // it never fails
	return fmt.Sprintf("Root=1-%08x-%s", s.traffic.Now().Unix(), hex.EncodeToString(unique))
}

// redirect sends the client elsewhere. A client that asked for the loopback port
// is sent to the loopback port of the load balancer's other listener.
func (s *served) redirect(w http.ResponseWriter, r *http.Request, l *listenerSetup, to types.RedirectActionConfig) {
	fill := strings.NewReplacer(
		"#{protocol}", strings.ToLower(string(l.Protocol)), "#{host}", hostOf(r), "#{port}", strconv.Itoa(int(*l.Port)),
		"#{path}", strings.TrimPrefix(r.URL.EscapedPath(), "/"), "#{query}", r.URL.RawQuery,
	).Replace
	scheme, port := strings.ToLower(fill(*to.Protocol)), fill(*to.Port)
	host := fill(*to.Host)
	switch local := s.localPort(r, l, host, port); {
	case local != 0:
		host = net.JoinHostPort(host, strconv.Itoa(local))
	case scheme == "http" && port != "80", scheme == "https" && port != "443":
		host = net.JoinHostPort(host, port)
	}
	location := scheme + "://" + host + fill(*to.Path)
	if query := fill(*to.Query); query != "" {
		location += "?" + query
	}
	w.Header().Set("Location", location)
	status := http.StatusMovedPermanently
	if to.StatusCode == types.RedirectActionStatusCodeEnumHttp302 {
		status = http.StatusFound
	}
	answer(w, status)
}

// localPort is the loopback port that stands for a port of the load balancer, for
// clients that came by one and stay with the host; otherwise 0.
func (s *served) localPort(r *http.Request, l *listenerSetup, host, port string) int {
	_, came, err := net.SplitHostPort(r.Host)
	if err != nil || came != strconv.Itoa(s.port) || host != hostOf(r) {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return s.traffic.loopback(l.balancer, n)
}

// rewrite changes a request's host and URL as a rule's transforms say.
func rewrite(r *http.Request, transforms []types.RuleTransform) {
	apply := func(text string, list []types.RewriteConfig) string {
		for _, one := range list {
			if e := expression(aws.ToString(one.Regex)); e.MatchString(text) {
				return e.ReplaceAllString(text, aws.ToString(one.Replace))
			}
		}
		return text
	}
	for _, t := range transforms {
		if t.HostHeaderRewriteConfig != nil {
			r.Host = apply(hostOf(r), t.HostHeaderRewriteConfig.Rewrites)
		}
		if t.UrlRewriteConfig != nil {
			if next, err := url.ParseRequestURI(apply(r.URL.RequestURI(), t.UrlRewriteConfig.Rewrites)); err == nil {
				r.URL = next
			}
		}
	}
}
