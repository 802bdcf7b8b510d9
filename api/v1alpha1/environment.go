package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EnvironmentSpec binds a branch of a repository to one place. It belongs to
// the platform team and is never read from the repository.
type EnvironmentSpec struct {
	// Source is the branch that is deployed.
	Source Source `json:"source"`

	// AWS is where the Environment's stacks live. Needed only by components
	// that deploy to AWS.
	// +optional
	AWS *AWS `json:"aws,omitempty"`

	// Cluster is where its Kubernetes objects live. The cluster that the
	// controller runs against, when empty.
	// +optional
	Cluster Cluster `json:"cluster,omitzero"`

	// Build says what the Environment's builds may do.
	// +optional
	Build Build `json:"build,omitzero"`

	// Gate holds the rules that a commit must pass.
	// +optional
	Gate Gate `json:"gate,omitzero"`

	// Rollout says how a commit is taken through.
	// +optional
	Rollout RolloutPolicy `json:"rollout,omitzero"`

	// Suspend stops everything: no fetch, no rollout, no drift correction.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Source is a branch of a Git repository.
type Source struct {
	// URL of the repository, without credentials.
	// +kubebuilder:validation:Pattern=`^https?://.+`
	URL string `json:"url"`

	// Branch that is the Environment.
	// +kubebuilder:validation:MinLength=1
	Branch string `json:"branch"`

	// Path of the folder in the repository that is deployed; all of it when
	// empty.
	// +optional
	Path string `json:"path,omitempty"`

	// SecretRef names a Secret beside the Environment with `username` and
	// `password` (a token) for the repository.
	// +optional
	SecretRef *LocalReference `json:"secretRef,omitempty"`

	// WebhookSecretRef names a Secret beside the Environment whose `token`
	// signs webhooks (HMAC-SHA256, X-Hub-Signature-256). Without it webhooks
	// for this Environment are refused.
	// +optional
	WebhookSecretRef *LocalReference `json:"webhookSecretRef,omitempty"`

	// Interval between fetches when no webhook arrives. Default 1m.
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// LocalReference names an object in the same namespace.
type LocalReference struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// AWS is an account and region.
type AWS struct {
	// +kubebuilder:validation:MinLength=1
	Region string `json:"region"`

	// Regions beside Region, of the same account, that stacks of CDK apps may be in.
	// +optional
	// +listType=set
	Regions []string `json:"regions,omitempty"`

	// RoleARN is assumed for every call; the controller's own identity is
	// used when empty.
	// +optional
	RoleARN string `json:"roleARN,omitempty"`

	// StackRoleARN is the role that CloudFormation assumes to make the resources;
	// those of the caller are used when empty. It stays with a stack.
	// +optional
	StackRoleARN string `json:"stackRoleARN,omitempty"`

	// LookupRoleARN is the role, allowed to read and nothing else, with which the
	// context of CDK apps is looked up; the one that the CDK's bootstrap makes for
	// that when empty.
	// +optional
	LookupRoleARN string `json:"lookupRoleARN,omitempty"`

	// TemplateBucket is a bucket in the region that takes templates of more than
	// 51,200 bytes, which CloudFormation only reads from there.
	// +optional
	TemplateBucket string `json:"templateBucket,omitempty"`

	// Tags go on every stack, and by CloudFormation on its resources.
	// +optional
	Tags map[string]string `json:"tags,omitempty"`
}

// Cluster is a Kubernetes cluster and an identity in it.
type Cluster struct {
	// KubeconfigSecretRef names a Secret beside the Environment with a
	// kubeconfig under `value`.
	// +optional
	KubeconfigSecretRef *LocalReference `json:"kubeconfigSecretRef,omitempty"`

	// ServiceAccount, as "namespace:name", is impersonated for every apply.
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-z0-9-]+:[a-z0-9.-]+$`
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// Namespace for namespaced objects that name none. Default: "default".
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// Build is the policy for builds.
type Build struct {
	// RoleARN is assumed for builds that use AWS: they get temporary credentials of
	// it. Without it they get none.
	// +optional
	RoleARN string `json:"roleARN,omitempty"`

	// Job runs builds as Jobs of the Environment's cluster. Without it they run
	// beside the controller, as contained processes.
	// +optional
	Job *BuildJob `json:"job,omitempty"`
}

// BuildJob is how builds run in a cluster.
type BuildJob struct {
	// Image that builds run in. It has a shell, git, and what the buildspecs call.
	// +kubebuilder:validation:MinLength=1
	Image string `json:"image"`

	// Namespace of the Jobs. Default: the namespace for objects that name none
	// (spec.cluster.namespace).
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// ServiceAccount that the builds have the identity of, in that namespace; one
	// without a token when empty.
	// +optional
	ServiceAccount string `json:"serviceAccount,omitempty"`
}

// RolloutPolicy says how a commit is taken through.
type RolloutPolicy struct {
	// Timeout for one component to become healthy. Default 30m.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Prune deletes what an earlier commit defined and this one does not.
	// Default true.
	// +optional
	Prune *bool `json:"prune,omitempty"`

	// Drift says what happens when somebody else changes a field that
	// Drawbridge set. Default Correct.
	// +optional
	// +kubebuilder:validation:Enum=Correct;Report;Ignore
	Drift string `json:"drift,omitempty"`
}

// Values of RolloutPolicy.Drift.
const (
	DriftCorrect = "Correct"
	DriftReport  = "Report"
	DriftIgnore  = "Ignore"
)

// EnvironmentStatus is what was last seen and done.
type EnvironmentStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Head is the newest commit seen on the branch.
	// +optional
	Head string `json:"head,omitempty"`

	// Change is the newest Change of this Environment.
	// +optional
	Change string `json:"change,omitempty"`

	// Deployed is the newest commit that went through whole.
	// +optional
	Deployed string `json:"deployed,omitempty"`

	// LastSync is the last AnnotationSync that was carried out.
	// +optional
	LastSync string `json:"lastSync,omitempty"`

	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Environment is a branch of a repository bound to an AWS account and region,
// a cluster, and a gate policy.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=env,categories=drawbridge
// +kubebuilder:printcolumn:name="Branch",type=string,JSONPath=`.spec.source.branch`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Deployed",type=string,JSONPath=`.status.deployed`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type Environment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   EnvironmentSpec   `json:"spec"`
	Status EnvironmentStatus `json:"status,omitempty"`
}

// EnvironmentList is a list of Environments.
//
// +kubebuilder:object:root=true
type EnvironmentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Environment `json:"items"`
}
