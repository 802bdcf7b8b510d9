package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wire answers requests in the bubble's time; it keeps when each came.
type wire struct {
	mu     sync.Mutex
	begun  time.Time
	came   []string
	answer func(n int) (int, error) // to the nth request, from 0
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	n := len(w.came)
	w.came = append(w.came, fmt.Sprintf("%v %s %s", time.Since(w.begun), r.URL.Path, body))
	w.mu.Unlock()
	status, err := w.answer(n)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	if status/100 == 3 {
		header.Set("Location", "/elsewhere")
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

var errDown = errors.New("connection refused")

func (w *wire) deliveries(hook func(hookID) (Hook, bool)) *deliveries {
	w.begun = time.Now()
	if hook == nil {
		hook = func(id hookID) (Hook, bool) {
			return Hook{URL: "http://localhost/" + id.hook, Secret: secret}, true
		}
	}
	return newDeliveries(slog.New(slog.DiscardHandler), w, hook, func(_ context.Context, p Push, _ string) ([]byte, error) {
		return []byte(p.Ref), nil
	})
}

// The example of GitHub's documentation.
// https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
func TestSignature(t *testing.T) {
	t.Parallel()
	const want = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := sign("It's a Secret to Everybody", []byte("Hello, World!")); got != want {
		t.Errorf("sign: %s, want %s", got, want)
	}
}

func done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(n int) (int, error)
		want   []string
	}{
		"received":     {func(int) (int, error) { return 202, nil }, []string{"0s /ci a", "0s /ci b"}},
		"refused":      {func(int) (int, error) { return 403, nil }, []string{"0s /ci a", "0s /ci b"}},
		"redirected":   {func(int) (int, error) { return 302, nil }, []string{"0s /ci a", "0s /ci b"}},
		"down at once": {func(n int) (int, error) { return 200, downUntil(n, 1) }, []string{"0s /ci a", "100ms /ci a", "100ms /ci b"}},
		"failing": {func(n int) (int, error) {
			return map[bool]int{true: 503, false: 200}[n < 3], nil
		}, []string{"0s /ci a", "100ms /ci a", "300ms /ci a", "700ms /ci a", "700ms /ci b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answer: tt.answer}
				d := w.deliveries(nil)
				for _, ref := range []string{"a", "b"} {
					d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: ref}, "", done()))
				}
				d.running.Wait()
				if diff := cmp.Diff(tt.want, w.came); diff != "" {
					t.Errorf("attempts (-want +got):\n%s", diff)
				}
				if err := d.drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func downUntil(n, up int) error {
	if n < up {
		return errDown
	}
	return nil
}

func TestGivesUpInBoundedTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int) (int, error) { return 0, errDown }}
		d := w.deliveries(nil)
		for _, ref := range []string{"a", "b"} {
			d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: ref}, "", done()))
		}
		d.running.Wait()
		took := time.Since(w.begun)
		if took < retryLimit-longestPause || took > retryLimit {
			t.Errorf("gave up after %v", took)
		}
		// b waited behind a, and still had a try of its own.
		var order []string
		for _, came := range w.came {
			order = append(order, came[len(came)-1:])
		}
		if diff := cmp.Diff([]string{"a", "b"}, slices.Compact(order)); diff != "" {
			t.Errorf("attempts of (-want +got):\n%s\n%q", diff, w.came)
		}
	})
}

// A hook that is down holds up no other; nothing goes out before the push was
// answered.
func TestHooksAndPushesApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(n int) (int, error) { return 200, nil }}
		d := w.deliveries(nil)
		answered := make(chan struct{})
		d.add(hookID{"shop", "slow"}, newDelivery(Push{Ref: "a"}, "", answered))
		d.add(hookID{"shop", "slow"}, newDelivery(Push{Ref: "b"}, "", done()))
		d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: "a"}, "", done()))
		synctest.Wait()
		if diff := cmp.Diff([]string{"0s /ci a"}, w.came); diff != "" {
			t.Errorf("before the answer (-want +got):\n%s", diff)
		}
		close(answered)
		d.running.Wait()
		if diff := cmp.Diff([]string{"0s /ci a", "0s /slow a", "0s /slow b"}, w.came); diff != "" {
			t.Errorf("after the answer (-want +got):\n%s", diff)
		}
	})
}

func TestRetryUsesTheHookAsItIsNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(n int) (int, error) { return 200, downUntil(n, 1) }}
		asked := 0
		d := w.deliveries(func(hookID) (Hook, bool) {
			asked++
			return Hook{URL: fmt.Sprintf("http://localhost/%d", asked), Secret: secret}, true
		})
		d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: "a"}, "", done()))
		d.running.Wait()
		if diff := cmp.Diff([]string{"0s /1 a", "100ms /2 a"}, w.came); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestDrainDoesNotWaitForWhoIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: func(int) (int, error) { return 0, errDown }}
		d := w.deliveries(nil)
		for _, ref := range []string{"a", "b"} {
			d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: ref}, "", done()))
		}
		synctest.Wait()
		if err := d.drain(t.Context()); err != nil {
			t.Error(err)
		}
		d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: "late"}, "", done()))
		d.running.Wait()
		if diff := cmp.Diff([]string{"0s /ci a", "0s /ci a", "0s /ci b"}, w.came); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := (&wire{answer: func(int) (int, error) { return 200, nil }}).deliveries(nil)
		d.add(hookID{"shop", "ci"}, newDelivery(Push{Ref: "a"}, "", make(chan struct{}))) // never answered
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain: %v, want the context's error", err)
		}
	})
}
