package forge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// When deliveries are tried, and tried again; see the package.
const (
	attemptLimit = 10 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	retryLimit   = time.Minute
)

// delivery is an event on its way to one hook.
type delivery struct {
	id       string
	push     Push
	base     string
	answered <-chan struct{} // closed when the push was answered
	until    time.Time       // no retry begins later
}

func newDelivery(p Push, base string, answered <-chan struct{}) *delivery {
	return &delivery{id: newUUID(), push: p, base: base, answered: answered, until: time.Now().Add(retryLimit)}
}

// deliveries are all lines of events, one a hook. The first of a line is with
// the line's goroutine, which there is only while the line is not empty.
type deliveries struct {
	log    *slog.Logger
	client *http.Client
	hook   func(hookID) (Hook, bool)
	event  func(ctx context.Context, p Push, base string) ([]byte, error)

	ctx     context.Context // of all attempts
	abandon context.CancelFunc
	closing chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	lines  map[hookID][]*delivery
}

func newDeliveries(log *slog.Logger, over http.RoundTripper, hook func(hookID) (Hook, bool),
	event func(context.Context, Push, string) ([]byte, error),
) *deliveries {
	if t, ok := over.(*http.Transport); ok {
		t.Proxy = nil // it would take signed events out of the sandbox
	}
	d := &deliveries{
		log: log, hook: hook, event: event, closing: make(chan struct{}), lines: map[hookID][]*delivery{},
		client: &http.Client{
			Transport: over, Timeout: attemptLimit,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	d.ctx, d.abandon = context.WithCancel(context.Background())
	return d
}

// add puts an event at the end of its hook's line, and does not wait.
func (d *deliveries) add(id hookID, next *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		d.logger(id, next).Error("webhook not delivered: the forge is closed")
		return
	}
	d.lines[id] = append(d.lines[id], next)
	if len(d.lines[id]) == 1 {
		d.running.Go(func() { d.serve(id) })
	}
}

// drain ends when every line is empty, or with ctx.
func (d *deliveries) drain(ctx context.Context) error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.closing)
	}
	d.mu.Unlock()
	stop := context.AfterFunc(ctx, d.abandon)
	d.running.Wait()
	stop()
	broken := d.ctx.Err() != nil
	d.abandon()
	d.client.CloseIdleConnections()
	if broken {
		return fmt.Errorf("forge: not all webhooks were delivered in time: %w", context.Cause(ctx))
	}
	return nil
}

// serve empties a line.
func (d *deliveries) serve(id hookID) {
	for {
		d.mu.Lock()
		first := d.lines[id][0]
		d.mu.Unlock()
		select {
		case <-first.answered:
		case <-d.ctx.Done():
		}
		d.deliver(id, first)
		d.mu.Lock()
		rest := d.lines[id][1:]
		if len(rest) == 0 {
			delete(d.lines, id)
			d.mu.Unlock()
			return
		}
		d.lines[id] = rest
		d.mu.Unlock()
	}
}

// deliver tries until the event is received, or is not worth another try.
func (d *deliveries) deliver(id hookID, next *delivery) {
	log := d.logger(id, next)
	body, err := d.event(d.ctx, next.push, next.base)
	if err != nil {
		log.Error("webhook not delivered", "error", err)
		return
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		// Asked each time: what was wrong with the hook may be mended meanwhile.
		hook, ok := d.hook(id)
		if !ok {
			return
		}
		again, err := d.attempt(hook, next.id, body)
		if err == nil {
			log.Info("webhook delivered")
			return
		}
		if !again || d.isClosing() || time.Now().Add(pause).After(next.until) {
			log.Error("webhook not delivered", "error", err)
			return
		}
		log.Warn("webhook not delivered yet", "error", err, "again", pause)
		retry := time.NewTimer(pause)
		select {
		case <-retry.C:
		case <-d.closing:
			retry.Stop()
		}
	}
}

func (d *deliveries) isClosing() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

// attempt sends an event once, and tells whether it is of use to try again.
func (d *deliveries) attempt(hook Hook, delivery string, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(d.ctx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "drawbridge-sandbox-forge")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-GitHub-Delivery", delivery)
	req.Header.Set("X-Hub-Signature-256", "sha256="+sign(hook.Secret, body))
	res, err := d.client.Do(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 1024)) //nolint:errcheck // the status counts
	switch {
	case res.StatusCode/100 == 2:
		return false, nil
	case res.StatusCode/100 == 5, res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusRequestTimeout:
		again = true
	}
	return again, fmt.Errorf("POST %s: %s: %s", req.URL.Redacted(), res.Status, bytes.TrimSpace(said))
}

func (d *deliveries) logger(id hookID, next *delivery) *slog.Logger {
	return d.log.With("repository", id.repository, "hook", id.hook, "ref", next.push.Ref, "after", next.push.After, "delivery", next.id)
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// newUUID is a random UUID, version 4 of RFC 9562.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
