// Package diff holds the words for what happens to a resource on either plane:
// an action, and the fields that change. Both planes' appliers return them, the
// plan collects them, the ledger stores them and the CLI prints them.
//
// The values are plain data with a stable JSON form. Nothing in here does I/O.
package diff

// Action is what happens to a resource.
type Action string

// The actions.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // deleted and created anew, in whichever order
	Delete  Action = "delete"
	NoOp    Action = "no-op"
	Unknown Action = "unknown" // depends on something that is not known yet
)

// Plane is one of the two worlds that a Change crosses.
type Plane string

// The planes.
const (
	AWS        Plane = "aws"
	Kubernetes Plane = "kubernetes"
)

// Resource names a resource on a plane.
type Resource struct {
	Plane Plane `json:"plane"`
	// Type is "AWS::RDS::DBInstance", or "apps/Deployment" (the core group has
	// no slash: "Service").
	Type string `json:"type"`
	// Namespace of the object, or the name of the stack.
	Namespace string `json:"namespace,omitempty"`
	// Name of the object, or the logical ID in the stack.
	Name string `json:"name"`
	// ID is the physical ID of an AWS resource.
	ID string `json:"id,omitempty"`
}

// String is "Type namespace/name".
func (r Resource) String() string {
	if r.Namespace == "" {
		return r.Type + " " + r.Name
	}
	return r.Type + " " + r.Namespace + "/" + r.Name
}

// Field is one field that changes. Before is absent for a field that is added,
// After for one that is removed.
type Field struct {
	// Path is dotted, with list elements by their name where they have one:
	// "spec.template.spec.containers[ghost].image".
	Path   string `json:"path"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
	// Sensitive fields carry neither value.
	Sensitive bool `json:"sensitive,omitempty"`
	// Unknown says that After, or a part of it, is known only once it is applied;
	// Later stands there.
	Unknown bool `json:"unknown,omitempty"`
}

// Later stands in a value for what is known only once it is applied.
const Later = "(known after apply)"

// Change is what happens, or happened, to one resource.
type Change struct {
	Resource
	Action Action  `json:"action"`
	Fields []Field `json:"fields,omitempty"`
	// Reason in words, where the action alone does not say it.
	Reason string `json:"reason,omitempty"`
	// Causes are the paths of the fields that force a replacement, or may.
	Causes []string `json:"causes,omitempty"`
	// Retained marks a deletion that leaves the resource itself where it is.
	Retained bool `json:"retained,omitempty"`
	// Source is the file and line that define the resource, where known.
	Source string `json:"source,omitempty"`
	// HoldsData marks databases, volumes, buckets and the like: they are never
	// deleted or replaced without being asked for by name.
	HoldsData bool `json:"holdsData,omitempty"`
}

// LosesData tells whether the change deletes or replaces what holds data, or may.
func (c Change) LosesData() bool {
	switch c.Action {
	case Delete:
		return c.HoldsData && !c.Retained
	case Replace, Unknown:
		return c.HoldsData
	}
	return false
}
