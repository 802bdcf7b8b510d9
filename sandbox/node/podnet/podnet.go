// Package podnet is the way into the network of the simulated Pods: an HTTP proxy
// on one loopback port, whose tunnels end at the addresses that Pods have. Nothing
// listens per Pod, so that thousands of them cost nothing, and an address that was
// learnt from the Kubernetes API is all that it takes to reach one:
//
//	curl --proxytunnel -x http://127.0.0.1:PORT http://10.0.1.7:2368/
//
// [Handler] is the proxy; a [Dialer] is a client of it, for programs. A tunnel that
// can't be made is answered with 502 where the address refuses the connection, and
// with 504 where nothing has the address; a Dialer gives the errors that a real
// network would, ECONNREFUSED and EHOSTUNREACH. A request with an absolute http URL
// is forwarded too, as http_proxy has it.
//
// Both are safe for concurrent use.
package podnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"syscall"
)

// Dial connects to an address of the network. Its errors wrap ECONNREFUSED where
// the address is somebody's who does not listen there, and EHOSTUNREACH where it is
// nobody's.
type Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

// Handler returns the proxy into a network.
func Handler(dial Dial) http.Handler {
	forward := &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {},
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return nil, err
			}
			return dial(ctx, to)
		}},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), statusOf(err)) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			tunnel(w, r, dial)
		case r.URL.IsAbs() && r.URL.Scheme == "http":
			forward.ServeHTTP(w, r)
		default:
			http.Error(w, "This is the proxy to the simulated Pods: CONNECT to an address of one, or GET http://ADDRESS:PORT/.", http.StatusBadRequest)
		}
	})
}

func tunnel(w http.ResponseWriter, r *http.Request, dial Dial) {
	to, err := netip.ParseAddrPort(r.Host)
	if err != nil {
		http.Error(w, fmt.Sprintf("%q is no address of a Pod with a port, such as 10.0.1.7:8080", r.Host), http.StatusBadRequest)
		return
	}
	far, err := dial(r.Context(), to)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	defer far.Close()
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer near.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	// Each side is told when the other has no more to say, and may still answer.
	var both sync.WaitGroup
	both.Go(func() {
		io.Copy(far, buffered) //nolint:errcheck // the far side sees the end, whatever it is
		closeWrite(far)
	})
	both.Go(func() {
		io.Copy(near, far) //nolint:errcheck // likewise
		closeWrite(near)
	})
	both.Wait()
}

// closeWrite ends one direction of a connection, or all of one that knows no
// directions.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite() //nolint:errcheck // it is gone already
		return
	}
	c.Close()
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return http.StatusBadGateway
	case errors.Is(err, syscall.EHOSTUNREACH):
		return http.StatusGatewayTimeout
	}
	return http.StatusServiceUnavailable
}

// Dialer connects through the proxy at an address such as "127.0.0.1:23456".
type Dialer string

// DialContext connects to the address of a Pod, "10.0.1.7:8080".
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, err)}
	}
	var plain net.Dialer
	c, err := plain.DialContext(ctx, "tcp", string(d))
	if err != nil {
		// The nodes are down: as good as switched off.
		return fail(fmt.Errorf("%w: no node answers: %v", syscall.EHOSTUNREACH, err))
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if _, err := fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		c.Close()
		return fail(err)
	}
	// The far side speaks second: what is buffered is the answer and nothing else.
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fail(err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		if !stop() {
			return fail(context.Cause(ctx))
		}
		return c, nil
	case http.StatusBadGateway:
		err = syscall.ECONNREFUSED
	case http.StatusGatewayTimeout:
		err = syscall.EHOSTUNREACH
	default:
		err = errors.New(answer.Status)
	}
	c.Close()
	return fail(err)
}
