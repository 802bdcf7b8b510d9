package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// KindError says that the cluster does not serve the kind of an object, in the
// version that the object asks for.
type KindError struct {
	Source     string // file:line
	Object     string // name, with the namespace where it has one
	APIVersion string
	Kind       string
	Served     []string // apiVersions in which the cluster serves the kind
	Removed    string   // the Kubernetes release that removed it, where that is known
	Use        string   // apiVersion to use instead, where that is known
	Advice     string   // what else changes with it
}

func (e *KindError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s %s: the cluster does not serve %s %s", at(e.Source), e.Kind, e.Object, e.APIVersion, e.Kind)
	switch {
	case e.Use != "":
		fmt.Fprintf(&b, ", which Kubernetes removed in %s: use apiVersion %s", e.Removed, e.Use)
	case e.Removed != "":
		fmt.Fprintf(&b, ", which Kubernetes removed in %s without a successor", e.Removed)
	case len(e.Served) > 0:
		fmt.Fprintf(&b, ": use apiVersion %s", strings.Join(e.Served, " or "))
	default:
		b.WriteString(", nor the kind in any other version: add its CustomResourceDefinition to the repository, install its operator, or correct the kind")
	}
	if e.Advice != "" {
		b.WriteString(" (" + e.Advice + ")")
	}
	return b.String()
}

// Check returns whether the objects could be applied as far as that can be told
// without writing: each has a name and a kind that the cluster serves, or that a
// CustomResourceDefinition among the objects defines, none is there twice, and
// what Secrets hold is text.
// The error joins a KindError for each kind that is not served.
func (c *Cluster) Check(ctx context.Context, objects []render.Object) error {
	_, err := c.resolve(ctx, objects, "default")
	return err
}

// item is an object on its way to the cluster.
type item struct {
	render.Object
	id      ID
	kind    kind
	stage   stage
	defined bool   // its kind comes from a CRD of the same apply
	body    []byte // as it is sent
	reads   []v1alpha1.ReadContent
}

func (i item) at() string { return i.Source.String() }

// resolve finds the kind of each object, sets the namespace of those that name
// none, and takes it from those that have none. Crds define kinds too.
func (c *Cluster) resolve(ctx context.Context, objects []render.Object, namespace string, crds ...render.Object) ([]item, error) {
	defined := definitions(slices.Concat(crds, objects))
	items := make([]item, 0, len(objects))
	first := make(map[ID]render.Source, len(objects))
	unserved := map[schema.GroupVersionKind]bool{} // the server is asked once for each
	var errs []error
	for _, o := range objects {
		u := o.Object
		gvk := u.GroupVersionKind()
		if gvk.Version == "" || gvk.Kind == "" || u.GetName() == "" {
			errs = append(errs, fmt.Errorf("%s: an object needs apiVersion, kind and metadata.name (generateName can't be applied twice)", o.Source))
			continue
		}
		k, fromCRD := defined[gvk]
		if !fromCRD {
			err := errNotServed
			if !unserved[gvk] {
				k, err = c.kinds.serve(ctx, gvk)
			}
			if errors.Is(err, errNotServed) {
				unserved[gvk] = true
				errs = append(errs, c.kindError(o, gvk))
				continue
			} else if err != nil {
				return nil, fmt.Errorf("%s: %s %s: %w", o.Source, gvk.Kind, u.GetName(), err)
			}
		}
		it := item{Object: o, id: idOf(u), kind: k, defined: fromCRD}
		switch {
		case !k.namespaced:
			it.id.Namespace = ""
		case it.id.Namespace == "":
			it.id.Namespace = namespace
		}
		it.stage = stageOf(k, fromCRD)
		if s, ok := first[it.id]; ok {
			errs = append(errs, fmt.Errorf("%s: %s is already defined at %s: keep one of them", o.Source, it.id.Resource(), s))
			continue
		}
		first[it.id] = o.Source
		errs = append(errs, secretFaults(it)...)
		items = append(items, it)
	}
	return items, errors.Join(errs...)
}

func (c *Cluster) kindError(o render.Object, gvk schema.GroupVersionKind) error {
	e := &KindError{
		Source: o.Source.String(), Object: o.Object.GetName(),
		APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind,
	}
	if ns := o.Object.GetNamespace(); ns != "" {
		e.Object = ns + "/" + e.Object
	}
	for _, v := range c.kinds.versions(gvk.GroupKind()) {
		e.Served = append(e.Served, gvk.GroupKind().WithVersion(v).GroupVersion().String())
	}
	if r, ok := removedIn(gvk); ok {
		e.Removed, e.Use, e.Advice = r.in, r.use, r.advice
	}
	return e
}

// definitions are the kinds that CRDs among the objects define.
func definitions(objects []render.Object) map[schema.GroupVersionKind]kind {
	var defined map[schema.GroupVersionKind]kind
	for _, o := range objects {
		if gvk := o.Object.GroupVersionKind(); gvk.GroupKind() != crdKind {
			continue
		}
		spec, _ := o.Object.Object["spec"].(map[string]any)
		group, _ := spec["group"].(string)
		scope, _ := spec["scope"].(string)
		plural, _, _ := unstructured.NestedString(spec, "names", "plural")
		name, _, _ := unstructured.NestedString(spec, "names", "kind")
		versions, _ := spec["versions"].([]any)
		for _, v := range versions {
			m, _ := v.(map[string]any)
			version, _ := m["name"].(string)
			if served, _ := m["served"].(bool); !served || version == "" || plural == "" {
				continue
			}
			if defined == nil {
				defined = map[schema.GroupVersionKind]kind{}
			}
			gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: name}
			defined[gvk] = kind{GroupVersionKind: gvk, resource: plural, namespaced: scope == "Namespaced", watchable: true}
		}
	}
	return defined
}
