package gate

import (
	"time"

	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// everything is a policy with every rule in it.
const everything = `
people:
- {name: alice, logins: [alice], emails: [alice@example.com], users: ["oidc:alice@example.com"]}
- {name: bob, logins: [bob, bob-admin], emails: [bob@example.com], users: ["oidc:bob@example.com"]}
- {name: carol, logins: [carol], emails: [carol@example.com, home@carol.example]}
groups:
- {name: team, members: [alice, bob, carol]}
- {name: dba, members: [dora, carol]}
- {name: oncall, members: [alice]}
approvals:
  count: 1
  from: [team]
  owners:
  - {paths: [database/], from: [dba]}
checks:
- {name: build, app: ci}
signatures: {verify: Every, keysSecretRef: {name: keys}}
windows:
- {days: [Mon, Tue, Wed, Thu], from: "09:00", to: "16:00", timeZone: Europe/Berlin}
freezes:
- {name: year end, from: "2026-12-18T18:00", until: "2027-01-04T08:00", timeZone: Europe/Berlin}
rules:
- name: two-replicas
  expression: plan.resources.all(r, r.type != "apps/Deployment" || !r.fields.exists(f, f.path == "spec.replicas" && f.after < 2))
  message: two replicas at least
breakGlass: {from: [oncall]}
`

// tester is a test, or a property.
type tester interface {
	Helper()
	Fatal(args ...any)
}

func gateOf(t tester, text string) v1alpha1.Gate {
	t.Helper()
	var g v1alpha1.Gate
	if err := yaml.UnmarshalStrict([]byte(text), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func compiled(t tester, text string) *Policy {
	t.Helper()
	p, err := Compile(gateOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	base   = "b0b0000000000000000000000000000000000000"
	head   = "1ead000000000000000000000000000000000000"
	merged = "3e96ed0000000000000000000000000000000000"
	tree   = "72ee000000000000000000000000000000000000"
	other  = "07e6000000000000000000000000000000000000"
)

// wednesday is ten minutes past eleven in Berlin.
var wednesday = time.Date(2026, 11, 25, 10, 10, 0, 0, time.UTC)

func after(minutes int) time.Time {
	return wednesday.Add(-time.Hour + time.Duration(minutes)*time.Minute)
}

// approvedPullRequest is evidence that passes: alice wrote it, bob approved and merged it.
func approvedPullRequest() Evidence {
	e := Evidence{
		Environment: "team/production", Base: base, Commit: merged, Tree: tree, PlanDigest: "sha256:1", Time: wednesday,
		Plan: &Plan{
			Components: []Component{{"web", "kubernetes", "update"}},
			Resources: []Resource{{
				Component: "web", Plane: "kubernetes", Type: "apps/Deployment", Namespace: "ghost", Name: "ghost", Action: "update",
				Fields: []Field{{Path: "spec.replicas", Before: int64(1), After: int64(2)}},
			}},
		},
		Commits: []Commit{
			{OID: head, Author: Identity{Name: "Alice", Email: "alice@example.com"}, Committer: Identity{Name: "Alice", Email: "alice@example.com"}},
			{OID: merged, Author: Identity{Login: "bob", Email: "bob@example.com"}, Committer: Identity{Name: "GitHub", Email: "noreply@github.com"}, OnBranch: true, Merging: true},
		},
		Paths: []string{"web/deployment.yaml"},
		Forge: true,
		PullRequest: &PullRequest{
			Name: "#12", Author: Identity{Login: "alice"}, Head: head, MergedAt: after(20), MergedBy: Identity{Login: "bob"},
		},
		Pushers: []Identity{{Login: "alice"}},
		Reviews: []Review{{Reviewer: Identity{Login: "bob"}, State: Approved, Commit: head, At: after(10)}},
		Checks:  []Check{{Name: "build", App: "ci", Commit: head, State: Succeeded}},
		Signatures: []Signature{
			{Commit: head, Signer: "alice@example.com"}, {Commit: merged, Signer: "GitHub"},
		},
	}
	e.Shown = []Shown{{Commit: head, Binding: e.Binding(), At: after(0)}}
	return e
}

// given is the same for a repository that has no forge: bob approved it by
// Drawbridge itself.
func given() Evidence {
	e := approvedPullRequest()
	e.Forge, e.PullRequest, e.Shown, e.Checks = false, nil, nil, nil
	e.Commit, e.Commits, e.Pushers = head, e.Commits[:1], nil
	e.Commits[0].OnBranch = true
	b := e.Binding()
	e.Reviews = []Review{{Reviewer: Identity{User: "oidc:bob@example.com"}, State: Approved, Commit: head, At: after(10), Binding: &b}}
	return e
}

// override is a policy with some of its fields written anew.
func override(policy, fields string) string {
	var all, anew map[string]any
	if err := yaml.Unmarshal([]byte(policy), &all); err != nil {
		panic(err)
	}
	if err := yaml.Unmarshal([]byte(fields), &anew); err != nil {
		panic(err)
	}
	for k, v := range anew {
		all[k] = v
	}
	out, err := yaml.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(out)
}
