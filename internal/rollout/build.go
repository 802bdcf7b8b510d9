package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// builds are components of kind build.
type builds struct{}

// read checks the buildspec.
func (builds) read(ctx context.Context, p *prepared, n *node, _ *values) error {
	spec, err := p.buildspec(ctx, n)
	n.buildspec = spec
	return err
}

func (p *prepared) buildspec(ctx context.Context, n *node) (*buildspec.Spec, error) {
	data, _, err := p.tree.ReadFile(ctx, p.Repository, n.Buildspec)
	if err != nil {
		return nil, err
	}
	return buildspec.Parse(n.Buildspec, data)
}

// outputs are the variables that the build exports.
func (builds) outputs(ctx context.Context, p *prepared, n *node) ([]string, bool) {
	spec, err := p.buildspec(ctx, n)
	if err != nil {
		return nil, false // told where the buildspec is read
	}
	var names []string
	for _, name := range spec.Env.Exported {
		names = append(names, name.Value)
	}
	return names, true
}

// roll runs the build. What it makes is its own: Drawbridge owns none of it.
func (builds) roll(ctx context.Context, p *prepared, n *node, v *values) error {
	if err := p.State.Claim(ctx, n.spec(p.Environment.Name, nil, n.digest)); err != nil {
		return err
	}
	result, err := p.build(ctx, n, v)
	if failed := (*build.FailedError)(nil); err != nil && !errors.As(err, &failed) {
		err = fmt.Errorf("%s: %w", n.Buildspec, err)
	}
	if err != nil {
		return p.finish(ctx, n, n.recordedStatus(), err)
	}
	failpoint.Hit("rollout/after-build")
	p.Steps.summarize(n.Name, built(result))
	return p.finish(ctx, n, v1alpha1.ComponentStatus{Outputs: result.Exported}, nil)
}

// built says what came out of a build.
func built(r build.Result) string {
	text := "built"
	if len(r.Exported) > 0 {
		text += ", exports " + strings.Join(slices.Sorted(maps.Keys(r.Exported)), ", ")
	}
	if n := len(r.Artifacts); n > 0 {
		text += ", " + count(n, "artifact")
	}
	return text
}

func (p *prepared) build(ctx context.Context, n *node, v *values) (build.Result, error) {
	order := build.Order{
		Tree: p.tree, Read: p.Repository, Path: n.Path, Reads: n.Reads, Spec: n.buildspec,
		Buildspec: strings.TrimPrefix(strings.TrimPrefix(n.Buildspec, n.Path), "/"),
		Component: p.environment() + "/" + n.Name,
		About: build.About{
			ID: n.Name + ":" + p.Change, Repository: p.Environment.Spec.Source.URL, Branch: p.Environment.Spec.Source.Branch,
			Commit: p.Commit.OID, Initiator: "drawbridge", Started: time.Now(),
		},
		Variables: map[string]string{}, Parameters: nowhere{}, Secrets: nowhere{},
		Log: func(l build.Line) { p.printedByBuild(n.Name, l) },
	}
	if p.Account != nil {
		order.Parameters, order.Secrets, order.About.Region = p.Account, p.Account, p.Environment.Spec.AWS.Region
	}
	for name, value := range v.Inputs {
		order.Variables[name] = value
	}
	if role := p.Environment.Spec.Build.RoleARN; role != "" {
		if err := p.giveRole(ctx, &order, role); err != nil {
			return build.Result{}, err
		}
	}
	return p.Builds.Build(ctx, order)
}

// giveRole lets the build act in AWS, with a role and nothing more.
func (p *prepared) giveRole(ctx context.Context, order *build.Order, role string) error {
	if p.Account == nil {
		return errors.New("builds are given a role (spec.build.roleARN), but the Environment has no spec.aws: name a region there")
	}
	id, err := p.Account.ID(ctx)
	if err != nil {
		return err
	}
	order.About.Account, order.Variables["AWS_ACCOUNT_ID"] = id, id
	variables, err := p.Account.Session(ctx, role)
	if err != nil {
		return err
	}
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		order.Variables[name] = value
		if name == "AWS_SECRET_ACCESS_KEY" || name == "AWS_SESSION_TOKEN" {
			order.Hidden = append(order.Hidden, value)
		}
	}
	return nil
}

func (p *prepared) printedByBuild(component string, l build.Line) {
	text := l.Text
	if l.Mark {
		text = "── " + text
		p.Steps.say(component, l.Text)
	}
	p.say(component, text)
}

// nowhere is AWS for an Environment that names no place in it.
type nowhere struct{}

var errNowhere = errors.New("the Environment has no spec.aws to read it from: name a region there")

func (nowhere) Parameter(context.Context, string) (string, error) { return "", errNowhere }
func (nowhere) SecretString(context.Context, string, string, string) (string, error) {
	return "", errNowhere
}
