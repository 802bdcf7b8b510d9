package forge

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v93/github"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

func (g *gitHub) Comment(ctx context.Context, repo Repository, number int, comment Comment) (string, error) {
	c, err := g.client(repo)
	if err != nil {
		return "", err
	}
	doing := fmt.Sprintf("comment %q on pull request %s#%d", comment.Marker, repo, number)
	if comment.Marker == "" || strings.Contains(comment.Marker, "--") || strings.ContainsAny(comment.Marker, ">\r\n") {
		return "", g.failure(&Error{Reason: ErrInvalid, Doing: "marker"}, "%s", doing)
	}
	mark := "<!-- drawbridge: " + comment.Marker + " -->\n"
	body := mark + comment.Body
	if len(body) > CommentLimit {
		return "", g.failure(&Error{Reason: ErrInvalid, Doing: "text", Detail: fmt.Sprintf("it has %d bytes, over %d", len(body), CommentLimit)}, "%s", doing)
	}
	letGo, err := g.turns.Take(ctx, fmt.Sprintf("%s#%d %s", repo, number, comment.Marker))
	if err != nil {
		return "", err
	}
	defer letGo()
	ours, err := g.ours(ctx, c, repo, number, mark)
	if err != nil {
		return "", g.failure(err, "%s", doing)
	}
	if len(ours) == 0 {
		failpoint.Hit("forge/before-comment")
		made, _, err := c.Issues.CreateComment(ctx, repo.Owner, repo.Name, number, github.IssueCommentRequest{Body: body})
		failpoint.Hit("forge/after-comment")
		return made.GetHTMLURL(), g.failure(err, "%s", doing)
	}
	for _, double := range ours[1:] { // of two controllers that wrote at once
		if _, err := c.Issues.DeleteComment(ctx, repo.Owner, repo.Name, double.GetID()); err != nil {
			return "", g.failure(err, "%s: delete a second one", doing)
		}
	}
	if ours[0].GetBody() == body {
		return ours[0].GetHTMLURL(), nil
	}
	failpoint.Hit("forge/before-comment")
	edited, _, err := c.Issues.UpdateComment(ctx, repo.Owner, repo.Name, ours[0].GetID(), github.IssueCommentRequest{Body: body})
	failpoint.Hit("forge/after-comment")
	return edited.GetHTMLURL(), g.failure(err, "%s", doing)
}

// ours are the comments that we made with the mark, oldest first. Anybody may write
// the mark, so the author counts too.
func (g *gitHub) ours(ctx context.Context, c *github.Client, repo Repository, number int, mark string) ([]*github.IssueComment, error) {
	self, err := g.login(ctx, c)
	if err != nil {
		return nil, err
	}
	var ours []*github.IssueComment
	for there, err := range c.Issues.ListCommentsIter(ctx, repo.Owner, repo.Name, number, &github.IssueListCommentsOptions{ListOptions: page}) {
		if err != nil {
			return nil, err
		}
		// GitHub ends lines as a browser does when one edits.
		text := strings.ReplaceAll(there.GetBody(), "\r\n", "\n")
		if strings.HasPrefix(text, mark) && strings.EqualFold(there.GetUser().GetLogin(), self) {
			ours = append(ours, there)
		}
	}
	return ours, nil
}
