package kube

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
)

// builtIn is true for the groups of Kubernetes itself.
func builtIn(group string) bool {
	return scheme.Scheme.IsGroupRegistered(group) || group == crdKind.Group || group == "apiregistration.k8s.io"
}

// crd is what is read of a CustomResourceDefinition.
type crd struct {
	Spec struct {
		Group string `json:"group"`
		Scope string `json:"scope"`
		Names struct {
			Kind   string `json:"kind"`
			Plural string `json:"plural"`
		} `json:"names"`
		Versions []struct {
			Name   string `json:"name"`
			Served bool   `json:"served"`
			Schema struct {
				OpenAPIV3Schema struct {
					Properties map[string]struct {
						Properties map[string]json.RawMessage `json:"properties"`
					} `json:"properties"`
				} `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

func (c *Cluster) readCRD(ctx context.Context, name string) (d crd, err error) {
	a, err := c.own.do(ctx, request{verb: "GET", path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + name})
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(a.body, &d); err != nil {
		return d, fmt.Errorf("the server's answer: %w", err)
	}
	return d, nil
}

// definedBy is the kind that a CRD defines, in a version that is served; not ok
// when there is none, or the CRD is not there. It does not ask discovery, which
// tells of new kinds a little late.
func (c *Cluster) definedBy(ctx context.Context, name string) (k kind, ok bool, err error) {
	d, err := c.readCRD(ctx, name)
	if apierrors.IsNotFound(err) {
		return k, false, nil
	}
	for _, v := range d.Spec.Versions {
		if v.Served {
			k.Group, k.Version, k.Kind = d.Spec.Group, v.Name, d.Spec.Names.Kind
			k.resource, k.namespaced, k.watchable = d.Spec.Names.Plural, d.Spec.Scope == "Namespaced", true
			return k, true, err
		}
	}
	return k, false, err
}

// declaresConditions is true for custom resources whose CRD has status.conditions
// in its schema: their controllers mean to set them, so an object that has none
// yet was not looked at yet. An error counts as no: waiting for what may never
// come is worse than what kstatus says.
func (c *Cluster) declaresConditions(ctx context.Context, k kind) bool {
	if builtIn(k.Group) {
		return false
	}
	d, err := c.readCRD(ctx, k.resource+"."+k.Group)
	if err != nil {
		return false
	}
	for _, v := range d.Spec.Versions {
		if v.Name == k.Version {
			return v.Schema.OpenAPIV3Schema.Properties["status"].Properties["conditions"] != nil
		}
	}
	return false
}
