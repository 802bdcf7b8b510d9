package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// attempts at one call before its error is given up on. With the pace slowing
// down at each, that is about four minutes at the default interval.
const attempts = 10

// call makes a call, again when its answer may have been lost or the service was
// busy. Every call of this package may be repeated: reads, deletions, and requests
// that carry the Change's token.
func call[T any](ctx context.Context, p *pace, what string, f func(context.Context) (T, error)) (T, error) {
	for n := 1; ; n++ {
		out, err := f(ctx)
		if err == nil {
			p.answered()
			return out, nil
		}
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if !transient(err) || n == attempts {
			return out, fmt.Errorf("%s: %w", what, err)
		}
		p.slower()
		if err := p.turn(ctx); err != nil {
			return out, err
		}
	}
}

func transient(err error) bool {
	if retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary {
		return true
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Codes of CloudFormation's errors.
const (
	codeValidation      = "ValidationError"
	codeSetNotFound     = "ChangeSetNotFound"
	codeSetStatus       = "InvalidChangeSetStatus"
	codeAlreadyExists   = "AlreadyExistsException"
	codeTokenExists     = "TokenAlreadyExistsException"
	codeCapabilities    = "InsufficientCapabilitiesException"
	codeOperationExists = "OperationInProgressException"
)

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}

func noSuchStack(err error) bool {
	return code(err) == codeValidation && strings.Contains(message(err), "does not exist")
}

// moved tells whether a request was refused because the stack or the change set
// is no longer what it was when we looked: the thing to do is to look again.
func moved(err error) bool {
	switch code(err) {
	case codeSetNotFound, codeSetStatus, codeAlreadyExists, codeTokenExists, codeOperationExists:
		return true
	case codeValidation:
		m := message(err)
		return strings.Contains(m, "_IN_PROGRESS state") || strings.Contains(m, "Stack ") &&
			(strings.Contains(m, "already exists") || strings.Contains(m, "does not exist"))
	}
	return false
}

// token is the name of a Change's change set and the token of its requests:
// letters, digits and hyphens, at most 117 of them, as Delete adds to it. Names
// that have to be bent for that get a digest, so that no two become one.
func token(change, uid string) string {
	if uid != "" {
		change += "-" + limit(uid, 8)
	}
	name := "drawbridge-" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' {
			return r
		}
		return '-'
	}, change)
	if name == "drawbridge-"+change && len(name) <= 100 {
		return name
	}
	digest := sha256.Sum256([]byte(change))
	return name[:min(len(name), 100)] + "-" + hex.EncodeToString(digest[:6])
}
