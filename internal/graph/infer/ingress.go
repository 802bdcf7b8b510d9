package infer

import "strings"

const ingressClassKind = "networking.k8s.io/IngressClass"

func ingress(r *reader, o object) {
	backends := each(o.Object, "spec", "defaultBackend", "service")
	backends = append(backends, each(o.Object, "spec", "rules", "http", "paths", "backend", "service")...)
	seen := map[string]bool{}
	for _, b := range backends {
		// A port of this name makes of the backend an action of the load balancer's.
		if name := text(b, "name"); text(b, "port", "name") != "use-annotation" && name != "" && !seen[name] {
			seen[name] = true
			r.needs(o.need("sends to", o.in("Service", name)))
		}
	}
	class := text(o.Object, "spec", "ingressClassName")
	if class == "" {
		class = o.GetAnnotations()["kubernetes.io/ingress.class"]
	}
	r.needs(o.need("is of", Thing{Kind: ingressClassKind, Name: class}))
	r.certificates(o, class)
}

func ingressClass(r *reader, o object) {
	p := Provided{Thing: Thing{Kind: ingressClassKind, Name: o.GetName()}}
	if c := text(o.Object, "spec", "controller"); c != "" && known(c) {
		p.Leads = []Need{{Thing: Thing{Kind: controller, Name: c}}}
	}
	r.has(p)
}

// certificates are those that the AWS Load Balancer Controller looks for by host: of
// an HTTPS listener that is given none.
func (r *reader) certificates(o object, class string) {
	const prefix = "alb.ingress.kubernetes.io/"
	annotations := o.GetAnnotations()
	isALB := class == "alb"
	for name := range annotations {
		isALB = isALB || strings.HasPrefix(name, prefix)
	}
	tls := each(o.Object, "spec", "tls")
	https := len(tls) > 0 || strings.Contains(annotations[prefix+"listen-ports"], "HTTPS")
	if _, given := annotations[prefix+"certificate-arn"]; given || !isALB || !https {
		return
	}
	seen := map[string]bool{}
	for _, host := range append(texts(tls, "hosts"), texts(o.Object, "spec", "rules", "host")...) {
		host = strings.ToLower(host)
		if seen[host] || host == "" {
			continue
		}
		seen[host] = true
		why := o.String() + " has the host " + host + ", which a certificate is for"
		names := []string{host}
		if label, parent, ok := strings.Cut(host, "."); ok && label != "*" {
			names = append(names, "*."+parent)
		}
		for _, name := range names {
			if known(host) {
				r.needs(Need{Thing: Thing{certificate, r.place.Region, name}, Why: why, Source: o.source})
			}
		}
	}
}
