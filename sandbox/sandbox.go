package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/drawbridge-gitops/drawbridge/sandbox/pki"
)

// Sandbox is a running sandbox. Its methods are safe for concurrent use.
type Sandbox struct {
	options   Options
	dir       string
	state     *state
	lock      *os.File
	authority *pki.Authority
	admin     *rest.Config
	supervision

	sayMu sync.Mutex
	log   *os.File // what Options.Log gets, with times

	coming sync.Once
	down   chan struct{}
	err    error // set before down is closed
	took   time.Duration
}

// stages is the order of start; the parts of one stage start together.
var stages = [][]string{
	{Etcd},
	{APIServer},
	{ControllerManager, Scheduler, Nodes, AWS, Forge},
	{Controller},
}

// Up brings a sandbox up and returns when it is ready: every part answers, the
// custom resources are served, both nodes take Pods. ctx bounds the start only.
// When Up fails nothing is left running.
func Up(ctx context.Context, o Options) (*Sandbox, error) {
	begun := time.Now()
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	s, err := open(o)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*Sandbox, error) {
		if ctx.Err() != nil { // what did not become ready meanwhile is not to blame
			err = context.Cause(ctx)
		}
		s.finish(err)
		// When two things went wrong, the first is the cause of the other.
		return nil, fmt.Errorf("sandbox in %s: %w", s.dir, cmp.Or(s.err, err))
	}
	specs, err := s.specs()
	if err != nil {
		return fail(err)
	}
	for i, stage := range stages {
		var together []spec
		for _, name := range stage {
			if o.runs(name) {
				together = append(together, specs[name])
			}
		}
		if err := s.startAll(ctx, together...); err != nil {
			return fail(err)
		}
		switch stages[i][0] {
		case APIServer:
			err = s.prepare(ctx)
		case ControllerManager:
			if err = s.awaitUsable(ctx); err == nil {
				err = s.follow(ctx)
			}
		}
		if err != nil {
			return fail(err)
		}
	}
	s.mu.Lock()
	s.took = time.Since(begun)
	s.changed(s.parts)
	died := s.closed // a part may have died since it was ready
	s.mu.Unlock()
	if died {
		return fail(errors.New("a part died"))
	}
	s.logf("sandbox ready in %.1f s, state in %s", s.took.Seconds(), s.dir)
	return s, nil
}

// open takes the state folder and reads or makes what is in it.
func open(o Options) (*Sandbox, error) {
	dir, err := stateDir(o)
	if err != nil {
		return nil, err
	}
	l, err := lock(dir)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{options: o, dir: dir, lock: l, down: make(chan struct{})}
	s.supervision = supervision{
		closing: make(chan struct{}), pause: backOff,
		changed: s.publish, died: s.finish, say: s.logf,
	}
	if s.log, err = openLog(s.LogPath("supervisor")); err == nil {
		s.state, err = openState(dir, o)
	}
	if err == nil {
		err = s.openKeys()
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("sandbox in %s: %w", dir, err)
	}
	return s, nil
}

// stateDir makes the folder, which Git is told to leave alone.
func stateDir(o Options) (string, error) {
	dir := o.StateDir
	if dir == "" && !o.Ephemeral {
		var err error
		if dir, err = DefaultStateDir(); err != nil {
			return "", err
		}
	}
	if o.Ephemeral {
		if dir != "" {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return "", err
			}
		}
		return os.MkdirTemp(dir, "drawbridge-sandbox-")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.WriteFile(inDir(dir, ".gitignore"), []byte("*\n"), 0o600)
}

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// finish takes the sandbox down, once; err says why, nil that it was asked for.
func (s *Sandbox) finish(err error) {
	s.coming.Do(func() {
		if err != nil {
			s.logf("going down: %v", err)
		}
		// Each stop has its own deadline.
		s.stopAll(context.Background(), stages)
		s.err = err
		s.mu.Lock()
		s.publishEnd(err)
		s.mu.Unlock()
		if s.state.Ephemeral {
			if err := os.RemoveAll(s.dir); err != nil {
				s.logf("remove the ephemeral state: %v", err)
			}
		}
		s.lock.Close()
		s.log.Close()
		close(s.down)
	})
}

// Down stops every part, in order, and returns when all have ended; ctx bounds
// the wait only, the stop goes on. The state stays, unless it is ephemeral. A
// second Down waits for the first.
func (s *Sandbox) Down(ctx context.Context) error {
	go s.finish(nil)
	select {
	case <-s.down:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sandbox in %s: still going down: %w", s.dir, context.Cause(ctx))
	}
}

// Done is closed when the sandbox is down, for whatever reason.
func (s *Sandbox) Done() <-chan struct{} { return s.down }

// Err says why the sandbox came down by itself. It is nil while the sandbox is
// up and after Down.
func (s *Sandbox) Err() error {
	select {
	case <-s.down:
		return s.err
	default:
		return nil
	}
}

// Kill ends a part at once, as kill -9 does, and leaves it down: for tests of
// what the others make of it. Start brings it back.
func (s *Sandbox) Kill(name string) error {
	r, err := s.part(name)
	if err != nil {
		return err
	}
	if child := s.end(r); child != nil {
		child.Kill()
		s.ended(r)
	}
	return nil
}

// Stop asks a part to end and leaves it down. Start brings it back.
func (s *Sandbox) Stop(ctx context.Context, name string) error {
	r, err := s.part(name)
	if err != nil {
		return err
	}
	return s.stop(ctx, r)
}

// Start starts a part that was stopped or killed, and returns when it is ready.
func (s *Sandbox) Start(ctx context.Context, name string) error {
	r, err := s.part(name)
	if err != nil {
		return err
	}
	return s.start(ctx, r.spec)
}

func (s *Sandbox) part(name string) (*running, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(name); r != nil {
		return r, nil
	}
	var names []string
	for _, r := range s.parts {
		names = append(names, r.spec.name)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("this sandbox has no part %q; it has %s", name, strings.Join(names, ", "))
}

func (s *Sandbox) logf(format string, args ...any) {
	s.sayMu.Lock()
	defer s.sayMu.Unlock()
	line := fmt.Sprintf(format+"\n", args...)
	fmt.Fprint(s.options.Log, line)                                       //nolint:errcheck // there is nobody else to tell
	fmt.Fprint(s.log, time.Now().UTC().Format(time.RFC3339Nano)+" "+line) //nolint:errcheck // likewise
}

// errNoParts says that BePart was not called.
var errNoParts = errors.New("this program can't start the sandbox's own parts: call sandbox.BePart first thing in main, or in TestMain")
