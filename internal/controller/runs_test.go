package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func soon(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("never %s", what)
	}
}

func TestOneRunAtATimeInAnEnvironment(t *testing.T) {
	t.Parallel()
	r := &runs{byEnv: map[types.NamespacedName]*run{}}
	env, other := types.NamespacedName{Name: "a"}, types.NamespacedName{Name: "b"}
	first, end, err := r.begin(t.Context(), env, "one")
	check(t, err)
	_, endOther, err := r.begin(t.Context(), other, "one")
	check(t, err) // other Environments do not wait
	defer endOther()

	begun := make(chan struct{})
	go func() {
		defer close(begun)
		_, end, err := r.begin(t.Context(), env, "two")
		if err == nil {
			end()
		}
	}()
	r.stop(env, "one", errSuperseded)
	if first.Err() != nil {
		t.Error("stopped for its own sake")
	}
	r.stop(other, "two", errSuspended)
	r.stop(env, "two", errSuperseded)
	soon(t, "stopped", first.Done())
	if cause := context.Cause(first); !errors.Is(cause, errSuperseded) {
		t.Errorf("stopped because of %v", cause)
	}
	select {
	case <-begun:
		t.Error("the second run began before the first had ended")
	case <-time.After(20 * time.Millisecond):
	}
	end()
	soon(t, "begun", begun)
	r.stop(env, "", errSuspended) // there is none to stop
}

func TestWaitingForARunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := &runs{byEnv: map[types.NamespacedName]*run{}}
	_, end, err := r.begin(t.Context(), types.NamespacedName{}, "one")
	check(t, err)
	defer end()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errSuspended)
	if _, _, err := r.begin(ctx, types.NamespacedName{}, "two"); !errors.Is(err, errSuspended) {
		t.Errorf("%v, want the reason why its context ended", err)
	}
}
