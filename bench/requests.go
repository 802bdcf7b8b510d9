package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/kubernetes"
)

// requests counts requests by what they are, as "PATCH changes/status". Dry runs
// are "dry-run APPLY deployments".
type requests map[string]int

// background are the resources that the parts of a control plane use for
// themselves all the time.
var background = map[string]bool{
	"":       true, // health, discovery and metrics
	"leases": true, "events": true, "tokenreviews": true, "subjectaccessreviews": true,
}

// countRequests reads the API server's own metrics.
func countRequests(ctx context.Context, client kubernetes.Interface) (requests, error) {
	raw, err := client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("the API server's metrics: %w", err)
	}
	counts := requests{}
	for _, m := range families["apiserver_request_total"].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		what := labels["verb"] + " " + labels["resource"]
		if group := labels["group"]; group == "events.k8s.io" { // the control plane's controllers use the older ones
			what += "." + group
		}
		if sub := labels["subresource"]; sub != "" {
			what += "/" + sub
		}
		if labels["dry_run"] != "" {
			what = "dry-run " + what
		}
		counts[strings.TrimSpace(what)] += int(m.GetCounter().GetValue())
	}
	return counts, nil
}

// since is what was added since an earlier count.
func (r requests) since(before requests) requests {
	d := requests{}
	for what, n := range r {
		if n != before[what] {
			d[what] = n - before[what]
		}
	}
	return d
}

// quiet returns the count once it has not moved for a moment, so that nothing
// that belongs to the measurement is left out. Leases and the like do not count.
func quiet(ctx context.Context, client kubernetes.Interface) (requests, error) {
	const moment = 700 * time.Millisecond
	last, err := countRequests(ctx, client)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case <-time.After(moment):
		case <-ctx.Done():
			return nil, fmt.Errorf("the API server does not come to rest: %w", ctx.Err())
		}
		now, err := countRequests(ctx, client)
		if err != nil {
			return nil, err
		}
		if len(now.since(last).foreground()) == 0 {
			return now, nil
		}
		last = now
	}
}

// resource of a request, without its subresource.
func resource(what string) string {
	_, r, _ := strings.Cut(strings.TrimPrefix(what, "dry-run "), " ")
	r, _, _ = strings.Cut(r, "/")
	return r
}

// foreground leaves out what the control plane does for itself.
func (r requests) foreground() requests {
	return r.of(func(what string) bool { return !background[resource(what)] })
}

func (r requests) of(keep func(what string) bool) requests {
	out := maps.Clone(r)
	maps.DeleteFunc(out, func(what string, _ int) bool { return !keep(what) })
	return out
}

// byVerb adds up the requests to some resources.
func (r requests) byVerb(resources map[string]bool) requests {
	out := requests{}
	for what, n := range r {
		if resources[resource(what)] {
			i := strings.LastIndex(what, " ")
			out[what[:i]] += n
		}
	}
	return out
}

func (r requests) String() string {
	if len(r) == 0 {
		return "none"
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(r)) {
		parts = append(parts, fmt.Sprintf("%d %s", r[what], what))
	}
	return strings.Join(parts, ", ")
}

func verb(what string) string {
	i := strings.LastIndex(what, " ")
	return what[:max(i, 0)]
}

func isDryRun(what string) bool { return strings.HasPrefix(what, "dry-run ") }

// controlPlane tells requests that only the control plane's own controllers
// make: to what they derive from our objects, and the status that they write.
func controlPlane(what string) bool {
	switch resource(what) {
	case "replicasets", "pods", "endpoints", "endpointslices", "ipaddresses", "limitranges":
		return true
	}
	switch what {
	case "PUT deployments/status", "POST serviceaccounts/token":
		return true
	}
	return false
}
