package simtime

import (
	"sync"
	"time"
)

// Manual is a clock that moves only when it is told to, for tests. It is safe for
// concurrent use.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	alarms map[chan time.Time]time.Time
	set    chan struct{} // closed and made anew at each After
}

// NewManual returns a clock that shows start.
func NewManual(start time.Time) *Manual {
	return &Manual{now: start, alarms: map[chan time.Time]time.Time{}, set: make(chan struct{})}
}

// Now is the time that the clock shows.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// After rings when the clock has been moved on by d.
func (m *Manual) After(d time.Duration) <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	alarm := make(chan time.Time, 1)
	if d <= 0 {
		alarm <- m.now
		return alarm
	}
	m.alarms[alarm] = m.now.Add(d)
	close(m.set)
	m.set = make(chan struct{})
	return alarm
}

// Advance moves the clock on and rings what is due.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	for alarm, due := range m.alarms {
		if !due.After(m.now) {
			alarm <- m.now
			delete(m.alarms, alarm)
		}
	}
}

// Waiting blocks until n callers wait for the clock.
func (m *Manual) Waiting(n int) {
	for {
		m.mu.Lock()
		enough, set := len(m.alarms) >= n, m.set
		m.mu.Unlock()
		if enough {
			return
		}
		<-set
	}
}
