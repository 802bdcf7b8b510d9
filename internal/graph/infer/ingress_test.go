package infer

import "testing"

func TestIngress(t *testing.T) {
	t.Parallel()
	of := func(metadata, spec string) string {
		return "-- entrance.yaml --\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {" + metadata + "}\nspec: {" + spec + "}\n"
	}
	entrance := of("name: web", "rules: [{http: {paths: [{backend: {service: {name: a, port: {number: 80}}}}]}}]")
	backend := "-- svc.yaml --\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: shop}}\n"
	own := "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: shop}}\n"
	maker := "-- pods.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {metadata: {labels: {app: shop, tier: web}}}}\n"
	toService := "entrance needs svc: Ingress web sends to Service shop/a, entrance.yaml:1\n"
	toPods := "entrance needs pods: Ingress web sends to Service shop/a (Deployment d), entrance.yaml:1\n"
	classes := "-- classes.yaml --\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: alb}\nspec: {controller: ingress.k8s.aws/alb}\n"
	operator := func(name string) string {
		return "-- operator.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: lbc}\nspec: {template: {metadata: {labels: {app.kubernetes.io/name: " + name + "}}}}\n"
	}
	ofClass := "entrance needs classes: Ingress web is of IngressClass alb, entrance.yaml:1\n"

	for name, r := range map[string]rule{
		"a Service": {entrance + backend, toService, []edit{
			{"service: {name: a", "service: {name: b"}, {"port: {number: 80}", "port: {name: use-annotation}"}, {"{name: web}", "{name: web, namespace: other}"},
			{"networking.k8s.io/v1", "extensions.example.com/v1"}, {"kind: Service", "kind: ConfigMap"},
		}},
		"a default backend":         {of("name: web", "defaultBackend: {service: {name: a}}") + backend, toService, []edit{{"{service: {name: a}}", "{resource: {name: a}}"}}},
		"the Pods behind a Service": {entrance + backend + maker, toService + toPods, []edit{{"service: {name: a", "service: {name: b"}}},
		"the Pods behind a Service of its own": {entrance + own + maker, toPods, []edit{
			{"selector: {app: shop}", "selector: {app: shop, tier: db}"}, {"selector: {app: shop}", "selector: {}"}, {"metadata: {name: d}", "metadata: {name: d, namespace: other}"},
			{"apps/v1", "apps.example.com/v1"}, {"selector: {app: shop}", "selector: {app: \"${OPEN}\"}"},
		}},
		"a Service alone does not wait for Pods": {entrance + backend + maker, toService + toPods, []edit{{"kind: Ingress", "kind: NetworkPolicy"}}},
		"an IngressClass": {of("name: web", "ingressClassName: alb") + classes, ofClass, []edit{
			{"ingressClassName: alb", "ingressClassName: albs"}, {"ingressClassName: alb", ""}, {"networking.k8s.io/v1\nkind: IngressClass", "example.com/v1\nkind: IngressClass"},
		}},
		"by annotation": {of("name: web, annotations: {kubernetes.io/ingress.class: alb}", "") + classes, ofClass, []edit{{"ingress.class: alb", "ingress.class: nginx"}}},
		"its controller": {of("name: web", "ingressClassName: alb") + classes + operator("aws-load-balancer-controller"),
			ofClass + "entrance needs operator: Ingress web is of IngressClass alb (served by Deployment lbc), entrance.yaml:1", []edit{{"ingressClassName: alb", "ingressClassName: nginx"}}},
		"another controller": {of("name: web", "ingressClassName: alb") + classes + operator("ingress-nginx"), ofClass, []edit{{"kind: IngressClass", "kind: ConfigMap"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	ingress := `-- entrance.yaml --
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS":443}]'}
spec: {ingressClassName: alb, rules: [{host: shop.example.com}]}
`
	want := "entrance needs certs: Ingress web has the host shop.example.com, which a certificate is for, entrance.yaml:1"
	of := func(properties string) string {
		return "-- certs.yaml --\nResources: {C: {Type: AWS::CertificateManager::Certificate, Properties: {" + properties + "}}}\n"
	}
	for name, r := range map[string]rule{
		"the host": {ingress + of("DomainName: Shop.example.com"), want, []edit{
			{"Shop.example.com", "xshop.example.com"}, {"Shop.example.com", "example.com"}, {"HTTPS", "HTTP"},
			{"annotations: {", "annotations: {alb.ingress.kubernetes.io/certificate-arn: \"${OPEN}\", "}, {"host: shop.example.com", "host: \"${OPEN}.example.com\""},
		}},
		"a wildcard":           {ingress + of("DomainName: '*.example.com'"), want, []edit{{"host: shop", "host: a.shop"}, {"host: shop.example.com", "host: example.com"}, {"*.example.com", "*.com"}, {"host: shop.example.com", "host: \"${OPEN}.example.com\""}}},
		"another of its names": {ingress + of("DomainName: example.com, SubjectAlternativeNames: [shop.example.com]"), want, []edit{{"[shop.", "[blog."}, {"[shop.example.com]", "[!Ref AWS::AccountId]"}}},
		"TLS hosts": {"-- entrance.yaml --\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: {ingressClassName: alb, tls: [{hosts: [shop.example.com]}]}\n" + of("DomainName: shop.example.com"), want,
			[]edit{{"ingressClassName: alb", "ingressClassName: nginx"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}
