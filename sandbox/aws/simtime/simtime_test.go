package simtime_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestWaitAndSimulated(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(start)
	pace := simtime.New(clock, simtime.Durations{"A/Create": 4 * time.Second, "*/Create": time.Second, "B": 2 * time.Second})
	done := make(chan error, 2)
	for _, typeName := range []string{"A", "B"} { // both begin now and overlap
		end := pace.End(typeName, simtime.Create)
		go func() { done <- pace.Wait(t.Context(), end) }()
	}
	clock.Waiting(2)
	clock.Advance(2 * time.Second)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Second)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := pace.End("C", simtime.Create).Sub(clock.Now()); got != time.Second {
		t.Errorf("any type's Create takes %s, want 1s", got)
	}
	if got := pace.Simulated(start, clock.Now()); got != 4*time.Second {
		t.Errorf("Simulated = %s, want 4s", got)
	}
	if got := pace.Simulated(start.Add(time.Second), start.Add(3*time.Second)); got != 2*time.Second {
		t.Errorf("Simulated of two seconds = %s, want 2s", got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(start)
	pace := simtime.New(clock, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pace.Wait(ctx, start.Add(time.Hour)) }()
	clock.Waiting(1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want %v", err, context.Canceled)
	}
}
