package gate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBrokenGlass(t *testing.T) {
	t.Parallel()
	// At night, unapproved, its check failed.
	night := func(change func(*Evidence)) Evidence {
		e := approvedPullRequest()
		e.Reviews, e.Checks[0].State, e.Time = nil, Failed, wednesday.AddDate(0, 0, 3)
		e.BreakGlass = &BreakGlass{By: Identity{User: "oidc:alice@example.com"}, Reason: "the shop is down,\nINC-7", At: after(40), Binding: e.Binding()}
		change(&e)
		return e
	}
	policy := compiled(t, everything)
	d := Decide(policy, night(func(*Evidence) {}))
	want := &BrokenGlass{Person: "alice", Reason: "the shop is down, INC-7", At: after(40), Rules: []string{"approvals", "checks[build]", "windows"}}
	if diff := cmp.Diff(want, d.BrokenGlass); diff != "" || d.Verdict != Passed {
		t.Errorf("%s: %s", d.Verdict, diff)
	}
	const loud = "GLASS BROKEN by alice, past approvals, checks[build], windows: the shop is down, INC-7"
	if r := said(t, d, "breakGlass"); r.Message != loud || r.Verdict != Passed {
		t.Errorf("%+v", r)
	}
	if r := said(t, d, "approvals"); r.Verdict == Passed {
		t.Errorf("the record hides that it was not approved: %+v", r)
	}

	for name, tt := range map[string]struct {
		policy string
		change func(*Evidence)
		want   string
	}{
		"nobody may":      {"breakGlass: null", func(*Evidence) {}, "the policy lets nobody"},
		"another":         {"", func(e *Evidence) { e.BreakGlass.By = Identity{Login: "bob"} }, "bob may not break the glass: that is for oncall"},
		"by e-mail":       {"", func(e *Evidence) { e.BreakGlass.By = Identity{Email: "alice@example.com"} }, "may not break the glass"},
		"no reason":       {"", func(e *Evidence) { e.BreakGlass.Reason = " \n" }, "alice broke the glass without a reason"},
		"another plan":    {"", func(e *Evidence) { e.PlanDigest = "sha256:2" }, "alice broke the glass for another change: the plan has changed since"},
		"another base":    {"", func(e *Evidence) { e.Base = other }, "what is deployed has moved since"},
		"another tree":    {"", func(e *Evidence) { e.Tree = other }, "the result has changed since"},
		"another place":   {"", func(e *Evidence) { e.Environment = "team/staging" }, "it was for team/production"},
		"nothing planned": {"", func(e *Evidence) { e.PlanDigest = ""; e.BreakGlass.Binding = e.Binding() }, "there is nothing planned yet"},
		"lost data":       {"", func(e *Evidence) { e.Plan.Resources[0].Destructive = true }, "data would be lost, which takes more than that"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(compiled(t, override(everything, tt.policy)), night(tt.change))
			if r := said(t, d, "breakGlass"); d.Verdict != Refused || d.BrokenGlass != nil || !strings.Contains(r.Message, tt.want) {
				t.Errorf("%s: %s", d.Verdict, r.Message)
			}
		})
	}
	// Past a freeze no plan is needed, where nothing else needs one.
	calm := compiled(t, "people: [{name: alice, logins: [alice]}]\ngroups: [{name: oncall, members: [alice]}]\nbreakGlass: {from: [oncall]}\n"+
		"freezes: [{name: f, from: '2026-11-01T00:00', until: '2026-12-01T00:00', timeZone: UTC}]")
	e := Evidence{Environment: "team/production", Commit: head, Tree: tree, Time: wednesday}
	e.BreakGlass = &BreakGlass{By: Identity{Login: "Alice"}, Reason: "r", Binding: e.Binding()}
	if d := Decide(calm, e); d.Verdict != Passed || d.BrokenGlass == nil {
		t.Errorf("%+v", d)
	}
	// Who asks for what passes anyway breaks nothing.
	fine := approvedPullRequest()
	fine.BreakGlass = &BreakGlass{By: Identity{Login: "mallory"}}
	if d := Decide(policy, fine); d.Verdict != Passed || d.BrokenGlass != nil {
		t.Errorf("%+v", d)
	}
}
