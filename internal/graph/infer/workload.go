package infer

import (
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// controllers are Ingress controllers that go by a label of their Pods
// (app.kubernetes.io/name in the manifests that their projects publish).
var controllers = map[string]string{
	"aws-load-balancer-controller": "ingress.k8s.aws/alb",
	"ingress-nginx":                "k8s.io/ingress-nginx",
}

// podOf is the template of the Pods that a workload makes, or the Pod itself.
func podOf(o object) any {
	path := []string{"spec", "template"}
	switch o.GetKind() {
	case "Pod":
		return o.Object
	case "CronJob":
		path = []string{"spec", "jobTemplate", "spec", "template"}
	}
	for _, pod := range each(o.Object, path...) {
		return pod
	}
	return nil
}

func workload(r *reader, o object) {
	pod := podOf(o)
	own := labels(pod, "metadata", "labels")
	r.has(Provided{Thing: o.in(pods, o.String()), Labels: own, By: o.String()})
	if c := controllers[own["app.kubernetes.io/name"]]; c != "" {
		r.has(Provided{Thing: Thing{Kind: controller, Name: c}, By: "served by " + o.String()})
	}
	for _, spec := range each(pod, "spec") {
		podNeeds(r, o, spec)
	}
}

func podNeeds(r *reader, o object, spec any) {
	for _, ref := range readBy(o, spec) {
		n := o.need("reads", ref.Thing)
		n.Inside = ref.Optional
		r.needs(n)
	}
	for _, name := range texts(spec, "imagePullSecrets", "name") {
		r.needs(o.need("pulls images with", o.in("Secret", name)))
	}
	if name := text(spec, "serviceAccountName"); name != "" && name != "default" { // which each namespace has
		r.needs(o.need("runs as", o.in("ServiceAccount", name)))
	}
	for _, name := range texts(spec, "volumes", "persistentVolumeClaim", "claimName") {
		n := o.need("mounts", o.in("PersistentVolumeClaim", name))
		n.Inside = true
		r.needs(n)
	}
}

// Read is a Secret or a ConfigMap whose content a Pod reads.
type Read struct {
	Thing
	// Optional ones may be missing.
	Optional bool
}

// Reads are the contents that the Pods of a workload read, known names only. There are
// none for objects that make no Pods, or none again when their template changes.
func Reads(o render.Object, at Place) []Read {
	w := object{o.Object, o.Source, at.Namespace}
	if w.groupKind().Group != "apps" || w.GetKind() == "ReplicaSet" {
		return nil
	}
	var all []Read
	for _, spec := range each(podOf(w), "spec") {
		all = append(all, readBy(w, spec)...)
	}
	return slices.DeleteFunc(all, func(r Read) bool { return !known(r.Name) || !known(r.Scope) })
}

// readBy are the contents that a Pod takes as variables or mounts, each once, with names
// that may be open.
func readBy(o object, spec any) []Read {
	var all []Read
	found := func(kind, field string, v any, path ...string) {
		for _, ref := range each(v, path...) {
			m, _ := ref.(map[string]any)
			r := Read{o.in(kind, text(ref, field)), m["optional"] == true}
			i := slices.IndexFunc(all, func(other Read) bool { return other.Thing == r.Thing })
			switch {
			case r.Name == "":
			case i < 0:
				all = append(all, r)
			case !r.Optional:
				all[i].Optional = false
			}
		}
	}
	for _, list := range []string{"containers", "initContainers"} {
		for _, c := range each(spec, list) {
			found("ConfigMap", "name", c, "envFrom", "configMapRef")
			found("Secret", "name", c, "envFrom", "secretRef")
			found("ConfigMap", "name", c, "env", "valueFrom", "configMapKeyRef")
			found("Secret", "name", c, "env", "valueFrom", "secretKeyRef")
		}
	}
	found("ConfigMap", "name", spec, "volumes", "configMap")
	found("Secret", "secretName", spec, "volumes", "secret")
	found("ConfigMap", "name", spec, "volumes", "projected", "sources", "configMap")
	found("Secret", "name", spec, "volumes", "projected", "sources", "secret")
	return all
}

func service(r *reader, o object) {
	p := Provided{Thing: o.in("Service", o.GetName())}
	if selector := labels(o.Object, "spec", "selector"); len(selector) > 0 && allKnown(selector) {
		p.Leads = []Need{{Thing: o.in(pods, ""), Labels: selector}}
	}
	r.has(p)
}
