package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// progress prints what is new in a Change each time that it is seen: that a step
// began, what it waits for, and how it ended. Of Changes with very many steps it
// prints those that fail, and now and then how far the others are.
type progress struct {
	w     io.Writer
	now   func() time.Time
	start time.Time
	seen  map[string]string // what was last printed of a Change or of its step
	count time.Time         // when steps were last counted
}

const (
	// manySteps is where single steps are no longer printed.
	manySteps = 30
	// countEvery is how often they are counted instead.
	countEvery = 2 * time.Second
)

func newProgress(w io.Writer) *progress {
	return &progress{w: w, now: time.Now, start: time.Now(), seen: map[string]string{}}
}

var marks = map[v1alpha1.Phase]string{
	v1alpha1.PhasePending:    "·",
	v1alpha1.PhaseRunning:    "▸",
	v1alpha1.PhaseSucceeded:  "✓",
	v1alpha1.PhaseFailed:     "✗",
	v1alpha1.PhaseSuperseded: "–",
	v1alpha1.PhaseSkipped:    "–",
}

// knows tells whether anything of the Change was printed.
func (p *progress) knows(c *v1alpha1.Change) bool { return p.seen[c.Name] != "" }

// observe prints what changed since the last time.
func (p *progress) observe(c *v1alpha1.Change) {
	if !p.knows(c) {
		p.isNew(c.Name, "named")
		p.line("Change %s: %s %q by %s", c.Name, short(c.Spec.Commit), c.Spec.Subject, c.Spec.Author)
	}
	if message := c.Status.Message; len(c.Status.Steps) == 0 && c.Status.Phase == v1alpha1.PhaseRunning && p.isNew(c.Name+"/preparing", message) {
		p.line("  ▸ %s", message)
	}
	width := 0
	for _, s := range c.Status.Steps {
		width = max(width, utf8.RuneCountInString(s.Component))
	}
	many := len(c.Status.Steps) > manySteps
	for _, s := range c.Status.Steps {
		if !many || s.Phase == v1alpha1.PhaseFailed {
			p.step(c, s, min(width, 30))
		}
	}
	final := c.Status.Phase.Final()
	if many && !final {
		p.counted(c)
	}
	if final && p.isNew(c.Name, string(c.Status.Phase)) {
		p.line("%s %s in %s: %s", marks[c.Status.Phase], c.Status.Phase, duration(c.Status.StartedAt, c.Status.FinishedAt, p.now()), p.ending(c))
	}
}

func (p *progress) step(c *v1alpha1.Change, s v1alpha1.Step, width int) {
	key := c.Name + "/" + s.Component
	begun := p.seen[key] != ""
	phase, text := s.Phase, within(s.Message, c.Namespace+"/"+c.Spec.Environment, s.Component)
	took := duration(s.StartedAt, s.FinishedAt, p.now())
	switch {
	case phase == v1alpha1.PhasePending && !c.Status.Phase.Final():
		return
	case phase == v1alpha1.PhaseSucceeded:
		text = fmt.Sprintf("%s in %s", s.Summary, took)
	case phase == v1alpha1.PhaseFailed && took != "":
		text = fmt.Sprintf("failed after %s: %s", took, text)
	case !phase.Final() && c.Status.Phase.Final():
		phase, text = v1alpha1.PhaseSuperseded, strings.TrimSuffix("left as it is: "+text, ": ")
		if s.StartedAt == nil {
			text = "not begun"
		}
	case phase == v1alpha1.PhaseRunning && !begun:
		text = strings.TrimSuffix(s.Action+": "+text, ": ")
	case phase == v1alpha1.PhaseRunning && text == "":
		return // nothing to say but that it began, which was said
	}
	if p.isNew(key, string(phase)+" "+s.Message) {
		p.line("  %s %-*s  %s", marks[phase], width, s.Component, text)
	}
}

// counted says, not too often, how far a Change with many steps is.
func (p *progress) counted(c *v1alpha1.Change) {
	if p.now().Sub(p.count) < countEvery || !p.isNew(c.Name+"/totals", fmt.Sprint(c.Status.Totals)) {
		return
	}
	p.count = p.now()
	p.line("  ▸ %s", tally(c.Status.Totals))
}

// ending says why the Change ended as it did, without what its steps said.
func (p *progress) ending(c *v1alpha1.Change) string {
	if c.Status.Totals[v1alpha1.PhaseFailed] == 0 {
		return within(c.Status.Message, c.Namespace+"/"+c.Spec.Environment, "")
	}
	return fmt.Sprintf("%s; the whole record: drawbridge show %s", tally(c.Status.Totals), c.Name)
}

// tally counts steps: "3 of 5 components done, 1 failed, 1 under way".
func tally(totals map[v1alpha1.Phase]int) string {
	all := 0
	for _, n := range totals {
		all += n
	}
	noun := "components"
	if all == 1 {
		noun = "component"
	}
	text := fmt.Sprintf("%d of %d %s done", totals[v1alpha1.PhaseSucceeded], all, noun)
	for _, x := range []struct {
		phase v1alpha1.Phase
		words string
	}{{v1alpha1.PhaseFailed, "failed"}, {v1alpha1.PhaseRunning, "under way"}, {v1alpha1.PhaseSkipped, "not begun because of that"}} {
		if n := totals[x.phase]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, x.words)
		}
	}
	return text
}

// isNew remembers what was printed of a key, and tells whether value is
// something else.
func (p *progress) isNew(key, value string) bool {
	if p.seen[key] == value {
		return false
	}
	p.seen[key] = value
	return true
}

func (p *progress) line(format string, args ...any) {
	text := strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n", "\n              ")
	if strings.HasPrefix(format, "  ") {
		text = "  " + text
	}
	fmt.Fprintf(p.w, "%7.1fs  %s\n", p.now().Sub(p.start).Seconds(), text)
}
