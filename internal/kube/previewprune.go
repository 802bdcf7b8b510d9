package kube

import (
	"context"
	"errors"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// PreviewPrune says what Prune would delete, and writes nothing. What Prune would refuse
// to delete without PruneOptions.Destructive is marked as holding data, with the reason.
func (c *Cluster) PreviewPrune(ctx context.Context, owner Owner, ids []string) ([]diff.Change, error) {
	found, _, err := c.doom(ctx, owner, ids)
	if err != nil {
		return nil, err
	}
	if err := c.each(found, func(d *doomed) error { return c.read(ctx, d) }); err != nil {
		return nil, err
	}
	reasons := map[ID]string{}
	for _, refuse := range []func(context.Context, []*doomed) error{c.refuseDataLoss, c.refuseUsedCRDs} {
		refused := &HoldsDataError{}
		if err := refuse(ctx, found); err != nil && !errors.As(err, &refused) {
			return nil, err
		}
		for i, id := range refused.Objects {
			reasons[id] = refused.Reasons[i]
		}
	}
	var changes []diff.Change
	for _, d := range found {
		if d.live {
			reason, holds := reasons[d.id]
			changes = append(changes, diff.Change{Resource: d.id.Resource(), Action: diff.Delete, HoldsData: holds, Reason: reason})
		}
	}
	return changes, nil
}
