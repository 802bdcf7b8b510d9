package route53

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Pointing lists the names in the public zones of an account that point at other
// names, as aliases or by CNAME, by where they point. Names are in lower case,
// without a dot at the end, and targets without the "dualstack." of aliases.
func (r *Route53) Pointing(_ context.Context, account string) (map[string][]string, error) {
	found := map[string][]string{}
	add := func(target, name string) {
		target = strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(target, ".")), "dualstack.")
		name = strings.TrimSuffix(strings.ReplaceAll(name, `\052`, "*"), ".")
		if !slices.Contains(found[target], name) {
			found[target] = append(found[target], name)
		}
	}
	scope := store.Scope{Account: account}
	err := r.store.View(func(tx *store.Tx) error {
		return zones.Walk(tx, scope, "", func(_ string, z zone) error {
			if z.Private {
				return nil
			}
			return records.Walk(tx, scope, z.ID+"/", func(_ string, set types.ResourceRecordSet) error {
				switch {
				case set.AliasTarget != nil:
					add(aws.ToString(set.AliasTarget.DNSName), aws.ToString(set.Name))
				case set.Type == types.RRTypeCname:
					for _, one := range set.ResourceRecords {
						add(aws.ToString(one.Value), aws.ToString(set.Name))
					}
				}
				return nil
			})
		})
	})
	return found, err
}
