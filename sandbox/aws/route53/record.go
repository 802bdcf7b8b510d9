package route53

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
)

// describe names a record set as the service's messages do.
func describe(set types.ResourceRecordSet) string {
	out := fmt.Sprintf("[name='%s', type='%s'", aws.ToString(set.Name), set.Type)
	if set.SetIdentifier != nil {
		out += fmt.Sprintf(", set-identifier='%s'", *set.SetIdentifier)
	}
	return out + "]"
}

// complete checks that a change has the fields that it must have, and no others.
// Its refusal is one of the request, not of the batch.
func complete(c types.Change) error {
	set := c.ResourceRecordSet
	if set == nil || set.Name == nil || set.Type == "" || c.Action == "" {
		return invalidInput("Invalid request: Missing field 'Action', 'Name' or 'Type' in Change")
	}
	null := "null"
	in := fmt.Sprintf("Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]", c.Action, *set.Name, set.Type, aws.ToString(either(set.SetIdentifier, &null)))
	if !slices.Contains(c.Action.Values(), c.Action) {
		return invalidInput("Invalid request: The action %s of %s is none of %v", c.Action, in, c.Action.Values())
	}
	if !slices.Contains(set.Type.Values(), set.Type) {
		return invalidInput("Invalid request: The type of %s is none of %v", in, set.Type.Values())
	}
	if set.HealthCheckId != nil || set.TrafficPolicyInstanceId != nil || set.CidrRoutingConfig != nil {
		return invalidInput("Invalid request: The sandbox has no health checks, traffic policies and CIDR routing, in %s", in)
	}
	plain := set.TTL != nil && len(set.ResourceRecords) > 0
	switch half := set.TTL != nil || len(set.ResourceRecords) > 0; {
	case set.AliasTarget != nil && half:
		return invalidInput("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found more than one in %s", in)
	case set.AliasTarget == nil && !plain:
		return invalidInput("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in %s", in)
	case set.TTL != nil && (*set.TTL < 0 || *set.TTL > 2147483647):
		return invalidInput("Invalid request: The TTL must be between 0 and 2147483647 in %s", in)
	}
	policies := policiesOf(*set)
	const all = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig]"
	switch {
	case len(policies) > 1:
		return invalidInput("Invalid request: Expected exactly one of %s, but found more than one in %s", all, in)
	case len(policies) == 0 && set.SetIdentifier != nil:
		return invalidInput("Invalid request: Expected exactly one of %s, but found none in %s", all, in)
	case len(policies) == 1 && set.SetIdentifier == nil:
		return invalidInput("Invalid request: Missing field 'SetIdentifier' in %s", in)
	case set.Weight != nil && (*set.Weight < 0 || *set.Weight > 255):
		return invalidInput("Invalid request: The Weight must be between 0 and 255 in %s", in)
	}
	return nil
}

func either[T any](value, otherwise *T) *T {
	if value == nil {
		return otherwise
	}
	return value
}

// policiesOf are the routing policies of a set; a simple one has none.
func policiesOf(set types.ResourceRecordSet) []string {
	var found []string
	for name, is := range map[string]bool{
		"Weight": set.Weight != nil, "Region": set.Region != "", "Failover": set.Failover != "", "GeoLocation": set.GeoLocation != nil,
		"MultiValueAnswer": set.MultiValueAnswer != nil, "GeoProximityLocation": set.GeoProximityLocation != nil,
	} {
		if is {
			found = append(found, name)
		}
	}
	return found
}

// normalize gives a set the names that it is kept with, and returns what is wrong
// with it as the messages of InvalidChangeBatch.
func normalize(set types.ResourceRecordSet) (types.ResourceRecordSet, []string) {
	name, err := canonical(aws.ToString(set.Name))
	if err != nil {
		return set, []string{err.Error()}
	}
	set.Name = &name
	if set.AliasTarget != nil {
		target := *set.AliasTarget
		dnsName, err := canonical(aws.ToString(target.DNSName))
		if err != nil {
			return set, []string{err.Error()}
		}
		target.DNSName, target.HostedZoneId = &dnsName, aws.String(zoneID(target.HostedZoneId))
		set.AliasTarget = &target
		return set, nil
	}
	var problems []string
	seen := map[string]bool{}
	for _, r := range set.ResourceRecords {
		value := aws.ToString(r.Value)
		if problem := valueProblem(set.Type, value); problem != "" {
			problems = append(problems, fmt.Sprintf("Invalid Resource Record: 'FATAL problem: %s encountered with '%s''", problem, value))
		}
		if seen[value] {
			problems = append(problems, fmt.Sprintf("Duplicate Resource Record: '%s'", value))
		}
		seen[value] = true
	}
	if set.Type == types.RRTypeCname && len(set.ResourceRecords) > 1 {
		problems = append(problems, fmt.Sprintf("RRSet of type CNAME with DNS name %s must have one value", name))
	}
	return set, problems
}

// valueProblem says what is wrong with the value of a record, if anything is.
func valueProblem(kind types.RRType, value string) string {
	address, err := netip.ParseAddr(value)
	switch kind {
	case types.RRTypeA:
		if err != nil || !address.Is4() {
			return "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
		}
		return ""
	case types.RRTypeAaaa:
		if err != nil || !address.Is6() || address.Zone() != "" {
			return "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
		}
		return ""
	case types.RRTypeTxt, types.RRTypeSpf:
		if !strings.HasPrefix(value, `"`) || !strings.HasSuffix(value, `"`) || len(value) < 2 {
			return "InvalidCharacterString (Value should be enclosed in quotation marks)"
		}
	}
	rr, err := parse("x.", kind, 0, value)
	if err != nil || strings.ContainsAny(value, "\r\n") {
		return string(kind) + "RRDATANotValid (Value is not valid for the type)"
	}
	if txt, ok := rr.(*dns.TXT); ok && slices.ContainsFunc(txt.Txt, func(s string) bool { return len(s) > 255 }) {
		return "CharacterStringTooLong (Value is too long)"
	}
	return ""
}

// parse reads a value in the form of a zone file.
func parse(name string, kind types.RRType, ttl int64, value string) (dns.RR, error) {
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", name, ttl, kind, ZoneFile(value)))
	if err == nil && rr == nil {
		err = fmt.Errorf("%q is no value of a %s record", value, kind)
	}
	return rr, err
}

// sameValues reports whether two sets say the same, in whatever order.
func sameValues(a, b types.ResourceRecordSet) bool {
	values := func(set types.ResourceRecordSet) []string {
		var out []string
		for _, r := range set.ResourceRecords {
			out = append(out, aws.ToString(r.Value))
		}
		slices.Sort(out)
		return out
	}
	if !slices.Equal(values(a), values(b)) {
		return false
	}
	a.ResourceRecords, b.ResourceRecords = nil, nil
	return reflect.DeepEqual(a, b)
}

// zoneID is a hosted zone's ID without the "/hostedzone/" that answers have.
func zoneID(id *string) string { return strings.TrimPrefix(aws.ToString(id), "/hostedzone/") }
