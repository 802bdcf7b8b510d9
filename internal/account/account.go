package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Place is a region, and a role that is assumed for every call when one is named.
type Place struct{ Region, RoleARN string }

// Account is one account and region. Make one with [Connect].
type Account struct {
	config aws.Config
	place  Place

	mu sync.Mutex
	id string
}

// sessionName is what our sessions are called in CloudTrail.
const sessionName = "drawbridge"

// Connect returns the account of a place.
func Connect(ctx context.Context, p Place) (*Account, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(p.Region), config.WithAppID("drawbridge"))
	if err != nil {
		return nil, fmt.Errorf("region %s: %w", p.Region, err)
	}
	if p.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), p.RoleARN, func(r *stscreds.AssumeRoleOptions) {
			r.RoleSessionName = sessionName
		})
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	return &Account{config: cfg, place: p}, nil
}

// Config is for clients of further services.
func (a *Account) Config() aws.Config { return a.config }

// Region of the place.
func (a *Account) Region() string { return a.place.Region }

// ID of the account: twelve digits. It is asked for once.
func (a *Account) ID(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.id != "" {
		return a.id, nil
	}
	out, err := sts.NewFromConfig(a.config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("which AWS account this is: %w", err)
	}
	a.id = aws.ToString(out.Account)
	return a.id, nil
}

// ErrNoParameter is a parameter that the Parameter Store does not have.
var ErrNoParameter = errors.New("there is no such parameter in the Parameter Store")

// Parameter returns the value of a parameter, decrypted. The name may end in
// ":version" or ":label".
func (a *Account) Parameter(ctx context.Context, name string) (string, error) {
	out, err := ssm.NewFromConfig(a.config).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	var missing *ssmtypes.ParameterNotFound
	switch {
	case errors.As(err, &missing):
		return "", fmt.Errorf("parameter %s in %s: %w", name, a.place.Region, ErrNoParameter)
	case err != nil:
		return "", fmt.Errorf("parameter %s in %s: %w", name, a.place.Region, err)
	}
	return aws.ToString(out.Parameter.Value), nil
}

// SecretString returns the text of a secret. An empty stage and version mean the
// current one.
func (a *Account) SecretString(ctx context.Context, id, stage, version string) (string, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	if version != "" {
		in.VersionId = &version
	}
	out, err := secretsmanager.NewFromConfig(a.config).GetSecretValue(ctx, in)
	if err != nil {
		return "", fmt.Errorf("secret %s in %s: %w", id, a.place.Region, err)
	}
	if out.SecretString == nil {
		return "", fmt.Errorf("secret %s in %s holds bytes and no text", id, a.place.Region)
	}
	return *out.SecretString, nil
}

// Session returns the variables by which a program has a role, or with an empty
// ARN the identity of the account itself: credentials, region and, where there is
// one, the endpoint. The credentials are temporary wherever ours are.
func (a *Account) Session(ctx context.Context, roleARN string) ([]string, error) {
	provider := a.config.Credentials
	if roleARN != "" {
		provider = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(a.config), roleARN, func(r *stscreds.AssumeRoleOptions) {
			r.RoleSessionName = sessionName
		})
	}
	if provider == nil {
		return nil, errors.New("there are no AWS credentials to give to a program")
	}
	c, err := provider.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials for a program: %w", err)
	}
	env := []string{
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey,
		"AWS_REGION=" + a.place.Region, "AWS_DEFAULT_REGION=" + a.place.Region,
	}
	if c.SessionToken != "" {
		env = append(env, "AWS_SESSION_TOKEN="+c.SessionToken)
	}
	if endpoint := aws.ToString(a.config.BaseEndpoint); endpoint != "" {
		env = append(env, "AWS_ENDPOINT_URL="+endpoint, "AWS_EC2_METADATA_DISABLED=true")
	}
	return env, nil
}

// BucketURL is what a bucket's objects are found under: as AWS addresses it, or
// below the one endpoint that stands for all services.
func (a *Account) BucketURL(bucket string) string {
	if endpoint := aws.ToString(a.config.BaseEndpoint); endpoint != "" {
		return strings.TrimSuffix(endpoint, "/") + "/" + bucket
	}
	suffix := "amazonaws.com"
	if strings.HasPrefix(a.place.Region, "cn-") {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://%s.s3.%s.%s", bucket, a.place.Region, suffix)
}
