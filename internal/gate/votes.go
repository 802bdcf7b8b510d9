package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// votes is what the reviews of a change come to.
type votes struct {
	approvals []Approval
	approved  map[*person]bool
	// self says of people of the policy what part they had in the change.
	self      map[*person]string
	vetoes    []string
	strangers []string
}

// uncounted says whose approvals do not count, and why.
func (v votes) uncounted() string {
	var all []string
	for _, a := range v.approvals {
		if a.Void != "" {
			all = append(all, a.Person+" ("+a.Void+")")
		}
	}
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 5:
		all = append(all[:5], fmt.Sprintf("%d more", len(all)-5))
	}
	return "; not counted: " + strings.Join(all, ", ")
}

// part is the part that somebody had in the change.
type part struct {
	who Identity
	did string
}

// parts are all who had one: first those that commits name. Where somebody is only an
// address in one commit, and the forge knew whose it is in another, they are
// both.
func (p *Policy) parts(e Evidence) (written, others []part) {
	for _, c := range e.Commits {
		in := func(i Identity, did string) {
			if c.Merging && e.PullRequest != nil && sharesKey(p.roster.known(i), p.roster.known(e.PullRequest.MergedBy)) {
				return
			}
			written = append(written, part{i, did + " " + short(c.OID)})
		}
		in(c.Author, "wrote")
		if !c.Committer.madeByForge() {
			in(c.Committer, "committed")
		}
		for _, i := range c.CoAuthors {
			in(i, "co-wrote")
		}
	}
	logins := map[string][]string{}
	for _, w := range written {
		if email := strings.ToLower(w.who.Email); w.who.Login != "" && email != "" {
			logins[email] = append(logins[email], w.who.Login)
		}
	}
	for i, w := range written {
		for n, login := range logins[strings.ToLower(w.who.Email)] {
			if w.who.Login != "" {
				break
			}
			known := w.who
			known.Login = login
			if n == 0 {
				written[i].who = known
			} else {
				written = append(written, part{known, w.did})
			}
		}
	}
	for _, i := range e.Pushers {
		others = append(others, part{i, "pushed the commits"})
	}
	if e.PullRequest != nil {
		others = append(others, part{e.PullRequest.Author, "opened the pull request"})
	}
	order := func(a, b part) int {
		return cmp.Or(strings.Compare(a.did, b.did), strings.Compare(a.who.String(), b.who.String()))
	}
	slices.SortFunc(written, order)
	slices.SortFunc(others, order)
	return written, others
}

func sharesKey(a, b []string) bool {
	return slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
}

// countVotes finds out whose review counts.
func (p *Policy) countVotes(e Evidence) votes {
	v := votes{approved: map[*person]bool{}, self: map[*person]string{}}
	written, others := p.parts(e)
	for _, w := range written {
		if p.roster.stranger(w.who) {
			v.strangers = append(v.strangers, fmt.Sprintf("%s, who %s,", w.who, w.did))
		}
	}
	self := map[string]string{}
	for _, w := range append(others, written...) {
		for _, k := range p.roster.known(w.who) {
			self[k] = cmp.Or(self[k], w.did)
		}
	}
	for _, g := range p.roster.groups {
		for _, m := range g.members {
			for _, k := range m.keys {
				v.self[m] = cmp.Or(v.self[m], self[k])
			}
		}
	}
	for _, r := range latest(p.roster, e.Reviews) {
		who := p.roster.granted(r.Reviewer)
		switch r.State {
		case ChangesRequested:
			if who != nil && p.approvals.mayApprove(who) {
				v.vetoes = append(v.vetoes, fmt.Sprintf("%s asked for changes, of %s; they have to review again, or the review be dismissed", who.name, short(r.Commit)))
			}
		case Approved:
			a := Approval{Person: r.Reviewer.String(), Commit: r.Commit, At: r.At, Binding: e.sawBinding(r)}
			if who != nil {
				a.Person = who.name
			}
			a.Void = p.voids(e, r, who, a.Binding, func() string {
				for _, k := range p.roster.known(r.Reviewer) {
					if self[k] != "" {
						return self[k]
					}
				}
				return ""
			})
			if a.Void == "" {
				v.approved[who] = true
			}
			v.approvals = append(v.approvals, a)
		}
	}
	slices.SortFunc(v.approvals, func(a, b Approval) int {
		return cmp.Or(strings.Compare(a.Person, b.Person), a.At.Compare(b.At), strings.Compare(a.Void, b.Void))
	})
	slices.Sort(v.vetoes)
	return v
}

// mayApprove tells whether an approval of theirs could count for anything.
func (a *approvals) mayApprove(p *person) bool {
	return within(a.from, p) || slices.ContainsFunc(a.owners, func(o owners) bool { return within(o.from, p) })
}

// voids says why an approval does not count, or nothing.
func (p *Policy) voids(e Evidence, r Review, who *person, saw Binding, self func() string) string {
	switch part, moved := self(), saw.moved(e.Binding()); {
	case r.Bot || r.Reviewer.isBot():
		return "is a bot"
	case part != "":
		return part
	case who == nil || !p.approvals.mayApprove(who):
		return "is in none of the groups that may approve"
	case r.Commit != e.head() && r.Commit != e.Commit:
		return "reviewed another commit, " + short(r.Commit)
	case e.editedAfterMerge(r):
		return "the review was edited after the merge"
	case moved != "":
		return moved
	}
	return ""
}

func (e Evidence) editedAfterMerge(r Review) bool {
	return e.PullRequest != nil && !e.PullRequest.MergedAt.IsZero() && r.EditedAt.After(e.PullRequest.MergedAt)
}

// sawBinding is what the reviewer approved: what was on show for that commit
// just before. What was shown in the same instant may have come after.
func (e Evidence) sawBinding(r Review) Binding {
	if r.Binding != nil {
		return *r.Binding
	}
	var saw Binding
	var at time.Time
	for _, s := range e.Shown {
		if s.Commit != r.Commit || !s.At.Before(r.At) {
			continue
		}
		switch {
		case at.IsZero() || s.At.After(at):
			saw, at = s.Binding, s.At
		case s.At.Equal(at) && s.Binding != saw:
			saw = Binding{} // two at once: it can't be told which
		}
	}
	return saw
}

// latest is the review that counts of each person, comments aside: the newest, and of two
// of the same time the one that lets less through. The forge and Drawbridge
// each have a clock of their own, so each has a latest one.
func latest(r roster, reviews []Review) []Review {
	rank := func(s State) int { return slices.Index([]State{Approved, Dismissed, ChangesRequested}, s) }
	newest := map[string]Review{}
	for _, review := range reviews {
		if rank(review.State) < 0 {
			continue
		}
		key := fmt.Sprint(review.Binding != nil, " ", review.Reviewer.Login, " ", review.Reviewer.User)
		if who := r.granted(review.Reviewer); who != nil {
			key = fmt.Sprint(review.Binding != nil, " ", who.keys)
		}
		before, ok := newest[key]
		if !ok || cmp.Or(review.At.Compare(before.At), rank(review.State)-rank(before.State),
			review.EditedAt.Compare(before.EditedAt), strings.Compare(review.Commit, before.Commit)) > 0 {
			newest[key] = review
		}
	}
	var all []Review
	for _, review := range newest {
		all = append(all, review)
	}
	slices.SortFunc(all, func(a, b Review) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Reviewer.String(), b.Reviewer.String()), strings.Compare(a.Commit, b.Commit))
	})
	return all
}
