package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Phase of a Change or of one of its steps.
//
// +kubebuilder:validation:Enum=Pending;Running;Succeeded;Failed;Superseded;Skipped
type Phase string

// The phases. Succeeded, Failed, Superseded and Skipped are final.
const (
	PhasePending    Phase = "Pending"
	PhaseRunning    Phase = "Running"
	PhaseSucceeded  Phase = "Succeeded"
	PhaseFailed     Phase = "Failed"
	PhaseSuperseded Phase = "Superseded"
	PhaseSkipped    Phase = "Skipped" // a step whose dependency failed
)

// Final tells whether nothing follows the phase.
func (p Phase) Final() bool { return p != PhasePending && p != PhaseRunning && p != "" }

// ChangeSpec names a commit and where it goes.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a Change is for one commit and can't be edited; push another commit"
type ChangeSpec struct {
	// Environment that the commit is taken through, in the same namespace.
	Environment string `json:"environment"`
	// Commit is the full object name of the commit.
	Commit string `json:"commit"`
	// Base is the commit that the Environment was at before; empty at first.
	// +optional
	Base string `json:"base,omitempty"`
	// Sequence counts the Changes of the Environment, from 1.
	Sequence int64 `json:"sequence"`
	// Settings is the digest of what the Environment says about how commits are
	// taken through. An edit of it is a new Change of the same commit.
	// +optional
	Settings string `json:"settings,omitempty"`
	// Author, committer and subject of the commit, as Git has them.
	// +optional
	Author string `json:"author,omitempty"`
	// +optional
	Committer string `json:"committer,omitempty"`
	// +optional
	Subject string `json:"subject,omitempty"`
	// Pusher moved the branch to the commit, where a webhook said so.
	// +optional
	Pusher string `json:"pusher,omitempty"`
}

// Step is what a Change did, or is doing, to one component.
type Step struct {
	Component string `json:"component"`
	Kind      string `json:"kind"`
	// Action: create, update or delete.
	Action string `json:"action"`
	Phase  Phase  `json:"phase"`
	// Message says what is waited for, or what failed and what to do next.
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// +optional
	FinishedAt *metav1.MicroTime `json:"finishedAt,omitempty"`
	// Resources changed, as "1 created, 2 updated".
	// +optional
	Summary string `json:"summary,omitempty"`
	// Verified is what was found of the component to the end of the wire: its secrets,
	// balancers, certificates and names. At most 10 are kept here; the ledger has them
	// all.
	// +optional
	// +listType=atomic
	Verified []Verification `json:"verified,omitempty"`
}

// Verification is what a check found.
type Verification struct {
	// Object that was checked, as "Ingress shop/web".
	Object string `json:"object"`
	// Check: secret-version, balancer, certificates, targets or name.
	Check string `json:"check"`
	// Result: Passed, Skipped, or Waiting for what did not come.
	Result string `json:"result"`
	// Message says what was found, what is waited for, or why it was not looked.
	Message string `json:"message"`
}

// ChangeStatus is how far the Change came.
type ChangeStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// +optional
	Phase Phase `json:"phase,omitempty"`
	// Message says in one sentence why the phase is what it is.
	// +optional
	Message string `json:"message,omitempty"`

	// Steps, one for each component that the commit changes, in the order in
	// which they can start. At most 200 are kept here, those that need a
	// reader's attention first; the ledger has them all.
	// +optional
	// +listType=map
	// +listMapKey=component
	Steps []Step `json:"steps,omitempty"`

	// Totals count all steps by phase.
	// +optional
	Totals map[Phase]int `json:"totals,omitempty"`

	// Unchanged counts the components that the commit does not touch.
	// +optional
	Unchanged int `json:"unchanged,omitempty"`

	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// +optional
	FinishedAt *metav1.MicroTime `json:"finishedAt,omitempty"`

	// LedgerSequence is the row of the ledger that holds the record.
	// +optional
	LedgerSequence int64 `json:"ledgerSequence,omitempty"`

	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Change is one commit taken through one Environment.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=chg,categories=drawbridge
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.spec.environment`
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.spec.commit`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Subject",type=string,JSONPath=`.spec.subject`
type Change struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ChangeSpec   `json:"spec"`
	Status ChangeStatus `json:"status,omitempty"`
}

// ChangeList is a list of Changes.
//
// +kubebuilder:object:root=true
type ChangeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Change `json:"items"`
}
