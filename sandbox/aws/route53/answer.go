package route53

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Answer is what the public zones of an account say to a question.
type Answer struct {
	// Zone is the zone that was asked, "" where none holds the name: the server
	// of the zones refuses such a question.
	Zone string
	// Delegated is true where the name is another server's, whose NS records are
	// in Authority.
	Delegated bool
	// Exists is false where nothing has the name (NXDOMAIN).
	Exists bool
	// Records answer the question, CNAMEs on the way to them first.
	Records []Record
	// Authority has the zone's SOA record where Records end with no answer.
	Authority []Record
}

// Record is one resource record. Name and names in Value have a dot at the end;
// Name has the service's octal escapes.
type Record struct {
	Name, Value string
	Type        types.RRType
	TTL         int64
}

const (
	aliasTTL = 60 // seconds, of aliases to other services' names
	maxSteps = 16 // CNAMEs and aliases on the way to an answer
)

// Answer answers a question from the public zones of an account: the zone with
// the longest name, its delegations, wildcards, CNAMEs (followed as far as the
// account's zones go) and aliases. An error is a name that is none, or a failure
// of the sandbox.
func (r *Route53) Answer(_ context.Context, account, name string, kind types.RRType) (Answer, error) {
	name, err := canonical(name)
	if err != nil {
		return Answer{}, invalidInput("The name is not valid: %v", err)
	}
	var answer Answer
	err = r.store.View(func(tx *store.Tx) error {
		q := question{r: r, tx: tx, scope: store.Scope{Account: account}, kind: kind}
		answer, err = q.ask(name)
		return err
	})
	return answer, err
}

type question struct {
	r     *Route53
	tx    *store.Tx
	scope store.Scope
	kind  types.RRType
	steps int
}

// zoneOf is the public zone with the longest name that holds a name; of zones of
// one name the oldest.
func zoneOf(tx *store.Tx, scope store.Scope, name string) (best zone, found bool, err error) {
	err = zones.Walk(tx, scope, "", func(_ string, z zone) error {
		better := len(z.Name) > len(best.Name) || len(z.Name) == len(best.Name) && z.Created.Before(best.Created)
		if !z.Private && within(name, z.Name) && (!found || better) {
			best, found = z, true
		}
		return nil
	})
	return best, found, err
}

func (q *question) ask(name string) (Answer, error) {
	z, found, err := zoneOf(q.tx, q.scope, name)
	if err != nil || !found {
		return Answer{}, err
	}
	answer := Answer{Zone: z.Name, Exists: true}
	// A zone cut between the zone's own name and this one, the highest first.
	labels := strings.Split(strings.TrimSuffix(name, z.Name), ".")
	for i := len(labels) - 2; i >= 0; i-- {
		cut := strings.Join(labels[i:], ".") + z.Name
		servers, err := q.sets(z, cut, types.RRTypeNs)
		if err != nil {
			return answer, err
		}
		if len(servers) > 0 && (cut != name || q.kind != types.RRTypeDs) {
			answer.Delegated, answer.Authority = true, plain(servers[0], cut)
			return answer, nil
		}
	}
	owner, exists, err := q.owner(z, name)
	if err != nil {
		return answer, err
	}
	if answer.Exists = exists; owner != "" {
		if answer.Records, err = q.at(z, owner, name); err != nil || len(answer.Records) > 0 {
			return answer, err
		}
		aliased, err := q.sets(z, owner, types.RRTypeCname)
		if err != nil {
			return answer, err
		}
		if len(aliased) > 0 && q.kind != types.RRTypeCname {
			return q.follow(answer, plain(q.choose(aliased), name))
		}
	}
	soa, err := q.sets(z, z.Name, types.RRTypeSoa)
	if err == nil && len(soa) > 0 {
		answer.Authority = plain(soa[0], z.Name)
	}
	return answer, err
}

