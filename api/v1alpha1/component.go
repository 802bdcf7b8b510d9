package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ComponentSpec says what the component is, and what it may own.
type ComponentSpec struct {
	// Environment that the component belongs to, in the same namespace.
	Environment string `json:"environment"`

	// Name within the Environment.
	Name string `json:"name"`

	// Kind: cloudformation, cdk, kubernetes or build.
	Kind string `json:"kind"`

	// Path of its folder, or of its template, in the repository.
	Path string `json:"path"`

	// DependsOn are the components that must be healthy before this one.
	// +optional
	// +listType=map
	// +listMapKey=component
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// InputDigest is the digest of everything that the newest rollout reads,
	// written before it applies anything. While status.inputDigest differs, the
	// component is between two states and will be applied again.
	// +optional
	InputDigest string `json:"inputDigest,omitempty"`

	// Owns lists every object or stack that the component may own, as
	// "group/Kind/namespace/name" or "AWS::CloudFormation::Stack/name", with
	// "@region" where that is not the Environment's. It is
	// written before the first apply of a Change and narrowed after the last
	// prune, so that nothing applied is ever forgotten. It stands in the spec
	// because backups leave the status out and it can't be derived again.
	// +optional
	// +listType=atomic
	Owns []string `json:"owns,omitempty"`
}

// Dependency is an edge of the component graph.
type Dependency struct {
	// Component that comes first.
	Component string `json:"component"`
	// Reasons, those that drawbridge.yaml gives first.
	// +optional
	// +listType=atomic
	Reasons []DependencyReason `json:"reasons,omitempty"`
}

// DependencyReason is why a component waits for another.
type DependencyReason struct {
	// Reason: "dependsOn", "input NAME", "parameter NAME", or what the component's
	// files say: "Deployment shop/web reads ConfigMap shop/web".
	Reason string `json:"reason"`
	// Source is where it stands, as "file:line".
	// +optional
	Source string `json:"source,omitempty"`
	// Inferred from the component's files, and not from drawbridge.yaml.
	// +optional
	Inferred bool `json:"inferred,omitempty"`
}

// ComponentStatus is what the last rollout of the component left.
type ComponentStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Revision is the commit whose rollout last touched the component. Commits
	// that do not change its input leave it as it is.
	// +optional
	Revision string `json:"revision,omitempty"`

	// InputDigest is the digest of everything that the last rollout that ended
	// well had read. The same digest again means that there is nothing to do.
	// +optional
	InputDigest string `json:"inputDigest,omitempty"`

	// Change that last touched the component.
	// +optional
	Change string `json:"change,omitempty"`

	// Applied are the objects that were applied, each with the hash of the
	// fields that are ours, by which drift is noticed.
	// +optional
	// +listType=atomic
	Applied []AppliedObject `json:"applied,omitempty"`

	// StackID is the ARN of the component's stack.
	// +optional
	StackID string `json:"stackID,omitempty"`

	// Outputs that other components can use as inputs.
	// +optional
	Outputs map[string]string `json:"outputs,omitempty"`

	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// AppliedObject is an object as it was left by its last apply.
type AppliedObject struct {
	// Object, as "group/Kind/namespace/name".
	Object string `json:"object"`
	// Version of the API that it was applied with.
	Version string `json:"version"`
	// Fields is the hash of our field manager's entry in managedFields.
	Fields string `json:"fields"`
	// Reads are the Secrets and ConfigMaps that its Pods are restarted for, as they
	// were when it was applied.
	// +optional
	// +listType=atomic
	Reads []ReadContent `json:"reads,omitempty"`
}

// ReadContent is what a Secret or ConfigMap had in it.
type ReadContent struct {
	// Object, as "/Secret/namespace/name".
	Object string `json:"object"`
	// Sum is a hash of its content, with a key that only the controller has; empty while
	// it does not exist.
	// +optional
	Sum string `json:"sum,omitempty"`
}

// Component is one deployable folder of an Environment.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=comp,categories=drawbridge
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.spec.environment`
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.kind`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.revision`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Component struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ComponentSpec   `json:"spec"`
	Status ComponentStatus `json:"status,omitempty"`
}

// ComponentList is a list of Components.
//
// +kubebuilder:object:root=true
type ComponentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Component `json:"items"`
}
