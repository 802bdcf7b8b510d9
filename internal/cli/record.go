package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
)

// record is a Change as people read it: what it is, how it went, and what became
// of each component, those that failed first.
type record struct {
	facts    facts
	message  string // of the commit
	sections []section
}

// section is what a Change did to one component.
type section struct {
	phase                                 v1alpha1.Phase
	name, kind, action, took, sum, reason string
	resources                             []diff.Change
	verified                              []ledger.Verification
}

// verifications are how it is told what was found to the end of the wire.
var verifications = map[string]string{"Passed": "✓ %s, %s: %s\n", "Skipped": "– %s, %s: not checked: %s\n", "Waiting": "✗ %s, %s: %s\n"}

func (r record) write(w io.Writer) error {
	r.facts.write(w)
	if r.message != "" {
		fmt.Fprintf(w, "\n%s\n", indent(r.message, "    "))
	}
	urgency := func(s section) int {
		switch s.phase {
		case v1alpha1.PhaseFailed:
			return 0
		case v1alpha1.PhaseRunning:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(r.sections, func(a, b section) int { return cmp.Compare(urgency(a), urgency(b)) })
	for _, s := range r.sections {
		s.write(w)
	}
	return nil
}

func (s section) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s %s (%s, %s): %s", marks[s.phase], s.name, s.kind, s.action, s.phase)
	switch {
	case s.took == "":
	case s.phase == v1alpha1.PhaseRunning:
		fmt.Fprintf(w, " for %s", s.took)
	default:
		fmt.Fprintf(w, " in %s", s.took)
	}
	if s.sum != "" {
		fmt.Fprintf(w, ", %s", s.sum)
	}
	fmt.Fprintln(w)
	if s.reason != "" && s.phase == v1alpha1.PhaseSuperseded {
		s.reason = "left as it is: " + s.reason
	}
	if s.reason != "" {
		fmt.Fprintln(w, indent(s.reason, "    "))
	}
	for _, change := range s.resources {
		printResource(w, change)
	}
	for _, v := range s.verified {
		fmt.Fprintf(w, "    "+verifications[v.Result], v.Object, v.Check, v.Message)
	}
}

// outcome in a line: how it ended and when; why, unless sections say it.
func outcome(phase v1alpha1.Phase, took, reason string, sections []section) string {
	totals := map[v1alpha1.Phase]int{}
	var failed []string
	for _, s := range sections {
		totals[s.phase]++
		if s.phase == v1alpha1.PhaseFailed {
			failed = append(failed, s.name)
		}
	}
	text := string(phase)
	if took != "" {
		text += " in " + took
	}
	if len(failed) == 0 {
		return strings.TrimSuffix(text+": "+reason, ": ")
	}
	const most = 5
	names := strings.Join(failed[:min(most, len(failed))], ", ")
	if len(failed) > most {
		names += " and more"
	}
	return fmt.Sprintf("%s at %s: %s", text, names, tally(totals))
}

// recordOfEntry reads a row of the ledger.
func recordOfEntry(e *ledger.Entry) record {
	r := e.Record
	var out record
	for _, c := range r.Components {
		s := section{phase: v1alpha1.Phase(c.Outcome), name: c.Name, kind: c.Kind, action: c.Action,
			reason: within(c.Message, r.Environment, c.Name), resources: c.Resources, verified: c.Verified}
		if !c.StartedAt.IsZero() && !c.FinishedAt.IsZero() {
			s.took = human(c.FinishedAt.Sub(c.StartedAt))
		}
		out.sections = append(out.sections, s)
	}
	commit := r.Commit
	if r.Base != "" {
		commit += " (after " + short(r.Base) + ")"
	}
	f := &out.facts
	f.add("Change", r.Change)
	f.add("Outcome", outcome(v1alpha1.Phase(r.Outcome), human(r.FinishedAt.Sub(r.StartedAt)), within(r.Reason, r.Environment, ""), out.sections))
	f.add("Environment", r.Environment)
	f.add("Commit", commit)
	f.add("Author", dated(person(r.Author, r.AuthorEmail), r.AuthoredAt))
	f.add("Committer", dated(person(r.Committer, r.CommitterEmail), r.CommittedAt))
	f.add("Pushed by", r.Pusher)
	f.add("Tickets", strings.Join(r.Tickets, ", "))
	f.add("Started", when(r.StartedAt))
	f.add("Ledger", fmt.Sprintf("row %d, sha256 %s", e.Row, e.Hash))
	out.message = r.Message
	return out
}

// dated is who did something and when; of a commit that can no longer be read,
// the time is not known.
func dated(who string, at time.Time) string {
	if who == "" || at.IsZero() {
		return who
	}
	return who + ", " + when(at)
}

// recordOfChange reads a Change in the cluster, which may be under way.
func recordOfChange(c *v1alpha1.Change, now time.Time) record {
	environment := c.Namespace + "/" + c.Spec.Environment
	out := record{message: c.Spec.Subject}
	for _, s := range c.Status.Steps {
		part := section{phase: s.Phase, name: s.Component, kind: s.Kind, action: s.Action,
			took: duration(s.StartedAt, s.FinishedAt, now), sum: s.Summary, reason: within(s.Message, environment, s.Component)}
		for _, v := range s.Verified {
			part.verified = append(part.verified, ledger.Verification(v))
		}
		out.sections = append(out.sections, part)
	}
	f := &out.facts
	f.add("Change", c.Name)
	took := duration(c.Status.StartedAt, c.Status.FinishedAt, now)
	switch phase := c.Status.Phase; {
	case phase.Final():
		f.add("Outcome", outcome(phase, took, within(c.Status.Message, environment, ""), out.sections))
	case took == "":
		f.add("Outcome", "not begun: it waits for its turn")
	default:
		f.add("Outcome", fmt.Sprintf("under way for %s: %s", took, c.Status.Message))
	}
	f.add("Environment", environment)
	f.add("Commit", c.Spec.Commit)
	f.add("Author", c.Spec.Author)
	f.add("Pushed by", c.Spec.Pusher)
	if c.Status.Unchanged > 0 {
		f.add("Unchanged", fmt.Sprintf("%d of %d components", c.Status.Unchanged, c.Status.Unchanged+steps(c)))
	}
	return out
}

// steps counts all of them; the status lists only so many.
func steps(c *v1alpha1.Change) int {
	n := 0
	for _, x := range c.Status.Totals {
		n += x
	}
	return n
}
