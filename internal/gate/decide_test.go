package gate

import (
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// moved is the evidence with a change made to it.
func moved(change func(*Evidence)) Evidence {
	e := approvedPullRequest()
	change(&e)
	return e
}

// reviews is the evidence with these reviews only.
func reviews(all ...Review) func(*Evidence) {
	return func(e *Evidence) { e.Reviews = all }
}

func review(login string, state State, minutes int) Review {
	return Review{Reviewer: Identity{Login: login}, State: state, Commit: head, At: after(minutes)}
}

// said is the result of a rule.
func said(t *testing.T, d Decision, rule string) Result {
	t.Helper()
	for _, r := range d.Results {
		if r.Rule == rule {
			return r
		}
	}
	t.Fatalf("no result for %s in %+v", rule, d.Results)
	return Result{}
}

func TestPassed(t *testing.T) {
	t.Parallel()
	d := Decide(compiled(t, everything), approvedPullRequest())
	want := []Result{
		{Rule: "approvals", Verdict: Passed, Message: "approved by bob"},
		{Rule: "approvals.owners[0]", Verdict: Passed, Message: "nothing below database/ changes"},
		{Rule: "checks[build]", Verdict: Passed, Message: "build of ci succeeded"},
		{Rule: "signatures", Verdict: Passed, Message: "signed by GitHub, alice@example.com"},
		{Rule: "windows", Verdict: Passed, Message: "open: Mon,Tue,Wed,Thu 09:00-16:00 Europe/Berlin", Until: wednesday.Add(4*time.Hour + 50*time.Minute)},
		{Rule: "freezes", Verdict: Passed, Message: "there is none", Until: time.Date(2026, 12, 18, 17, 0, 0, 0, time.UTC)},
		{Rule: "rules[two-replicas]", Verdict: Passed, Message: "holds"},
		{Rule: "destructive", Verdict: Passed, Message: "no data is lost"},
	}
	if diff := cmp.Diff(want, d.Results); diff != "" || d.Verdict != Passed {
		t.Errorf("%s (-want +got):\n%s", d.Verdict, diff)
	}
	if !d.Until.Equal(want[4].Until) {
		t.Errorf("until %s, want the end of the window", d.Until)
	}
	approval := Approval{Person: "bob", Commit: head, At: after(10), Binding: d.Binding}
	if diff := cmp.Diff([]Approval{approval}, d.Approvals); diff != "" {
		t.Error(diff)
	}
}

// Each line is one thing that is wrong with evidence that passes without it.
func TestStopped(t *testing.T) {
	t.Parallel()
	policy := compiled(t, everything)
	void := func(why string) string {
		return "needs 1 approval of team; not counted: bob (" + why + "); waits for bob or carol"
	}
	for name, tt := range map[string]struct {
		change  func(*Evidence)
		rule    string
		verdict Verdict
		message string
	}{
		// Whose approval it is.
		"no review":           {reviews(), "approvals", Waiting, "needs 1 approval of team; waits for bob or carol"},
		"only a comment":      {reviews(review("bob", Commented, 10)), "approvals", Waiting, "needs 1 approval of team; waits for bob or carol"},
		"the author":          {reviews(review("alice", Approved, 10)), "approvals", Waiting, "not counted: alice (opened the pull request)"},
		"by another login":    {func(e *Evidence) { e.Commits[0].Author = Identity{Login: "bob-admin"} }, "approvals", Waiting, "bob (wrote 1ead000000)"},
		"author by e-mail":    {func(e *Evidence) { e.Commits[0].Author = Identity{Email: "BOB@example.com"} }, "approvals", Waiting, "bob (wrote 1ead000000)"},
		"author by tag":       {func(e *Evidence) { e.Commits[0].Author = Identity{Email: "bob+work@example.com"} }, "approvals", Waiting, "bob (wrote 1ead000000)"},
		"author by noreply":   {func(e *Evidence) { e.Commits[0].Author = Identity{Email: "42+Bob@users.noreply.github.com"} }, "approvals", Waiting, "bob (wrote 1ead000000)"},
		"author by his admin": {func(e *Evidence) { e.Commits[0].Author = Identity{Email: "bob-admin@noreply.git.example"} }, "approvals", Waiting, "bob (wrote 1ead000000)"},
		"co-author":           {func(e *Evidence) { e.Commits[0].CoAuthors = CoAuthors("x\n\nCo-authored-by: B <bob@example.com>") }, "approvals", Waiting, "bob (co-wrote 1ead000000)"},
		"committer":           {func(e *Evidence) { e.Commits[0].Committer = Identity{Login: "bob"} }, "approvals", Waiting, "bob (committed 1ead000000)"},
		"pusher":              {func(e *Evidence) { e.Pushers = []Identity{{Login: "Bob"}} }, "approvals", Waiting, "bob (pushed the commits)"},
		"opened by him":       {func(e *Evidence) { e.PullRequest.Author = Identity{Login: "bob-admin"} }, "approvals", Waiting, "bob (opened the pull request)"},
		"e-mail of a login": {func(e *Evidence) {
			e.Commits[0].Author, e.Commits[0].Committer = Identity{Login: "bob", Email: "b@home"}, Identity{Email: "b@home"}
		}, "approvals", Waiting, "bob (committed 1ead000000)"},
		"wrote the merge":      {func(e *Evidence) { e.Commits[1].Merging = false }, "approvals", Waiting, "bob (wrote 3e96ed0000)"},
		"a bot":                {func(e *Evidence) { e.Reviews[0].Bot = true }, "approvals", Waiting, "bob (is a bot)"},
		"a bot by its name":    {reviews(review("bob[bot]", Approved, 10)), "approvals", Waiting, "bob[bot] (is a bot)"},
		"somebody else":        {reviews(review("mallory", Approved, 10)), "approvals", Waiting, "mallory (is in none of the groups that may approve)"},
		"a reviewer by e-mail": {reviews(Review{Reviewer: Identity{Email: "bob@example.com"}, State: Approved, Commit: head, At: after(10)}), "approvals", Waiting, "is in none of the groups"},
		"a user of that login": {reviews(Review{Reviewer: Identity{User: "bob"}, State: Approved, Commit: head, At: after(10)}), "approvals", Waiting, "is in none of the groups"},
		"a user in other case": {reviews(Review{Reviewer: Identity{User: "OIDC:bob@example.com"}, State: Approved, Commit: head, At: after(10)}), "approvals", Waiting, "is in none of the groups"},
		"two people at once":   {reviews(Review{Reviewer: Identity{Login: "bob", User: "oidc:alice@example.com"}, State: Approved, Commit: head, At: after(10)}), "approvals", Waiting, "bob (opened"},
		"nobody left": {func(e *Evidence) {
			e.Commits[0].CoAuthors = []Identity{{Email: "bob@example.com"}, {Email: "home@carol.example"}}
		}, "approvals", Refused, "there are not enough others: nobody"},

		// What it is for.
		"another commit":      {func(e *Evidence) { e.Reviews[0].Commit = other }, "approvals", Waiting, void("reviewed another commit, 07e6000000")},
		"a push since":        {func(e *Evidence) { e.PullRequest.Head = other }, "approvals", Waiting, void("reviewed another commit, 1ead000000")},
		"the base moved":      {func(e *Evidence) { e.Base = other }, "approvals", Waiting, void("what is deployed has moved since, from b0b0000000 to 07e6000000")},
		"the result moved":    {func(e *Evidence) { e.Tree = other }, "approvals", Waiting, void("the result has changed since")},
		"the plan moved":      {func(e *Evidence) { e.PlanDigest = "sha256:2" }, "approvals", Waiting, void("the plan has changed since")},
		"another environment": {func(e *Evidence) { e.Environment = "team/staging" }, "approvals", Waiting, void("it was for team/production")},
		"nothing was shown":   {func(e *Evidence) { e.Shown = nil }, "approvals", Waiting, void("no plan was on show")},
		"shown afterwards":    {func(e *Evidence) { e.Shown[0].At = after(11) }, "approvals", Waiting, void("no plan was on show")},
		"shown just then":     {func(e *Evidence) { e.Shown[0].At = after(10) }, "approvals", Waiting, void("no plan was on show")},
		"shown for another":   {func(e *Evidence) { e.Shown[0].Commit = other }, "approvals", Waiting, void("no plan was on show")},
		"two were shown": {func(e *Evidence) {
			second := e.Shown[0]
			second.Binding.Plan = "sha256:2"
			e.Shown = append(e.Shown, second)
		}, "approvals", Waiting, void("no plan was on show")},
		"an older was shown": {func(e *Evidence) {
			e.Shown = append(e.Shown, e.Shown[0])
			e.Shown[0].Binding.Plan, e.Shown[0].At = "sha256:0", after(5)
		}, "approvals", Waiting, void("the plan has changed since")},
		"no plan": {func(e *Evidence) { e.PlanDigest = "" }, "approvals", Waiting, "there is no plan to approve yet"},
		"no tree": {func(e *Evidence) { e.Tree = "" }, "approvals", Waiting, "there is no plan to approve yet"},

		// What became of it.
		"dismissed":      {reviews(review("bob", Approved, 5), review("bob", Dismissed, 10)), "approvals", Waiting, "needs 1 approval of team; waits for bob or carol"},
		"changes wanted": {reviews(review("bob", Approved, 5), review("bob", ChangesRequested, 10)), "approvals", Refused, "bob asked for changes, of 1ead000000; they have to review again"},
		"by his admin":   {reviews(review("bob", Approved, 5), review("bob-admin", ChangesRequested, 10)), "approvals", Refused, "bob asked for changes"},
		"by another":     {reviews(review("bob", Approved, 10), review("carol", ChangesRequested, 5)), "approvals", Refused, "carol asked for changes"},
		"of an owner":    {reviews(review("bob", Approved, 10), review("dora", ChangesRequested, 5)), "approvals", Refused, "dora asked for changes"},
		"of old":         {reviews(review("bob", Approved, 10), Review{Reviewer: Identity{Login: "carol"}, State: ChangesRequested, Commit: other, At: after(1)}), "approvals", Refused, "carol asked for changes, of 07e6000000"},
		"at once":        {reviews(review("bob", Approved, 10), review("bob", Dismissed, 10)), "approvals", Waiting, "waits for bob or carol"},
		"edited later":   {func(e *Evidence) { e.Reviews[0].EditedAt = after(21) }, "approvals", Waiting, void("the review was edited after the merge")},

		// How it came.
		"a fork":          {func(e *Evidence) { e.PullRequest.Fork = true }, "approvals", Refused, "pull request #12 comes from another repository"},
		"a stranger":      {func(e *Evidence) { e.Commits[0].Author = Identity{Name: "X", Email: "x@home"} }, "approvals", Refused, "it can't be told who X <x@home>, who wrote 1ead000000, is"},
		"nameless":        {func(e *Evidence) { e.Commits[0].CoAuthors = []Identity{{Name: "X"}} }, "approvals", Refused, "it can't be told who X, who co-wrote 1ead000000, is"},
		"unknown commits": {func(e *Evidence) { e.Commits = nil }, "approvals", Refused, "it is not known who wrote the change"},
		"a direct push": {func(e *Evidence) { e.PullRequest, e.Reviews = nil, nil }, "approvals", Refused,
			"3e96ed0000 was pushed to the branch past any pull request by alice; open one for it, or revert it. It needs 1 approval of team; waits for carol"},

		// Who owns it.
		"an owner": {func(e *Evidence) { e.Paths = []string{"database/rds.yaml"} }, "approvals.owners[0]", Waiting, "needs 1 approval for database/ of dba; waits for dora or carol"},
		"an owner who wrote": {func(e *Evidence) {
			e.Paths, e.Commits[0].Author.Email = []string{"database/rds.yaml"}, "dora@users.noreply.github.com"
		}, "approvals.owners[0]", Waiting, "waits for carol"},

		"check missing":      {func(e *Evidence) { e.Checks = nil }, "checks[build]", Waiting, "build of ci has not been reported for 1ead000000"},
		"check of old":       {func(e *Evidence) { e.Checks[0].Commit = other }, "checks[build]", Waiting, "has not been reported"},
		"check of others":    {func(e *Evidence) { e.Checks[0].App = "somebody" }, "checks[build]", Waiting, "has not been reported"},
		"check running":      {func(e *Evidence) { e.Checks[0].State = Pending }, "checks[build]", Waiting, "build of ci is not finished"},
		"check failed":       {func(e *Evidence) { e.Checks[0].State = Failed }, "checks[build]", Refused, "build of ci failed"},
		"check in a state":   {func(e *Evidence) { e.Checks[0].State = "neutral" }, "checks[build]", Waiting, "has not been reported"},
		"check failed after": {func(e *Evidence) { e.Checks = append(e.Checks, Check{"build", "ci", merged, Failed}) }, "checks[build]", Refused, "build of ci failed"},

		"unsigned":      {func(e *Evidence) { e.Signatures[0] = Signature{Commit: head, Problem: "is not signed"} }, "signatures", Refused, "1 of 2 commits lack a good signature: 1ead000000 is not signed"},
		"not looked at": {func(e *Evidence) { e.Signatures = e.Signatures[1:] }, "signatures", Refused, "1ead000000 was not looked at"},
		"no signer":     {func(e *Evidence) { e.Signatures[0].Signer = "" }, "signatures", Refused, "1ead000000 is signed by nobody"},
		"two answers": {func(e *Evidence) {
			e.Signatures = append(e.Signatures, Signature{Commit: head, Problem: "is by an unknown key"})
		}, "signatures", Refused, "1ead000000 is by an unknown key"},
		"half the commits": {func(e *Evidence) { e.Commits = e.Commits[:1] }, "signatures", Refused, "it is not known which commits the change brings"},

		"too late":    {func(e *Evidence) { e.Time = wednesday.Add(5 * time.Hour) }, "windows", Waiting, "closed; opens Thu 2026-11-26 09:00 CET"},
		"a weekend":   {func(e *Evidence) { e.Time = wednesday.AddDate(0, 0, 2) }, "windows", Waiting, "closed; opens Mon 2026-11-30 09:00 CET"},
		"no time":     {func(e *Evidence) { e.Time = time.Time{} }, "windows", Refused, "it is not known what time it is"},
		"frozen":      {func(e *Evidence) { e.Time = wednesday.AddDate(0, 0, 28) }, "freezes", Waiting, "frozen (year end) until Mon 2027-01-04 08:00 CET"},
		"frozen, too": {func(e *Evidence) { e.Time = wednesday.AddDate(0, 0, 28).Add(8 * time.Hour) }, "windows", Waiting, "closed; opens, after the freeze, Mon 2027-01-04 09:00 CET"},

		"a rule":            {func(e *Evidence) { e.Plan.Resources[0].Fields[0].After = int64(1) }, "rules[two-replicas]", Refused, "two replicas at least"},
		"a rule that fails": {func(e *Evidence) { e.Plan.Resources[0].Fields[0].After = "one" }, "rules[two-replicas]", Refused, "the rule can't be told of this plan"},
		"no plan to rule":   {func(e *Evidence) { e.Plan = nil }, "rules[two-replicas]", Waiting, "there is no plan yet"},
		"lost data":         {func(e *Evidence) { e.Plan.Resources[0].Destructive = true }, "destructive", Refused, "data would be lost by: update apps/Deployment ghost/ghost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(policy, moved(tt.change))
			r := said(t, d, tt.rule)
			if r.Verdict != tt.verdict || !strings.Contains(r.Message, tt.message) {
				t.Errorf("%s: %s\nwant %s: %s", r.Verdict, r.Message, tt.verdict, tt.message)
			}
			if d.Verdict == Passed || strings.Contains(r.Message, "\n") {
				t.Errorf("the change is %s: %q", d.Verdict, r.Message)
			}
		})
	}
}

