package infer

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// Place is where an Environment deploys to.
type Place struct {
	// Namespace of namespaced objects that name none.
	Namespace string
	// Region of AWS; "" without AWS.
	Region string
}

// Objects takes down the facts of rendered objects, which may have open inputs
// (render.Placeholder).
func Objects(objects []render.Object, at Place) Facts {
	r := reader{place: at, seen: map[Thing]bool{}}
	for _, o := range objects {
		r.object(object{o.Object, o.Source, at.Namespace})
	}
	return r.Facts
}

// reader gathers facts.
type reader struct {
	Facts
	place Place
	// seen are the needs that a component has by many objects, and says once.
	seen map[Thing]bool
}

func (r *reader) has(p Provided) {
	if known(p.Name) && known(p.Scope) && (p.Name != "" || len(p.Labels) > 0) {
		r.Provides = append(r.Provides, p)
	}
}

func (r *reader) needs(n Need) {
	if known(n.Name) && known(n.Scope) && allKnown(n.Labels) && (n.Name != "" || len(n.Labels) > 0) {
		r.Needs = append(r.Needs, n)
	}
}

func known(s string) bool { return !strings.Contains(s, render.Placeholder) }

func allKnown(labels map[string]string) bool {
	for k, v := range labels {
		if !known(k) || !known(v) {
			return false
		}
	}
	return true
}

// object is an object in its namespace.
type object struct {
	*unstructured.Unstructured
	source  component.Source
	assumed string // the namespace, where it names none
}

func (o object) groupKind() schema.GroupKind { return o.GroupVersionKind().GroupKind() }

// namespace of an object that is known to be in one.
func (o object) namespace() string {
	if ns := o.GetNamespace(); ns != "" {
		return ns
	}
	return o.assumed
}

// in is a thing in the object's namespace.
func (o object) in(kind, name string) Thing { return Thing{kind, o.namespace(), name} }

// String is "Deployment shop/web".
func (o object) String() string {
	if ns := o.GetNamespace(); ns != "" {
		return o.GetKind() + " " + ns + "/" + o.GetName()
	}
	return o.GetKind() + " " + o.GetName()
}

// String is "Secret shop/db", without the group of its kind.
func (t Thing) String() string {
	kind := t.Kind[strings.LastIndexByte(t.Kind, '/')+1:]
	if t.Scope == "" {
		return kind + " " + t.Name
	}
	return kind + " " + t.Scope + "/" + t.Name
}

// need is what an object needs, with a verb such as "reads".
func (o object) need(verb string, t Thing) Need {
	return Need{Thing: t, Why: o.String() + " " + verb + " " + t.String(), Source: o.source}
}

// read takes down what only objects of a kind have and need.
var read = map[schema.GroupKind]func(*reader, object){
	{Kind: "Namespace"}:      clusterWide,
	{Kind: "Secret"}:         namespaced,
	{Kind: "ConfigMap"}:      namespaced,
	{Kind: "ServiceAccount"}: serviceAccount,
	{Kind: "Service"}:        service,
	{Kind: "Pod"}:            workload,

	{Kind: "PersistentVolumeClaim"}: namespaced,

	{Group: "apps", Kind: "Deployment"}:  workload,
	{Group: "apps", Kind: "StatefulSet"}: workload,
	{Group: "apps", Kind: "DaemonSet"}:   workload,
	{Group: "apps", Kind: "ReplicaSet"}:  workload,
	{Group: "batch", Kind: "Job"}:        workload,
	{Group: "batch", Kind: "CronJob"}:    workload,

	{Group: "networking.k8s.io", Kind: "Ingress"}:      ingress,
	{Group: "networking.k8s.io", Kind: "IngressClass"}: ingressClass,

	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:               namespaced,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:        clusterWide,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        binding,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: binding,

	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: definition,

	{Group: "external-secrets.io", Kind: "ExternalSecret"}:     externalSecret,
	{Group: "external-secrets.io", Kind: "SecretStore"}:        secretStore,
	{Group: "external-secrets.io", Kind: "ClusterSecretStore"}: secretStore,
}

