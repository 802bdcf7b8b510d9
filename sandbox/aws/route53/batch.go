package route53

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// batch is a batch of changes in one zone while it is made, in a transaction.
type batch struct {
	tx       *store.Tx
	scope    store.Scope
	zone     zone
	targets  Targets
	problems []string
	set      map[string]bool           // keys that the batch has created or changed
	touched  []types.ResourceRecordSet // what it was to set, in order
}

// apply makes a batch, or returns InvalidChangeBatch with a message for each
// change that can't be made, and the transaction must fail. The change of the
// API that it is has been recorded.
func (r *Route53) apply(tx *store.Tx, scope store.Scope, z zone, list []types.Change, comment string) (change, error) {
	b := &batch{tx: tx, scope: scope, zone: z, targets: r.targets, set: map[string]bool{}}
	for _, c := range list {
		if err := complete(c); err != nil {
			return change{}, err
		}
	}
	for _, c := range list {
		if err := b.make(c); err != nil {
			return change{}, err
		}
	}
	if err := b.check(); err != nil {
		return change{}, err
	}
	if len(b.problems) > 0 {
		message := "[" + strings.Join(b.problems, ", ") + "]"
		return change{}, &types.InvalidChangeBatch{Message: &message, Messages: b.problems}
	}
	if err := r.tell(tx, scope); err != nil {
		return change{}, err
	}
	return r.record(tx, scope, z.ID+fmt.Sprint(list), comment)
}

// record keeps a change for GetChange.
func (r *Route53) record(tx *store.Tx, scope store.Scope, token, comment string) (change, error) {
	now := r.pace.Now()
	made := change{
		ID: "C" + resource.Suffix(token+now.String(), 20), Comment: comment, Submitted: now, Done: r.pace.End(recordType, simtime.Create),
	}
	return made, changes.Put(tx, scope, made.ID, made)
}

func (b *batch) refuse(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// make makes one change, or notes why not.
func (b *batch) make(c types.Change) error {
	set, problems := normalize(*c.ResourceRecordSet)
	if len(problems) > 0 {
		b.problems = append(b.problems, problems...)
		return nil
	}
	if !within(*set.Name, b.zone.Name) {
		b.refuse("RRSet with DNS name %s is not permitted in zone %s", *set.Name, b.zone.Name)
		return nil
	}
	key := keyOf(b.zone.ID, set)
	old, exists, err := records.Get(b.tx, b.scope, key)
	if err != nil {
		return err
	}
	if c.Action != types.ChangeActionDelete && b.set[key] {
		b.refuse("The request contains an invalid set of changes for a resource record set '%s %s'", set.Type, *set.Name)
		return nil
	}
	apex := *set.Name == b.zone.Name
	switch c.Action {
	case types.ChangeActionCreate:
		if exists {
			b.refuse("Tried to create resource record set %s but it already exists", describe(set))
			return nil
		}
	case types.ChangeActionDelete:
		switch {
		case !exists:
			b.refuse("Tried to delete resource record set %s but it was not found", describe(set))
		case !sameValues(old, set):
			b.refuse("Tried to delete resource record set %s but the values provided do not match the current values", describe(set))
		case apex && set.Type == types.RRTypeNs:
			b.refuse("A HostedZone must contain at least one NS record for the zone itself.")
		case apex && set.Type == types.RRTypeSoa:
			b.refuse("A HostedZone must contain exactly one SOA record.")
		default:
			delete(b.set, key)
			return records.Delete(b.tx, b.scope, key)
		}
		return nil
	}
	b.set[key] = true
	b.touched = append(b.touched, set)
	return records.Put(b.tx, b.scope, key, set)
}

// check looks at what the batch has made of the names that it touched.
func (b *batch) check() error {
	for _, set := range b.touched {
		key := keyOf(b.zone.ID, set)
		if !b.set[key] {
			continue // deleted again
		}
		all, err := records.List(b.tx, b.scope, keyAt(b.zone.ID, *set.Name))
		if err != nil {
			return err
		}
		if set.Type == types.RRTypeSoa && *set.Name != b.zone.Name {
			b.refuse("RRSet of type SOA with DNS name %s is not permitted: it is not the zone %s", *set.Name, b.zone.Name)
		}
		if set.Type == types.RRTypeCname && *set.Name == b.zone.Name {
			b.refuse("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", *set.Name, b.zone.Name)
		}
		for _, other := range all {
			switch {
			case other.Type != set.Type && set.Type == types.RRTypeCname:
				b.refuse("RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", *set.Name, b.zone.Name)
			case other.Type != set.Type && other.Type == types.RRTypeCname:
				b.refuse("RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of type  CNAME with the same DNS name already exists in zone %s", set.Type, *set.Name, b.zone.Name)
			case other.Type == set.Type && keyOf(b.zone.ID, other) != key && !samePolicy(other, set):
				b.refuse("RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created as other RRSets exist with the same name and type.",
					*set.Name, set.Type, aws.ToString(either(set.SetIdentifier, aws.String("null"))))
			default:
				continue
			}
			break
		}
		if set.AliasTarget != nil {
			if err := b.checkAlias(set); err != nil {
				return err
			}
		}
	}
	return nil
}

// samePolicy reports whether two sets of one name and type may be beside each
// other: both have the same routing policy, and have one.
func samePolicy(a, b types.ResourceRecordSet) bool {
	one, other := policiesOf(a), policiesOf(b)
	return len(one) == 1 && len(other) == 1 && one[0] == other[0]
}

func (b *batch) checkAlias(set types.ResourceRecordSet) error {
	target := set.AliasTarget
	refuse := func(because string) {
		b.refuse("Tried to create an alias that targets %s, type %s in zone %s, but %s", *target.DNSName, set.Type, *target.HostedZoneId, because)
	}
	domain := ""
	if *target.HostedZoneId == b.zone.ID {
		domain = b.zone.Name
	} else if b.targets != nil {
		var known bool
		if domain, known = b.targets.Domain(*target.HostedZoneId); !known {
			return nil // a service that the sandbox does not have
		}
	}
	if domain != "" && !within(*target.DNSName, domain) {
		refuse("the alias target name does not lie within the target zone")
		return nil
	}
	if domain != b.zone.Name {
		return nil
	}
	found := false
	err := records.Walk(b.tx, b.scope, keyAt(b.zone.ID, *target.DNSName)+string(set.Type)+"\x00", func(string, types.ResourceRecordSet) error {
		found = true
		return store.Stop
	})
	if err == nil && !found {
		refuse("that target was not found")
	}
	return err
}
