package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// Restart is one rollout of a workload for new content of what its Pods read.
type Restart struct {
	// Component as it was before.
	Component *v1alpha1.Component
	// Object whose Pods are restarted, and the Contents that are new, named as people do:
	// "Secret shop/db".
	Object   string
	Contents []string
	// Changes to the object; none when it was restarted by a process that was killed
	// before it could say so.
	Changes []diff.Change
}

// String is "restarted apps/Deployment shop/web: Secret shop/db has new content".
func (r Restart) String() string {
	has := "has"
	if len(r.Contents) > 1 {
		has = "have"
	}
	return fmt.Sprintf("restarted %s: %s %s new content", r.Object, strings.Join(r.Contents, ", "), has)
}

// restarted tells which of the objects that were applied read something new.
func (p *prepared) restarted(ctx context.Context, n *node, applied kube.Applied) error {
	if p.Restarted == nil {
		return nil
	}
	for i, a := range applied.Objects {
		before := slices.IndexFunc(n.recorded.Status.Applied, func(b v1alpha1.AppliedObject) bool { return a.Object == b.Object })
		if before < 0 {
			continue
		}
		r := Restart{Component: n.recorded, Object: readable(a.Object), Changes: applied.Changes[i : i+1]}
		for _, read := range a.Reads {
			if !slices.Contains(n.recorded.Status.Applied[before].Reads, read) {
				r.Contents = append(r.Contents, readable(read.Object))
			}
		}
		if len(r.Contents) == 0 {
			continue
		}
		failpoint.Hit("rollout/restarted")
		if err := p.Restarted(ctx, r); err != nil {
			return fmt.Errorf("record that %s: %w", r, err)
		}
	}
	return nil
}
