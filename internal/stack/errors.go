package stack

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// Errors for errors.Is. All errors of Deploy and Delete name the environment,
// the component and the stack in front.
var (
	// ErrNoBucket: the template is too large to be sent with the request.
	ErrNoBucket = errors.New("the template is larger than 51,200 bytes and there is no bucket for templates; name one in the Environment (spec.aws.templateBucket), or split the template")
	// ErrTooLarge: CloudFormation takes no such template at all.
	ErrTooLarge = errors.New("the template is larger than 1 MB, which CloudFormation does not take; split it")
	// ErrProtected: the stack has termination protection.
	ErrProtected = errors.New("the stack has termination protection and is not deleted; switch it off first (aws cloudformation update-termination-protection --no-enable-termination-protection) if that is meant")
)

// RejectedError says that CloudFormation did not accept the template or its
// parameters. Nothing was executed.
type RejectedError struct {
	TemplateFile string
	Reason       string
}

func (e *RejectedError) Error() string {
	if e.TemplateFile == "" {
		return "CloudFormation rejects the change, nothing was executed: " + e.Reason
	}
	return fmt.Sprintf("CloudFormation rejects %s, nothing was executed: %s", e.TemplateFile, e.Reason)
}

// OperationError says that an operation ran and did not end well.
type OperationError struct {
	// Status that the stack ended in.
	Status types.StackStatus
	// First is the failure that caused the others; zero when the stack's
	// events don't tell.
	First Event
	// Others failed too, mostly in consequence.
	Others []Event
	// Kept are the resources that a failed deletion left behind.
	Kept []string
}

func (e *OperationError) Error() string {
	var b strings.Builder
	if e.First.LogicalID != "" {
		fmt.Fprintf(&b, "%s (%s): %s: ", e.First.LogicalID, e.First.Type, e.First.Status)
	}
	reason := e.First.Reason
	if reason == "" {
		reason = "CloudFormation gives no reason"
	}
	b.WriteString(strings.TrimRight(reason, ". "))
	if len(e.Others) > 0 {
		ids := make([]string, len(e.Others))
		for i, o := range e.Others {
			ids[i] = o.LogicalID
		}
		fmt.Fprintf(&b, "; failed after it: %s", strings.Join(ids, ", "))
	}
	if len(e.Kept) > 0 {
		fmt.Fprintf(&b, "; still there: %s", strings.Join(e.Kept, ", "))
	}
	fmt.Fprintf(&b, "; the stack is in %s: %s", e.Status, e.next())
	return b.String()
}

func (e *OperationError) next() string {
	switch e.Status {
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed:
		return "it holds nothing of use, and the next commit creates it anew when no data is in it"
	case types.StackStatusUpdateRollbackComplete, types.StackStatusImportRollbackComplete:
		return "it is as it was before; correct the cause and push again"
	}
	return advice(e.Status)
}

// StuckError says that the stack is in a status in which a person has to decide.
type StuckError struct {
	Status types.StackStatus
	// Resources that keep it there, as "LogicalID (Type): reason".
	Resources []string
}

func (e *StuckError) Error() string {
	named := ""
	if len(e.Resources) > 0 {
		named = "; see " + strings.Join(e.Resources, ", ")
	}
	return fmt.Sprintf("the stack is in %s: %s%s", e.Status, advice(e.Status), named)
}

// DestructiveError says that resources which hold data would be deleted or
// replaced, which was not allowed. Nothing was executed.
type DestructiveError struct {
	Changes []diff.Change
}

func (e *DestructiveError) Error() string {
	items := make([]string, len(e.Changes))
	for i, c := range e.Changes {
		items[i] = fmt.Sprintf("%s %s (%s)", c.Action, c.Name, c.Type)
		if c.Reason != "" {
			items[i] += ", " + c.Reason
		}
	}
	return fmt.Sprintf("refused, nothing was executed: data would be lost by: %s; keep the resources, or, if that is meant, allow it in the Environment (spec.gate.destructive: Allow)", strings.Join(items, "; "))
}

// OwnershipError says that the stack belongs to somebody else, or to nobody.
type OwnershipError struct {
	// Environment and Component that the stack is tagged with; both are empty
	// when Drawbridge did not make it.
	Environment, Component string
}

func (e *OwnershipError) Error() string {
	if e.Environment == "" && e.Component == "" {
		return "the stack exists and was not made by Drawbridge; adopt it on purpose, or choose another stackName"
	}
	return fmt.Sprintf("the stack belongs to component %q of environment %q; choose another stackName", e.Component, e.Environment)
}
