package route53

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns a hosted zone as it is now.
func (p zoneProvider) Read(_ context.Context, request resource.Request) (resource.Found, error) {
	var z zone
	err := p.store.View(func(tx *store.Tx) (err error) {
		z, err = find(tx, store.Scope{Account: request.Account}, &request.PhysicalID)
		return err
	})
	if err != nil {
		return resource.Found{}, refusal(err)
	}
	out := resource.Props{}
	if z.Comment != "" {
		out["HostedZoneConfig"] = map[string]any{"Comment": z.Comment}
	}
	var vpcs []any
	for _, one := range z.VPCs {
		vpcs = append(vpcs, map[string]any(resource.From(one)))
	}
	out.Set("VPCs", vpcs)
	out.Set("HostedZoneTags", resource.TagList(z.Tags))
	// The name is left out: it can't change, and templates write it with or without
	// the dot at its end.
	return resource.Found{State: z.state(), Properties: out, Readable: []string{"HostedZoneConfig", "VPCs", "HostedZoneTags"}}, nil
}