// follow adds a CNAME and what its target says, where a zone of the account
// holds it.
func (q *question) follow(answer Answer, cname []Record) (Answer, error) {
	answer.Records = cname
	if q.steps++; q.steps > maxSteps || len(cname) == 0 {
		return answer, nil
	}
	target, err := canonical(cname[0].Value)
	if err != nil {
		return answer, nil // a target that only other servers can have
	}
	next, err := q.ask(target)
	if err != nil || next.Zone == "" || next.Delegated {
		return answer, err
	}
	answer.Exists, answer.Authority = next.Exists, next.Authority
	answer.Records = append(answer.Records, next.Records...)
	return answer, nil
}

// owner is the name whose records answer for a name: itself, the wildcard that
// covers it, or "" where there is neither. It tells whether the name exists.
func (q *question) owner(z zone, name string) (string, bool, error) {
	for closest := name; within(closest, z.Name); closest = parent(closest) {
		exists := false
		// Keys begin with the reversed name: what is at it or below it.
		err := records.Walk(q.tx, q.scope, z.ID+"/"+reversed(closest), func(_ string, set types.ResourceRecordSet) error {
			if exists = within(*set.Name, closest); exists {
				return store.Stop
			}
			return nil
		})
		if err != nil {
			return "", false, err
		}
		if !exists {
			continue
		}
		if closest == name {
			return name, true, nil
		}
		star := wildcard + "." + closest
		err = records.Walk(q.tx, q.scope, keyAt(z.ID, star), func(string, types.ResourceRecordSet) error {
			exists = false
			return store.Stop
		})
		if err != nil || exists {
			return "", false, err
		}
		return star, true, nil
	}
	return "", false, nil
}

// sets are the record sets of a name and type.
func (q *question) sets(z zone, name string, kind types.RRType) ([]types.ResourceRecordSet, error) {
	return records.List(q.tx, q.scope, keyAt(z.ID, name)+string(kind)+"\x00")
}

// at are the records of the question's type at owner, under the name that was
// asked for.
func (q *question) at(z zone, owner, name string) ([]Record, error) {
	sets, err := q.sets(z, owner, q.kind)
	if err != nil || len(sets) == 0 {
		return nil, err
	}
	if sets[0].MultiValueAnswer != nil {
		var all []Record
		for _, set := range sets[:min(len(sets), 8)] {
			all = append(all, plain(set, name)...)
		}
		return all, nil
	}
	set := q.choose(sets)
	if set.AliasTarget == nil {
		return plain(set, name), nil
	}
	if q.steps++; q.steps > maxSteps {
		return nil, nil
	}
	target := *set.AliasTarget.DNSName
	if *set.AliasTarget.HostedZoneId == z.ID {
		found, err := q.at(z, target, name)
		return found, err
	}
	return q.elsewhere(target, name)
}

// elsewhere are the addresses of another service's name.
func (q *question) elsewhere(target, name string) ([]Record, error) {
	if q.r.targets == nil || q.kind != types.RRTypeA && q.kind != types.RRTypeAaaa {
		return nil, nil
	}
	target = strings.TrimPrefix(strings.TrimSuffix(target, "."), "dualstack.")
	addresses, err := q.r.targets.Addresses(q.tx, q.scope.Account, target)
	var out []Record
	for _, address := range addresses {
		if address.Is4() == (q.kind == types.RRTypeA) {
			out = append(out, Record{Name: name, Type: q.kind, TTL: aliasTTL, Value: address.String()})
		}
	}
	return out, err
}

// choose picks one of several sets by its routing policy.
func (q *question) choose(sets []types.ResourceRecordSet) types.ResourceRecordSet {
	var total int64
	for _, set := range sets {
		total += aws.ToInt64(set.Weight)
	}
	if total == 0 {
		i := slices.IndexFunc(sets, func(s types.ResourceRecordSet) bool { return s.Failover == types.ResourceRecordSetFailoverPrimary })
		return sets[max(i, 0)]
	}
	drawn := q.r.draw(total)
	for _, set := range sets {
		if drawn -= aws.ToInt64(set.Weight); drawn < 0 {
			return set
		}
	}
	return sets[0]
}

// plain are the records of a set, under a name.
func plain(set types.ResourceRecordSet, name string) []Record {
	var out []Record
	for _, one := range set.ResourceRecords {
		out = append(out, Record{Name: name, Type: set.Type, TTL: aws.ToInt64(set.TTL), Value: aws.ToString(one.Value)})
	}
	return out
}
