package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// patience is how long, and how, a call is repeated while its error is one that
// passes with time.
type patience struct {
	limit time.Duration
	host  string
	sleep func(context.Context, time.Duration) error
}

// try calls f until it succeeds, fails for good, or has failed for the limit; a
// sixth of it where the server answers with an internal error, which passes or
// stays.
// What the caller's again accepts passes with time, too.
func (p patience) try(ctx context.Context, again func(error) bool, f func() error) error {
	var begin time.Time
	for attempt := 0; ; attempt++ {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !passes(err) && (again == nil || !again(err)) {
			return err
		}
		now := time.Now()
		if begin.IsZero() {
			begin = now
		}
		limit := p.limit
		if isInternal(err) {
			limit /= 6
		}
		wait := backoff(attempt, err)
		if now.Add(wait).Sub(begin) > limit {
			if unreachable(err) {
				return fmt.Errorf("the API server %s could not be reached for %s: %w", p.host, limit, err)
			}
			return fmt.Errorf("tried for %s: %w", limit, err)
		}
		if err := p.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// backoff doubles from 50 ms to 5 s, with jitter so that many that failed
// together do not come back together. The server's own wish comes first.
func backoff(attempt int, err error) time.Duration {
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	d := 50 * time.Millisecond << min(attempt, 7)
	d = min(d, 5*time.Second)
	return d/2 + rand.N(d/2)
}

// passes tells errors that pass with time from those that do not.
func passes(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return unreachable(err)
	}
	code := status.Status().Code
	if code == http.StatusInternalServerError && strings.Contains(status.Status().Message, "failed to create typed patch object") {
		return false // the object does not fit its schema, which the server calls its own error
	}
	return code == http.StatusTooManyRequests || code >= 500 && code != http.StatusNotImplemented && code != http.StatusInsufficientStorage
}

// isInternal is true for a server that answers but fails: a webhook whose Pod is
// only starting, or a fault that stays.
func isInternal(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code == http.StatusInternalServerError
}

// unreachable is true for errors below HTTP, except where the server is reached
// but not trusted.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return false
	}
	// An answer that breaks off is no url.Error: its request went well.
	var transport *url.Error
	var connection *net.OpError
	return errors.As(err, &transport) || errors.As(err, &connection) || errors.Is(err, io.ErrUnexpectedEOF) ||
		utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// Passes tells whether an error of the API server passes with time, so that the
// request is worth repeating: it can't be reached, breaks off, is overloaded or
// fails. Whether what it asked for was done is not known.
func Passes(err error) bool { return err != nil && passes(err) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
