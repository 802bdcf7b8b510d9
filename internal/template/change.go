package template

// Change is what happens to one resource, in the words of DescribeChangeSet.
type Change struct {
	LogicalID string
	Type      string
	// Action is Add, Modify or Remove.
	Action ChangeAction
	// Replacement is given for Modify.
	Replacement Replacement
	// PolicyAction says what becomes of the resource that goes away: Delete,
	// Retain, Snapshot, ReplaceAndDelete, ReplaceAndRetain, ReplaceAndSnapshot;
	// "" when none does.
	PolicyAction string
	// Scope lists the resource attributes that change, once each: Properties,
	// Tags, Metadata, DeletionPolicy, …
	Scope   []string
	Details []Detail
	// Before and After are nil for Add and Remove. What After can't know yet is
	// an [Unknown]. They hold the values of NoEcho parameters; Details do not.
	Before, After *Desired
	// HoldsData marks types whose data is lost with the resource.
	HoldsData bool
}

// ChangeAction is what is done to a resource.
type ChangeAction string

// The actions.
const (
	Add    ChangeAction = "Add"
	Modify ChangeAction = "Modify"
	Remove ChangeAction = "Remove"
)

// Replacement says whether a modified resource is replaced.
type Replacement string

// The answers. Conditional depends on the service, or on a value that is known
// only when the change is made.
const (
	True        Replacement = "True"
	False       Replacement = "False"
	Conditional Replacement = "Conditional"
)

// Detail is why and how one attribute of a resource changes.
type Detail struct {
	// Attribute is Properties, Tags, Metadata, CreationPolicy, UpdatePolicy,
	// DeletionPolicy or UpdateReplacePolicy.
	Attribute string
	// Name of the property, for Properties only, and its path.
	Name, Path string
	// RequiresRecreation is Never, Conditionally or Always.
	RequiresRecreation string
	// Evaluation is Static for what is certain, Dynamic for what only may change.
	Evaluation string
	// ChangeSource is DirectModification, ParameterReference, ResourceReference
	// or ResourceAttribute; CausingEntity is the parameter or resource, with its
	// attribute after a dot.
	ChangeSource, CausingEntity string
	// ChangeType is Add, Remove or Modify.
	ChangeType ChangeAction
	// Before and After are the values; nil where there is none, "****" where a
	// NoEcho parameter goes into them.
	Before, After any
}

// NoEcho is shown in the place of a value that must not be seen.
const NoEcho = "****"
