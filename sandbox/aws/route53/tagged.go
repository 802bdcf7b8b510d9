package route53

import (
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// home is the region whose list has what has no region.
const home = "us-east-1"

const arnPrefix = "arn:aws:route53:::hostedzone/"

// Tagged lists the hosted zones for the Tagging API.
func (r *Route53) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	if scope.Region != home {
		return nil, nil
	}
	var out []resource.Tagged
	err := zones.Walk(tx, store.Scope{Account: scope.Account}, "", func(id string, z zone) error {
		out = append(out, resource.Tagged{ARN: arnPrefix + id, Tags: z.Tags})
		return nil
	})
	return out, err
}

// Retag changes the tags of a hosted zone.
func (r *Route53) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	id, ours := strings.CutPrefix(arn, arnPrefix)
	if !ours || scope.Region != home {
		return false, nil
	}
	account := store.Scope{Account: scope.Account}
	z, exists, err := zones.Get(tx, account, id)
	if err != nil || !exists {
		return false, err
	}
	if z.Tags == nil {
		z.Tags = map[string]string{}
	}
	change(z.Tags)
	return true, zones.Put(tx, account, id, z)
}
