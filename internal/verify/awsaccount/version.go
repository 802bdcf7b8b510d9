package awsaccount

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

// Secret is the version that has the stage. When it got it stands nowhere; the last
// change of any kind is not before that.
func (a *Account) Secret(ctx context.Context, id, stage string) (verify.Version, error) {
	out, err := a.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return verify.Version{}, told("secret "+id, err)
	}
	for version, stages := range out.VersionIdsToStages {
		if slices.Contains(stages, stage) {
			return verify.Version{ID: version, Changed: aws.ToTime(out.LastChangedDate)}, nil
		}
	}
	return verify.Version{}, fmt.Errorf("secret %s has no version with the stage %s: %w", id, stage, verify.ErrNotFound)
}

// Parameter by its name or ARN.
func (a *Account) Parameter(ctx context.Context, name string) (verify.Version, error) {
	name = parameterName(name)
	out, err := a.parameters.DescribeParameters(ctx, &ssm.DescribeParametersInput{
		ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Equals"), Values: []string{name}}},
	})
	switch {
	case err != nil:
		return verify.Version{}, told("parameter "+name, err)
	case len(out.Parameters) == 0:
		return verify.Version{}, fmt.Errorf("parameter %s: %w", name, verify.ErrNotFound)
	}
	p := out.Parameters[0]
	return verify.Version{ID: strconv.FormatInt(p.Version, 10), Changed: aws.ToTime(p.LastModifiedDate)}, nil
}

// parameterName is that of an ARN, arn:aws:ssm:region:account:parameter/name: a name
// begins with a slash when it has any.
func parameterName(name string) string {
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		if name = strings.TrimPrefix(parts[5], "parameter/"); strings.Contains(name, "/") {
			name = "/" + name
		}
	}
	return name
}
