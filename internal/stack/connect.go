package stack

import (
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/drawbridge-gitops/drawbridge/internal/account"
)

// Connect returns a Deployer for an account and region. Templates that are too
// large for a request go to the bucket, unless its name is empty. Nothing is
// called yet.
func Connect(a *account.Account, templateBucket string, o Options) *Deployer {
	if templateBucket != "" {
		o.Templates = &Bucket{Name: templateBucket, URL: a.BucketURL(templateBucket), Client: a.S3("")}
	}
	return New(cloudformation.NewFromConfig(a.Config()), o)
}
