package ssm

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// labelLimit is how many labels a version may have.
const labelLimit = 10

var labelForm = regexp.MustCompile(`^[a-zA-Z_.\-][a-zA-Z0-9_.\-]{0,99}$`)

func validLabel(label string) bool {
	lower := strings.ToLower(label)
	return labelForm.MatchString(label) && !strings.HasPrefix(lower, "aws") && !strings.HasPrefix(lower, "ssm")
}

// at returns the version that a request numbers: the newest where it does not.
func (p *parameter) at(number *int64) (*version, error) {
	if number == nil {
		return &p.Versions[len(p.Versions)-1], nil
	}
	for i := range p.Versions {
		if p.Versions[i].Number == *number {
			return &p.Versions[i], nil
		}
	}
	return nil, &types.ParameterVersionNotFound{Message: aws.String(fmt.Sprintf(
		"Systems Manager could not find version %d of %s.", *number, p.Name))}
}

// change runs an update of one parameter.
func (s *SSM) change(ctx context.Context, id *string, do func(*parameter) error) error {
	return s.store.Update(func(tx *store.Tx) error {
		found, _, err := get(tx, scopeOf(ctx), aws.ToString(id))
		if err != nil {
			return err
		}
		if err := do(&found); err != nil {
			return err
		}
		return parameters.Put(tx, scopeOf(ctx), found.Name, found)
	})
}

// labelParameterVersion puts labels on a version and takes them from the others.
func (s *SSM) labelParameterVersion(ctx context.Context, in *ssm.LabelParameterVersionInput) (*ssm.LabelParameterVersionOutput, error) {
	out := &ssm.LabelParameterVersionOutput{}
	return out, s.change(ctx, in.Name, func(p *parameter) error {
		to, err := p.at(in.ParameterVersion)
		if err != nil {
			return err
		}
		out.ParameterVersion = to.Number
		for _, label := range in.Labels {
			if !validLabel(label) {
				out.InvalidLabels = append(out.InvalidLabels, label)
				continue
			}
			for i := range p.Versions {
				p.Versions[i].Labels = slices.DeleteFunc(p.Versions[i].Labels, func(l string) bool { return l == label })
			}
			to.Labels = append(to.Labels, label)
		}
		if len(to.Labels) > labelLimit {
			return &types.ParameterVersionLabelLimitExceeded{Message: aws.String(fmt.Sprintf("A parameter version can have maximum %d labels.", labelLimit))}
		}
		return nil
	})
}

func (s *SSM) unlabelParameterVersion(ctx context.Context, in *ssm.UnlabelParameterVersionInput) (*ssm.UnlabelParameterVersionOutput, error) {
	out := &ssm.UnlabelParameterVersionOutput{}
	return out, s.change(ctx, in.Name, func(p *parameter) error {
		from, err := p.at(in.ParameterVersion)
		if err != nil {
			return err
		}
		for _, label := range in.Labels {
			at := slices.Index(from.Labels, label)
			if at < 0 {
				out.InvalidLabels = append(out.InvalidLabels, label)
				continue
			}
			from.Labels = slices.Delete(from.Labels, at, at+1)
			out.RemovedLabels = append(out.RemovedLabels, label)
		}
		return nil
	})
}
