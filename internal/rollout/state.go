package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/turns"
)

// Store keeps the Components of one Environment where they outlive the process.
// Each call either did what it says or returns an error; it tries again by
// itself while the API server is away, until ctx ends. Create, UpdateSpec and
// UpdateStatus bring the given object up to what the server answered. They
// overwrite what others wrote: the controller is the only writer.
type Store interface {
	List(ctx context.Context) ([]v1alpha1.Component, error)
	Create(ctx context.Context, c *v1alpha1.Component) error
	UpdateSpec(ctx context.Context, c *v1alpha1.Component) error
	UpdateStatus(ctx context.Context, c *v1alpha1.Component) error
	Delete(ctx context.Context, c *v1alpha1.Component) error
}

// State is what is known of an Environment's components: read once, then kept
// in step with every write, so that a commit that touches one component of a
// thousand reads nothing. Safe for concurrent use; calls for one component are
// not made concurrently.
type State struct {
	store Store
	mu    sync.RWMutex
	byID  map[string]*v1alpha1.Component // by name within the Environment; never changed in place
	turns turns.Turns                    // by name
	facts map[string]keptFacts           // by name; of the last commit, for the next one
}

// LoadState reads the components of an Environment.
func LoadState(ctx context.Context, store Store) (*State, error) {
	list, err := store.List(ctx)
	if err != nil {
		return nil, err
	}
	s := StateOf(list)
	s.store = store
	return s, nil
}

// StateOf is the state of components that are known already, to plan with. Nothing can
// be written to it.
func StateOf(components []v1alpha1.Component) *State {
	s := &State{store: closed{}, byID: make(map[string]*v1alpha1.Component, len(components))}
	for i := range components {
		s.byID[components[i].Spec.Name] = &components[i]
	}
	return s
}

// snapshot is the state as it is now, apart from the one that rollouts write.
func (s *State) snapshot() *State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &State{store: closed{}, byID: maps.Clone(s.byID), facts: s.facts}
}

// recall returns the facts of the last commit, which nobody changes.
func (s *State) recall() map[string]keptFacts {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.facts
}

func (s *State) remember(facts map[string]keptFacts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts = facts
}

// Component returns what is recorded of a component; nil when it is not there
// yet. The caller does not change it.
func (s *State) Component(name string) *v1alpha1.Component {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[name]
}

// Components returns all of them by name. The caller may change the map, not
// the components.
func (s *State) Components() map[string]*v1alpha1.Component {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.byID)
}

// hold waits until nobody else works on the component, and keeps others off it
// until the returned function is called.
func (s *State) hold(ctx context.Context, name string) (letGo func(), _ error) {
	return s.turns.Take(ctx, name)
}

// Claim records, before anything is applied, what the component is about to
// become and may own. It writes only what is not recorded already.
func (s *State) Claim(ctx context.Context, spec v1alpha1.ComponentSpec) error {
	old := s.Component(spec.Name)
	if old != nil && equality.Semantic.DeepEqual(old.Spec, spec) {
		return nil
	}
	next := &v1alpha1.Component{}
	write := s.store.Create
	if old != nil {
		next, write = old.DeepCopy(), s.store.UpdateSpec
	}
	next.Spec = spec
	return s.put(ctx, next, write, "claim")
}

// Finish records how the rollout of a component ended.
func (s *State) Finish(ctx context.Context, name string, status v1alpha1.ComponentStatus) error {
	old := s.Component(name)
	if old == nil {
		return fmt.Errorf("component %s: its end is to be recorded, but it was never claimed", name)
	}
	next := old.DeepCopy()
	next.Status = status
	next.Status.ObservedGeneration = next.Generation
	return s.put(ctx, next, s.store.UpdateStatus, "record the end of")
}

func (s *State) put(ctx context.Context, c *v1alpha1.Component, write func(context.Context, *v1alpha1.Component) error, verb string) error {
	if err := write(ctx, c); err != nil {
		return fmt.Errorf("%s component %s: %w", verb, c.Spec.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[c.Spec.Name] = c
	return nil
}

// Remove forgets a component, once nothing of it is left.
func (s *State) Remove(ctx context.Context, name string) error {
	c := s.Component(name)
	if c == nil {
		return nil
	}
	if err := s.store.Delete(ctx, c); err != nil {
		return fmt.Errorf("remove component %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, name)
	return nil
}

// union of two lists of what a component may own, sorted.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// closed is a Store that takes nothing.
type closed struct{}

var errClosed = errors.New("this state is only planned with: nothing is written to it")

func (closed) List(context.Context) ([]v1alpha1.Component, error)      { return nil, errClosed }
func (closed) Create(context.Context, *v1alpha1.Component) error       { return errClosed }
func (closed) UpdateSpec(context.Context, *v1alpha1.Component) error   { return errClosed }
func (closed) UpdateStatus(context.Context, *v1alpha1.Component) error { return errClosed }
func (closed) Delete(context.Context, *v1alpha1.Component) error       { return errClosed }
