package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// stack is a stack as the store keeps it, under its ARN.
type stack struct {
	ID, Name         string
	Status           types.StackStatus
	Reason           string
	Created          time.Time
	Updated, Deleted *time.Time
	Protected        bool // from being deleted
	// Parent and Root are the IDs of the stack that holds a nested stack, and of
	// the one at the top.
	Parent, Root string
	ChangeSetID  string
	Deployed     target           // what the stack was last brought to
	Resources    map[string]*live `json:"-"` // see snapshot.go
	Outputs      []output
	Imports      []string   // names of exports that it uses
	Operation    *operation `json:"-"`
	// Policy is the stack policy, or "".
	Policy string
	// Unsettled is the last update, where it failed and was not rolled back.
	Unsettled *operation        `json:"-"`
	Tokens    map[string]string // of clients, to what was done for them
	// Drift is what the last drift detection found.
	Drift drift
	// Failure is why the last operation failed, or "".
	Failure string
	// LastOperation is the operation under way, or the last one.
	LastOperation *begun
	LastEvent     int
	LastEventAt   time.Time // no two events are of one time
	pending       []event
}

// target is what a stack is to be brought to.
type target struct {
	Template         string   // the key of its text; "" before the first
	NoEcho           []string // the parameters that must not be shown
	Description      string
	Parameters       map[string]string
	Tags             map[string]string
	Capabilities     []types.Capability
	RoleARN          string
	NotificationARNs []string
	DisableRollback  bool
	OnFailure        types.OnFailure
	Timeout          int32 // in minutes
	// RetainExceptOnCreate deletes what a failed operation made, whatever its
	// deletion policy says.
	RetainExceptOnCreate bool
	// Mode is the deployment mode that was asked for: "" or STANDARD.
	Mode types.DeploymentConfigMode
	// Rollback is shown only: nothing watches its triggers.
	Rollback *types.RollbackConfiguration
	// Validate the target before its first resource is touched. A change set was
	// validated when it was made.
	Validate bool
}

// live is a resource of a stack, as it was last brought to be.
type live struct {
	template.Desired
	PhysicalID, Ref string
	Attributes      map[string]any
	Status          types.ResourceStatus
	Reason          string
	Changed         time.Time
	// Operation is the last one that came to the resource, and Did what it did:
	// "", created, updated, replaced or imported.
	Operation, Did string
	// SignalsUntil is when its creation fails if the signals that it waits for have
	// not come.
	SignalsUntil time.Time
}

type output struct{ Key, Value, Description, Export string }

// operation is a change of a stack that is under way.
type operation struct {
	ID    string
	Kind  string // create, update, import or delete
	Phase phase
	// From is the status that the stack had before.
	From types.StackStatus
	// Token is the client's, which its events carry.
	Token  string
	Target target
	Begun  time.Time
	// Before are the resources as they were, for updates and their rollback.
	Before map[string]*live `json:"-"`
	// Doomed are the resources to delete in the cleanup, by physical ID.
	Doomed []*live `json:"-"`
	// Failed are the resources that failed, and Failure why the operation did.
	Failed  []string
	Failure string
	// Skip are the resources to leave alone: those to retain, for deletes, and
	// those that ContinueUpdateRollback skips.
	Skip []string
	// Stuck waits for the client to say how to go on: UPDATE_ROLLBACK_FAILED.
	Stuck bool
	// Attempt counts the rollbacks, so that a repeated one is a call of its own.
	Attempt int
	// Cancelled by CancelUpdateStack.
	Cancelled bool
	// ChangeSet is the ID of the change set that is executed.
	ChangeSet string
	// Nested marks the update of a nested stack that its parent's update made: when
	// all is applied it is Held until the parent knows whether it stays. Undo is
	// what the stack was before, for a rollback after that.
	Nested, Held bool
	Undo         *undo
	// Imports are the physical IDs of the resources to take in, by logical ID.
	Imports map[string]string
	// Revert are the resources to bring back to the template, though it does not
	// change: what was found of each.
	Revert map[string]types.StackResourceDriftStatus
	// Policy is the stack policy that the operation keeps.
	Policy string
	// Force deletes the stack whatever becomes of its resources.
	Force bool
	// Stable are the resources as they were before the first of the updates that
	// failed one after the other and were not rolled back, and Since the IDs of
	// these; none after a stack that was well.
	Stable map[string]*live `json:"-"`
	Since  []string
}

// stable are the resources that a rollback goes back to.
func (op *operation) stable() map[string]*live {
	if op.Stable != nil {
		return op.Stable
	}
	return op.Before
}

// touched tells whether the operation, or one that it follows, came to a resource.
func (op *operation) touched(r *live) bool {
	return r.Operation == op.ID || slices.Contains(op.Since, r.Operation)
}

// undo is what an update replaced in the stack.
type undo struct {
	Deployed target
	Outputs  []output
	Imports  []string
}

// waits tells whether the operation goes on only when it is told to.
func (op *operation) waits() bool { return op.Stuck || op.Held }

// begun names an operation for the API.
type begun struct {
	ID   string
	Type types.OperationType
}

