// Package stack deploys and deletes CloudFormation stacks, each through one
// change set a Change, on AWS or on any endpoint that speaks its API.
//
// # One operation a Change
//
// Deploy looks at the stack, does the next thing, and looks again, so it makes no
// difference whether it starts or goes on: the change set is named after the
// Change ("drawbridge-", its name, and the beginning of its UID), and that name is
// also the token of each request. After a crash at any instruction the same
// Request finds its change set in whatever state, or the events of its operation,
// and continues; it never starts a second operation. The same Request after the
// end returns the same end, failure included, so each attempt needs a Change of
// its own.
//
// An operation that is under way for another Change is waited for, then the
// change set is made. When ctx ends, Deploy returns at once and leaves the
// operation to finish; the next Deploy waits for it.
//
// # Answers to every status
//
//	none, REVIEW_IN_PROGRESS                     create
//	*_IN_PROGRESS                                wait
//	CREATE_, UPDATE_, UPDATE_ROLLBACK_,
//	IMPORT_, IMPORT_ROLLBACK_COMPLETE            update
//	ROLLBACK_COMPLETE, ROLLBACK_FAILED,
//	CREATE_FAILED                                delete and create, when no resource
//	                                             in it holds data; else *DestructiveError
//	UPDATE_FAILED, UPDATE_ROLLBACK_FAILED,
//	IMPORT_ROLLBACK_FAILED, DELETE_FAILED        *StuckError: names the resources and
//	                                             what a person can do
//
// # What is refused
//
// Deleting or replacing a resource that holds data, also when CloudFormation says
// only that it may be replaced, unless Request.AllowDestructive says yes to that
// very resource: the change set is deleted and *DestructiveError returned. The
// exceptions to "may" are the properties of schema.InPlace, Multi-AZ among them.
// What is in nested stacks is treated alike, as their change sets are read too; a
// nested stack itself counts as one that holds data. A resource with
// DeletionPolicy Retain may leave the stack.
//
// A stack is ours when its tags drawbridge:environment and drawbridge:component
// say so. There is no tag for the Change: CloudFormation hands stack tags down to
// the resources, so it would alter every resource at every commit, and no change
// set would ever be empty. The Change is in the change set's name, which
// DescribeStacks shows, and in the token of each event.
//
// # Previews
//
// Preview and PreviewDelete say what Deploy and Delete would do. A change set that is made
// for it is deleted again, with the stack if that was made for it, and is named
// "drawbridge-plan-" and something random, so that it is nobody's operation. Files is the
// same without an account: it compares templates, by the schemas of package template.
//
// # Secrets
//
// Values of NoEcho parameters, of dynamic references to secrets, and of properties
// that are secret by name are in no Change, event or error of this package.
//
// # Waiting
//
// All stacks of a Deployer in flight share one pace with one timer. Each look is
// one DescribeStackEvents for that stack: it is needed to follow the events
// anyway, it also tells the stack's status, and, other than DescribeStacks without
// a name, it does not grow with the account, sees deleted stacks, and needs no
// permission on stacks of others. Looks are spread over the interval, and slow
// down together when the service throttles.
//
// A call whose answer was lost, or that was throttled, is made again, ten times at
// most in a row; each is safe to repeat.
//
// A Deployer is safe for concurrent use. onEvent is called from the goroutine of
// its Deploy or Delete, in order.
package stack
