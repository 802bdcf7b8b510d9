// Package awsaccount answers the questions of package verify about a region of an AWS
// account, by the services' own descriptions: DescribeSecret and DescribeParameters for
// versions, which hold no values; Elastic Load Balancing v2 for balancers, target groups
// and targets; ACM for certificates; Route 53 for zones and records. It reads and changes
// nothing, and keeps nothing.
//
// An error that refuses a call is a *verify.DeniedError with the action as IAM knows it,
// one about what is not there wraps verify.ErrNotFound; others are the SDK's own, which
// repeats a call three times. An Account is safe for concurrent use.
package awsaccount

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

// Account is a region of an account. Make one with [New].
type Account struct {
	secrets      *secretsmanager.Client
	parameters   *ssm.Client
	balancers    *elb.Client
	certificates *acm.Client
	names        *route53.Client
}

var _ verify.Account = (*Account)(nil)

// New makes an account of a configuration, such as account.Account.Config returns.
func New(c aws.Config) *Account {
	return &Account{
		secretsmanager.NewFromConfig(c), ssm.NewFromConfig(c), elb.NewFromConfig(c), acm.NewFromConfig(c), route53.NewFromConfig(c),
	}
}

// prefixes of actions in IAM, by the services' names in the SDK.
var prefixes = map[string]string{
	secretsmanager.ServiceID: "secretsmanager", ssm.ServiceID: "ssm", elb.ServiceID: "elasticloadbalancing",
	acm.ServiceID: "acm", route53.ServiceID: "route53", "STS": "sts",
}

var (
	refusals = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
	absences = []string{"ResourceNotFoundException", "LoadBalancerNotFound", "TargetGroupNotFound", "NoSuchHostedZone"}
)

// told is an error as package verify tells them apart. The innermost operation counts:
// the call itself, or that for the credentials to make it with.
func told(what string, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if slices.Contains(refusals, api.ErrorCode()) {
			var call, inner *smithy.OperationError
			for rest := err; errors.As(rest, &inner); rest = inner.Err {
				call = inner
			}
			if call != nil {
				return &verify.DeniedError{Action: prefixes[call.ServiceID] + ":" + call.OperationName}
			}
		}
		if slices.Contains(absences, api.ErrorCode()) {
			return fmt.Errorf("%s: %w", what, verify.ErrNotFound)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
