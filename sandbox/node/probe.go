package node

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// prober says whether a command is ready, by its container's readiness probe.
type prober struct{ is atomic.Bool }

// impatience is how often a command that is not ready is looked at, however long its
// probe would wait: that is the time of a start, which a sandbox need not wait for.
const impatience = 100 * time.Millisecond

// newProber begins to look at a command on a port until it has ended. changed is
// called when it becomes ready, or is so no more. Without a probe it is ready at
// once; so it is with a probe by command or gRPC, which nobody here can make.
func newProber(c corev1.Container, port int, ended <-chan struct{}, changed func()) *prober {
	p := &prober{}
	probe := c.ReadinessProbe
	if probe == nil || probe.HTTPGet == nil && probe.TCPSocket == nil {
		p.is.Store(true)
		return p
	}
	go p.look(*probe, port, ended, changed)
	return p
}

func (p *prober) ready() bool { return p.is.Load() }

func (p *prober) look(probe corev1.Probe, port int, ended <-chan struct{}, changed func()) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-ended
		cancel()
	}()
	period := time.Duration(orDefault(probe.PeriodSeconds, 10)) * time.Second
	var passed, failed int32
	for {
		if probed(ctx, probe, port) {
			passed, failed = passed+1, 0
		} else {
			passed, failed = 0, failed+1
		}
		switch now := p.ready(); {
		case !now && passed >= orDefault(probe.SuccessThreshold, 1), now && failed >= orDefault(probe.FailureThreshold, 3):
			p.is.Store(!now)
			changed()
		}
		wait := period
		if !p.ready() {
			wait = min(wait, impatience)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func orDefault(n, otherwise int32) int32 {
	if n == 0 {
		return otherwise
	}
	return n
}

// probed makes a probe once. Whatever port it names is the one that the command was
// given.
func probed(ctx context.Context, probe corev1.Probe, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(orDefault(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	if probe.HTTPGet == nil {
		c, err := connect(ctx, port)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	path := "/" + strings.TrimPrefix(probe.HTTPGet.Path, "/")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(port)+path, nil)
	if err != nil {
		return false
	}
	r.Header.Set("User-Agent", "kube-probe/"+strings.TrimPrefix(kubeletVersion, "v"))
	for _, h := range probe.HTTPGet.HTTPHeaders {
		if strings.EqualFold(h.Name, "Host") {
			r.Host = h.Value
		} else {
			r.Header.Add(h.Name, h.Value)
		}
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode >= 200 && answer.StatusCode < 400
}
