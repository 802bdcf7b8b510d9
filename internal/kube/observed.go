package kube

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// maxKept is the size up to which an object's desired fields are kept.
const maxKept = 64 << 10

// observed is what is kept of an object as it was last seen.
type observed struct {
	namespace, name string

	uid     types.UID
	version uint64 // resourceVersion
	fields  fields
	owner   string        // v1alpha1.AnnotationOwner
	status  status.Status // as kstatus has it
	message string
	// rolling: its controller has seen this generation and is not done with it.
	rolling bool
	// desired is the object as JSON without status and what the server adds;
	// nil where only metadata is watched or it is larger than maxKept.
	desired []byte
}

// GetObjectMeta lets client-go's reflector find the key.
func (o *observed) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: o.namespace, Name: o.name}
}

func (o *observed) key() types.NamespacedName {
	return types.NamespacedName{Namespace: o.namespace, Name: o.name}
}

// observeMetadata is what is seen of an object whose metadata says it all.
func observeMetadata(m *metav1.PartialObjectMetadata) *observed {
	o := &observed{
		namespace: m.Namespace, name: m.Name, uid: m.UID,
		version: version(m.ResourceVersion), fields: ownFields(m.ManagedFields),
		owner: m.Annotations[v1alpha1.AnnotationOwner], status: status.CurrentStatus,
	}
	if m.DeletionTimestamp != nil {
		o.status, o.message = status.TerminatingStatus, terminating(m.Finalizers)
	}
	return o
}

// observe is what is seen of a whole object. needsCondition says that the
// object is not ready before its controller has set a condition.
func observe(u *unstructured.Unstructured, needsCondition bool) *observed {
	metadata, _ := u.Object["metadata"].(map[string]any)
	o := &observed{
		namespace: u.GetNamespace(), name: u.GetName(), uid: u.GetUID(),
		version: version(u.GetResourceVersion()), fields: ownFieldsOf(metadata),
	}
	if annotations, ok := metadata["annotations"].(map[string]any); ok {
		o.owner, _ = annotations[v1alpha1.AnnotationOwner].(string)
	}
	o.status, o.message = readiness(u, needsCondition)
	o.rolling = o.status == status.InProgressStatus && observesGeneration(u)
	if b, err := json.Marshal(desired(u.Object)); err == nil && len(b) <= maxKept {
		o.desired = b
	}
	return o
}

// readiness by kstatus, with the differences that the package comment names.
func readiness(u *unstructured.Unstructured, needsCondition bool) (status.Status, string) {
	if u.GetDeletionTimestamp() != nil {
		return status.TerminatingStatus, terminating(u.GetFinalizers())
	}
	r, err := status.Compute(u)
	if err != nil {
		return status.UnknownStatus, err.Error()
	}
	if r.Status != status.CurrentStatus {
		return r.Status, r.Message
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	switch gk := u.GroupVersionKind().GroupKind(); {
	case gk == schema.GroupKind{Group: "batch", Kind: "Job"} && !isTrue(conditions, "Complete"):
		return status.InProgressStatus, r.Message
	case needsCondition && len(conditions) == 0:
		return status.InProgressStatus, "its controller has not reported a condition yet"
	case gk == schema.GroupKind{Group: "external-secrets.io", Kind: "ExternalSecret"}:
		return syncedSecret(u, r, conditions)
	}
	return r.Status, r.Message
}

func isTrue(conditions []any, kind string) bool {
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == kind {
			return m["status"] == "True"
		}
	}
	return false
}

func observesGeneration(u *unstructured.Unstructured) bool {
	seen, found, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	return found && seen == u.GetGeneration()
}

func terminating(finalizers []string) string {
	if len(finalizers) == 0 {
		return "is being deleted"
	}
	return "is being deleted, held by " + strings.Join(finalizers, ", ")
}

// desired is the object without its status, what the server adds to the
// metadata, and copies of itself in annotations. It shares what it keeps with
// the argument, which it does not change.
func desired(object map[string]any) map[string]any {
	out := maps.Clone(object)
	delete(out, "status")
	metadata, _ := out["metadata"].(map[string]any)
	kept := make(map[string]any, 2)
	for k, v := range metadata {
		switch k {
		case "annotations":
			if a, ok := v.(map[string]any); ok {
				a = maps.Clone(a)
				delete(a, "kubectl.kubernetes.io/last-applied-configuration")
				delete(a, "deployment.kubernetes.io/revision")
				delete(a, v1alpha1.AnnotationOwner)
				if len(a) > 0 {
					kept[k] = a
				}
			}
		case "labels", "finalizers", "ownerReferences":
			kept[k] = v
		}
	}
	out["metadata"] = kept
	return out
}

// version makes a resourceVersion comparable, as Kubernetes allows since 1.35
// for versions of one resource. Zero is older than any.
func version(resourceVersion string) uint64 {
	v, _ := strconv.ParseUint(resourceVersion, 10, 64)
	return v
}
