package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const dnsPrefix = "external-dns.alpha.kubernetes.io/"

// published are the hosts of an Ingress that ExternalDNS makes records for; asked are
// those among them that an annotation names.
func (i ingress) published() (all, asked []string) {
	if by := i.Metadata.Annotations[dnsPrefix+"controller"]; by != "" && by != "dns-controller" {
		return nil, nil
	}
	asked = hosts(list(i.Metadata.Annotations[dnsPrefix+"hostname"]))
	switch strings.ToLower(i.Metadata.Annotations[dnsPrefix+"ingress-hostname-source"]) {
	case "annotation-only":
		return asked, asked
	case "defined-hosts-only":
		return i.ruleHosts(), nil
	}
	return hosts(slices.Concat(i.ruleHosts(), asked)), asked
}

func names(ctx context.Context, w *watch, o object, now *unstructured.Unstructured) []Finding {
	var i ingress
	if err := decode(now, &i); err != nil {
		return []Finding{waiting("%v", err)}
	}
	all, asked := i.published()
	if len(all) == 0 {
		return nil
	}
	goal := i.addresses()
	if elsewhere := list(i.Metadata.Annotations[dnsPrefix+"target"]); len(elsewhere) > 0 {
		goal = elsewhere
	}
	if len(goal) == 0 {
		return []Finding{skipped("it has no address that a name could lead to")}
	}
	zones, err := ask(ctx, w, w.kept, w.Region, "zones", func(a Account) ([]Zone, error) { return a.Zones(ctx) })
	if err != nil {
		delete(w.kept, w.Region+" zones")
		return []Finding{unanswered(err)}
	}
	var found []Finding
	for _, host := range all {
		found = append(found, w.name(ctx, o, host, goal, zones, slices.Contains(asked, host)))
	}
	return found
}

// name finds whether a host leads to where it should.
func (w *watch) name(ctx context.Context, o object, host string, goal []string, zones []Zone, asked bool) Finding {
	closest := closestZones(host, zones)
	if len(closest) == 0 {
		return skipped("%s is in no hosted zone of the account, so it is not looked up", host)
	}
	var elsewhere Record
	var owner heritage
	for _, z := range closest {
		records, err := w.records(ctx, z, host)
		if err != nil {
			return unanswered(err)
		}
		for _, r := range records {
			if r.Type != "A" && r.Type != "AAAA" && r.Type != "CNAME" {
				continue
			}
			if slices.ContainsFunc(r.Values, func(v string) bool {
				return slices.ContainsFunc(goal, func(g string) bool { return canonical(g) == canonical(v) })
			}) {
				return passed("%s leads to %s, in the zone %s", host, first(goal), z.Name)
			}
			elsewhere = r
		}
		if owner, err = w.heritage(ctx, z, host, records); err != nil {
			return unanswered(err)
		}
		if owner != (heritage{}) {
			break
		}
	}
	mine := owner.resource == "ingress/"+o.Namespace+"/"+o.Name
	there, _ := w.deployment(ctx, externalDNS)
	zone := closest[0].Name
	wait := func(format string, args ...any) Finding {
		f := w.waitsFor(ctx, externalDNS, fmt.Sprintf(format, args...))
		f.polled = true
		return f
	}
	leads := fmt.Sprintf("%s leads to %s, not to %s", host, first(elsewhere.Values), first(goal))
	switch {
	case elsewhere.Type == "" && (asked || there || mine):
		return wait("%s has no record in the zone %s yet", host, zone)
	case elsewhere.Type == "":
		return skipped("%s has no record in the zone %s, and nothing was seen that promises one: no ExternalDNS in the cluster, no annotation %shostname", host, zone, dnsPrefix)
	case mine:
		return wait("%s yet", leads)
	case owner != (heritage{}):
		return polling("%s: the record is of %s, by the ExternalDNS owner %q", leads, owner.resource, owner.owner)
	case asked:
		return wait("%s; no ExternalDNS owns that record, so none will change it", leads)
	}
	return skipped("%s, and no ExternalDNS owns that record, so it is left to whoever made it", leads)
}

// closestZones are those with the longest name that the host is in: there may be a
// public and a private one.
func closestZones(host string, zones []Zone) []Zone {
	var closest []Zone
	for _, z := range zones {
		name := canonical(z.Name)
		if host != name && !strings.HasSuffix(host, "."+name) {
			continue
		}
		if len(closest) > 0 && len(name) < len(canonical(closest[0].Name)) {
			continue
		}
		if len(closest) > 0 && len(name) > len(canonical(closest[0].Name)) {
			closest = nil
		}
		closest = append(closest, z)
	}
	return closest
}

func (w *watch) records(ctx context.Context, z Zone, name string) ([]Record, error) {
	return ask(ctx, w, w.asked, w.Region, "records "+z.ID+" "+name, func(a Account) ([]Record, error) { return a.Records(ctx, z.ID, name) })
}

// heritage is what the TXT registry of ExternalDNS says of a name.
type heritage struct{ owner, resource string }

// heritage of a host: of the host itself, as older versions have it, or of the name with
// the type before it. A prefix of the user's own is not known here.
func (w *watch) heritage(ctx context.Context, z Zone, host string, records []Record) (heritage, error) {
	if h := heritageIn(records); h != (heritage{}) {
		return h, nil
	}
	for _, kind := range []string{"cname-", "a-", "aaaa-"} {
		beside, err := w.records(ctx, z, kind+host)
		if err != nil {
			return heritage{}, err
		}
		if h := heritageIn(beside); h != (heritage{}) {
			return h, nil
		}
	}
	return heritage{}, nil
}

func heritageIn(records []Record) heritage {
	for _, r := range records {
		for _, v := range r.Values {
			fields := strings.Split(strings.Trim(v, `"`), ",")
			if r.Type != "TXT" || !slices.Contains(fields, "heritage=external-dns") {
				continue
			}
			var h heritage
			for _, f := range fields {
				if owner, ok := strings.CutPrefix(f, "external-dns/owner="); ok {
					h.owner = owner
				}
				if resource, ok := strings.CutPrefix(f, "external-dns/resource="); ok {
					h.resource = resource
				}
			}
			return h
		}
	}
	return heritage{}
}
