package forge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v93/github"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// task names our deployments.
const task = "drawbridge"

// payload of a deployment holds its key.
type deploymentPayload struct {
	Key string `json:"drawbridge"`
}

func (g *gitHub) Deploy(ctx context.Context, repo Repository, d Deployment) error {
	c, err := g.client(repo)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("report deployment %s of %s into %s", d.Key, repo, d.Environment)
	if d.Key == "" || d.Environment == "" || d.Commit == "" {
		return g.failure(&Error{Reason: ErrInvalid, Doing: "key, environment and commit are required"}, "%s", doing)
	}
	letGo, err := g.turns.Take(ctx, repo.String()+" deployment "+d.Key)
	if err != nil {
		return err
	}
	defer letGo()
	id, err := g.deployment(ctx, c, repo, d)
	if err != nil {
		return g.failure(err, "%s", doing)
	}
	// The first of a list is the latest.
	latest, _, err := c.Repositories.ListDeploymentStatuses(ctx, repo.Owner, repo.Name, id, &github.ListOptions{PerPage: 1})
	if err != nil {
		return g.failure(err, "%s", doing)
	}
	if len(latest) > 0 && latest[0].GetState() == string(d.State) && latest[0].GetDescription() == cut(d.Description) &&
		latest[0].GetEnvironmentURL() == d.URL && latest[0].GetLogURL() == d.LogURL {
		return nil
	}
	failpoint.Hit("forge/before-deployment-status")
	_, _, err = c.Repositories.CreateDeploymentStatus(ctx, repo.Owner, repo.Name, id, github.DeploymentStatusRequest{
		State: string(d.State), Description: optional(cut(d.Description)),
		EnvironmentURL: optional(d.URL), LogURL: optional(d.LogURL),
	})
	failpoint.Hit("forge/after-deployment-status")
	return g.failure(err, "%s", doing)
}

// deployment finds it by its key, or makes it.
func (g *gitHub) deployment(ctx context.Context, c *github.Client, repo Repository, d Deployment) (int64, error) {
	for there, err := range c.Repositories.ListDeploymentsIter(ctx, repo.Owner, repo.Name, &github.DeploymentsListOptions{
		SHA: d.Commit, Environment: d.Environment, Task: task, ListOptions: page,
	}) {
		if err != nil {
			return 0, err
		}
		var p deploymentPayload
		// GitHub gives the payload as it came, or as a string of it.
		text := []byte(there.Payload)
		var quoted string
		if json.Unmarshal(text, &quoted) == nil {
			text = []byte(quoted)
		}
		if json.Unmarshal(text, &p) == nil && p.Key == d.Key {
			return there.GetID(), nil
		}
	}
	no, named, description := false, task, cut(d.Description)
	failpoint.Hit("forge/before-deployment")
	made, _, err := c.Repositories.CreateDeployment(ctx, repo.Owner, repo.Name, github.DeploymentRequest{
		Ref: d.Commit, Task: &named, Environment: &d.Environment, Description: &description,
		ProductionEnvironment: &d.Production, Payload: deploymentPayload{d.Key},
		// What has to be true before is the gate's to say.
		AutoMerge: &no, RequiredContexts: []string{},
	})
	failpoint.Hit("forge/after-deployment")
	return made.GetID(), err
}
