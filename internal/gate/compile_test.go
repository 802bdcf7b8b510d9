package gate

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// The server refuses some of these by the schema already; Compile refuses all.
func TestPoliciesThatDoNotCompile(t *testing.T) {
	t.Parallel()
	const people = "people: [{name: alice, logins: [alice]}, {name: bob, logins: [bob]}]\ngroups: [{name: team, members: [alice, bob]}]\n"
	for name, tt := range map[string]struct {
		policy string
		want   []string
	}{
		"a name twice":        {"people: [{name: alice}, {name: alice}]", []string{`spec.gate.people[1].name: "alice" is there twice`}},
		"no name":             {"people: [{name: ' '}]", []string{"spec.gate.people[0].name: a person has a name"}},
		"a login of two":      {"people: [{name: a, logins: [x]}, {name: b, logins: [y, '@X']}]", []string{`spec.gate.people[1].logins[1]: "@X" is a already; one login, user name or address belongs to one person`}},
		"an address of two":   {"people: [{name: a, emails: [x@y]}, {name: b, emails: [X@Y]}]", []string{`spec.gate.people[1].emails[0]: "X@Y" is a already; one login, user name or address belongs to one person`}},
		"a made-up address":   {"people: [{name: a, logins: [x]}, {name: b, emails: [1+x@users.noreply.github.com]}]", []string{`spec.gate.people[1].emails[0]: "1+x@users.noreply.github.com" is a already; one login, user name or address belongs to one person`}},
		"no address":          {"people: [{name: a, emails: [x]}]", []string{`spec.gate.people[0].emails[0]: expected an address such as alice@example.com, found "x"`}},
		"an empty login":      {"people: [{name: a, logins: ['']}]", []string{"spec.gate.people[0].logins[0]: is empty"}},
		"a group twice":       {people + "groups: [{name: a, members: [x]}, {name: a, members: [y]}]", []string{`spec.gate.groups[1].name: "a" is there twice`}},
		"nobody in it":        {"groups: [{name: a}]", []string{"spec.gate.groups[0].members: a group has members"}},
		"only an address":     {"people: [{name: a, emails: [x@y]}]\ngroups: [{name: g, members: [a]}]", []string{"spec.gate.groups[0].members[0]: a has neither logins nor users, so no approval of theirs could be told"}},
		"no such group":       {people + "approvals: {from: [team, tema]}", []string{`spec.gate.approvals.from[1]: there is no group "tema" in spec.gate.groups`}},
		"from nobody":         {people + "approvals: {count: 1}", []string{"spec.gate.approvals.from: expected one of the groups in spec.gate.groups"}},
		"more than there are": {people + "approvals: {count: 3, from: [team]}", []string{"spec.gate.approvals.count: 3 approvals are more than there are people in team"}},
		"fewer than none":     {people + "approvals: {count: -1, from: [team]}", []string{"spec.gate.approvals.count: expected 1 or more, found -1"}},
		"a word":              {people + "approvals: {from: [team], forks: Maybe, strangers: allow}", []string{`spec.gate.approvals.strangers: expected Refuse or Allow, found "allow"`, `spec.gate.approvals.forks: expected Refuse or Allow, found "Maybe"`}},
		"owners of nothing":   {people + "approvals: {from: [team], owners: [{from: [team]}]}", []string{"spec.gate.approvals.owners[0].paths: expected a path or a pattern, such as database/**"}},
		"a bad pattern": {people + "approvals: {from: [team], owners: [{paths: ['a[', /, '!a'], from: [team]}]}", []string{
			`spec.gate.approvals.owners[0].paths[0]: "a[" is no pattern for paths`, `spec.gate.approvals.owners[0].paths[1]: "/" is no pattern for paths`, `spec.gate.approvals.owners[0].paths[2]: "!a" is no pattern for paths`,
		}},
		"owned by nobody": {people + "approvals: {from: [team], owners: [{paths: [a], from: [x]}]}", []string{`spec.gate.approvals.owners[0].from[0]: there is no group "x" in spec.gate.groups`}},
		"a check twice":   {"checks: [{name: a}, {name: a}, {name: ''}]", []string{`spec.gate.checks[1].name: "a" is there twice`, "spec.gate.checks[2].name: a check has a name, as the forge shows it"}},
		"signatures":      {"signatures: {verify: Some}", []string{`spec.gate.signatures.verify: expected Head, Merges or Every, found "Some"`, "spec.gate.signatures.keysSecretRef.name: expected a Secret with the public keys"}},
		"no such zone":    {"windows: [{days: [Mon], from: '09:00', to: '10:00', timeZone: Europe/Berln}]", []string{`spec.gate.windows[0].timeZone: there is no time zone "Europe/Berln"; expected an IANA name, such as Europe/Berlin or UTC`}},
		"where it runs":   {"windows: [{days: [Mon], from: '09:00', to: '10:00', timeZone: Local}]", []string{"spec.gate.windows[0].timeZone: expected a time zone, such as Europe/Berlin or UTC"}},
		"no such day": {"windows: [{days: [Monday], from: '9:00', to: '25:00', timeZone: UTC}]", []string{
			`spec.gate.windows[0].days[0]: expected one of Mon, Tue, Wed, Thu, Fri, Sat and Sun, found "Monday"`,
			`spec.gate.windows[0].from: expected a time of the day, such as 09:00, found "9:00"`, `spec.gate.windows[0].to: expected a time of the day, such as 09:00, found "25:00"`,
		}},
		"no time":            {"windows: [{days: [], from: '09:00', to: '09:00', timeZone: UTC}]", []string{"spec.gate.windows[0].days: expected days, such as Mon", "spec.gate.windows[0].to: the window is empty; a whole day is from 00:00 to 24:00"}},
		"from the end":       {"windows: [{days: [Mon], from: '24:00', to: '09:00', timeZone: UTC}]", []string{"spec.gate.windows[0].from: 24:00 is the end of a day; it begins at 00:00"}},
		"a freeze backwards": {"freezes: [{name: a, from: '2026-12-24T00:00', until: '2026-12-23T00:00', timeZone: UTC}]", []string{"spec.gate.freezes[0].until: 2026-12-23T00:00 is not after 2026-12-24T00:00"}},
		"a freeze of no date": {"freezes: [{name: '', from: '2026-13-24T00:00', until: 'tomorrow', timeZone: ''}]", []string{
			"spec.gate.freezes[0].timeZone: expected a time zone, such as Europe/Berlin or UTC",
			`spec.gate.freezes[0].from: expected a day and time, such as 2026-12-18T18:00, found "2026-13-24T00:00"`,
			`spec.gate.freezes[0].until: expected a day and time, such as 2026-12-18T18:00, found "tomorrow"`,
			"spec.gate.freezes[0].name: a freeze has a name that says why",
		}},
		"rules": {`
rules:
- {name: one, expression: "true &&", message: m}
- {name: one, expression: "plan.resources.exists(r, r.tpye == 'x')", message: ""}
- {name: "", expression: "size(plan.resources)", message: m}
- name: two
  message: m
  expression: |
    plan.resources.all(r,
      r.nam != "x" && plna == 1)
`, []string{
			"spec.gate.rules[0].expression: 1:8: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
			`spec.gate.rules[1].name: "one" is there twice`,
			"spec.gate.rules[1].message: expected what to tell those whose change the rule stops",
			"spec.gate.rules[1].expression: 1:27: undefined field 'tpye'",
			"spec.gate.rules[2].name: a rule has a name",
			"spec.gate.rules[2].expression: 1:1: expected true or false, this gives int",
			"spec.gate.rules[3].expression: 2:4: undefined field 'nam'",
			"spec.gate.rules[3].expression: 2:19: undeclared reference to 'plna' (did you mean 'plan'?)",
		}},
		"destructive":   {"destructive: Maybe", []string{`spec.gate.destructive: expected Refuse or Allow, found "Maybe"`}},
		"glass of none": {"breakGlass: {from: [x]}", []string{`spec.gate.breakGlass.from[0]: there is no group "x" in spec.gate.groups`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := Compile(gateOf(t, override(tt.policy, tt.policy)))
			if err == nil || policy != nil {
				t.Fatalf("compiled: %v", err)
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
			var field *FieldError
			if !errors.As(err, &field) {
				t.Errorf("%T is no FieldError", err)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]Needs{
		"{}":                  {},
		"destructive: Allow":  {},
		"checks: [{name: a}]": {Checks: true},
		"rules: [{name: a, expression: 'true', message: m}]":                                           {Plan: true},
		"signatures: {verify: Merges, keysSecretRef: {name: k}}":                                       {Signatures: v1alpha1.VerifyMerges},
		"groups: [{name: t, members: [a]}]\napprovals: {from: [t]}":                                    {Reviews: true, Plan: true},
		"windows: [{days: [Mon], from: '09:00', to: '10:00', timeZone: UTC}]":                          {},
		"groups: [{name: t, members: [a]}]\nbreakGlass: {from: [t]}\npeople: [{name: a, logins: [a]}]": {},
	} {
		p := compiled(t, policy)
		if diff := cmp.Diff(want, p.Needs()); diff != "" {
			t.Errorf("%s: %s", policy, diff)
		}
		if open := want == (Needs{}) && !strings.Contains(policy, "windows"); p.Open() != open {
			t.Errorf("%s: open %t", policy, p.Open())
		}
	}
}

func TestOwnersOfPaths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"database/", []string{"database/a", "database/b/c"}, []string{"database", "a/database/b", "databases/a"}},
		{"/database", []string{"database", "database/a"}, []string{"a/database", "database2"}},
		{"**/*.tf", []string{"a.tf", "a/b.tf"}, []string{"a.tfx"}},
		{"*.yaml", []string{"a.yaml", "a.yaml/b"}, []string{"b/a.yaml"}},
		{"app/*/prod", []string{"app/x/prod", "app/x/prod/y"}, []string{"app/prod", "app/x/y/prod"}},
		{"**", []string{"a", "a/b"}, nil},
		{"{a,b}/c", []string{"a/c", "b/c/d"}, []string{"c/c"}},
	} {
		o := owners{paths: []string{tt.pattern}}
		for _, p := range tt.yes {
			if !o.own([]string{"x/y", p}) && tt.pattern != "**" {
				t.Errorf("%s does not own %s", tt.pattern, p)
			}
		}
		for _, p := range tt.no {
			if o.own([]string{p}) {
				t.Errorf("%s owns %s", tt.pattern, p)
			}
		}
	}
}

// Whatever is written as a policy, Compile answers; and what compiles can be decided by.
func FuzzCompile(f *testing.F) {
	f.Add(everything)
	f.Add("rules: [{name: a, expression: 'plan.resources.map(r, r.fields).size() > 1', message: m}]")
	f.Add("windows: [{days: [Sun], from: '02:30', to: '02:45', timeZone: Europe/Berlin}]")
	f.Add("groups: [{name: a, members: ['']}]\napprovals: {from: [a], owners: [{paths: ['{**'], from: [a]}]}")
	f.Fuzz(func(t *testing.T, text string) {
		var g v1alpha1.Gate
		if yaml.UnmarshalStrict([]byte(text), &g) != nil {
			t.Skip()
		}
		policy, err := Compile(g)
		var field *FieldError
		switch {
		case err != nil && (policy != nil || !errors.As(err, &field) || !strings.HasPrefix(field.Field, "spec.gate.")):
			t.Fatalf("%v, %v", policy, err)
		case err != nil:
			return
		}
		e := approvedPullRequest()
		if d := Decide(policy, e); g.Approvals != nil && d.Verdict == Passed && len(d.Approvals) == 0 {
			t.Errorf("passed without an approval: %+v", d)
		}
	})
}
