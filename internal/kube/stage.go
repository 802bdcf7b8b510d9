package kube

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// stage is when an object is applied. Prune goes the other way.
type stage int

const (
	// defining: what others need to be there before they are accepted.
	defining stage = iota
	ordinary
	// acting: webhooks and API services, which would act on the objects of their
	// own apply before what serves them is up, and bare Pods, which are refused
	// while their ServiceAccount is missing and which nobody creates again.
	acting

	stages = int(acting) + 1
)

var (
	crdKind       = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	namespaceKind = schema.GroupKind{Kind: "Namespace"}
)

// stageOf a kind. One that is defined in the same apply comes after its
// definition, whatever it is called.
func stageOf(k kind, defined bool) stage {
	gk := k.GroupKind()
	switch {
	case gk == crdKind, gk == namespaceKind:
		return defining
	case !defined && !k.namespaced && strings.HasSuffix(k.Kind, "Class"):
		return defining
	case k.Group == "admissionregistration.k8s.io", gk == schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}:
		return acting
	case gk == schema.GroupKind{Kind: "Pod"}:
		return acting
	}
	return ordinary
}

// holdsData is true for kinds whose deletion loses data.
func holdsData(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Kind: "PersistentVolumeClaim"} || gk == schema.GroupKind{Kind: "PersistentVolume"}
}

// onlyMetadata is true for kinds without a readiness of their own, of which
// watching the metadata is enough.
func onlyMetadata(gk schema.GroupKind) bool {
	switch gk.Group {
	case "":
		switch gk.Kind {
		case "ConfigMap", "Secret", "ServiceAccount", "LimitRange", "ResourceQuota", "PodTemplate":
			return true
		}
	case "rbac.authorization.k8s.io", "scheduling.k8s.io", "node.k8s.io", "admissionregistration.k8s.io", "flowcontrol.apiserver.k8s.io":
		return true
	case "storage.k8s.io":
		return gk.Kind != "VolumeAttachment"
	case "networking.k8s.io":
		return gk.Kind == "NetworkPolicy" || gk.Kind == "IngressClass"
	}
	return false
}
