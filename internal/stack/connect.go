package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Place is an account and region: the role, if one is named, is assumed with the
// identity that the process has.
type Place struct {
	Region, RoleARN string
	// TemplateBucket for large templates; see Bucket. None when empty.
	TemplateBucket string
}

// Connect returns a Deployer for the place. Identity and endpoint come from
// where all AWS programs take them: environment (AWS_ENDPOINT_URL among it),
// shared configuration, web identity, instance role. Nothing is called yet.
func Connect(ctx context.Context, p Place, o Options) (*Deployer, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(p.Region), config.WithAppID("drawbridge"))
	if err != nil {
		return nil, fmt.Errorf("region %s: %w", p.Region, err)
	}
	if p.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), p.RoleARN, func(r *stscreds.AssumeRoleOptions) {
			r.RoleSessionName = "drawbridge"
		})
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	if p.TemplateBucket != "" {
		o.Templates = bucket(cfg, p.TemplateBucket)
	}
	return New(cloudformation.NewFromConfig(cfg), o), nil
}

// bucket addresses it as AWS does, or below the one endpoint that stands for all
// services.
func bucket(cfg aws.Config, name string) *Bucket {
	endpoint := aws.ToString(cfg.BaseEndpoint)
	b := &Bucket{Name: name, URL: fmt.Sprintf("https://%s.s3.%s.amazonaws.com", name, cfg.Region)}
	if endpoint != "" {
		b.URL = strings.TrimSuffix(endpoint, "/") + "/" + name
	}
	b.Client = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = endpoint != "" })
	return b
}
