// Package fault makes the services of the sandbox's AWS fail on request, as the real
// ones do now and then: they throttle, fail inside, answer too late, or do what they
// were asked for and lose the answer.
//
// A [Switch] holds the faults that are set, and stands before the services
// ([Switch.Serve]). A [Fault] is for one service or all, one operation or all, and
// meets the next requests that fit, or each with a probability that a seed makes
// repeatable. The first fault, in the order they were set, that meets a request is the
// one that it gets. Requests are counted once their signature is verified.
//
// What the sandbox's CloudFormation does with resources is no request, and meets no
// faults. Faults are not durable: a restart, like [Switch.Clear], ends them all. A Switch is
// safe for concurrent use, and costs a request nothing where no fault is set.
package fault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// Kind is what happens to a request.
type Kind string

// The kinds.
const (
	// Throttle refuses the request with the service's own code for too many.
	Throttle Kind = "throttle"
	// Fail answers with the status 500 and does nothing.
	Fail Kind = "fail"
	// Hang does what was asked for, and holds the answer back until the client
	// gives up or the faults are cleared.
	Hang Kind = "hang"
	// Lose does what was asked for, and closes the connection without an answer.
	Lose Kind = "lose"
)

// Fault says what happens to which requests.
type Fault struct {
	Kind Kind `json:"kind"`
	// Service is its name in credential scopes, such as "cloudformation"; empty
	// is every service.
	Service string `json:"service,omitempty"`
	// Operation is one of it, such as "ExecuteChangeSet"; empty is each.
	Operation string `json:"operation,omitempty"`
	// After is how many requests that fit are left alone first.
	After int `json:"after,omitempty"`
	// Count is how many requests it meets; 0 is no limit.
	Count int `json:"count,omitempty"`
	// Rate is the share of requests that it meets, between 0 and 1; 0 is all.
	Rate float64 `json:"rate,omitempty"`
	// Seed chooses those.
	Seed uint64 `json:"seed,omitempty"`
}

// Status is a fault that is set, and what came of it.
type Status struct {
	Fault
	// Seen is how many requests fitted, and Met how many of them got the fault.
	Seen int `json:"seen"`
	Met  int `json:"met"`
}

// Switch holds the faults. The zero value has none and is ready for use.
type Switch struct {
	mu      sync.Mutex
	rules   []*rule
	held    int        // answers that are held back
	changed *sync.Cond // held changed; made when somebody waits
}

type rule struct {
	Status
	random  *rand.Rand
	cleared chan struct{}
}

// Set adds a fault.
func (s *Switch) Set(f Fault) error {
	switch {
	case !slices.Contains([]Kind{Throttle, Fail, Hang, Lose}, f.Kind):
		return fmt.Errorf("fault: kind %q is none of %s, %s, %s and %s", f.Kind, Throttle, Fail, Hang, Lose)
	case f.After < 0 || f.Count < 0:
		return errors.New("fault: after and count must not be negative")
	case f.Rate < 0 || f.Rate > 1:
		return fmt.Errorf("fault: rate %v must be between 0 and 1", f.Rate)
	case f.Operation != "" && f.Service == "":
		return fmt.Errorf("fault: operation %s needs its service", f.Operation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &rule{
		Status: Status{Fault: f}, random: rand.New(rand.NewPCG(f.Seed, 0)), cleared: make(chan struct{}),
	})
	return nil
}

// Clear ends all faults, and lets go the answers that are held back.
func (s *Switch) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		close(r.cleared)
	}
	s.rules = nil
}

// List tells the faults that are set, in that order.
func (s *Switch) List() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Status, len(s.rules))
	for i, r := range s.rules {
		list[i] = r.Status
	}
	return list
}

// Holding blocks until n answers are held back at once.
func (s *Switch) Holding(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = sync.NewCond(&s.mu)
	}
	for s.held < n {
		s.changed.Wait()
	}
}

func (s *Switch) hold(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held += n
	if s.changed != nil {
		s.changed.Broadcast()
	}
}

// concerns reports whether any fault is for a service.
func (s *Switch) concerns(service string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rules, func(r *rule) bool { return r.Service == "" || r.Service == service })
}

// meet counts a request and returns the fault that it gets, nil where it gets none.
func (s *Switch) meet(service, operation string) *rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.Service != "" && r.Service != service || r.Operation != "" && r.Operation != operation {
			continue
		}
		r.Seen++
		if r.Seen <= r.After || r.Count > 0 && r.Met == r.Count || r.Rate > 0 && r.random.Float64() >= r.Rate {
			continue
		}
		r.Met++
		return r
	}
	return nil
}
