package controlplane

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	shared  = sync.OnceValues(func() (*Plane, error) { return Start(Options{Controllers: sharedControllers}) })
	started atomic.Bool
)

// sharedControllers are those whose work tests wait for: the garbage collector
// ends foreground deletions, the namespace controller deletions of namespaces.
var sharedControllers = []string{"garbage-collector-controller", "namespace-controller"}

// Main runs the tests of a package and stops what Shared started.
func Main(m *testing.M) int {
	code := m.Run()
	if !started.Load() {
		return code
	}
	p, err := shared()
	if err == nil {
		err = p.Stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stopping the control plane:", err)
	}
	return code
}

// Shared is the one control plane of a test package, started by the first test
// that asks for it, with the garbage collector and the namespace controller.
// Tests keep apart by using namespaces of their own. It is skipped under -short.
func Shared(t testing.TB) *Plane {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane")
	}
	started.Store(true)
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Own is a control plane for one test, which may stop and start its parts.
func Own(t testing.TB, o Options) *Plane {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane")
	}
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stopping the control plane: %v", err)
		}
	})
	return p
}
