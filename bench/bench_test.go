package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	before := requests{"APPLY services": 3, "PUT leases": 10, "POST changes": 1}
	after := requests{
		"APPLY services": 5, "dry-run APPLY services": 1, "PUT leases": 14, "POST changes": 1,
		"PATCH changes/status": 2, "PUT deployments/status": 7, "GET": 4, "POST replicasets": 1,
	}
	all := after.since(before)
	if d := cmp.Diff(requests{
		"APPLY services": 2, "dry-run APPLY services": 1, "PUT leases": 4,
		"PATCH changes/status": 2, "PUT deployments/status": 7, "GET": 4, "POST replicasets": 1,
	}, all); d != "" {
		t.Errorf("since (-want +got):\n%s", d)
	}
	ours := all.foreground().of(func(what string) bool { return !controlPlane(what) })
	if d := cmp.Diff(requests{"APPLY services": 2, "dry-run APPLY services": 1, "PATCH changes/status": 2}, ours); d != "" {
		t.Errorf("ours (-want +got):\n%s", d)
	}
	if d := cmp.Diff(requests{"APPLY": 2, "dry-run APPLY": 1}, all.byVerb(map[string]bool{"services": true})); d != "" {
		t.Errorf("by verb (-want +got):\n%s", d)
	}
	if got, want := ours.String(), "2 APPLY services, 2 PATCH changes/status, 1 dry-run APPLY services"; got != want {
		t.Errorf("printed as %q, want %q", got, want)
	}
	dry := 0
	for what := range ours {
		if isDryRun(what) {
			dry++
		}
	}
	if dry != 1 {
		t.Errorf("%d kinds of dry runs, want 1", dry)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := &report{At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), CPU: "abacus", CPUs: 2, Go: "go1.26", LoadBefore: "0.1 0.2 0.3", Took: "3m", Components: 10}
	fast, slow := figure{Name: "fast", Duration: 20 * time.Millisecond}, figure{Name: "slow", Duration: 1500 * time.Millisecond, Note: "why", Requests: requests{"GET pods": 2}}
	fast.under(100 * time.Millisecond)
	slow.under(time.Second)
	r.Figures = []*figure{&fast, &slow, {Name: "memory", Value: "5 MiB"}}
	var out bytes.Buffer
	if err := r.print(&out, "text"); err != nil {
		t.Fatal(err)
	}
	want := `2026-11-23 12:00:00, 2 × abacus, go1.26, load before 0.1 0.2 0.3; 10 components of 4 objects; took 3m

WHAT    MEASURED  AIM      OF AIM  
fast    20ms      < 100ms  0.20    met
slow    1.50s     < 1s     1.50    NOT MET
memory  5 MiB                      

slow
  why
  requests: 2 GET pods
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
