// Package resource says how the CloudFormation engine of the sandbox drives one
// type of resource, and nothing more: it is a leaf that both sides import.
//
// A [Provider] makes, changes and removes the resources of one type, such as
// AWS::RDS::DBInstance. The contract:
//
//   - Properties are resolved: no intrinsic functions, no dynamic references, no
//     AWS::NoValue. Numbers may arrive as numbers or as strings, booleans as
//     booleans or as "true" and "false", as templates write them; the readers in
//     this package ([Props]) take both.
//   - Calls block until the simulated work is over, by the injected clock, and
//     give up when ctx ends. What was begun stays begun, as in AWS.
//   - Calls are idempotent by Request.Token: a call that is repeated after a
//     crash, with the same token, is the same call. It takes up the work where it
//     stood and answers as the first one would have. Create returns the same
//     physical ID. Delete of what is gone already succeeds.
//   - State lives in the sandbox's store, accounts and regions apart, and is the
//     same state that the service's own API describes.
//   - An error that the template's author can do something about is an [*Error].
//     Other errors are failures of the sandbox itself.
//
// Providers are safe for concurrent use. Sources: the CloudFormation resource
// type development guide (handler contract, handler error codes).
package resource

import "context"

// Provider drives the resources of one type.
type Provider interface {
	// Create makes the resource. Request.PhysicalID is empty. An error after the
	// resource was begun comes with the State that the resource has by then, so
	// that the engine can delete it in its rollback; an empty PhysicalID says
	// that nothing was made.
	Create(ctx context.Context, request Request) (State, error)
	// Update changes Previous into Properties in place. The engine has decided
	// before, by the schema, that this needs no replacement. The physical ID of
	// the answer is the one in the request.
	Update(ctx context.Context, request Request) (State, error)
	// Delete removes the resource named by PhysicalID. Previous and Properties
	// both hold the properties that it has.
	Delete(ctx context.Context, request Request) error
}

// Snapshotter is a Provider whose resources can be kept as a snapshot. The engine
// calls it before Delete where DeletionPolicy or UpdateReplacePolicy is Snapshot.
type Snapshotter interface {
	// Snapshot records what the resource holds and returns the snapshot's ID.
	Snapshot(ctx context.Context, request Request) (string, error)
}

// Reader is a Provider that can look at a resource that is there already: to take
// it into a stack, and to compare it with its template.
type Reader interface {
	// Read returns the resource that PhysicalID names, as it is now. Besides it the
	// request has only where and what: Account, Region and Type. One that is not
	// there is an [*Error] with code NotFound.
	Read(ctx context.Context, request Request) (Found, error)
}

// Found is a resource that was read.
type Found struct {
	State
	// Properties are what the resource has, in the form that templates give it;
	// tags without those that CloudFormation adds. What can't be read, such as a
	// password, is left out.
	Properties map[string]any
	// Readable names the properties of which Properties tells; nil is all of them.
	// One that is named and not in Properties is not set.
	Readable []string
}

// Request is one call to a Provider.
type Request struct {
	Account string // twelve digits
	Region  string // "us-east-1"

	StackID   string // the stack's ARN
	StackName string
	Type      string // "AWS::RDS::DBInstance"
	LogicalID string
	// PhysicalID names the resource to update or delete; empty in Create.
	PhysicalID string
	// Token is unique to this operation on this resource, and the same when the
	// operation is repeated after a crash. Never empty.
	Token string

	// Properties are what the resource is to have.
	Properties map[string]any
	// Previous are the properties that it has; nil in Create.
	Previous map[string]any
	// Tags are the stack's tags, those that CloudFormation adds (aws:cloudformation:…)
	// included. A provider lays the resource's own Tags over them.
	Tags map[string]string
}

// State is what a resource is after a call.
type State struct {
	// PhysicalID is what DescribeStackResources shows.
	PhysicalID string
	// Ref is what the Ref function gives: nearly always the physical ID.
	Ref string
	// Attributes are what Fn::GetAtt gives, by name; nested ones are dotted:
	// "Endpoint.Address".
	Attributes map[string]any
}

// Codes of errors, as CloudFormation's handler contract names them.
const (
	InvalidRequest       = "InvalidRequest"
	NotFound             = "NotFound"
	AlreadyExists        = "AlreadyExists"
	NotUpdatable         = "NotUpdatable"
	ResourceConflict     = "ResourceConflict"
	ServiceLimitExceeded = "ServiceLimitExceeded"
	GeneralService       = "GeneralServiceException"
)

// Error is a refusal by the service behind a resource.
type Error struct {
	// Code is one of the codes above.
	Code string
	// Message is the service's own, with no secret values in it.
	Message string
}

// Error is the message with its code, in the form of a stack event's reason.
func (e *Error) Error() string {
	return e.Message + " (HandlerErrorCode: " + e.Code + ")"
}
