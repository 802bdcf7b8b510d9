package gate

import (
	"fmt"
	"strings"
	"time"
)

// Verdict on a rule, or on all of them.
type Verdict string

// The verdicts. What waits can pass as it is, by time or by what people do; what is
// refused needs another commit, or a review taken back.
const (
	Passed  Verdict = "passed"
	Waiting Verdict = "waiting"
	Refused Verdict = "refused"
)

// Result of one rule.
type Result struct {
	// Rule by its place in the policy: "approvals", "checks[build]".
	Rule    string  `json:"rule"`
	Verdict Verdict `json:"verdict"`
	// Message is one line for people.
	Message string `json:"message"`
	// WaitsFor names the people whose approval could help, or checks.
	WaitsFor []string `json:"waitsFor,omitempty"`
	// Until is when the clock alone changes the result; zero where it does not.
	Until time.Time `json:"until,omitzero"`
}

// Decision on a change.
type Decision struct {
	Verdict Verdict `json:"verdict"`
	// Binding that the decision is for.
	Binding Binding `json:"binding"`
	// Results in the order of the policy.
	Results []Result `json:"results"`
	// Approvals are the latest approvals of all who gave one, those that do not
	// count too, by name.
	Approvals []Approval `json:"approvals,omitempty"`
	// BrokenGlass is set when the change passes though rules stop it.
	BrokenGlass *BrokenGlass `json:"brokenGlass,omitempty"`
	// Until is when to look again though nothing else happened; zero for never.
	Until time.Time `json:"until,omitzero"`
}

// Approval that somebody gave.
type Approval struct {
	Person  string    `json:"person"`
	Commit  string    `json:"commit"`
	At      time.Time `json:"at"`
	Binding Binding   `json:"binding"`
	// Void says why it does not count; empty for one that does.
	Void string `json:"void,omitempty"`
}

// BrokenGlass says who let the change through, and past which rules.
type BrokenGlass struct {
	Person string    `json:"person"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Rules  []string  `json:"rules"`
}

// String is the line to tell everybody.
func (b BrokenGlass) String() string {
	return fmt.Sprintf("GLASS BROKEN by %s, past %s: %s", b.Person, strings.Join(b.Rules, ", "), b.Reason)
}

// Decide judges the evidence by the policy.
func Decide(p *Policy, e Evidence) Decision {
	d := Decision{Verdict: Passed, Binding: e.Binding()}
	if p == nil || !p.compiled {
		d.Verdict = Refused
		d.Results = []Result{{Rule: "policy", Verdict: Refused, Message: "the Environment's policy (spec.gate) is not compiled, so nothing is let through"}}
		return d
	}
	if p.approvals != nil {
		v := p.countVotes(e)
		d.Approvals = v.approvals
		d.Results = append(d.Results, p.decideApprovals(e, v)...)
	}
	d.Results = append(d.Results, p.decideChecks(e)...)
	d.Results = append(d.Results, p.decideSignatures(e)...)
	d.Results = append(d.Results, p.decideCalendar(e)...)
	d.Results = append(d.Results, p.decideRules(e)...)
	d.Results = append(d.Results, p.decideDestructive(e)...)
	d.conclude()
	if e.BreakGlass != nil && d.Verdict != Passed {
		p.breakGlass(e, &d)
	}
	return d
}

// conclude makes the verdict of the results: the worst.
func (d *Decision) conclude() {
	for _, r := range d.Results {
		if r.Verdict == Refused || r.Verdict == Waiting && d.Verdict == Passed {
			d.Verdict = r.Verdict
		}
		if !r.Until.IsZero() && (d.Until.IsZero() || r.Until.Before(d.Until)) {
			d.Until = r.Until
		}
	}
}
