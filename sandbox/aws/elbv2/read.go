package elbv2

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// readable is a kind whose resources can be read. Of attributes it tells those
// that somebody has set.
type readable struct {
	kind
	properties func(tx *store.Tx, scope store.Scope, id string) (resource.Props, error)
	names      []string
}

// Read returns a resource as it is now.
func (r readable) Read(_ context.Context, request resource.Request) (found resource.Found, err error) {
	scope, id := scopeFor(request), request.PhysicalID
	err = r.elb.store.View(func(tx *store.Tx) error {
		if found.Properties, err = r.properties(tx, scope, id); err == nil {
			found.State, err = r.state(tx, scope, id)
		}
		return err
	})
	found.Readable = r.names
	return found, refusal(err)
}

func (e *ELBV2) readableBalancer() readable {
	return readable{
		kind: e.balancerKind(), names: []string{"Name", "Type", "Scheme", "IpAddressType", "Subnets", "SecurityGroups", "LoadBalancerAttributes", "Tags"},
		properties: func(tx *store.Tx, scope store.Scope, id string) (resource.Props, error) {
			b, err := lookup(tx, scope, balancers, aBalancer, &id)
			if err != nil {
				return nil, err
			}
			out := resource.From(struct {
				Name                   *string
				Type                   types.LoadBalancerTypeEnum
				Scheme                 types.LoadBalancerSchemeEnum
				IpAddressType          types.IpAddressType
				SecurityGroups         []string
				LoadBalancerAttributes []types.LoadBalancerAttribute
			}{b.LoadBalancerName, b.Type, b.Scheme, b.IpAddressType, b.SecurityGroups, attributes(nil, b.Attributes, balancerAttribute)})
			var subnets []any
			for _, zone := range b.AvailabilityZones {
				subnets = append(subnets, *zone.SubnetId)
			}
			out.Set("Subnets", subnets)
			out.Set("Tags", resource.TagList(b.Tags))
			return out, nil
		},
	}
}

func (e *ELBV2) readableGroup() readable {
	return readable{
		kind: e.groupKind(), names: []string{
			"Name", "Port", "Protocol", "ProtocolVersion", "VpcId", "TargetType", "IpAddressType", "HealthCheckEnabled", "HealthCheckIntervalSeconds",
			"HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount",
			"Matcher", "TargetGroupAttributes", "Tags",
		},
		properties: func(tx *store.Tx, scope store.Scope, id string) (resource.Props, error) {
			g, err := lookup(tx, scope, groups, aGroup, &id)
			if err != nil {
				return nil, err
			}
			out := resource.From(g.TargetGroup)
			out["Name"] = *g.TargetGroupName
			delete(out, "TargetGroupName")
			delete(out, "TargetGroupArn")
			own := resource.From(struct{ TargetGroupAttributes []types.TargetGroupAttribute }{attributes(nil, g.Attributes, groupAttribute)})
			out.Set("TargetGroupAttributes", own["TargetGroupAttributes"])
			out.Set("Tags", resource.TagList(g.Tags))
			return out, nil
		},
	}
}

func (e *ELBV2) readableListener() readable {
	return readable{
		kind: e.listenerKind(), names: []string{
			"LoadBalancerArn", "Port", "Protocol", "SslPolicy", "Certificates", "DefaultActions", "AlpnPolicy", "MutualAuthentication", "ListenerAttributes",
		},
		properties: func(tx *store.Tx, scope store.Scope, id string) (resource.Props, error) {
			l, err := lookup(tx, scope, listeners, aListener, &id)
			if err != nil {
				return nil, err
			}
			out := resource.From(l.Listener)
			delete(out, "ListenerArn")
			own := resource.From(struct{ ListenerAttributes []types.ListenerAttribute }{attributes(nil, l.Attributes, listenerAttribute)})
			out.Set("ListenerAttributes", own["ListenerAttributes"])
			return out, nil
		},
	}
}

func (e *ELBV2) readableRule() readable {
	return readable{
		kind: e.ruleKind(), names: []string{"ListenerArn", "Priority", "Conditions", "Actions", "Transforms"},
		properties: func(tx *store.Tx, scope store.Scope, id string) (resource.Props, error) {
			r, err := lookup(tx, scope, rules, aRule, &id)
			if err != nil {
				return nil, err
			}
			l, err := listenerOf(tx, scope, r)
			if err != nil {
				return nil, err
			}
			out := resource.From(struct {
				ListenerArn *string
				Conditions  []types.RuleCondition
				Actions     []types.Action
				Transforms  []types.RuleTransform
			}{l.ListenerArn, r.Conditions, r.Actions, r.Transforms})
			if priority, err := strconv.Atoi(*r.Priority); err == nil {
				out["Priority"] = int64(priority)
			}
			return out, nil
		},
	}
}