// Each line looks like a reason to stop and is none.
func TestNotStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policy string // beside everything
		change func(*Evidence)
	}{
		"approved again":           {"", reviews(review("bob", ChangesRequested, 5), review("bob", Approved, 10))},
		"by his other login":       {"", reviews(review("bob-admin", ChangesRequested, 5), review("BOB", Approved, 10))},
		"commented since":          {"", reviews(review("bob", Approved, 10), review("bob", Commented, 12))},
		"a stranger wants changes": {"", reviews(review("bob", Approved, 10), review("mallory", ChangesRequested, 12))},
		"edited before the merge":  {"", func(e *Evidence) { e.Reviews[0].EditedAt = after(15) }},
		"approved after the merge": {"", func(e *Evidence) { e.Reviews[0].At = after(30) }},
		"of the merge commit":      {"", func(e *Evidence) { e.Reviews[0].Commit, e.Shown[0].Commit = merged, merged }},
		"shown again":              {"", func(e *Evidence) { e.Shown = append(e.Shown, Shown{head, e.Binding(), after(5)}) }},
		"shown otherwise, before":  {"", func(e *Evidence) { e.Shown = append(e.Shown, Shown{head, Binding{Plan: "x"}, after(-5)}) }},
		"not merged yet": {"", func(e *Evidence) {
			e.PullRequest.MergedAt, e.PullRequest.MergedBy, e.Commit, e.Commits = time.Time{}, Identity{}, head, e.Commits[:1]
		}},
		"a fork that may":    {"approvals: {from: [team], forks: Allow}", func(e *Evidence) { e.PullRequest.Fork = true }},
		"a stranger who may": {"approvals: {from: [team], strangers: Allow}", func(e *Evidence) { e.Commits[0].Author = Identity{Email: "x@home"} }},
		"known by the forge": {"", func(e *Evidence) { e.Commits[0].Author = Identity{Login: "xenia", Email: "x@home"} }},
		"known by another commit": {"", func(e *Evidence) {
			e.Commits[0].Author, e.Commits[0].CoAuthors = Identity{Login: "xenia", Email: "x@home"}, []Identity{{Email: "X@home"}}
		}},
		"an owner approved": {"", func(e *Evidence) {
			e.Paths = []string{"database/rds.yaml"}
			e.Reviews = []Review{review("carol", Approved, 10)}
		}},
		"each of two approved":   {"approvals: {count: 2, from: [team]}", reviews(review("bob", Approved, 10), review("carol", Approved, 9))},
		"signed at the head":     {"signatures: {verify: Head, keysSecretRef: {name: keys}}", func(e *Evidence) { e.Signatures = e.Signatures[1:] }},
		"signed where it landed": {"signatures: {verify: Merges, keysSecretRef: {name: keys}}", func(e *Evidence) { e.Signatures = e.Signatures[1:] }},
		"at the very opening":    {"", func(e *Evidence) { e.Time = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC) }},
		"data may go":            {"destructive: Allow", func(e *Evidence) { e.Plan.Resources[0].Destructive = true }},
		"one replica elsewhere": {"", func(e *Evidence) {
			e.Plan.Resources[0].Type, e.Plan.Resources[0].Fields[0].After = "apps/StatefulSet", int64(1)
		}},
		"by the cluster":   {"checks: []", func(e *Evidence) { *e = given() }},
		"before the first": {"", func(e *Evidence) { e.Base = ""; e.Shown[0].Binding = e.Binding() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := Decide(compiled(t, override(everything, tt.policy)), moved(tt.change)); d.Verdict != Passed {
				t.Errorf("%+v", d.Results)
			}
		})
	}
}

