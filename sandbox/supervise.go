package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// spec is how to run one part.
type spec struct {
	name    string
	address string // where it listens, for people
	log     string
	launch  func() (*part.Child, awaitReady, error)
	// restart says that an end nobody asked for is answered by a new start.
	restart bool
}

// awaitReady returns when the part that was launched is ready.
type awaitReady func(ctx context.Context) error

const (
	// startDeadline is for one part. A busy machine may need long, a working
	// part never does.
	startDeadline = 90 * time.Second
	stopGrace     = 5 * time.Second
	// mostRestarts in restartWindow; more says that it will not get better.
	mostRestarts  = 5
	restartWindow = time.Minute
)

// States of a part.
const (
	StateStarting = "starting"
	StateReady    = "ready"
	StateStopping = "stopping"
	StateStopped  = "stopped"
	StateDied     = "died"
)

// running is a part as it is now.
type running struct {
	spec     spec
	state    string
	child    *part.Child
	took     time.Duration // from start to ready
	restarts []time.Time
	// expected is set before the supervisor ends the child itself.
	expected bool
}

// supervision keeps parts running.
type supervision struct {
	mu     sync.Mutex
	parts  []*running // in the order of their first start
	closed bool       // nothing is started any more

	closing chan struct{} // closed together with closed
	pause   func(restart int) time.Duration
	changed func([]*running) // called with mu held, after each change
	died    func(error)      // called once a part is given up
	say     func(format string, args ...any)
}

func (s *supervision) find(name string) *running {
	for _, r := range s.parts {
		if r.spec.name == name {
			return r
		}
	}
	return nil
}

// startAll starts parts together and returns when all are ready.
func (s *supervision) startAll(ctx context.Context, specs ...spec) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, sp := range specs {
		g.Go(func() error { return s.start(ctx, sp) })
	}
	return g.Wait()
}

// start starts one part, new or stopped, and returns when it is ready.
func (s *supervision) start(ctx context.Context, sp spec) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.New("the sandbox is going down")
	}
	r := s.find(sp.name)
	if r == nil {
		r = &running{spec: sp}
		s.parts = append(s.parts, r)
	}
	if r.child != nil && r.child.Err() == nil {
		s.mu.Unlock()
		return fmt.Errorf("%s runs already, as process %d", sp.name, r.child.Pid())
	}
	child, ready, err := sp.launch()
	if err != nil {
		r.state = StateDied
		s.mu.Unlock()
		return err
	}
	r.child, r.state, r.expected = child, StateStarting, false
	s.changed(s.parts)
	s.mu.Unlock()

	err = readyOrDead(ctx, sp.name, child, ready)

	s.mu.Lock()
	defer s.mu.Unlock()
	if r.child != child || r.expected {
		return fmt.Errorf("%s was stopped while it started", sp.name)
	}
	if err != nil {
		// It may still run: stopAll ends it.
		r.state = StateDied
		s.changed(s.parts)
		return err
	}
	r.state, r.took = StateReady, time.Since(child.Started())
	s.changed(s.parts)
	s.say("%-20s ready in %.1f s%s", sp.name, r.took.Seconds(), at(sp.address))
	go s.watch(r, child)
	return nil
}

func at(address string) string {
	if address == "" {
		return ""
	}
	return ", " + address
}

func readyOrDead(ctx context.Context, name string, child *part.Child, ready awaitReady) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startDeadline, fmt.Errorf("%s was not ready after %s", name, startDeadline))
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- ready(ctx) }()
	select {
	case <-child.Done():
		return child.Err()
	case err := <-result:
		if dead := child.Err(); dead != nil {
			return dead
		}
		if err != nil {
			return fmt.Errorf("start %s: %w\n%s", name, err, child.Tail(12))
		}
		return nil
	}
}

// watch waits for the end of a ready part, and answers it when nobody had asked
// for it: with a new start, or by giving the part up.
func (s *supervision) watch(r *running, child *part.Child) {
	<-child.Done()
	cause := child.Err()
	for {
		n, mine := s.unwanted(r, child)
		switch {
		case !mine:
			return
		case n == 0:
			s.died(cause)
			return
		}
		s.say("%v", cause)
		s.say("starting %s again, %d of at most %d times a minute", r.spec.name, n, mostRestarts)
		select {
		case <-time.After(s.pause(n)):
		case <-s.closing:
			return
		}
		if _, mine := s.current(r, child); !mine {
			return
		}
		if cause = s.start(context.Background(), r.spec); cause == nil {
			return // and another watch has begun
		}
		child, _ = s.current(r, nil)
	}
}

// unwanted records a death. mine is false when the death was asked for, or when
// the part has a newer child; n is which restart this makes, none when 0.
func (s *supervision) unwanted(r *running, child *part.Child) (n int, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.child != child || r.expected || s.closed {
		return 0, false
	}
	r.state = StateDied
	defer s.changed(s.parts)
	now := time.Now()
	r.restarts = slices.DeleteFunc(r.restarts, func(t time.Time) bool { return now.Sub(t) > restartWindow })
	if !r.spec.restart || len(r.restarts) >= mostRestarts {
		return 0, true
	}
	r.restarts = append(r.restarts, now)
	return len(r.restarts), true
}

// current returns the part's child, and whether it is the given one and wanted.
func (s *supervision) current(r *running, child *part.Child) (*part.Child, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.child, r.child == child && !r.expected && !s.closed
}

// backOff is the pause before the nth restart: none, then 1 s, 2 s, 4 s, ...
func backOff(n int) time.Duration {
	if n < 2 {
		return 0
	}
	return time.Second << (n - 2)
}

// end marks a part's end as wanted and returns its child, nil when none
// runs.
func (s *supervision) end(r *running) *part.Child {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.expected = true
	if r.child == nil || r.child.Err() != nil {
		return nil
	}
	r.state = StateStopping
	s.changed(s.parts)
	return r.child
}

func (s *supervision) ended(r *running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.state = StateStopped
	s.changed(s.parts)
}

// stop stops one part.
func (s *supervision) stop(ctx context.Context, r *running) error {
	child := s.end(r)
	if child == nil {
		return nil
	}
	err := child.Stop(ctx, stopGrace)
	s.ended(r)
	return err
}

// stopAll stops what runs, in the reverse order of stages, the parts of a stage
// together. Nothing is started afterwards. A part that had to be killed is told
// to say, and is no error: it is gone.
func (s *supervision) stopAll(ctx context.Context, stages [][]string) {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	for _, stage := range slices.Backward(stages) {
		var wait sync.WaitGroup
		for _, name := range stage {
			s.mu.Lock()
			r := s.find(name)
			s.mu.Unlock()
			if r == nil {
				continue
			}
			wait.Go(func() {
				if err := s.stop(ctx, r); err != nil {
					s.say("%v", err)
				}
			})
		}
		wait.Wait()
	}
}
