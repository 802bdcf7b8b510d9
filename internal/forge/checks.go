package forge

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/go-github/v93/github"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// Checks has commit statuses and check runs: GitHub's required checks are met by
// either.
func (g *gitHub) Checks(ctx context.Context, repo Repository, commit string) ([]Check, error) {
	c, err := g.client(repo)
	if err != nil {
		return nil, err
	}
	const doing = "list the %s of %s at %s"
	statuses, err := g.statuses(ctx, c, repo, commit)
	if err != nil {
		return nil, g.failure(err, doing, "statuses", repo, short(commit))
	}
	var all []Check
	for _, s := range statuses {
		all = append(all, Check{
			Name: s.GetContext(), State: statusStates[s.GetState()], Source: s.GetCreator().GetLogin(),
			Description: s.GetDescription(), URL: s.GetTargetURL(),
		})
	}
	for r, err := range c.Checks.ListCheckRunsForRefIter(ctx, repo.Owner, repo.Name, commit, &github.ListCheckRunsOptions{ListOptions: page}) {
		if err != nil {
			return nil, g.failure(err, doing, "check runs", repo, short(commit))
		}
		all = append(all, Check{
			Name: r.GetName(), State: runState(r), Source: r.GetApp().GetSlug(),
			Description: r.GetOutput().GetTitle(), URL: r.GetHTMLURL(),
		})
	}
	for i, check := range all {
		if check.State == "" { // one that was thought of later is not passed
			all[i].State = Failure
		}
	}
	slices.SortStableFunc(all, func(a, b Check) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Source, b.Source)) })
	return all, nil
}

// statuses are the latest of each context.
func (g *gitHub) statuses(ctx context.Context, c *github.Client, repo Repository, commit string) ([]*github.RepoStatus, error) {
	var all []*github.RepoStatus
	for o := page; ; {
		combined, answer, err := c.Repositories.GetCombinedStatus(ctx, repo.Owner, repo.Name, commit, &o)
		if err != nil {
			return nil, err
		}
		all = append(all, combined.Statuses...)
		if o.Page = answer.NextPage; o.Page == 0 {
			return all, nil
		}
	}
}

func (g *gitHub) SetStatus(ctx context.Context, repo Repository, commit string, s Status) error {
	c, err := g.client(repo)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("set status %s of %s at %s", s.Name, repo, short(commit))
	if s.State != Pending && s.State != Success && s.State != Failure {
		return g.failure(&Error{Reason: ErrInvalid, Doing: "state", Detail: string(s.State)}, "%s", doing)
	}
	// A commit takes a thousand statuses of a name and no more.
	there, err := g.statuses(ctx, c, repo, commit)
	if err != nil {
		return g.failure(err, "%s", doing)
	}
	if slices.ContainsFunc(there, func(t *github.RepoStatus) bool {
		return t.GetContext() == s.Name && statusStates[t.GetState()] == s.State && t.GetDescription() == cut(s.Description) && t.GetTargetURL() == s.URL
	}) {
		return nil
	}
	state, description := string(s.State), cut(s.Description)
	failpoint.Hit("forge/before-status")
	_, _, err = c.Repositories.CreateStatus(ctx, repo.Owner, repo.Name, commit, github.RepoStatus{
		Context: &s.Name, State: &state, Description: &description, TargetURL: optional(s.URL),
	})
	failpoint.Hit("forge/after-status")
	return g.failure(err, "%s", doing)
}

var statusStates = map[string]CheckState{"pending": Pending, "success": Success, "failure": Failure, "error": Failure}

func runState(r *github.CheckRun) CheckState {
	if r.GetStatus() != "completed" {
		return Pending
	}
	switch r.GetConclusion() {
	case "success":
		return Success
	case "neutral", "skipped":
		return Neutral
	}
	return Failure // cancelled, timed_out, action_required and stale are no success
}