// What is no order to people is none to the gate.
func TestOrderOfEvidenceDoesNotMatter(t *testing.T) {
	t.Parallel()
	policy := compiled(t, everything)
	e := approvedPullRequest()
	e.Reviews = []Review{
		review("alice", Approved, 9), review("bob", Approved, 10), review("bob", Dismissed, 10), review("carol", Approved, 3), review("carol", ChangesRequested, 4),
		review("mallory", Approved, 2), review("dora", Approved, 2), {Reviewer: Identity{Login: "dora"}, State: Approved, Commit: other, At: after(2)},
	}
	e.Commits[0].CoAuthors = []Identity{{Email: "x@home"}, {Login: "xenia", Email: "x@home"}, {Email: "z@home"}, {Email: "y@home"}}
	e.Shown = append(e.Shown, Shown{head, Binding{Plan: "x"}, after(1)}, Shown{head, Binding{Plan: "y"}, after(1)})
	want := Decide(policy, e)
	for seed := range 50 {
		random := rand.New(rand.NewSource(int64(seed)))
		random.Shuffle(len(e.Reviews), func(i, j int) { e.Reviews[i], e.Reviews[j] = e.Reviews[j], e.Reviews[i] })
		random.Shuffle(len(e.Shown), func(i, j int) { e.Shown[i], e.Shown[j] = e.Shown[j], e.Shown[i] })
		co := e.Commits[0].CoAuthors
		random.Shuffle(len(co), func(i, j int) { co[i], co[j] = co[j], co[i] })
		if diff := cmp.Diff(want, Decide(policy, e)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestNothingPassesWithoutAPolicy(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*Policy{"none": nil, "not compiled": {}} {
		if d := Decide(p, approvedPullRequest()); d.Verdict != Refused || len(d.Results) != 1 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	open := compiled(t, "destructive: Allow")
	if d := Decide(open, Evidence{}); d.Verdict != Passed || !open.Open() || compiled(t, everything).Open() || (&Policy{}).Open() {
		t.Errorf("a policy that asks for nothing: %+v", d)
	}
}
