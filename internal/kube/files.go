package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// Files previews objects without a cluster: the objects of one commit are compared with
// those of another, which are taken for what the cluster holds. What the server would
// add or refuse is not seen. Of Identify's promises it keeps those that files can: whether
// a kind has namespaces is known of Kubernetes' own kinds and of those that CRDs in the
// commit define; other objects are in the namespace that they name, or, unless their kind
// begins with "Cluster", in the default one.
type Files struct {
	// Objects that are there, as Identify names them.
	Objects map[string]render.Object
}

// Identify names the objects.
func (Files) Identify(_ context.Context, objects, crds []render.Object, namespace string) ([]string, error) {
	defined := definitions(slices.Concat(crds, objects))
	first := map[ID]render.Source{}
	var ids []string
	var errs []error
	for _, o := range objects {
		gvk, id := o.Object.GroupVersionKind(), idOf(o.Object)
		if gvk.Version == "" || gvk.Kind == "" || id.Name == "" {
			errs = append(errs, fmt.Errorf("%s: an object needs apiVersion, kind and metadata.name (generateName can't be applied twice)", o.Source))
			continue
		}
		if k, known := defined[gvk]; known && !k.namespaced || !known && clusterWide(gvk, id) {
			id.Namespace = ""
		} else if id.Namespace == "" {
			id.Namespace = namespace
		}
		if at, twice := first[id]; twice {
			errs = append(errs, fmt.Errorf("%s: %s is already defined at %s: keep one of them", o.Source, id.Resource(), at))
			continue
		}
		first[id] = o.Source
		if r, removed := removedIn(gvk); removed && r.use != "" {
			errs = append(errs, &KindError{Source: o.Source.String(), Object: id.Name, APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Removed: r.in, Use: r.use, Advice: r.advice})
		}
		errs = append(errs, secretFaults(item{Object: o, id: id})...)
		ids = append(ids, id.String())
	}
	return ids, errors.Join(errs...)
}

// global are Kubernetes' own kinds without a namespace, from its API reference.
var global = []string{
	"Namespace", "Node", "PersistentVolume", "CustomResourceDefinition", "APIService", "StorageClass", "CSIDriver", "CSINode",
	"VolumeAttachment", "VolumeAttributesClass", "PriorityClass", "RuntimeClass", "IngressClass", "IPAddress", "ServiceCIDR",
	"FlowSchema", "PriorityLevelConfiguration", "CertificateSigningRequest", "MutatingWebhookConfiguration",
	"ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy",
	"MutatingAdmissionPolicyBinding", "DeviceClass", "ResourceSlice",
}

func clusterWide(gvk schema.GroupVersionKind, id ID) bool {
	if builtIn(gvk.Group) {
		return slices.Contains(global, gvk.Kind) || strings.HasPrefix(gvk.Kind, "Cluster")
	}
	return id.Namespace == "" && strings.HasPrefix(gvk.Kind, "Cluster")
}

// Preview says in what the objects differ from those that are there.
func (f Files) Preview(ctx context.Context, _ Owner, objects []render.Object, o PreviewOptions) ([]diff.Change, error) {
	ids, err := f.Identify(ctx, objects, o.CRDs, o.DefaultNamespace)
	if err != nil {
		return nil, err
	}
	var changes []diff.Change
	for i, object := range objects {
		id, err := ParseID(ids[i])
		if err != nil {
			return nil, err
		}
		ch := diff.Change{Resource: id.Resource(), Source: object.Source.String(), Action: diff.Create, HoldsData: holdsData(schema.GroupKind{Group: id.Group, Kind: id.Kind})}
		if before, there := f.Objects[ids[i]]; there {
			was, open := desired(before.Object.Object), desired(object.Object.Object)
			filled := fill(open, was)
			ch.Fields, ch.Action = withUnknown(diff.Values(was, filled), diff.Values(filled, open))
		}
		changes = append(changes, secret.Redact(ch))
	}
	return changes, nil
}

// PreviewPrune says which of the objects are there and would go.
func (f Files) PreviewPrune(_ context.Context, _ Owner, ids []string) ([]diff.Change, error) {
	var changes []diff.Change
	for _, s := range ids {
		o, there := f.Objects[s]
		if !there {
			continue
		}
		id, err := ParseID(s)
		if err != nil {
			return nil, err
		}
		ch := diff.Change{Resource: id.Resource(), Action: diff.Delete, Source: o.Source.String()}
		ch.HoldsData, ch.Reason = f.held(id)
		changes = append(changes, ch)
	}
	return changes, nil
}

// held tells whether data goes with an object, as Prune looks at it.
func (f Files) held(id ID) (bool, string) {
	gk := schema.GroupKind{Group: id.Group, Kind: id.Kind}
	switch {
	case holdsData(gk):
		return true, "a volume"
	case gk == namespaceKind:
		for other := range f.Objects {
			claim, err := ParseID(other)
			if err == nil && claim.Kind == "PersistentVolumeClaim" && claim.Namespace == id.Name {
				return true, "with volume claims in it"
			}
		}
	}
	return false, ""
}
