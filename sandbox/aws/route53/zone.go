package route53

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func noZone(id string) error {
	return &wire.Error{Code: "NoSuchHostedZone", Message: "No hosted zone found with ID: " + id, HTTPStatus: 404}
}

// find returns a zone by its ID, with or without "/hostedzone/".
func find(tx *store.Tx, scope store.Scope, id *string) (zone, error) {
	found, exists, err := zones.Get(tx, scope, zoneID(id))
	if err == nil && !exists {
		err = noZone(zoneID(id))
	}
	return found, err
}

// newZone keeps a new zone with its NS and SOA records. Name is as the caller
// wrote it.
func (r *Route53) newZone(tx *store.Tx, scope store.Scope, made zone, name string) (zone, error) {
	var err error
	if made.Name, err = canonical(name); err != nil {
		return made, wire.Errorf("InvalidDomainName", "%s is not a valid domain name: %v", name, err)
	}
	made.Private, made.Created = len(made.VPCs) > 0, r.pace.Now()
	made.NameServers = nameServers(made)
	var list []types.ResourceRecord
	for _, server := range made.NameServers {
		list = append(list, types.ResourceRecord{Value: aws.String(server + ".")})
	}
	soa := made.NameServers[0] + ". awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
	for _, set := range []types.ResourceRecordSet{
		{Name: &made.Name, Type: types.RRTypeNs, TTL: aws.Int64(172800), ResourceRecords: list},
		{Name: &made.Name, Type: types.RRTypeSoa, TTL: aws.Int64(900), ResourceRecords: []types.ResourceRecord{{Value: &soa}}},
	} {
		if err := records.Put(tx, scope, keyOf(made.ID, set), set); err != nil {
			return made, err
		}
	}
	return made, zones.Put(tx, scope, made.ID, made)
}

// nameServers are the four of a zone: those of a public zone depend on its ID,
// and all private zones have the same.
func nameServers(z zone) []string {
	var servers []string
	digest := sha256.Sum256([]byte(z.ID))
	for i, top := range []string{"com", "net", "org", "co.uk"} {
		block := 0
		if !z.Private {
			block = int(binary.BigEndian.Uint16(digest[2*i:]) % 512)
		}
		servers = append(servers, fmt.Sprintf("ns-%d.awsdns-%02d.%s", i*512+block, block/8, top))
	}
	return servers
}

// removeZone deletes a zone that holds nothing but its own NS and SOA records.
func (r *Route53) removeZone(tx *store.Tx, scope store.Scope, z zone) error {
	var own []string
	err := records.Walk(tx, scope, z.ID+"/", func(key string, set types.ResourceRecordSet) error {
		if *set.Name != z.Name || set.Type != types.RRTypeNs && set.Type != types.RRTypeSoa {
			return wire.Errorf("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so cannot be deleted.")
		}
		own = append(own, key)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range own {
		if err := records.Delete(tx, scope, key); err != nil {
			return err
		}
	}
	return zones.Delete(tx, scope, z.ID)
}

// answer is a zone as the API shows it.
func (z zone) answer(tx *store.Tx, scope store.Scope) (types.HostedZone, error) {
	answer := types.HostedZone{
		Id: aws.String("/hostedzone/" + z.ID), Name: aws.String(z.Name), CallerReference: aws.String(z.CallerReference),
		Config: &types.HostedZoneConfig{PrivateZone: z.Private}, ResourceRecordSetCount: aws.Int64(0),
	}
	if z.Comment != "" {
		answer.Config.Comment = aws.String(z.Comment)
	}
	err := records.Walk(tx, scope, z.ID+"/", func(string, types.ResourceRecordSet) error {
		*answer.ResourceRecordSetCount++
		return nil
	})
	return answer, err
}

// delegation is nil for private zones, which have none.
func (z zone) delegation() *types.DelegationSet {
	if z.Private {
		return nil
	}
	return &types.DelegationSet{NameServers: z.NameServers}
}
