package acm

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns a certificate as it is now.
func (p provider) Read(_ context.Context, r resource.Request) (resource.Found, error) {
	var found certificate
	err := p.store.View(func(tx *store.Tx) (err error) {
		found, err = find(tx, store.Scope{Account: r.Account, Region: r.Region}, &r.PhysicalID)
		return err
	})
	if err != nil {
		return resource.Found{}, refusal(err)
	}
	out := resource.Props{"DomainName": *found.DomainName, "KeyAlgorithm": string(found.KeyAlgorithm)}
	out.Set("Tags", resource.TagList(found.Tags))
	return resource.Found{State: stateOf(r.PhysicalID), Properties: out, Readable: []string{"DomainName", "KeyAlgorithm", "Tags"}}, nil
}
