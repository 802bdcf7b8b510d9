package forge

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-github/v93/github"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// page is as many as GitHub gives at once.
var page = github.ListOptions{PerPage: 100}

func (g *gitHub) PullRequest(ctx context.Context, repo Repository, number int) (PullRequest, error) {
	c, err := g.client(repo)
	if err != nil {
		return PullRequest{}, err
	}
	p, _, err := c.PullRequests.Get(ctx, repo.Owner, repo.Name, number)
	if err != nil {
		return PullRequest{}, g.failure(err, "read pull request %s#%d", repo, number)
	}
	return pullRequest(repo, p), nil
}

func (g *gitHub) OpenPullRequests(ctx context.Context, repo Repository, base string) ([]PullRequest, error) {
	return g.open(ctx, repo, &github.PullRequestListOptions{Base: base})
}

func (g *gitHub) open(ctx context.Context, repo Repository, which *github.PullRequestListOptions) ([]PullRequest, error) {
	c, err := g.client(repo)
	if err != nil {
		return nil, err
	}
	which.State, which.Sort, which.Direction, which.ListOptions = "open", "created", "asc", page
	var all []PullRequest
	for p, err := range c.PullRequests.ListIter(ctx, repo.Owner, repo.Name, which) {
		if err != nil {
			return nil, g.failure(err, "list the pull requests of %s into %s", repo, which.Base)
		}
		all = append(all, pullRequest(repo, p))
	}
	return all, nil
}

func (g *gitHub) MergedAs(ctx context.Context, repo Repository, commit string) (PullRequest, error) {
	c, err := g.client(repo)
	if err != nil {
		return PullRequest{}, err
	}
	const doing = "find the pull request of %s that was merged as %s"
	for p, err := range c.PullRequests.ListPullRequestsWithCommitIter(ctx, repo.Owner, repo.Name, commit, &github.ListOptions{PerPage: page.PerPage}) {
		if err != nil {
			// GitHub answers 422 for a commit that it does not have.
			if err = g.failure(err, doing, repo, short(commit)); errors.Is(err, ErrInvalid) {
				break
			}
			return PullRequest{}, err
		}
		if p.MergedAt != nil && strings.EqualFold(p.GetMergeCommitSHA(), commit) {
			return pullRequest(repo, p), nil
		}
	}
	return PullRequest{}, g.failure(&Error{Reason: ErrNotFound, Doing: "commit " + commit}, doing, repo, short(commit))
}

func (g *gitHub) CreatePullRequest(ctx context.Context, repo Repository, n NewPullRequest) (PullRequest, error) {
	c, err := g.client(repo)
	if err != nil {
		return PullRequest{}, err
	}
	letGo, err := g.turns.Take(ctx, repo.String()+" "+n.Head+" "+n.Base)
	if err != nil {
		return PullRequest{}, err
	}
	defer letGo()
	which := github.PullRequestListOptions{Head: repo.Owner + ":" + n.Head, Base: n.Base}
	there, err := g.open(ctx, repo, &which)
	if err != nil {
		return PullRequest{}, err
	}
	// A name that the forge does not know would not narrow the list.
	there = slices.DeleteFunc(there, func(p PullRequest) bool { return p.Head.Branch != n.Head || p.Base.Branch != n.Base || p.Fork })
	if len(there) > 0 {
		return there[0], nil
	}
	failpoint.Hit("forge/before-pull-request")
	p, _, err := c.PullRequests.Create(ctx, repo.Owner, repo.Name, github.CreatePullRequest{
		Title: &n.Title, Body: &n.Body, Head: n.Head, Base: n.Base,
	})
	if err != nil {
		return PullRequest{}, g.failure(err, "open a pull request of %s from %s into %s", repo, n.Head, n.Base)
	}
	failpoint.Hit("forge/after-pull-request")
	return pullRequest(repo, p), nil
}

func (g *gitHub) Permission(ctx context.Context, repo Repository, login string) (Permission, error) {
	c, err := g.client(repo)
	if err != nil {
		return NoPermission, err
	}
	const doing = "ask what %s may do in %s"
	if !isName(strings.TrimSuffix(login, "[bot]")) {
		return NoPermission, g.failure(&Error{Reason: ErrNotFound, Doing: "login"}, doing, login, repo)
	}
	level, _, err := c.Repositories.GetPermissionLevel(ctx, repo.Owner, repo.Name, login)
	if err != nil {
		return NoPermission, g.failure(err, doing, login, repo)
	}
	switch p := Permission(level.GetPermission()); p {
	case Read, Write, Admin:
		return p, nil
	}
	return NoPermission, nil
}

func (g *gitHub) Pushes(ctx context.Context, repo Repository, branch string) ([]Push, error) {
	c, err := g.client(repo)
	if err != nil {
		return nil, err
	}
	all, _, err := c.Repositories.ListRepositoryActivities(ctx, repo.Owner, repo.Name, &github.ListRepositoryActivityOptions{
		Ref: "refs/heads/" + branch, PerPage: page.PerPage,
	})
	if err != nil {
		return nil, g.failure(err, "list the pushes to branch %s of %s", branch, repo)
	}
	pushes := make([]Push, 0, len(all))
	for _, a := range all {
		pushes = append(pushes, Push{
			Before: a.Before, After: a.After, At: a.Timestamp.GetTime().UTC(), Merge: a.ActivityType == "pr_merge",
			Pusher: actor(&github.User{Login: a.GetActor().Login, ID: a.GetActor().ID, Type: a.GetActor().Type}),
		})
	}
	return pushes, nil
}

func pullRequest(repo Repository, p *github.PullRequest) PullRequest {
	made := PullRequest{
		Number: p.GetNumber(), Title: p.GetTitle(), Body: p.GetBody(), URL: p.GetHTMLURL(),
		Author: actor(p.GetUser()), Draft: p.GetDraft(), State: Open,
		Head: tip(p.GetHead()), Base: tip(p.GetBase()), Merge: mergeState(p),
	}
	made.Fork = !strings.EqualFold(made.Head.Repository.String(), repo.String())
	switch {
	case p.MergedAt != nil:
		// Before the merge GitHub gives the commit of a trial here.
		made.State, made.MergedAt, made.MergedBy, made.MergeCommit = Merged, p.GetMergedAt().UTC(), actor(p.GetMergedBy()), p.GetMergeCommitSHA()
	case p.GetState() != "open":
		made.State = Closed
	}
	return made
}

func tip(b *github.PullRequestBranch) Tip {
	return Tip{
		Repository: Repository{Owner: b.GetRepo().GetOwner().GetLogin(), Name: b.GetRepo().GetName()},
		Branch:     b.GetRef(), Commit: b.GetSHA(),
	}
}

func mergeState(p *github.PullRequest) MergeState {
	switch p.GetMergeableState() {
	case "clean", "has_hooks":
		return Clean
	case "unstable":
		return Unstable
	case "blocked", "draft":
		return Blocked
	case "behind":
		return Behind
	case "dirty":
		return Conflicting
	}
	return Unknown
}
