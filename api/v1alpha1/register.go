package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of the types in this package.
var GroupVersion = schema.GroupVersion{Group: "drawbridge.dev", Version: "v1alpha1"}

// AddToScheme registers the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&Environment{}, &EnvironmentList{},
		&Component{}, &ComponentList{},
		&Change{}, &ChangeList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// Condition types, as the Kubernetes API conventions and kstatus define them.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
)

// Labels and annotations that Drawbridge puts on what it applies.
const (
	// LabelEnvironment and LabelComponent select what belongs to an
	// Environment or one of its components. Controllers copy labels to objects
	// that they derive, so they are never proof of ownership: AnnotationOwner is.
	LabelEnvironment = "drawbridge.dev/environment"
	LabelComponent   = "drawbridge.dev/component"

	// AnnotationOwner names the object that carries it and whose it is:
	// "<environment namespace>/<environment>/<component>=<group>/<Kind>/<namespace>/<name>".
	AnnotationOwner = "drawbridge.dev/owner"

	// AnnotationContent on a Pod template is a hash of the Secrets and ConfigMaps that
	// the Pods read, where their component asks to be restarted when those change.
	AnnotationContent = "drawbridge.dev/content"

	// AnnotationSync asks for a fetch at once; any new value is a new request.
	AnnotationSync = "drawbridge.dev/sync"

	// AnnotationAcceptHistory names a commit that may be deployed although it
	// does not descend from the one before (after a wanted force-push).
	AnnotationAcceptHistory = "drawbridge.dev/accept-history"

	// AnnotationSubstitute set to "disabled" on an object in the repository
	// keeps ${NAME} in that object as it is written.
	AnnotationSubstitute = "drawbridge.dev/substitute"

	// AnnotationSkipChecks on an object in the repository names, with commas between
	// them, the checks to the end of the wire that it is not to have: secret-version,
	// balancer, certificates, targets, name.
	AnnotationSkipChecks = "drawbridge.dev/skip-checks"
)

// FieldManager is the name under which Drawbridge applies objects.
const FieldManager = "drawbridge"

// Reasons of an Environment's Ready condition.
const (
	ReasonDeployed         = "Deployed"         // the head of the branch is live and healthy
	ReasonProgressing      = "Progressing"      // a Change is under way
	ReasonChangeFailed     = "ChangeFailed"     // the newest Change failed
	ReasonSourceFailed     = "SourceFailed"     // the branch can't be fetched
	ReasonHistoryRewritten = "HistoryRewritten" // the branch was force-pushed
	ReasonSuspended        = "Suspended"
	ReasonInvalid          = "Invalid" // the Environment itself can't be used as it is
)
