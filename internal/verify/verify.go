package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// Cluster is what is needed of a Kubernetes cluster. *kube.Cluster is one.
type Cluster interface {
	Follow(ctx context.Context, s kube.Selection, changed func()) (func() []*unstructured.Unstructured, error)
	Annotate(ctx context.Context, id kube.ID, version, serviceAccount, key, value string) error
}

// Request is what was applied and where.
type Request struct {
	Objects []v1alpha1.AppliedObject
	Cluster Cluster
	// ServiceAccount in whose name the annotation is written, as kube.Cluster.Annotate
	// has it.
	ServiceAccount string
	// Account of the Environment, in a region; nil where it names none.
	Account func(ctx context.Context, region string) (Account, error)
	// Region of the Environment.
	Region string
	// Interval until an account is asked a second time. Default 2 seconds.
	Interval time.Duration
	// Say gets the line of what is waited for, whenever it changes. Nil for nobody.
	Say func(line string)
}

const (
	defaultInterval = 2 * time.Second
	longestInterval = 15 * time.Second
)

// NotVerifiedError says what was still waited for when the looking ended.
type NotVerifiedError struct {
	Findings []Finding
	Err      error // why it ended
}

func (e *NotVerifiedError) Error() string {
	var lines []string
	for _, f := range e.Findings {
		if f.Result == Waiting {
			lines = append(lines, f.String())
		}
	}
	return "not healthy to the end of the wire: " + strings.Join(lines, "; ")
}

func (e *NotVerifiedError) Unwrap() error { return e.Err }

// Run looks until every check has passed or is skipped, and returns how each ended, in
// the order of the objects. When ctx ends before, the error is a *NotVerifiedError, and
// the findings are the last ones. Where no object has a check, nothing is asked.
func Run(ctx context.Context, r Request) ([]Finding, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watch{Request: &r, woken: make(chan struct{}, 1), views: map[kube.Selection]view{}, done: map[done][]Finding{}, kept: answers{}}
	if err := w.begin(ctx); err != nil || len(w.objects) == 0 {
		return nil, err
	}
	said := ""
	for interval := r.interval(); ; {
		findings := w.look(ctx)
		if ctx.Err() != nil {
			return findings, &NotVerifiedError{findings, ctx.Err()}
		}
		line, polled := progress(findings)
		if line == "" {
			return findings, nil
		}
		if line != said && r.Say != nil {
			r.Say(line)
		}
		said = line
		var again <-chan time.Time
		if polled {
			again = time.After(interval)
		}
		select {
		case <-ctx.Done():
			return findings, &NotVerifiedError{findings, ctx.Err()}
		case <-w.woken:
			interval = r.interval()
		case <-again:
			interval = min(2*interval, longestInterval)
		}
	}
}

func (r *Request) interval() time.Duration {
	if r.Interval <= 0 {
		return defaultInterval
	}
	return r.Interval
}

// progress is what is waited for, in a line; "" for nothing. polled: an account has to
// be asked for some of it.
func progress(findings []Finding) (line string, polled bool) {
	n := 0
	for _, f := range findings {
		if f.Result != Waiting {
			continue
		}
		if n++; n == 1 {
			line = f.String()
		}
		polled = polled || f.polled
	}
	if n > 1 {
		line += fmt.Sprintf(" (and %d more)", n-1)
	}
	return line, polled
}

// watch is a Run under way.
type watch struct {
	*Request
	objects []object
	woken   chan struct{} // holds one token
	views   map[kube.Selection]view
	done    map[done][]Finding
	asked   answers // in this look
	kept    answers // for all looks
}

// object that has checks.
type object struct {
	kube.ID
	version string
}

func (o object) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// done names a check of an object that has ended.
type done struct {
	kube.ID
	check string
}

// check is one of those that a kind has. It finds one thing, or one of each part of the
// object.
type check struct {
	name string
	look func(context.Context, *watch, object, *unstructured.Unstructured) []Finding
}

// checksOf a kind, in their order: while one waits, those after it are not looked at.
func checksOf(o object) []check {
	switch o.Group + "/" + o.Kind {
	case "external-secrets.io/ExternalSecret":
		return []check{{SecretVersion, secretVersion}}
	case "networking.k8s.io/Ingress":
		return []check{{Balancers, balancer}, {Certificates, certificates}, {Targets, targets}, {Names, names}}
	}
	return nil
}

// begin follows the objects that have checks.
func (w *watch) begin(ctx context.Context) error {
	for _, a := range w.Objects {
		id, err := kube.ParseID(a.Object)
		if err != nil {
			return err
		}
		if o := (object{id, a.Version}); len(checksOf(o)) > 0 && !slices.Contains(w.objects, o) {
			w.objects = append(w.objects, o)
			if _, err := w.follow(ctx, o.selection()); err != nil {
				return err
			}
		}
	}
	return nil
}

// look makes each check that has not ended.
func (w *watch) look(ctx context.Context) []Finding {
	w.asked = answers{}
	var all []Finding
	for _, o := range w.objects {
		now := w.now(ctx, o)
		if now == nil {
			all = append(all, Finding{Object: o.String(), Result: Waiting, Line: "is not there"})
			continue
		}
		off, wrong := notWanted(now)
		if wrong != "" {
			all = append(all, Finding{Object: o.String(), Result: Waiting, Line: wrong})
			continue
		}
		for _, c := range checksOf(o) {
			found := w.make(ctx, c, o, now, off)
			all = append(all, found...)
			if slices.ContainsFunc(found, isWaiting) {
				break
			}
		}
	}
	return all
}

func (w *watch) make(ctx context.Context, c check, o object, now *unstructured.Unstructured, off []string) []Finding {
	key := done{o.ID, c.name}
	if found, ended := w.done[key]; ended {
		return found
	}
	var found []Finding
	if slices.Contains(off, c.name) {
		found = []Finding{skipped("its annotation %s says so", v1alpha1.AnnotationSkipChecks)}
	} else {
		found = c.look(ctx, w, o, now)
	}
	for i := range found {
		found[i].Object, found[i].Check = o.String(), c.name
	}
	if !slices.ContainsFunc(found, isWaiting) {
		w.done[key] = found
	}
	return found
}

func isWaiting(f Finding) bool { return f.Result == Waiting }

// notWanted are the checks that an object is not to have; wrong says that it names one
// that there is not.
func notWanted(o *unstructured.Unstructured) (off []string, wrong string) {
	for name := range strings.SplitSeq(o.GetAnnotations()[v1alpha1.AnnotationSkipChecks], ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case slices.Contains(allChecks, name):
			off = append(off, name)
		default:
			return nil, fmt.Sprintf("its annotation %s names no check %q; there are %s", v1alpha1.AnnotationSkipChecks, name, strings.Join(allChecks, ", "))
		}
	}
	return off, ""
}
