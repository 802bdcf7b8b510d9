package verify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	balancerName = "k8s-shop-web-1234.eu-west-1.elb.amazonaws.com"
	goodARN      = "arn:aws:acm:eu-west-1:111122223333:certificate/good"

	web = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations:
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS":443}]'
    external-dns.alpha.kubernetes.io/hostname: blog.example.test
spec:
  ingressClassName: public
  rules:
    - host: blog.example.test
      http:
        paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]
status:
  loadBalancer: {ingress: [{hostname: k8s-shop-web-1234.eu-west-1.elb.amazonaws.com}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: public}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
  - {addresses: [10.0.1.17], conditions: {ready: true}}
  - {addresses: [10.0.2.18]}
  - {addresses: [10.0.2.19], conditions: {ready: false}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-6, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
endpoints:
  - {addresses: ["fd00::1"], conditions: {ready: true}}
`
)

// served is an account in which all of web is well.
var served = account{
	balancers: []Balancer{
		{ARN: "other", DNSName: "other.eu-west-1.elb.amazonaws.com", Application: true, State: "failed"},
		{ARN: "lb", DNSName: "K8s-Shop-web-1234.eu-west-1.elb.amazonaws.com", Application: true, State: "active"},
	},
	groups: []TargetGroup{
		{ARN: "others", Type: "ip", Tags: map[string]string{resourceTag: "shop/web-admin-web:80"}},
		{ARN: "group", Type: "ip", Tags: map[string]string{resourceTag: "shop/web-web:80"}},
	},
	targets: map[string][]Target{
		"group":  {{"10.0.1.17", "healthy", ""}, {"10.0.2.18", "healthy", ""}, {"10.0.1.9", "draining", "on its way out"}},
		"others": {{"10.0.9.9", "unhealthy", ""}},
	},
	bound:        []string{goodARN},
	certificates: map[string]Certificate{goodARN: {Status: "ISSUED", Names: []string{"*.example.test"}}},
	zones:        []Zone{{"Z1", "example.test"}, {"Z2", "test"}},
	records: map[string][]Record{
		"Z1": {{"blog.example.test", "A", []string{"dualstack.K8s-Shop-web-1234.eu-west-1.elb.amazonaws.com."}}},
	},
}

const (
	isActive  = "Passed balancer: " + balancerName + " is active"
	isIssued  = "Passed certificates: the certificate for *.example.test is issued"
	twoOfTwo  = "Passed targets: Service web: 2 of 2 targets healthy"
	leadsHere = "Passed name: blog.example.test leads to " + balancerName + ", in the zone example.test"
)

func TestBalancer(t *testing.T) {
	t.Parallel()
	run(t, web, served, []finds{
		{"all well", nil, []string{isActive, isIssued, twoOfTwo, leadsHere}},
		{"none yet", func(w *world) { w.edit(`"ingress":[{"hostname":"`+balancerName+`"}]`, `"ingress":[]`) }, []string{
			"Waiting balancer: waits for the AWS Load Balancer Controller: it has no balancer yet",
		}},
		{"two of one order", func(w *world) {
			w.edit(`"ingress":[{"hostname":"`+balancerName+`"}]`, `"ingress":[]`)
			w.set(event("Ingress", "web", "Normal", "all well", 1))
			w.set(event("Ingress", "web", "Warning", "Failed build model due to conflict Ingress group order: 1", 2))
		}, []string{
			"Waiting balancer: waits for the AWS Load Balancer Controller: it has no balancer yet: Failed build model due to conflict Ingress group order: 1",
		}},
		{"a warning that is over, and the operator down", func(w *world) {
			w.edit(`"ingress":[{"hostname":"`+balancerName+`"}]`, `"ingress":[]`)
			w.set(event("Ingress", "web", "Warning", "Failed build model", 2))
			w.set(event("Ingress", "web", "Normal", "Successfully reconciled", 3))
			w.set(deployment("aws-load-balancer-controller", 0))
		}, []string{
			"Waiting balancer: waits for the AWS Load Balancer Controller: it has no balancer yet; Deployment operators/aws-load-balancer-controller has 0 of 1 ready",
		}},
		{"being made", func(w *world) { w.balancers[1].State, w.balancers[1].Reason = "provisioning", "" }, []string{
			"Waiting balancer: its balancer is provisioning",
		}},
		{"deleted by hand", func(w *world) { w.balancers = w.balancers[:1] }, []string{
			"Waiting balancer: there is no balancer " + balancerName + " in eu-west-1, in the account of the Environment: was it deleted? If it is in another account, annotate the Ingress with drawbridge.dev/skip-checks: balancer,certificates,targets",
		}},
		{"in another account", func(w *world) {
			w.balancers = nil
			w.edit(`"annotations":{`, `"annotations":{"drawbridge.dev/skip-checks":"balancer, certificates,targets",`)
		}, []string{
			"Skipped balancer: its annotation drawbridge.dev/skip-checks says so", "Skipped certificates: its annotation drawbridge.dev/skip-checks says so",
			"Skipped targets: its annotation drawbridge.dev/skip-checks says so", leadsHere,
		}},
		{"no right", func(w *world) { w.denied = "elasticloadbalancing:DescribeLoadBalancers" }, []string{
			"Skipped balancer: no right to elasticloadbalancing:DescribeLoadBalancers", "Skipped certificates: no right to elasticloadbalancing:DescribeLoadBalancers",
			"Skipped targets: no right to elasticloadbalancing:DescribeLoadBalancers", leadsHere,
		}},
		{"no right but to that", func(w *world) { w.denied = "elasticloadbalancing:DescribeTargetHealth" }, []string{
			isActive, isIssued, "Skipped targets: no right to elasticloadbalancing:DescribeTargetHealth", leadsHere,
		}},
		{"of another controller", func(w *world) { w.edit("ingress.k8s.aws/alb", "k8s.io/ingress-nginx") }, []string{leadsHere}},
		{"of the class by its annotation", func(w *world) {
			w.edit(`"ingressClassName":"public",`, "")
			w.edit(`"annotations":{`, `"annotations":{"kubernetes.io/ingress.class":"alb",`)
		}, []string{isActive, isIssued, twoOfTwo, leadsHere}},
		{"of no class", func(w *world) { w.edit(`"ingressClassName":"public",`, "") }, []string{leadsHere}},
		{"of a class that may not be seen", func(w *world) { w.refused["IngressClass"] = true }, []string{
			"Skipped balancer: which controller serves it can't be seen: following IngressClass: forbidden", leadsHere,
		}},
		{"an account that fails", func(w *world) { w.failing = errors.New("throttled") }, []string{"Waiting balancer: throttled"}},
	})
}

func TestTargets(t *testing.T) {
	t.Parallel()
	group := func(all ...Target) func(*world) { return func(w *world) { w.targets["group"] = all } }
	run(t, web, served, []finds{
		{"one begins", group(Target{"10.0.1.17", "initial", "health checks in progress"}, Target{"10.0.2.18", "healthy", ""}), []string{
			isActive, isIssued, "Waiting targets: Service web: 1 of 2 targets healthy; 10.0.1.17: initial, health checks in progress",
		}},
		{"one is not there", group(Target{"10.0.1.17", "healthy", ""}), []string{
			isActive, isIssued, "Waiting targets: Service web: 1 of 2 targets healthy; 10.0.2.18: not registered yet",
		}},
		{"one goes", group(Target{"10.0.1.17", "healthy", ""}, Target{"10.0.2.18", "draining", ""}), []string{
			isActive, isIssued, "Waiting targets: Service web: 1 of 2 targets healthy; 10.0.2.18: not registered yet",
		}},
		{"one too many", group(Target{"10.0.1.17", "healthy", ""}, Target{"10.0.2.18", "healthy", ""}, Target{"10.0.1.9", "unhealthy", "connection refused"}), []string{
			isActive, isIssued, "Waiting targets: Service web: 2 of 2 targets healthy; 10.0.1.9: registered, but no ready address of the Service",
		}},
		{"no Pod is ready", func(w *world) {
			w.edit(`"ready":true`, `"ready":false`)
			w.edit(`{"addresses":["10.0.2.18"]}`, `{"addresses":["10.0.2.18"],"conditions":{"ready":false}}`)
		}, []string{
			isActive, isIssued, "Waiting targets: Service web has no ready address: no Pod that it selects is ready, so nothing answers",
		}},
		{"no group yet", func(w *world) {
			w.groups = w.groups[:1]
			w.set(event("Ingress", "web", "Warning", "Failed deploy model due to AccessDenied", 2))
		}, []string{
			isActive, isIssued, "Waiting targets: waits for the AWS Load Balancer Controller: its balancer does not send to Service web, port 80, yet: Failed deploy model due to AccessDenied",
		}},
		{"nodes", func(w *world) {
			w.groups[1].Type = "instance"
			w.targets["group"] = []Target{{"i-1", "healthy", ""}, {"i-2", "unused", "not in this zone"}}
		}, []string{isActive, isIssued, "Passed targets: Service web: 1 of 1 targets healthy", leadsHere}},
		{"nodes that fail", func(w *world) {
			w.groups[1].Type = "instance"
			w.targets["group"] = []Target{{"i-1", "healthy", ""}, {"i-2", "unhealthy", "timed out"}}
		}, []string{isActive, isIssued, "Waiting targets: Service web: 1 of 2 targets healthy; i-2: unhealthy, timed out"}},
		{"no node", func(w *world) { w.groups[1].Type, w.targets["group"] = "instance", nil }, []string{
			isActive, isIssued, "Waiting targets: the target group of Service web has no target",
		}},
		{"addresses that may not be seen", func(w *world) { w.refused["EndpointSlice"] = true }, []string{isActive, isIssued, twoOfTwo, leadsHere}},
		{"by an action", func(w *world) {
			w.edit(`"name":"web","port":{"number":80}`, `"name":"both","port":{"name":"use-annotation"}`)
			w.edit(`"annotations":{`, `"annotations":{"alb.ingress.kubernetes.io/actions.both":"{\"type\":\"forward\",\"forwardConfig\":{\"targetGroups\":[{\"serviceName\":\"web\",\"servicePort\":80},{\"targetGroupARN\":\"x\"}]}}",`)
		}, []string{isActive, isIssued, twoOfTwo, leadsHere}},
		{"a redirect", func(w *world) {
			w.edit(`"name":"web","port":{"number":80}`, `"name":"away","port":{"name":"use-annotation"}`)
		}, []string{isActive, isIssued, leadsHere}},
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	pending := Certificate{Status: "PENDING_VALIDATION", Names: []string{"blog.example.test"}, Awaited: []Record{{"_a.blog.example.test.", "CNAME", []string{"_b.acm-validations.aws."}}}}
	const awaits = "the certificate for blog.example.test waits for the record _a.blog.example.test. CNAME _b.acm-validations.aws."
	noBalancer := func(w *world) {
		w.edit(`"ingress":[{"hostname":"`+balancerName+`"}]`, `"ingress":[]`)
		w.certificates["new"] = pending
	}
	run(t, web, served, []finds{
		{"no balancer while one is validated", noBalancer, []string{"Waiting balancer: it has no balancer yet: " + awaits}},
		{"one of another name", func(w *world) {
			noBalancer(w)
			w.edit(`"host":"blog.example.test"`, `"host":"shop.example.test"`)
		}, []string{"Waiting balancer: waits for the AWS Load Balancer Controller: it has no balancer yet"}},
		{"no HTTPS", func(w *world) { noBalancer(w); w.edit("HTTPS", "HTTP") }, []string{"Waiting balancer: waits for the AWS Load Balancer Controller: it has no balancer yet"}},
		{"none bound", func(w *world) { w.bound = nil }, []string{isActive, "Waiting certificates: no listener of its balancer has a certificate yet"}},
		{"the bound one is over", func(w *world) {
			w.certificates[goodARN] = Certificate{Status: "EXPIRED", Names: []string{"*.example.test"}}
		}, []string{isActive, "Waiting certificates: the certificate for *.example.test is EXPIRED"}},
		{"another one is named", func(w *world) {
			arn := strings.Replace(goodARN, "good", "new", 1)
			w.edit(`"annotations":{`, `"annotations":{"alb.ingress.kubernetes.io/certificate-arn":"`+arn+`",`)
			w.certificates[arn] = pending
		}, []string{isActive, isIssued, "Waiting certificates: " + awaits}},
		{"one of IAM", func(w *world) { w.bound = []string{"arn:aws:iam::111122223333:server-certificate/x"} }, []string{
			isActive, "Skipped certificates: the certificate arn:aws:iam::111122223333:server-certificate/x is not of ACM", twoOfTwo, leadsHere,
		}},
		{"no right", func(w *world) { w.denied = "acm:DescribeCertificate" }, []string{isActive, "Skipped certificates: no right to acm:DescribeCertificate", twoOfTwo, leadsHere}},
	})
}

func TestName(t *testing.T) {
	t.Parallel()
	well := []string{isActive, isIssued, twoOfTwo}
	records := func(of ...Record) func(*world) { return func(w *world) { w.records["Z1"] = of } }
	elsewhere := Record{"blog.example.test", "CNAME", []string{"d111.cloudfront.test."}}
	txt := func(name, resource string) Record {
		return Record{name, "TXT", []string{`"heritage=external-dns,external-dns/owner=staging,external-dns/resource=` + resource + `"`}}
	}
	notAsked := func(change func(*world)) func(*world) {
		return func(w *world) {
			w.edit(`"external-dns.alpha.kubernetes.io/hostname":"blog.example.test"`, `"a":"b"`)
			change(w)
		}
	}
	const leads = "blog.example.test leads to d111.cloudfront.test., not to " + balancerName
	run(t, web, served, slices.Collect(func(yield func(finds) bool) {
		for _, c := range []finds{
			{"by CNAME", records(Record{"blog.example.test", "CNAME", []string{balancerName}}), []string{leadsHere}},
			{"none yet", records(), []string{"Waiting name: waits for ExternalDNS: blog.example.test has no record in the zone example.test yet"}},
			{"none yet, and ExternalDNS is down", func(w *world) { records()(w); w.set(deployment("external-dns", 0)) }, []string{
				"Waiting name: waits for ExternalDNS: blog.example.test has no record in the zone example.test yet; Deployment operators/external-dns has 0 of 1 ready",
			}},
			{"none, and none is promised", notAsked(records()), []string{
				"Skipped name: blog.example.test has no record in the zone example.test, and nothing was seen that promises one: no ExternalDNS in the cluster, no annotation external-dns.alpha.kubernetes.io/hostname",
			}},
			{"none, and an ExternalDNS that promises it", notAsked(func(w *world) { records()(w); w.set(deployment("external-dns", 1)) }), []string{
				"Waiting name: waits for ExternalDNS: blog.example.test has no record in the zone example.test yet",
			}},
			{"elsewhere, by hand", notAsked(records(elsewhere)), []string{"Skipped name: " + leads + ", and no ExternalDNS owns that record, so it is left to whoever made it"}},
			{"elsewhere, by hand, against the annotation", records(elsewhere), []string{"Waiting name: waits for ExternalDNS: " + leads + "; no ExternalDNS owns that record, so none will change it"}},
			{"elsewhere, of another owner", records(elsewhere, txt("cname-blog.example.test", "ingress/other/web")), []string{
				`Waiting name: ` + leads + `: the record is of ingress/other/web, by the ExternalDNS owner "staging"`,
			}},
			{"elsewhere, but ours", notAsked(records(elsewhere, txt("blog.example.test", "ingress/shop/web"))), []string{"Waiting name: waits for ExternalDNS: " + leads + " yet"}},
			{"in no zone", func(w *world) { w.zones = []Zone{{"Z3", "xample.test"}} }, []string{"Skipped name: blog.example.test is in no hosted zone of the account, so it is not looked up"}},
			{"in a private zone, too", func(w *world) { w.zones = append(w.zones, Zone{"Z4", "example.test."}) }, []string{leadsHere}},
			{"with a target of its own", func(w *world) {
				records(elsewhere)(w)
				w.edit(`"annotations":{`, `"annotations":{"external-dns.alpha.kubernetes.io/target":"d111.cloudfront.test",`)
			}, []string{"Passed name: blog.example.test leads to d111.cloudfront.test, in the zone example.test"}},
			{"of another controller of names", func(w *world) {
				w.edit(`"annotations":{`, `"annotations":{"external-dns.alpha.kubernetes.io/controller":"mine",`)
			}, nil},
			{"only by the annotation", func(w *world) {
				w.edit(`"host":"blog.example.test"`, `"host":"shop.example.test"`)
				w.edit(`"annotations":{`, `"annotations":{"external-dns.alpha.kubernetes.io/ingress-hostname-source":"annotation-only",`)
			}, []string{leadsHere}},
			{"no right", func(w *world) { w.denied = "route53:ListHostedZones" }, []string{"Skipped name: no right to route53:ListHostedZones"}},
			{"not wanted", func(w *world) {
				records()(w)
				w.edit(`"annotations":{`, `"annotations":{"drawbridge.dev/skip-checks":"name",`)
			}, []string{"Skipped name: its annotation drawbridge.dev/skip-checks says so"}},
		} {
			c.want = slices.Concat(well, c.want)
			if !yield(c) {
				return
			}
		}
	}))
}

// Without AWS there is nothing to look at, and nothing to wait for.
func TestNoAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web)
	r := w.request()
	r.Account = nil
	f, err := Run(t.Context(), r)
	if err != nil || len(f) != 4 || slices.ContainsFunc(f, func(f Finding) bool { return f.Result != Skipped }) {
		t.Errorf("%v, %v", f, err)
	}
}

// An operator that comes back is heard of by the cluster's own word, at once; what only
// the account tells is asked for after a while. What has passed is not asked for again.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, web)
		w.account = served.clone()
		w.edit(`"ingress":[{"hostname":"`+balancerName+`"}]`, `"ingress":[]`)
		w.set(deployment("aws-load-balancer-controller", 0))
		begun := time.Now()
		var said []string
		r := w.request()
		r.Say = func(line string) { said = append(said, line) }
		ended := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			defer cancel()
			f, err := Run(ctx, r)
			if len(f) != 4 {
				t.Errorf("%v", f)
			}
			ended <- err
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if d := cmp.Diff([]string{"acm:ListCertificates"}, w.calls); d != "" {
			t.Errorf("what an hour without the operator costs: %s", d)
		}
		w.targets["group"] = []Target{{"10.0.1.17", "healthy", ""}, {"10.0.2.18", "initial", ""}}
		w.edit(`"ingress":[]`, `"ingress":[{"hostname":"`+balancerName+`"}]`)
		w.set(deployment("aws-load-balancer-controller", 1))
		synctest.Wait()
		w.targets["group"] = served.targets["group"]
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != time.Hour+time.Second {
			t.Errorf("took %s", took)
		}
		if len(said) != 2 || !strings.Contains(said[0], "0 of 1 ready") || !strings.Contains(said[1], "1 of 2 targets healthy") {
			t.Errorf("%q", said)
		}
		n := 0
		for _, c := range w.calls {
			if c == "acm:DescribeCertificate" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the certificate was asked for %d times", n)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWorld(t, web)
	if _, err := Run(ctx, w.request()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
