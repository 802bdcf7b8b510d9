package podnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox/node/podnet"
)

// network has a server at 10.0.1.7:80 and nothing else at that address.
func network(t *testing.T) podnet.Dialer {
	t.Helper()
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s%s %s", r.Method, r.Host, r.URL.Path, body)
	}))
	t.Cleanup(pod.Close)
	proxy := httptest.NewServer(podnet.Handler(func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		switch {
		case to.Addr().String() != "10.0.1.7":
			return nil, fmt.Errorf("nobody: %w", syscall.EHOSTUNREACH)
		case to.Port() != 80:
			return nil, fmt.Errorf("closed: %w", syscall.ECONNREFUSED)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", pod.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	return podnet.Dialer(proxy.Listener.Addr().String())
}

func TestThroughTheProxy(t *testing.T) {
	t.Parallel()
	d := network(t)
	forwarded, _ := url.Parse("http://" + string(d))
	for name, transport := range map[string]*http.Transport{
		"dialer":    {DialContext: d.DialContext},
		"forwarded": {Proxy: http.ProxyURL(forwarded)},
	} {
		client := &http.Client{Transport: transport}
		for range 2 { // the second on the connection of the first
			got, err := client.Post("http://10.0.1.7:80/posts", "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			body, _ := io.ReadAll(got.Body)
			got.Body.Close()
			if want := "POST 10.0.1.7:80/posts hello"; string(body) != want {
				t.Errorf("%s: %q, want %q", name, body, want)
			}
		}
		transport.CloseIdleConnections()
	}
}

func TestErrorsAreThoseOfANetwork(t *testing.T) {
	t.Parallel()
	d := network(t)
	for address, want := range map[string]error{"10.0.1.7:81": syscall.ECONNREFUSED, "10.0.1.8:80": syscall.EHOSTUNREACH} {
		if _, err := d.DialContext(t.Context(), "tcp", address); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	if _, err := d.DialContext(t.Context(), "tcp", "ghost:80"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a name: %v, want 400", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := podnet.Dialer(l.Addr().String()).DialContext(t.Context(), "tcp", "10.0.1.7:80"); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("without nodes: %v, want %v", err, syscall.EHOSTUNREACH)
	}
}
