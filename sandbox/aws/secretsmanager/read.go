package secretsmanager

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns a secret as it is now, without its value.
func (p secretProvider) Read(_ context.Context, request resource.Request) (resource.Found, error) {
	var found secret
	err := p.store.View(func(tx *store.Tx) (err error) {
		found, err = p.live(tx, store.Scope{Account: request.Account, Region: request.Region}, request.PhysicalID)
		return err
	})
	if err != nil {
		return resource.Found{}, refusal(err)
	}
	out := resource.Props{"Name": found.Name}
	out.Set("Description", found.Description)
	out.Set("KmsKeyId", found.KMSKeyID)
	out.Set("Tags", resource.TagList(found.Tags))
	return resource.Found{State: stateOf(found), Properties: out, Readable: []string{"Name", "Description", "KmsKeyId", "Tags"}}, nil
}
