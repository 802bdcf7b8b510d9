package stack

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Clock tells the time and rings after a while. The zero Options use time.Now
// and time.After.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// pace is the one place where a Deployer waits. Whoever follows a stack or a
// change set asks for a turn before each look; turns come one interval after
// they were asked for, in that order, and with a gap between them, so that a
// hundred stacks in flight don't ask all at once. One timer serves all of them,
// and it runs only while somebody waits.
//
// When the service says that it is asked too often, or is not there, the interval and the gap
// double, up to 16 times; each answer after that takes a tenth off again. This
// holds for all stacks alike, as the service's limit is for the account.
type pace struct {
	clock    Clock
	interval time.Duration

	mu      sync.Mutex
	factor  float64
	last    time.Time
	queue   []*turn // in the order in which they are due
	running bool
	changed chan struct{} // a turn was given back, or the pace changed; holds one
}

type turn struct {
	asked   time.Time
	granted chan struct{}
}

// gaps is how many turns fit into one interval.
const gaps = 20

func newPace(clock Clock, interval time.Duration) *pace {
	return &pace{clock: clock, interval: interval, factor: 1, changed: make(chan struct{}, 1)}
}

// turn waits for a turn or for the end of ctx, whichever comes first.
func (p *pace) turn(ctx context.Context) error {
	t := &turn{asked: p.clock.Now(), granted: make(chan struct{})}
	p.mu.Lock()
	p.queue = append(p.queue, t)
	if !p.running {
		p.running = true
		go p.run()
	}
	p.mu.Unlock()
	select {
	case <-t.granted:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		p.queue = slices.DeleteFunc(p.queue, func(x *turn) bool { return x == t })
		p.mu.Unlock()
		p.signal()
		return context.Cause(ctx)
	}
}

// run gives turns until nobody waits for one.
func (p *pace) run() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 {
			p.running = false
			p.mu.Unlock()
			return
		}
		wait := p.due().Sub(p.clock.Now())
		if wait <= 0 {
			close(p.queue[0].granted)
			p.queue = p.queue[1:]
			p.last = p.clock.Now()
			p.mu.Unlock()
			continue
		}
		p.mu.Unlock()
		select {
		case <-p.clock.After(wait):
		case <-p.changed:
		}
	}
}

// due is when the first in the queue gets its turn.
func (p *pace) due() time.Time {
	interval := time.Duration(float64(p.interval) * p.factor)
	due := p.queue[0].asked.Add(interval)
	if spaced := p.last.Add(interval / gaps); spaced.After(due) {
		return spaced
	}
	return due
}

// slower slows all turns down, after an answer that said so or that did not come.
func (p *pace) slower() {
	p.mu.Lock()
	p.factor = min(p.factor*2, 16)
	p.mu.Unlock()
	p.signal()
}

// answered brings the pace back step by step.
func (p *pace) answered() {
	p.mu.Lock()
	p.factor = max(p.factor*0.9, 1)
	p.mu.Unlock()
}

func (p *pace) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
