package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

const (
	albClass  = "ingress.k8s.aws/alb" // spec.controller of its IngressClasses
	albPrefix = "alb.ingress.kubernetes.io/"
)

// ingress is what is read of an Ingress.
type ingress struct {
	Metadata struct{ Annotations map[string]string }
	Spec     struct {
		IngressClassName string
		DefaultBackend   *backend
		TLS              []struct{ Hosts []string }
		Rules            []struct {
			Host string
			HTTP struct{ Paths []struct{ Backend backend } }
		}
	}
	Status struct {
		LoadBalancer struct {
			Ingress []struct{ Hostname, IP string }
		}
	}
}

type backend struct {
	Service *struct {
		Name string
		Port struct {
			Name   string
			Number json.Number
		}
	}
}

// addresses that the Ingress is reached at.
func (i ingress) addresses() []string {
	var all []string
	for _, a := range i.Status.LoadBalancer.Ingress {
		all = append(all, cmp.Or(a.Hostname, a.IP))
	}
	return all
}

// port of a Service, by name or number.
type port struct{ service, port string }

// ports that the Ingress sends to, each once: those of the annotated actions, too.
func (i ingress) ports() []port {
	var all []port
	add := func(p port) {
		if p.service != "" && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	backends := []backend{}
	if i.Spec.DefaultBackend != nil {
		backends = append(backends, *i.Spec.DefaultBackend)
	}
	for _, r := range i.Spec.Rules {
		for _, p := range r.HTTP.Paths {
			backends = append(backends, p.Backend)
		}
	}
	for _, b := range backends {
		switch {
		case b.Service == nil:
		case b.Service.Port.Name == "use-annotation":
			for _, p := range i.action(b.Service.Name) {
				add(p)
			}
		default:
			add(port{b.Service.Name, cmp.Or(b.Service.Port.Name, b.Service.Port.Number.String())})
		}
	}
	return all
}

// action is where an annotated action sends to.
func (i ingress) action(name string) []port {
	var action struct {
		ForwardConfig struct {
			TargetGroups []struct {
				ServiceName string
				ServicePort any
			}
		}
	}
	decoder := json.NewDecoder(strings.NewReader(i.Metadata.Annotations[albPrefix+"actions."+name]))
	decoder.UseNumber()
	if decoder.Decode(&action) != nil {
		return nil // the operator says what is wrong with it
	}
	var all []port
	for _, t := range action.ForwardConfig.TargetGroups {
		switch p := t.ServicePort.(type) {
		case string:
			all = append(all, port{t.ServiceName, p})
		case json.Number:
			all = append(all, port{t.ServiceName, p.String()})
		}
	}
	return all
}

// certificateARNs that an annotation names.
func (i ingress) certificateARNs() []string {
	return list(i.Metadata.Annotations[albPrefix+"certificate-arn"])
}

// https tells whether the balancer is to have a certificate.
func (i ingress) https() bool {
	return len(i.Spec.TLS) > 0 || len(i.certificateARNs()) > 0 || strings.Contains(i.Metadata.Annotations[albPrefix+"listen-ports"], "HTTPS")
}

// ruleHosts are those that the rules and tls entries name.
func (i ingress) ruleHosts() []string {
	var all []string
	for _, r := range i.Spec.Rules {
		all = append(all, r.Host)
	}
	for _, t := range i.Spec.TLS {
		all = append(all, t.Hosts...)
	}
	return hosts(all)
}

// hosts in lower case, each once, without the empty ones.
func hosts(all []string) []string {
	var out []string
	for _, h := range all {
		if h = canonical(h); h != "" && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// list reads what stands between commas.
func list(text string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }), func(s string) bool { return s == "" })
}

// canonical is how names of DNS are compared.
func canonical(name string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), ".")), "dualstack.")
}

// isALB tells whether the AWS Load Balancer Controller serves the Ingress.
func (w *watch) isALB(ctx context.Context, i ingress) (bool, error) {
	if i.Spec.IngressClassName == "" {
		return i.Metadata.Annotations["kubernetes.io/ingress.class"] == "alb", nil
	}
	classes, err := w.follow(ctx, kube.Selection{GroupVersionKind: schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass"}})
	if err != nil {
		return false, err
	}
	class := named(classes, "", i.Spec.IngressClassName)
	if class == nil {
		return false, nil
	}
	by, _, _ := unstructured.NestedString(class.Object, "spec", "controller")
	return by == albClass, nil
}

// regional is the region in the name of a balancer: name.REGION.elb.amazonaws.com, or
// name.elb.REGION.amazonaws.com.
var regional = regexp.MustCompile(`\.(?:([a-z0-9-]+)\.elb|elb\.([a-z0-9-]+))\.amazonaws\.com(?:\.cn)?$`)

func (w *watch) regionOf(hostname string) string {
	if m := regional.FindStringSubmatch(canonical(hostname)); m != nil {
		return cmp.Or(m[1], m[2])
	}
	return w.Region
}
