package rollout

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

// verify waits until what was applied works to the end of the wire, and puts down what
// was found, however it ended.
func (p *prepared) verify(ctx context.Context, n *node, objects []v1alpha1.AppliedObject) error {
	r := verify.Request{
		Objects: objects, Cluster: p.Cluster, ServiceAccount: p.Environment.Spec.Cluster.ServiceAccount,
		Account: p.Look, Region: p.place().Region, Interval: p.LookInterval,
		Say: func(line string) { p.Steps.say(n.Name, line) },
	}
	found, err := verify.Run(ctx, r)
	p.Steps.verified(n.Name, found)
	return err
}

// verified puts down what was found of a component.
func (s *Steps) verified(component string, found []verify.Finding) {
	s.update(component, func(st *Step) {
		st.Verified = nil
		for _, f := range found {
			st.Verified = append(st.Verified, v1alpha1.Verification{Object: f.Object, Check: f.Check, Result: string(f.Result), Message: f.Line})
		}
	})
}
