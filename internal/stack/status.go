package stack

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// answer is what Deploy does about a stack in a given status.
type answer string

const (
	create   answer = "create"   // there is no stack yet, or an empty one
	wait     answer = "wait"     // an operation is under way
	update   answer = "update"   // settled, takes a change set
	recreate answer = "recreate" // the first create failed: nothing to update
	explain  answer = "explain"  // a person has to decide
)

// answers holds every status of CloudFormation. A test compares it with the
// SDK's list, so that a new status is decided on and not fallen into.
var answers = map[types.StackStatus]answer{
	"":                                                       create, // no such stack
	types.StackStatusDeleteComplete:                          create, // seen by ARN only
	types.StackStatusReviewInProgress:                        create, // holds a change set and nothing else
	types.StackStatusCreateInProgress:                        wait,
	types.StackStatusDeleteInProgress:                        wait,
	types.StackStatusUpdateInProgress:                        wait,
	types.StackStatusImportInProgress:                        wait,
	types.StackStatusRollbackInProgress:                      wait,
	types.StackStatusUpdateRollbackInProgress:                wait,
	types.StackStatusImportRollbackInProgress:                wait,
	types.StackStatusUpdateCompleteCleanupInProgress:         wait,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: wait,

	types.StackStatusCreateComplete:         update,
	types.StackStatusUpdateComplete:         update,
	types.StackStatusUpdateRollbackComplete: update,
	types.StackStatusImportComplete:         update,
	types.StackStatusImportRollbackComplete: update,

	types.StackStatusRollbackComplete: recreate,
	types.StackStatusCreateFailed:     recreate,
	types.StackStatusRollbackFailed:   recreate,

	types.StackStatusDeleteFailed:         explain,
	types.StackStatusUpdateFailed:         explain,
	types.StackStatusUpdateRollbackFailed: explain,
	types.StackStatusImportRollbackFailed: explain,
}

// answerTo never guesses: a status from after this code was written is waited
// for when its name says that it passes, and explained when not.
func answerTo(s types.StackStatus) answer {
	if a, ok := answers[s]; ok {
		return a
	}
	if strings.HasSuffix(string(s), "_IN_PROGRESS") {
		return wait
	}
	return explain
}

// advice says what a person can do about a status that is explained.
func advice(s types.StackStatus) string {
	switch s {
	case types.StackStatusDeleteFailed:
		return "its deletion stopped half-way and what is named stands still; remove the cause and delete the stack, or delete it and retain those resources (aws cloudformation delete-stack --retain-resources), then push again"
	case types.StackStatusUpdateFailed:
		return "somebody updated it with rollback switched off; roll it back (aws cloudformation rollback-stack), then push again"
	case types.StackStatusUpdateRollbackFailed:
		return "its rollback failed, and going on may skip resources for good, so a person has to decide: remove the cause, then continue the rollback (aws cloudformation continue-update-rollback), then push again"
	case types.StackStatusImportRollbackFailed:
		return "an import into it could not be undone; mend the resources that are named with CloudFormation's console or support, then push again"
	}
	return "this version of Drawbridge does not know the status; look at the stack in CloudFormation's console"
}

// success tells whether an operation that ended in the status did what it was to.
func success(s types.StackStatus) bool {
	switch s {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return true
	}
	return false
}
