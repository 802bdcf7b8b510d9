package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// approvals is the compiled rule.
type approvals struct {
	quorum
	owners           []owners
	strangers, forks bool // let in
}

// quorum is so many people of these groups.
type quorum struct {
	count int
	from  []*group
}

// owners have a quorum for some paths.
type owners struct {
	quorum
	paths []string // as they were written
}

func (c *compiler) approvals(r roster, in *v1alpha1.Approvals) *approvals {
	if in == nil {
		return nil
	}
	a := &approvals{
		quorum:    c.quorum(r, "approvals", in.Count, in.From),
		strangers: c.allowed("approvals.strangers", in.Strangers),
		forks:     c.allowed("approvals.forks", in.Forks),
	}
	for i, o := range in.Owners {
		at := fmt.Sprintf("approvals.owners[%d]", i)
		if len(o.Paths) == 0 {
			c.fail(at+".paths", "expected a path or a pattern, such as database/**")
		}
		for j, p := range o.Paths {
			if !doublestar.ValidatePattern(p) || strings.Trim(p, "/") == "" || strings.HasPrefix(p, "!") {
				c.fail(fmt.Sprintf("%s.paths[%d]", at, j), "%q is no pattern for paths", p)
			}
		}
		a.owners = append(a.owners, owners{c.quorum(r, at, o.Count, o.From), o.Paths})
	}
	return a
}

func (c *compiler) allowed(field, value string) bool {
	switch value {
	case "", v1alpha1.Refuse:
	case v1alpha1.Allow:
		return true
	default:
		c.fail(field, "expected Refuse or Allow, found %q", value)
	}
	return false
}

func (c *compiler) quorum(r roster, at string, count int32, from []string) quorum {
	q := quorum{max(1, int(count)), c.groups(r, at+".from", from)}
	if count < 0 {
		c.fail(at+".count", "expected 1 or more, found %d", count)
	}
	if all := people(q.from); len(from) > 0 && len(q.from) == len(from) && q.count > len(all) {
		c.fail(at+".count", "%d approvals are more than there are people in %s", q.count, names(q.from))
	}
	return q
}

// own tells whether one of the paths is theirs.
func (o owners) own(paths []string) bool {
	for _, pattern := range o.paths {
		p := strings.TrimPrefix(pattern, "/")
		folder := strings.TrimSuffix(p, "/")
		for _, path := range paths {
			file, _ := doublestar.Match(folder, path)
			below, _ := doublestar.Match(folder+"/**/*", path)
			if below || file && !strings.HasSuffix(p, "/") {
				return true
			}
		}
	}
	return false
}

// decideApprovals has a result for the approvals as a whole, and one for each
// owner of what the change touches.
func (p *Policy) decideApprovals(e Evidence, v votes) []Result {
	a := p.approvals
	results := []Result{p.overall(e, v)}
	for i, o := range a.owners {
		rule := fmt.Sprintf("approvals.owners[%d]", i)
		if !o.own(e.Paths) {
			results = append(results, Result{Rule: rule, Verdict: Passed, Message: "nothing below " + strings.Join(o.paths, ", ") + " changes"})
			continue
		}
		results = append(results, o.decide(rule, "for "+strings.Join(o.paths, ", "), v))
	}
	return results
}

// overall is the result of what stops a change whoever approves it, and of the
// approvals that it needs in any case.
func (p *Policy) overall(e Evidence, v votes) Result {
	refused := func(format string, args ...any) Result {
		return Result{Rule: "approvals", Verdict: Refused, Message: fmt.Sprintf(format, args...)}
	}
	pr := e.PullRequest
	switch {
	case pr != nil && pr.Fork && !p.approvals.forks:
		return refused("pull request %s comes from another repository; push its branch to this one, or let forks in (spec.gate.approvals.forks)", pr.Name)
	case len(v.strangers) > 0 && !p.approvals.strangers:
		return refused("it can't be told who %s is, nor so who may approve: add the address to somebody in spec.gate.people, or make the commit anew", v.strangers[0])
	case len(v.vetoes) > 0:
		return refused("%s", v.vetoes[0])
	case len(e.Commits) == 0:
		return refused("it is not known who wrote the change, so nobody can approve it")
	case !e.Binding().complete():
		return Result{Rule: "approvals", Verdict: Waiting, Message: "there is no plan to approve yet"}
	}
	r := p.approvals.decide("approvals", "", v)
	if r.Verdict == Waiting && e.Forge && pr == nil {
		return refused("%s was pushed to the branch past any pull request%s; open one for it, or revert it. It %s", short(e.Commit), by(e.Pushers), r.Message)
	}
	return r
}

func by(pushers []Identity) string {
	var all []string
	for _, i := range pushers {
		all = append(all, i.String())
	}
	slices.Sort(all)
	if len(all) == 0 {
		return ""
	}
	return " by " + strings.Join(slices.Compact(all), ", ")
}

// decide counts the approvals of the quorum's own.
func (q quorum) decide(rule, what string, v votes) Result {
	var have, left []string
	for _, p := range people(q.from) {
		switch {
		case v.approved[p]:
			have = append(have, p.name)
		case v.self[p] == "":
			left = append(left, p.name)
		}
	}
	if what != "" {
		what = " " + what
	}
	if len(have) >= q.count {
		return Result{Rule: rule, Verdict: Passed, Message: fmt.Sprintf("approved by %s%s", strings.Join(have, ", "), what)}
	}
	missing := q.count - len(have)
	text := fmt.Sprintf("needs %s%s of %s", approvalsIn(q.count), what, names(q.from))
	if len(have) > 0 {
		text += ", has " + strings.Join(have, ", ")
	}
	text += v.uncounted()
	if missing > len(left) {
		return Result{Rule: rule, Verdict: Refused, Message: text + "; there are not enough others: " + either(left)}
	}
	return Result{Rule: rule, Verdict: Waiting, Message: text + "; waits for " + either(left), WaitsFor: left}
}

func approvalsIn(n int) string {
	if n == 1 {
		return "1 approval"
	}
	return fmt.Sprintf("%d approvals", n)
}
