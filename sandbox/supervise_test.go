package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// stage is a supervision over shell scripts, and what it reported.
type stage struct {
	supervision
	dir    string
	gaveUp chan error

	mu    sync.Mutex
	lines []string
}

func newStage(t *testing.T) *stage {
	st := &stage{dir: t.TempDir(), gaveUp: make(chan error, 10)}
	st.supervision = supervision{
		closing: make(chan struct{}), pause: func(int) time.Duration { return 0 },
		changed: func([]*running) {},
		died:    func(err error) { st.gaveUp <- err },
		say: func(format string, args ...any) {
			st.mu.Lock()
			defer st.mu.Unlock()
			st.lines = append(st.lines, fmt.Sprintf(format, args...))
		},
	}
	t.Cleanup(func() {
		var names []string
		for _, r := range st.parts {
			names = append(names, r.spec.name)
		}
		st.stopAll(context.Background(), [][]string{names})
	})
	return st
}

// script is a part that is ready when it has written a line to descriptor 3.
func (st *stage) script(name, body string) spec {
	return spec{name: name, launch: func() (*part.Child, awaitReady, error) {
		told, tell, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		child, err := part.Start(part.Command{
			Name: name, Path: "/bin/sh", Args: []string{"sh", "-c", body}, Env: os.Environ(), Dir: st.dir,
			Log: filepath.Join(st.dir, name+".log"), Files: []*os.File{tell},
		})
		return child, func(ctx context.Context) error { return awaitTold(ctx, told) }, err
	}}
}

const stays = `trap 'echo "$0 stopped" >> order; exit 0' TERM; echo ready >&3; exec 3>&-; while :; do read x || wait; sleep 0.01; done`

func TestAPartThatFailsToStartIsNamedWithItsLog(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	err := st.startAll(t.Context(), st.script("good", stays), st.script("bad", `echo "port 80 is taken"; exit 7`))
	var end *part.ExitError
	if !errors.As(err, &end) || end.Part != "bad" || end.State != "exit status 7" || end.Tail != "port 80 is taken" {
		t.Errorf("startAll = %v, want the end of bad with its log", err)
	}
}

func TestAPartThatDiesIsGivenUp(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	if err := st.startAll(t.Context(), st.script("short", `echo ready >&3; echo "my last words"; exit 1`)); err != nil {
		// It may be gone before its readiness is looked at; that is named too.
		if !strings.Contains(err.Error(), "my last words") {
			t.Fatal(err)
		}
		return
	}
	if err := <-st.gaveUp; !strings.Contains(err.Error(), "short ended: exit status 1") || !strings.Contains(err.Error(), "my last words") {
		t.Errorf("it was given up with %v", err)
	}
}

func TestARestartedPartIsGivenUpWhenItDiesTooOften(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	// It dies as soon as the test takes the file away.
	sp := st.script("frail", `echo start >> starts; echo ready >&3; exec 3>&-; while [ -e alive ]; do sleep 0.01; done; exit 1`)
	sp.restart = true
	alive := filepath.Join(st.dir, "alive")
	if err := os.WriteFile(alive, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := st.start(t.Context(), sp); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(alive); err != nil {
		t.Fatal(err)
	}
	<-st.gaveUp
	body, err := os.ReadFile(filepath.Join(st.dir, "starts"))
	if err != nil {
		t.Fatal(err)
	}
	if starts := strings.Count(string(body), "start"); starts != 1+mostRestarts {
		t.Errorf("it was started %d times, want the first and %d more", starts, mostRestarts)
	}
}

func TestAStoppedPartStaysDownUntilItIsStarted(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	sp := st.script("calm", stays)
	sp.restart = true
	if err := st.start(t.Context(), sp); err != nil {
		t.Fatal(err)
	}
	r := st.find("calm")
	first := r.child
	if err := st.stop(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if r.state != StateStopped || first.Err() == nil {
		t.Errorf("after stop: state %s, end %v", r.state, first.Err())
	}
	if err := st.start(t.Context(), sp); err != nil {
		t.Fatal(err)
	}
	if r.state != StateReady || r.child == first {
		t.Errorf("after start: state %s, the same child: %v", r.state, r.child == first)
	}
	if err := st.start(t.Context(), sp); err == nil {
		t.Error("a part that runs was started a second time")
	}
	select {
	case err := <-st.gaveUp:
		t.Errorf("a stop that was asked for was taken for a death: %v", err)
	default:
	}
}

func TestStopsInReverse(t *testing.T) {
	t.Parallel()
	st := newStage(t)
	order := [][]string{{"one"}, {"two"}, {"three"}}
	for _, names := range order {
		script := strings.ReplaceAll(stays, "$0", names[0])
		if err := st.startAll(t.Context(), st.script(names[0], script)); err != nil {
			t.Fatal(err)
		}
	}
	st.stopAll(t.Context(), order)
	body, err := os.ReadFile(filepath.Join(st.dir, "order"))
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Collect(strings.Lines(string(body)))
	if diff := cmp.Diff([]string{"three stopped\n", "two stopped\n", "one stopped\n"}, got); diff != "" {
		t.Errorf("order of the stops (-want +got):\n%s", diff)
	}
	if err := st.start(t.Context(), st.script("late", stays)); err == nil {
		t.Error("a part was started after all were stopped")
	}
}
