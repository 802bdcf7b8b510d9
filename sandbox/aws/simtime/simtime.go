// Package simtime holds how long things take in the simulated AWS.
//
// A [Pace] has a clock and a table of durations by type and operation. What takes
// time works in two steps, so that it can be taken up again after a crash:
// [Pace.End] says when the work will be over, which the caller keeps in the store,
// and [Pace.Wait] blocks until then.
//
// The Pace remembers when at least one caller waited. [Pace.Simulated] gives the
// part of a span that went by so: the simulated time that no faster program could
// have saved.
//
// A Pace is safe for concurrent use.
package simtime

import (
	"context"
	"sort"
	"sync"
	"time"
)

// Operations of a resource.
const (
	Create   = "Create"
	Update   = "Update"
	Delete   = "Delete"
	Snapshot = "Snapshot"
	// Look is how often something is looked at that has an interval of its own,
	// which holds where there is no duration.
	Look = "Look"
)

// Durations maps "TYPE/OPERATION", "TYPE" or "*/OPERATION" to a duration; the
// first of them that is there holds. What has no entry takes no time.
type Durations map[string]time.Duration

// Default returns the durations of a sandbox: long enough to see a database
// being made, short enough to wait for.
func Default() Durations {
	return Durations{
		"AWS::RDS::DBInstance/Create":   3 * time.Second,
		"AWS::RDS::DBInstance/Update":   2 * time.Second,
		"AWS::RDS::DBInstance/Delete":   time.Second,
		"AWS::RDS::DBInstance/Snapshot": time.Second,

		"AWS::CertificateManager::Certificate/Create":      time.Second,
		"AWS::ElasticLoadBalancingV2::LoadBalancer/Create": 2 * time.Second,
		"AWS::ElasticLoadBalancingV2::TargetGroup/Look":    500 * time.Millisecond,
		"AWS::Route53::RecordSet/Create":                   500 * time.Millisecond,
	}
}

// Of returns how long an operation on a resource of a type takes.
func (d Durations) Of(typeName, operation string) time.Duration {
	for _, key := range []string{typeName + "/" + operation, typeName, "*/" + operation} {
		if duration, ok := d[key]; ok {
			return duration
		}
	}
	return 0
}

// Clock tells the time and rings.
type Clock interface {
	Now() time.Time
	// After returns a channel that gets one value when d has passed.
	After(d time.Duration) <-chan time.Time
}

// System is the machine's clock.
type System struct{}

// Now is time.Now.
func (System) Now() time.Time { return time.Now() }

// After is time.After.
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Pace waits for simulated work. Make one with [New].
type Pace struct {
	clock     Clock
	durations Durations

	mu     sync.Mutex
	waited []span // apart from each other, in order
}

type span struct{ from, to time.Time }

// remembered bounds the spans that a Pace keeps; the oldest go first.
const remembered = 4096

// New returns a Pace. A nil clock is the machine's; nil durations are [Default].
func New(clock Clock, durations Durations) *Pace {
	if clock == nil {
		clock = System{}
	}
	if durations == nil {
		durations = Default()
	}
	return &Pace{clock: clock, durations: durations}
}

// Now is the time of the clock, in UTC.
func (p *Pace) Now() time.Time { return p.clock.Now().UTC() }

// End returns when an operation that begins now will be over.
func (p *Pace) End(typeName, operation string) time.Time {
	return p.Now().Add(p.durations.Of(typeName, operation))
}

// Of returns how long an operation on a resource of a type takes.
func (p *Pace) Of(typeName, operation string) time.Duration {
	return p.durations.Of(typeName, operation)
}

// Wait blocks until the clock shows until, or ctx ends, whose error it returns.
func (p *Pace) Wait(ctx context.Context, until time.Time) error {
	from := p.clock.Now()
	left := until.Sub(from)
	if left <= 0 {
		return ctx.Err()
	}
	defer func() { p.record(span{from, p.clock.Now()}) }()
	select {
	case <-p.clock.After(left):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Simulated returns how much of the time between from and to at least one caller
// spent in Wait. Waits that are not over yet do not count.
func (p *Pace) Simulated(from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var total time.Duration
	for _, s := range p.waited {
		start, end := later(s.from, from), earlier(s.to, to)
		if end.After(start) {
			total += end.Sub(start)
		}
	}
	return total
}

// record adds a span and joins those that touch.
func (p *Pace) record(s span) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := append(p.waited, s)
	sort.Slice(all, func(i, j int) bool { return all[i].from.Before(all[j].from) })
	joined := all[:1]
	for _, next := range all[1:] {
		last := &joined[len(joined)-1]
		if next.from.After(last.to) {
			joined = append(joined, next)
		} else {
			last.to = later(last.to, next.to)
		}
	}
	if extra := len(joined) - remembered; extra > 0 {
		joined = append([]span(nil), joined[extra:]...)
	}
	p.waited = joined
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
