package rollout

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// Step is what a rollout does, or did, to one component.
type Step struct {
	v1alpha1.Step
	// Resources that changed; those that stayed as they were are left out.
	Resources []diff.Change
}

// Steps follows the steps of one rollout. Safe for concurrent use.
type Steps struct {
	now     func() time.Time
	changed func()

	mu        sync.Mutex
	order     []string
	steps     map[string]*Step
	unchanged int
	preparing string // what is done before there are steps
}

// NewSteps makes an empty list. changed is called after each change, from
// whichever goroutine made it; it must not block.
func NewSteps(now func() time.Time, changed func()) *Steps {
	return &Steps{now: now, changed: changed, steps: map[string]*Step{}}
}

// plan sets the steps, all pending, and how many components stay as they are.
func (s *Steps) plan(steps []v1alpha1.Step, unchanged int) {
	s.mu.Lock()
	for _, st := range steps {
		st.Phase = v1alpha1.PhasePending
		s.order = append(s.order, st.Component)
		s.steps[st.Component] = &Step{Step: st}
	}
	s.unchanged, s.preparing = unchanged, ""
	s.mu.Unlock()
	s.changed()
}

func (s *Steps) update(component string, f func(*Step)) {
	s.mu.Lock()
	f(s.steps[component])
	s.mu.Unlock()
	s.changed()
}

func (s *Steps) start(component string) {
	at := metav1.NewMicroTime(s.now())
	s.update(component, func(st *Step) { st.Phase, st.StartedAt = v1alpha1.PhaseRunning, &at })
}

// say puts down what is being done to a component: in its step, or, while the
// commit is still being checked, for all to see.
func (s *Steps) say(component, message string) {
	s.mu.Lock()
	if st := s.steps[component]; st != nil {
		st.Message = message
	} else {
		s.preparing = component + ": " + message
	}
	s.mu.Unlock()
	s.changed()
}

// Preparing says what is done while there are no steps yet; it may be "".
func (s *Steps) Preparing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.preparing
}

func (s *Steps) resources(component string, changes []diff.Change) {
	s.update(component, func(st *Step) {
		for _, c := range changes {
			if c.Action != diff.NoOp {
				st.Resources = append(st.Resources, c)
			}
		}
		st.Summary = Summary(st.Resources)
	})
}

// summarize says what came out of a step that changes no resource by itself.
func (s *Steps) summarize(component, summary string) {
	s.update(component, func(st *Step) { st.Summary = summary })
}

func (s *Steps) finish(component string, phase v1alpha1.Phase, message string) {
	at := metav1.NewMicroTime(s.now())
	s.update(component, func(st *Step) {
		st.Phase, st.Message = phase, message
		if st.StartedAt != nil {
			st.FinishedAt = &at
		}
	})
}

// drop takes out a step that turned out to have nothing to do.
func (s *Steps) drop(component string) {
	s.mu.Lock()
	s.order = slices.DeleteFunc(s.order, func(c string) bool { return c == component })
	delete(s.steps, component)
	s.unchanged++
	s.mu.Unlock()
	s.changed()
}

// All returns a copy of the steps, in order, and how many components stay as
// they are.
func (s *Steps) All() ([]Step, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Step, len(s.order))
	for i, c := range s.order {
		out[i] = *s.steps[c]
	}
	return out, s.unchanged
}

// Summary counts changes: "1 created, 2 updated"; "nothing to change" for none.
func Summary(changes []diff.Change) string {
	words := []struct {
		action diff.Action
		word   string
	}{{diff.Create, "created"}, {diff.Update, "updated"}, {diff.Replace, "replaced"}, {diff.Delete, "deleted"}, {diff.Unknown, "unknown"}}
	count := map[diff.Action]int{}
	for _, c := range changes {
		count[c.Action]++
	}
	var parts []string
	for _, w := range words {
		if n := count[w.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, w.word))
		}
	}
	if len(parts) == 0 {
		return "nothing to change"
	}
	return strings.Join(parts, ", ")
}
