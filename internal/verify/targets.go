package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// resourceTag is the tag by which the AWS Load Balancer Controller tells what it made a
// target group for: "namespace/ingress-service:port".
const resourceTag = "ingress.k8s.aws/resource"

func targets(ctx context.Context, w *watch, o object, now *unstructured.Unstructured) []Finding {
	i, served, _ := w.alb(ctx, now)
	ports := i.ports()
	if !served || len(ports) == 0 {
		return nil
	}
	balancers, err := w.application(ctx, i)
	if err != nil {
		return []Finding{unanswered(err)}
	}
	addresses, unseen := w.addresses(ctx, o, ports)
	var found []Finding
	for _, b := range balancers {
		groups, err := ask(ctx, w, w.asked, w.regionOf(b.DNSName), "groups of "+b.ARN, func(a Account) ([]TargetGroup, error) { return a.TargetGroups(ctx, b.ARN) })
		if err != nil {
			return []Finding{unanswered(err)}
		}
		for _, p := range ports {
			at := slices.IndexFunc(groups, func(g TargetGroup) bool {
				return g.Tags[resourceTag] == fmt.Sprintf("%s/%s-%s:%s", o.Namespace, o.Name, p.service, p.port)
			})
			if at < 0 {
				f := w.waitsFor(ctx, albController, strings.TrimSuffix(fmt.Sprintf("its balancer does not send to Service %s, port %s, yet: %s", p.service, p.port, w.warning(ctx, o)), ": "))
				f.polled = true
				found = append(found, f)
				continue
			}
			group := groups[at]
			list, err := ask(ctx, w, w.asked, w.regionOf(b.DNSName), group.ARN, func(a Account) ([]Target, error) { return a.Targets(ctx, group.ARN) })
			if err != nil {
				return []Finding{unanswered(err)}
			}
			if group.Type == "ip" && unseen == nil {
				found = append(found, byAddress(p.service, addresses[p.service], list))
			} else {
				found = append(found, byItself(p.service, list))
			}
		}
	}
	return found
}

// addresses that are ready, of the Services.
func (w *watch) addresses(ctx context.Context, o object, ports []port) (map[string][]string, error) {
	services := map[string]bool{}
	for _, p := range ports {
		services[p.service] = true
	}
	const label = "kubernetes.io/service-name"
	slicesOf, err := w.follow(ctx, kube.Selection{
		GroupVersionKind: schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}, Namespace: o.Namespace,
		Labels: label + " in (" + strings.Join(slices.Sorted(maps.Keys(services)), ",") + ")",
	})
	if err != nil {
		return nil, err
	}
	byFamily := map[string]map[string][]string{"IPv4": {}, "IPv6": {}}
	for _, s := range slicesOf {
		var slice struct {
			AddressType string
			Endpoints   []struct {
				Addresses  []string
				Conditions struct{ Ready *bool }
			}
		}
		if err := decode(s, &slice); err != nil {
			return nil, err
		}
		family := byFamily[slice.AddressType]
		if family == nil {
			continue
		}
		service := s.GetLabels()[label]
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				family[service] = append(family[service], e.Addresses...)
			}
		}
	}
	all := map[string][]string{}
	for service := range services {
		// Balancers send by IPv4 wherever a Service has it.
		ready := byFamily["IPv4"][service]
		if len(ready) == 0 {
			ready = byFamily["IPv6"][service]
		}
		slices.Sort(ready)
		all[service] = slices.Compact(ready)
	}
	return all, nil
}

// byAddress compares the targets of a group with the ready addresses of its Service.
func byAddress(service string, ready []string, all []Target) Finding {
	if len(ready) == 0 {
		return waiting("Service %s has no ready address: no Pod that it selects is ready, so nothing answers", service)
	}
	registered := registered(all)
	var problems []string
	healthy := 0
	for _, address := range ready {
		t, ok := registered[address]
		switch {
		case !ok:
			problems = append(problems, address+": not registered yet")
		case t.State == "healthy":
			healthy++
		default:
			problems = append(problems, t.problem())
		}
		delete(registered, address)
	}
	for _, id := range slices.Sorted(maps.Keys(registered)) {
		problems = append(problems, id+": registered, but no ready address of the Service")
	}
	return counted(service, healthy, len(ready), problems)
}

// byItself looks at the targets alone: nodes, or what the cluster may not tell.
func byItself(service string, all []Target) Finding {
	registered := registered(all)
	var problems []string
	healthy := 0
	for _, id := range slices.Sorted(maps.Keys(registered)) {
		switch t := registered[id]; t.State {
		case "healthy":
			healthy++
		case "unused": // in a zone that the balancer is not in
			delete(registered, id)
		default:
			problems = append(problems, t.problem())
		}
	}
	if len(registered) == 0 {
		return polling("the target group of Service %s has no target", service)
	}
	return counted(service, healthy, len(registered), problems)
}

// registered targets by their ID, without those that are on their way out.
func registered(all []Target) map[string]Target {
	out := map[string]Target{}
	for _, t := range all {
		if t.State != "draining" {
			out[t.ID] = t
		}
	}
	return out
}

func (t Target) problem() string {
	return t.ID + ": " + strings.TrimSuffix(t.State+", "+t.Reason, ", ")
}

func counted(service string, healthy, wanted int, problems []string) Finding {
	if len(problems) == 0 {
		return passed("Service %s: %d of %d targets healthy", service, healthy, wanted)
	}
	const most = 3
	text := strings.Join(problems[:min(most, len(problems))], "; ")
	if len(problems) > most {
		text += fmt.Sprintf("; and %d more", len(problems)-most)
	}
	return polling("Service %s: %d of %d targets healthy; %s", service, healthy, wanted, text)
}
