package cloudformation

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

// invalid is CloudFormation's error for most that is wrong.
func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationError", format, args...)
}

// find finds a stack by its name, or, deleted ones too, by its ARN.
func (c *CloudFormation) find(ctx context.Context, nameOrID *string) (key, *stack, error) {
	asked := aws.ToString(nameOrID)
	if asked == "" {
		return key{}, nil, invalid("1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null")
	}
	k := key{scopeOf(ctx), asked}
	if !strings.HasPrefix(asked, "arn:") {
		err := c.Store.View(func(tx *store.Tx) (err error) {
			k.ID, _, err = names.Get(tx, k.Scope, asked)
			return err
		})
		if err != nil {
			return k, nil, err
		}
	}
	found, there, err := c.look(k)
	if err == nil && !there {
		err = noStack(asked)
	}
	if err != nil {
		return k, nil, err
	}
	return k, &found, nil
}

func noStack(nameOrID string) error { return invalid("%s", noStackText(nameOrID)) }

func noStackText(nameOrID string) string { return "Stack with id " + nameOrID + " does not exist" }

// bracketed is err as some operations word it: a stack that is not there is
// "Stack [x]" to them.
func bracketed(err error, nameOrID *string) error {
	if answer, ok := wire.As(err); ok && answer.Message == noStackText(aws.ToString(nameOrID)) {
		return invalid("Stack [%s] does not exist", aws.ToString(nameOrID))
	}
	return err
}

func stackARN(scope store.Scope, name, id string) string {
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", partition(scope.Region), scope.Region, scope.Account, name, id)
}

func changeSetARN(scope store.Scope, name string) string {
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:changeSet/%s/%s", partition(scope.Region), scope.Region, scope.Account, name, newID())
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// page returns the part of all that begins at token, and the token of what
// follows it.
func page[T any](all []T, token *string, size int) (some []T, next *string, err error) {
	from := 0
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err == nil {
			from, err = strconv.Atoi(string(raw))
		}
		if err != nil || from < 0 {
			return nil, nil, invalid("NextToken is not valid")
		}
	}
	all = all[min(from, len(all)):]
	if len(all) > size {
		return all[:size], aws.String(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + size)))), nil
	}
	return all, nil, nil
}
