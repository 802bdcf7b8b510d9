package kube

import "k8s.io/apimachinery/pkg/runtime/schema"

// removal says what became of an API version that Kubernetes removed.
type removal struct {
	in     string // first release without it
	use    string // apiVersion to use instead; empty when there is none
	advice string // what else changes
}

// removedIn finds what became of the version, from Kubernetes' deprecated API
// migration guide (https://kubernetes.io/docs/reference/using-api/deprecation-guide/).
func removedIn(gvk schema.GroupVersionKind) (removal, bool) {
	r, ok := removals[gvk.GroupVersion().String()+" "+gvk.Kind]
	return r, ok
}

const (
	selectorRequired = "spec.selector is required and can't be changed afterwards"
	ingressBackend   = "backends become service.name and service.port, each path needs a pathType"
	crdStructural    = "each version needs a structural schema in spec.versions[*].schema"
	webhookExplicit  = "sideEffects and admissionReviewVersions are required"
	noSuccessor      = "use Pod Security Admission (labels on the namespace) or an admission controller"
)

var removals = map[string]removal{
	"extensions/v1beta1 DaemonSet":         {"1.16", "apps/v1", selectorRequired},
	"extensions/v1beta1 Deployment":        {"1.16", "apps/v1", selectorRequired},
	"extensions/v1beta1 ReplicaSet":        {"1.16", "apps/v1", selectorRequired},
	"extensions/v1beta1 NetworkPolicy":     {"1.16", "networking.k8s.io/v1", ""},
	"extensions/v1beta1 PodSecurityPolicy": {"1.16", "", noSuccessor},
	"extensions/v1beta1 Ingress":           {"1.22", "networking.k8s.io/v1", ingressBackend},
	"apps/v1beta1 Deployment":              {"1.16", "apps/v1", selectorRequired},
	"apps/v1beta1 StatefulSet":             {"1.16", "apps/v1", selectorRequired},
	"apps/v1beta2 DaemonSet":               {"1.16", "apps/v1", selectorRequired},
	"apps/v1beta2 Deployment":              {"1.16", "apps/v1", selectorRequired},
	"apps/v1beta2 ReplicaSet":              {"1.16", "apps/v1", selectorRequired},
	"apps/v1beta2 StatefulSet":             {"1.16", "apps/v1", selectorRequired},

	"admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration":   {"1.22", "admissionregistration.k8s.io/v1", webhookExplicit},
	"admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration": {"1.22", "admissionregistration.k8s.io/v1", webhookExplicit},
	"apiextensions.k8s.io/v1beta1 CustomResourceDefinition":               {"1.22", "apiextensions.k8s.io/v1", crdStructural},
	"apiregistration.k8s.io/v1beta1 APIService":                           {"1.22", "apiregistration.k8s.io/v1", ""},
	"certificates.k8s.io/v1beta1 CertificateSigningRequest":               {"1.22", "certificates.k8s.io/v1", "spec.signerName and spec.usages are required"},
	"coordination.k8s.io/v1beta1 Lease":                                   {"1.22", "coordination.k8s.io/v1", ""},
	"networking.k8s.io/v1beta1 Ingress":                                   {"1.22", "networking.k8s.io/v1", ingressBackend},
	"networking.k8s.io/v1beta1 IngressClass":                              {"1.22", "networking.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1alpha1 Role":                             {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1alpha1 RoleBinding":                      {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1alpha1 ClusterRole":                      {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1alpha1 ClusterRoleBinding":               {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1beta1 Role":                              {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1beta1 RoleBinding":                       {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1beta1 ClusterRole":                       {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"rbac.authorization.k8s.io/v1beta1 ClusterRoleBinding":                {"1.22", "rbac.authorization.k8s.io/v1", ""},
	"scheduling.k8s.io/v1beta1 PriorityClass":                             {"1.22", "scheduling.k8s.io/v1", ""},
	"storage.k8s.io/v1beta1 CSIDriver":                                    {"1.22", "storage.k8s.io/v1", ""},
	"storage.k8s.io/v1beta1 CSINode":                                      {"1.22", "storage.k8s.io/v1", ""},
	"storage.k8s.io/v1beta1 StorageClass":                                 {"1.22", "storage.k8s.io/v1", ""},
	"storage.k8s.io/v1beta1 VolumeAttachment":                             {"1.22", "storage.k8s.io/v1", ""},

	"batch/v1beta1 CronJob":                       {"1.25", "batch/v1", ""},
	"discovery.k8s.io/v1beta1 EndpointSlice":      {"1.25", "discovery.k8s.io/v1", "endpoints name their node in nodeName and their zone in zone"},
	"events.k8s.io/v1beta1 Event":                 {"1.25", "events.k8s.io/v1", ""},
	"autoscaling/v2beta1 HorizontalPodAutoscaler": {"1.25", "autoscaling/v2", "targets move into metrics[*].resource.target"},
	"autoscaling/v2beta2 HorizontalPodAutoscaler": {"1.26", "autoscaling/v2", ""},
	"policy/v1beta1 PodDisruptionBudget":          {"1.25", "policy/v1", "an empty spec.selector selects every Pod of the namespace, where it selected none before"},
	"policy/v1beta1 PodSecurityPolicy":            {"1.25", "", noSuccessor},
	"node.k8s.io/v1beta1 RuntimeClass":            {"1.25", "node.k8s.io/v1", ""},

	"flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema":                 {"1.26", "flowcontrol.apiserver.k8s.io/v1", ""},
	"flowcontrol.apiserver.k8s.io/v1beta1 PriorityLevelConfiguration": {"1.26", "flowcontrol.apiserver.k8s.io/v1", "assuredConcurrencyShares becomes nominalConcurrencyShares"},
	"storage.k8s.io/v1beta1 CSIStorageCapacity":                       {"1.27", "storage.k8s.io/v1", ""},
	"flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema":                 {"1.29", "flowcontrol.apiserver.k8s.io/v1", ""},
	"flowcontrol.apiserver.k8s.io/v1beta2 PriorityLevelConfiguration": {"1.29", "flowcontrol.apiserver.k8s.io/v1", "assuredConcurrencyShares becomes nominalConcurrencyShares"},
	"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema":                 {"1.32", "flowcontrol.apiserver.k8s.io/v1", ""},
	"flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration": {"1.32", "flowcontrol.apiserver.k8s.io/v1", "nominalConcurrencyShares 0 is no longer the default 30"},
}
