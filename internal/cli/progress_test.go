package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	running := func(steps ...v1alpha1.Step) v1alpha1.Change {
		return changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning, steps...)
	}
	ended := func(phase v1alpha1.Phase, message string, steps ...v1alpha1.Step) v1alpha1.Change {
		c := changeOf("production-2-bbbbbbb", 2, phase, steps...)
		c.Status.Message = message
		return c
	}
	multiline := blogRuns
	multiline.Message = "apps/Deployment ghost/ghost: Available: 1/2\nPod ghost-1: no image"
	for name, seen := range map[string][]v1alpha1.Change{
		"succeeds": {
			changeOf("production-2-bbbbbbb", 2, ""),
			running(databaseWaits, blogWaits), running(databaseBegins, blogWaits), running(databaseBegins, blogWaits), running(databaseRuns, blogWaits),
			running(databaseDone, blogRuns), running(databaseDone, multiline), running(databaseDone, multiline),
			ended(v1alpha1.PhaseSucceeded, "2 components rolled out and healthy, 0 unchanged", databaseDone, blogDone),
			ended(v1alpha1.PhaseSucceeded, "2 components rolled out and healthy, 0 unchanged", databaseDone, blogDone),
		},
		"fails":      {running(databaseRuns, blogWaits), ended(v1alpha1.PhaseFailed, "database: …", databaseFails, blogSkipped)},
		"at-once":    {ended(v1alpha1.PhaseSucceeded, "2 components rolled out and healthy, 0 unchanged", databaseDone, blogDone)},
		"refused":    {ended(v1alpha1.PhaseFailed, "nothing was applied: web/a.yaml:3: tab in indentation\nweb/b.yaml:1: no kind")},
		"superseded": {running(databaseDone, blogRuns), ended(v1alpha1.PhaseSuperseded, "superseded by production-3-ccccccc", databaseDone, blogRuns, v1alpha1.Step{Component: "web", Phase: v1alpha1.PhasePending})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			p := newProgress(&b)
			at := noon
			p.start, p.now = noon, func() time.Time { return at }
			for _, c := range seen {
				at = at.Add(700 * time.Millisecond)
				p.observe(&c)
			}
			golden.Check(t, "testdata/progress-"+name+".golden", b.String())
		})
	}
}

// Of a thousand steps only the failures are printed, and a count every two
// seconds.
func TestProgressOfManySteps(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newProgress(&b)
	at := noon
	p.start, p.now = noon, func() time.Time { return at }
	for done := 0; done <= 1000; done += 10 {
		c := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning)
		for i := range 200 { // as many as a status lists
			c.Status.Steps = append(c.Status.Steps, v1alpha1.Step{Component: fmt.Sprintf("app-%03d", i), Phase: v1alpha1.PhaseRunning, Message: fmt.Sprint(done)})
		}
		c.Status.Totals = map[v1alpha1.Phase]int{v1alpha1.PhaseSucceeded: done, v1alpha1.PhaseRunning: 1000 - done}
		if done >= 500 {
			c.Status.Steps[0] = databaseFails
			c.Status.Totals[v1alpha1.PhaseFailed]++
		}
		if done == 1000 {
			c.Status.Phase, c.Status.FinishedAt = v1alpha1.PhaseFailed, ago(0)
		}
		p.observe(&c)
		at = at.Add(100 * time.Millisecond)
	}
	golden.Check(t, "testdata/progress-many.golden", b.String())
	if n := strings.Count(b.String(), "\n"); n > 12 {
		t.Errorf("%d lines", n)
	}
}