// global are those among them that are in no namespace.
var global = []string{"Namespace", "IngressClass", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "ClusterSecretStore"}

func (r *reader) object(o object) {
	gk := o.groupKind()
	special, isKnown := read[gk]
	if isKnown {
		special(r, o)
	}
	// Of other kinds it is not known whether they are in a namespace at all.
	ns := o.GetNamespace()
	if isKnown && !slices.Contains(global, gk.Kind) {
		ns = o.namespace()
	}
	if t := (Thing{Kind: "Namespace", Name: ns}); ns != "" && !r.seen[t] {
		r.seen[t] = true
		r.needs(o.need("is in", t))
	}
	if t := (Thing{Kind: apiKind, Name: gk.String()}); gk.Group != "" && !r.seen[t] {
		r.seen[t] = true
		r.needs(Need{Thing: t, Why: o.String() + " is of the kind " + gk.String(), Source: o.source})
	}
}

func clusterWide(r *reader, o object) {
	r.has(Provided{Thing: Thing{Kind: kindOf(o.groupKind()), Name: o.GetName()}})
}

func namespaced(r *reader, o object) {
	r.has(Provided{Thing: o.in(kindOf(o.groupKind()), o.GetName())})
}

// kindOf is "group/Kind", or "Kind" of the core API.
func kindOf(gk schema.GroupKind) string {
	if gk.Group == "" {
		return gk.Kind
	}
	return gk.Group + "/" + gk.Kind
}

func definition(r *reader, o object) {
	gk := schema.GroupKind{Group: text(o.Object, "spec", "group"), Kind: text(o.Object, "spec", "names", "kind")}
	if gk.Group != "" && gk.Kind != "" {
		r.has(Provided{Thing: Thing{Kind: apiKind, Name: gk.String()}})
	}
}

func serviceAccount(r *reader, o object) {
	namespaced(r, o)
	arn, ok := parseARN(o.GetAnnotations()["eks.amazonaws.com/role-arn"])
	if name, isRole := strings.CutPrefix(arn.resource, "role"); ok && isRole && arn.service == "iam" {
		r.needs(Need{Thing: Thing{Kind: role, Name: name}, Why: o.String() + " takes the role " + strings.TrimPrefix(name, "/"), Source: o.source})
	}
}

func binding(r *reader, o object) {
	const group = "rbac.authorization.k8s.io"
	if text(o.Object, "roleRef", "apiGroup") != group {
		return
	}
	name := text(o.Object, "roleRef", "name")
	switch text(o.Object, "roleRef", "kind") {
	case "Role":
		r.needs(o.need("grants", o.in(group+"/Role", name)))
	case "ClusterRole":
		r.needs(o.need("grants", Thing{Kind: group + "/ClusterRole", Name: name}))
	}
}

// each returns what is at a path, in all items of the lists on the way.
func each(v any, path ...string) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var all []any
		for _, item := range v {
			all = append(all, each(item, path...)...)
		}
		return all
	case map[string]any:
		if len(path) > 0 {
			return each(v[path[0]], path[1:]...)
		}
	}
	if len(path) > 0 {
		return nil
	}
	return []any{v}
}

// texts are those of each that are texts.
func texts(v any, path ...string) []string {
	var all []string
	for _, x := range each(v, path...) {
		if s, ok := x.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// text is the first of texts, or "".
func text(v any, path ...string) string {
	for _, s := range texts(v, path...) {
		return s
	}
	return ""
}

// labels are the texts of a mapping.
func labels(v any, path ...string) map[string]string {
	all := map[string]string{}
	for _, m := range each(v, path...) {
		m, _ := m.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if s, ok := m[k].(string); ok {
				all[k] = s
			}
		}
	}
	return all
}
