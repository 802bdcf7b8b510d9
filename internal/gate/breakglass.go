package gate

import (
	"fmt"
	"slices"
	"strings"
)

// breakGlass lets a change through that rules stop, when the policy allows it to
// who asks. What holds data stays behind the glass: that takes an approval by
// name.
func (p *Policy) breakGlass(e Evidence, d *Decision) {
	b := e.BreakGlass
	who := p.roster.granted(b.By)
	refuse := func(format string, args ...any) {
		d.Results = append(d.Results, Result{Rule: "breakGlass", Verdict: Refused, Message: fmt.Sprintf(format, args...)})
		d.Verdict = Refused
	}
	var past []string
	for _, r := range d.Results {
		if r.Verdict != Passed {
			past = append(past, r.Rule)
		}
	}
	switch {
	case len(p.glass) == 0:
		refuse("%s may not break the glass: the policy lets nobody (spec.gate.breakGlass)", b.By)
		return
	case who == nil || !within(p.glass, who):
		refuse("%s may not break the glass: that is for %s", b.By, names(p.glass))
		return
	case strings.TrimSpace(b.Reason) == "":
		refuse("%s broke the glass without a reason; say why", who.name)
		return
	case e.Environment == "" || e.Tree == "" || p.Needs().Plan && e.PlanDigest == "":
		refuse("%s broke the glass, and there is nothing planned yet that it could be for", who.name)
		return
	case b.Binding != e.Binding():
		refuse("%s broke the glass for another change: %s", who.name, b.Binding.moved(e.Binding()))
		return
	case slices.Contains(past, ruleDestructive):
		refuse("%s broke the glass, but data would be lost, which takes more than that (%s)", who.name, ruleDestructive)
		return
	}
	d.Verdict = Passed
	d.BrokenGlass = &BrokenGlass{Person: who.name, Reason: strings.Join(strings.Fields(b.Reason), " "), At: b.At, Rules: past}
	d.Results = append(d.Results, Result{Rule: "breakGlass", Verdict: Passed, Message: d.BrokenGlass.String()})
}