// phase is how far an operation came. What follows it is in run.
type phase string

const (
	applying       phase = "applying"
	cleaning       phase = "cleaning"
	rollingBack    phase = "rolling back"
	cleaningRolled phase = "cleaning after the rollback"
	deleting       phase = "deleting"
)

// event is a stack event as the store keeps it.
type event struct {
	ID                    string
	StackID, StackName    string
	LogicalID, PhysicalID string
	Type, Status, Reason  string
	Properties, Token     string
	Operation             begun
	Time                  time.Time
	// Mistake is set for a finding of a validation, which is no stack event.
	Mistake *mistake
}

// changeSet is a change set as the store keeps it, under its ARN.
type changeSet struct {
	ID, Name, StackID, StackName string
	Type                         types.ChangeSetType
	Description, ClientToken     string
	Created                      time.Time
	Status                       types.ChangeSetStatus
	Execution                    types.ExecutionStatus
	Reason                       string
	Target                       target
	Changes                      []types.ResourceChange
	OnStackFailure               types.OnStackFailure
	// ExecuteToken is the client request token of its execution.
	ExecuteToken                                     string
	IncludeNested, ImportExisting, DisableValidation bool
	// Operation is the ID of the operation that made it, and Mistakes are what
	// its validation found.
	Operation string
	Mistakes  []mistake
	// Parent and Root are the IDs of the change sets above it, and Nested those of
	// the change sets for nested stacks, by the logical ID of the stack.
	Parent, Root string
	Nested       map[string]string
	// Imports are the physical IDs of the resources that it takes in, by logical ID.
	Imports map[string]string
	// Mode is the deployment mode, and Revert what it is to revert.
	Mode   types.DeploymentMode
	Revert map[string]types.StackResourceDriftStatus
	depth  int // below the root, while it is worked out
}

// mistake is one finding of the validation of a change set.
type mistake struct{ Check, LogicalID, Type, Path, Message string }

var (
	stacks = store.Table[stack]{Name: "cloudformation/stacks"}
	// names holds the ID of the stack that has a name now.
	names      = store.Table[string]{Name: "cloudformation/names"}
	events     = store.Table[event]{Name: "cloudformation/events"}
	changeSets = store.Table[changeSet]{Name: "cloudformation/changesets"}
	// changeSetIDs holds the IDs of a stack's change sets, under the stack's ID and
	// the change set's name.
	changeSetIDs = store.Table[string]{Name: "cloudformation/changeset-ids"}
	// operations holds what an operation belongs to: the ID of a stack, or of a
	// change set.
	operations = store.Table[string]{Name: "cloudformation/operations"}
)

const stackType = "AWS::CloudFormation::Stack"

// state is the stack as comparisons take it.
func (s *stack) state() *template.State {
	out := &template.State{Parameters: s.Deployed.Parameters, StackTags: s.Deployed.Tags, Resources: map[string]template.Desired{}}
	for id, r := range s.Resources {
		if r.exists() {
			out.Resources[id] = r.Desired
		}
	}
	return out
}

// exists tells whether there is such a resource, if not in the best of health.
func (r *live) exists() bool {
	return r.PhysicalID != "" && r.Status != types.ResourceStatusCreateFailed && r.Status != types.ResourceStatusImportFailed && r.Status != types.ResourceStatusDeleteComplete
}

// set changes the status of the stack, with an event.
func (s *stack) set(at time.Time, status types.StackStatus, reason string) {
	s.Status, s.Reason = status, reason
	s.emit(event{LogicalID: s.Name, PhysicalID: s.ID, Type: stackType, Status: string(status), Reason: reason, Time: at})
}

// setResource changes the status of a resource, with an event.
func (s *stack) setResource(at time.Time, r *live, status types.ResourceStatus, reason string) {
	r.Status, r.Reason, r.Changed = status, reason, at
	s.emit(event{LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, Type: r.Type, Status: string(status), Reason: reason,
		Properties: shownProperties(r.Desired), Time: at})
}

func (s *stack) emit(e event) {
	// Clients order events by their time, to the millisecond.
	if earliest := s.LastEventAt.Add(time.Millisecond); e.Time.Before(earliest) {
		e.Time = earliest
	}
	s.LastEvent, s.LastEventAt = s.LastEvent+1, e.Time
	e.ID, e.StackID, e.StackName = newID(), s.ID, s.Name
	if e.LogicalID != s.Name || e.Type != stackType {
		e.ID = fmt.Sprintf("%s-%s-%s", e.LogicalID, e.Status, e.Time.Format("2006-01-02T15:04:05.000Z"))
	}
	if s.Operation != nil {
		e.Token = s.Operation.Token
	}
	if s.LastOperation != nil {
		e.Operation = *s.LastOperation
	}
	s.pending = append(s.pending, e)
}

// remember keeps what was done for a client's token.
func (s *stack) remember(token, what string) {
	if token == "" {
		return
	}
	s.Tokens = maps.Clone(s.Tokens)
	if s.Tokens == nil {
		s.Tokens = map[string]string{}
	}
	s.Tokens[token] = what
}
