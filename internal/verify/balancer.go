package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// alb reads an Ingress; why is set where its balancer is not looked at.
func (w *watch) alb(ctx context.Context, now *unstructured.Unstructured) (i ingress, served bool, why []Finding) {
	if err := decode(now, &i); err != nil {
		return i, false, []Finding{waiting("%v", err)}
	}
	served, err := w.isALB(ctx, i)
	if err != nil {
		return i, false, []Finding{skipped("which controller serves it can't be seen: %v", err)}
	}
	return i, served, nil
}

func balancer(ctx context.Context, w *watch, o object, now *unstructured.Unstructured) []Finding {
	i, served, why := w.alb(ctx, now)
	if !served {
		return why
	}
	names := i.addresses()
	if len(names) == 0 {
		return []Finding{w.noBalancer(ctx, o, i)}
	}
	var found []Finding
	for _, name := range names {
		b, err := w.balancer(ctx, name)
		switch {
		case err != nil:
			found = append(found, unanswered(err))
		case b == nil:
			found = append(found, polling("there is no balancer %s in %s, in the account of the Environment: was it deleted? If it is in another account, annotate the Ingress with %s: %s,%s,%s",
				name, w.regionOf(name), v1alpha1.AnnotationSkipChecks, Balancers, Certificates, Targets))
		case b.State != "active":
			found = append(found, polling("%s", strings.TrimSuffix("its balancer is "+b.State+": "+b.Reason, ": ")))
		default:
			found = append(found, passed("%s is active", name))
		}
	}
	return found
}

// balancer by its name in DNS; nil for none.
func (w *watch) balancer(ctx context.Context, name string) (*Balancer, error) {
	all, err := ask(ctx, w, w.asked, w.regionOf(name), "balancers", func(a Account) ([]Balancer, error) { return a.Balancers(ctx) })
	at := slices.IndexFunc(all, func(b Balancer) bool { return canonical(b.DNSName) == canonical(name) })
	if err != nil || at < 0 {
		return nil, err
	}
	return &all[at], nil
}

// application are those of an Ingress that have rules and targets.
func (w *watch) application(ctx context.Context, i ingress) ([]*Balancer, error) {
	var all []*Balancer
	for _, name := range i.addresses() {
		b, err := w.balancer(ctx, name)
		if err != nil {
			return nil, err
		}
		if b != nil && b.Application {
			all = append(all, b)
		}
	}
	return all, nil
}

// noBalancer says why an Ingress has none yet: a certificate that is not validated, or
// what the operator says of it.
func (w *watch) noBalancer(ctx context.Context, o object, i ingress) Finding {
	if line, polled := w.unissued(ctx, i); line != "" {
		f := waiting("it has no balancer yet: %s", line)
		f.polled = polled
		return f
	}
	return w.waitsFor(ctx, albController, strings.TrimSuffix("it has no balancer yet: "+w.warning(ctx, o), ": "))
}

// unissued is the certificate that keeps a balancer from being made.
func (w *watch) unissued(ctx context.Context, i ingress) (line string, polled bool) {
	if !i.https() {
		return "", false
	}
	for _, arn := range i.certificateARNs() {
		if f := w.certificate(ctx, arn); f.Result == Waiting {
			return f.Line, f.polled
		}
	}
	if len(i.certificateARNs()) > 0 {
		return "", false
	}
	pending, err := ask(ctx, w, w.asked, w.Region, "pending", func(a Account) ([]Certificate, error) { return a.PendingCertificates(ctx) })
	if err != nil {
		return "", false // the operator says that there is none
	}
	for _, c := range pending {
		if slices.ContainsFunc(i.ruleHosts(), c.covers) {
			return c.waits(), true
		}
	}
	return "", false
}

// covers tells whether a certificate is for the host.
func (c Certificate) covers(host string) bool {
	return slices.ContainsFunc(c.Names, func(name string) bool {
		name = canonical(name)
		_, parent, _ := strings.Cut(host, ".")
		return name == host || name == "*."+parent
	})
}

// waits says what a certificate waits for.
func (c Certificate) waits() string {
	name := first(c.Names)
	if c.Status != "PENDING_VALIDATION" {
		return strings.TrimSuffix(fmt.Sprintf("the certificate for %s is %s: %s", name, c.Status, c.Reason), ": ")
	}
	if len(c.Awaited) == 0 {
		return fmt.Sprintf("the certificate for %s waits for its validation", name)
	}
	var records []string
	for _, r := range c.Awaited {
		records = append(records, r.String())
	}
	return fmt.Sprintf("the certificate for %s waits for the record %s", name, strings.Join(records, ", "))
}

// certificate finds whether one is issued.
func (w *watch) certificate(ctx context.Context, arn string) Finding {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "acm" {
		return skipped("the certificate %s is not of ACM", arn)
	}
	c, err := ask(ctx, w, w.asked, parts[3], arn, func(a Account) (Certificate, error) { return a.Certificate(ctx, arn) })
	switch {
	case err != nil:
		return unanswered(err)
	case c.Status != "ISSUED":
		return polling("%s", c.waits())
	}
	return passed("the certificate for %s is issued", first(c.Names))
}

func certificates(ctx context.Context, w *watch, _ object, now *unstructured.Unstructured) []Finding {
	i, served, _ := w.alb(ctx, now)
	if !served || !i.https() {
		return nil
	}
	balancers, err := w.application(ctx, i)
	if err != nil {
		return []Finding{unanswered(err)}
	}
	arns := i.certificateARNs()
	for _, b := range balancers {
		bound, err := ask(ctx, w, w.asked, w.regionOf(b.DNSName), "certificates of "+b.ARN, func(a Account) ([]string, error) { return a.BoundCertificates(ctx, b.ARN) })
		if err != nil {
			return []Finding{unanswered(err)}
		}
		arns = append(arns, bound...)
		if len(bound) == 0 {
			return []Finding{polling("no listener of its balancer has a certificate yet")}
		}
	}
	var found []Finding
	slices.Sort(arns)
	for _, arn := range slices.Compact(arns) {
		found = append(found, w.certificate(ctx, arn))
	}
	return found
}
