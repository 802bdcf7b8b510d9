package forge

import (
	"context"

	"github.com/google/go-github/v93/github"
)

func (g *gitHub) Reviews(ctx context.Context, repo Repository, number int) ([]Review, error) {
	c, err := g.client(repo)
	if err != nil {
		return nil, err
	}
	var all []Review
	for r, err := range c.PullRequests.ListReviewsIter(ctx, repo.Owner, repo.Name, number, &github.ListOptions{PerPage: page.PerPage}) {
		if err != nil {
			return nil, g.failure(err, "list the reviews of pull request %s#%d", repo, number)
		}
		state, submitted := reviewStates[r.GetState()]
		if !submitted {
			continue // it is its author's own yet
		}
		all = append(all, Review{
			ID: r.GetID(), Author: actor(r.GetUser()), State: state, Commit: r.GetCommitID(),
			Submitted: r.GetSubmittedAt().UTC(), Body: r.GetBody(), URL: r.GetHTMLURL(),
		})
	}
	return all, nil
}

var reviewStates = map[string]ReviewState{
	"APPROVED": Approved, "CHANGES_REQUESTED": ChangesRequested, "COMMENTED": Commented, "DISMISSED": Dismissed,
}
