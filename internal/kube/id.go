package kube

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// ID names an object apart from the version of its API. Group is empty for the
// core API, Namespace for cluster-scoped objects.
type ID struct {
	Group, Kind, Namespace, Name string
}

// String is "group/Kind/namespace/name", as v1alpha1.AppliedObject has it. All
// three slashes are always there.
func (id ID) String() string {
	return id.Group + "/" + id.Kind + "/" + id.Namespace + "/" + id.Name
}

// ParseID is the reverse of ID.String.
func ParseID(s string) (ID, error) {
	p := strings.SplitN(s, "/", 4)
	if len(p) != 4 || p[1] == "" || p[3] == "" {
		return ID{}, fmt.Errorf("%q does not name an object: want group/Kind/namespace/name", s)
	}
	return ID{Group: p[0], Kind: p[1], Namespace: p[2], Name: p[3]}, nil
}

// Resource names the object as plans and records do: "apps/Deployment shop/web".
func (id ID) Resource() diff.Resource {
	t := id.Kind
	if id.Group != "" {
		t = id.Group + "/" + id.Kind
	}
	return diff.Resource{Plane: diff.Kubernetes, Type: t, Namespace: id.Namespace, Name: id.Name}
}

func (id ID) key() types.NamespacedName {
	return types.NamespacedName{Namespace: id.Namespace, Name: id.Name}
}

func idOf(u *unstructured.Unstructured) ID {
	gvk := u.GroupVersionKind()
	return ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
}
