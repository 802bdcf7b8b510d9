package route53

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// readSet reads the properties of a record set.
func readSet(p resource.Props) (types.ResourceRecordSet, error) {
	var set types.ResourceRecordSet
	for _, name := range []string{"CidrRoutingConfig", "HealthCheckId", "GeoProximityLocation"} {
		if p.Has(name) {
			return set, resource.Invalid("The sandbox has no %s of record sets", name)
		}
	}
	name, err := p.Required("Name")
	if err != nil {
		return set, err
	}
	kind, err := p.Required("Type")
	if err != nil {
		return set, err
	}
	set.Name, set.Type = &name, types.RRType(kind)
	var region, failover, ttl, identifier string
	for name, into := range map[string]*string{"Region": &region, "Failover": &failover, "TTL": &ttl, "SetIdentifier": &identifier} {
		if *into, err = p.String(name); err != nil {
			return set, err
		}
	}
	set.Region, set.Failover = types.ResourceRecordSetRegion(region), types.ResourceRecordSetFailover(failover)
	if identifier != "" {
		set.SetIdentifier = &identifier
	}
	if ttl != "" {
		seconds, err := strconv.ParseInt(ttl, 10, 64)
		if err != nil {
			return set, resource.Invalid("property TTL must be a number of seconds")
		}
		set.TTL = &seconds
	}
	if p.Has("Weight") {
		weight, err := p.Int("Weight")
		if err != nil {
			return set, err
		}
		set.Weight = aws.Int64(int64(weight))
	}
	if p.Has("MultiValueAnswer") {
		multi, err := p.Bool("MultiValueAnswer")
		if err != nil {
			return set, err
		}
		set.MultiValueAnswer = &multi
	}
	values, err := p.Strings("ResourceRecords")
	if err != nil {
		return set, err
	}
	for _, value := range values {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(value)})
	}
	if set.GeoLocation, err = readLocation(p); err != nil {
		return set, err
	}
	alias, err := p.Object("AliasTarget")
	if err != nil || alias == nil {
		return set, err
	}
	target := &types.AliasTarget{}
	dnsName, err := alias.Required("DNSName")
	if err != nil {
		return set, err
	}
	id, err := alias.Required("HostedZoneId")
	if err != nil {
		return set, err
	}
	target.DNSName, target.HostedZoneId = &dnsName, &id
	target.EvaluateTargetHealth, err = alias.Bool("EvaluateTargetHealth")
	set.AliasTarget = target
	return set, err
}

func readLocation(p resource.Props) (*types.GeoLocation, error) {
	place, err := p.Object("GeoLocation")
	if err != nil || place == nil {
		return nil, err
	}
	location := &types.GeoLocation{}
	for name, into := range map[string]**string{
		"ContinentCode": &location.ContinentCode, "CountryCode": &location.CountryCode, "SubdivisionCode": &location.SubdivisionCode,
	} {
		value, err := place.String(name)
		if err != nil {
			return nil, err
		}
		if value != "" {
			*into = &value
		}
	}
	return location, nil
}
