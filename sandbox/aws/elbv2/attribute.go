package elbv2

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// The attributes that there are, with their defaults. Source: the API reference
// of LoadBalancerAttribute, TargetGroupAttribute and ListenerAttribute.
var (
	everyBalancer = map[string]string{
		"deletion_protection.enabled": "false", "access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": "",
		"ipv6.deny_all_igw_traffic": "false", "zonal_shift.config.enabled": "false",
	}
	applicationBalancer = map[string]string{
		"load_balancing.cross_zone.enabled": "true", "idle_timeout.timeout_seconds": "60", "client_keep_alive.seconds": "3600",
		"connection_logs.s3.enabled": "false", "connection_logs.s3.bucket": "", "connection_logs.s3.prefix": "",
		"health_check_logs.s3.enabled": "false", "health_check_logs.s3.bucket": "", "health_check_logs.s3.prefix": "",
		"routing.http.desync_mitigation_mode": "defensive", "routing.http.drop_invalid_header_fields.enabled": "false",
		"routing.http.preserve_host_header.enabled": "false", "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
		"routing.http.xff_client_port.enabled": "false", "routing.http.xff_header_processing.mode": "append", "routing.http2.enabled": "true",
		"waf.fail_open.enabled": "false",
	}
	networkBalancer = map[string]string{
		"load_balancing.cross_zone.enabled": "false", "dns_record.client_routing_policy": "any_availability_zone",
		"secondary_ips.auto_assigned.per_subnet": "0",
	}
	everyGroup = map[string]string{
		"deregistration_delay.timeout_seconds": "300", "stickiness.enabled": "false", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
		"target_group_health.dns_failover.minimum_healthy_targets.count": "1", "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "1",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
	}
	webGroup = map[string]string{
		"stickiness.type": "lb_cookie", "stickiness.lb_cookie.duration_seconds": "86400", "stickiness.app_cookie.cookie_name": "",
		"stickiness.app_cookie.duration_seconds": "86400", "slow_start.duration_seconds": "0",
		"load_balancing.algorithm.type": "round_robin", "load_balancing.algorithm.anomaly_mitigation": "off",
	}
	streamGroup = map[string]string{
		"stickiness.type": "source_ip", "proxy_protocol_v2.enabled": "false", "preserve_client_ip.enabled": "true",
		"deregistration_delay.connection_termination.enabled":          "false",
		"target_health_state.unhealthy.connection_termination.enabled": "true",
		"target_health_state.unhealthy.draining_interval_seconds":      "0",
	}
	lambdaGroup  = map[string]string{"lambda.multi_value_headers.enabled": "false"}
	httpListener = map[string]string{
		"routing.http.response.server.enabled": "true", "routing.http.response.strict_transport_security.header_value": "",
		"routing.http.response.access_control_allow_origin.header_value": "", "routing.http.response.access_control_allow_methods.header_value": "",
		"routing.http.response.access_control_allow_headers.header_value": "", "routing.http.response.access_control_allow_credentials.header_value": "",
		"routing.http.response.access_control_expose_headers.header_value": "", "routing.http.response.access_control_max_age.header_value": "",
		"routing.http.response.content_security_policy.header_value": "", "routing.http.response.x_content_type_options.header_value": "",
		"routing.http.response.x_frame_options.header_value": "",
	}
	httpsListener = map[string]string{
		"routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name": "X-Amzn-Mtls-Clientcert-Serial-Number",
		"routing.http.request.x_amzn_mtls_clientcert_issuer.header_name":        "X-Amzn-Mtls-Clientcert-Issuer",
		"routing.http.request.x_amzn_mtls_clientcert_subject.header_name":       "X-Amzn-Mtls-Clientcert-Subject",
		"routing.http.request.x_amzn_mtls_clientcert_validity.header_name":      "X-Amzn-Mtls-Clientcert-Validity",
		"routing.http.request.x_amzn_mtls_clientcert_leaf.header_name":          "X-Amzn-Mtls-Clientcert-Leaf",
		"routing.http.request.x_amzn_mtls_clientcert.header_name":               "X-Amzn-Mtls-Clientcert",
		"routing.http.request.x_amzn_tls_version.header_name":                   "X-Amzn-Tls-Version",
		"routing.http.request.x_amzn_tls_cipher_suite.header_name":              "X-Amzn-Tls-Cipher-Suite",
	}
	tcpListener = map[string]string{"tcp.idle_timeout.seconds": "350"}
)

func union(tables ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

func (b balancer) defaults() map[string]string {
	if b.Type == types.LoadBalancerTypeEnumNetwork {
		return union(everyBalancer, networkBalancer)
	}
	return union(everyBalancer, applicationBalancer)
}

func (g group) defaults() map[string]string {
	switch {
	case g.TargetType == types.TargetTypeEnumLambda:
		return union(lambdaGroup)
	case g.web():
		return union(everyGroup, webGroup)
	case g.TargetType == types.TargetTypeEnumIp && (g.Protocol == types.ProtocolEnumTcp || g.Protocol == types.ProtocolEnumTls):
		return union(everyGroup, streamGroup, map[string]string{"preserve_client_ip.enabled": "false"})
	}
	return union(everyGroup, streamGroup)
}

func (l listener) defaults() map[string]string {
	switch l.Protocol {
	case types.ProtocolEnumHttp:
		return union(httpListener)
	case types.ProtocolEnumHttps:
		return union(httpListener, httpsListener)
	case types.ProtocolEnumTcp:
		return union(tcpListener)
	}
	return map[string]string{}
}

// attribute is the value of a group's attribute.
func (g group) attribute(key string) string { return union(g.defaults(), g.Attributes)[key] }

// ranges bound the attributes that are numbers.
var ranges = map[string][2]int{
	"idle_timeout.timeout_seconds": {1, 4000}, "client_keep_alive.seconds": {60, 604800}, "secondary_ips.auto_assigned.per_subnet": {0, 7},
	"deregistration_delay.timeout_seconds": {0, 3600}, "stickiness.lb_cookie.duration_seconds": {1, 604800},
	"stickiness.app_cookie.duration_seconds": {1, 604800}, "slow_start.duration_seconds": {0, 900},
	"target_health_state.unhealthy.draining_interval_seconds": {0, 360000}, "tcp.idle_timeout.seconds": {60, 6000},
}

// set lays changes over attributes. One that is not in defaults is none.
func set(thing string, defaults map[string]string, attributes *map[string]string, changes map[string]string) error {
	next := union(*attributes, changes)
	for key, value := range changes {
		before, ok := defaults[key]
		if !ok {
			return invalid("%s attribute key '%s' is not recognized", thing, key)
		}
		if (before == "true" || before == "false") && value != "true" && value != "false" {
			return invalid("%s attribute '%s' must be true or false, not '%s'", thing, key, value)
		}
		if limits, ok := ranges[key]; ok {
			if n, err := strconv.Atoi(value); err != nil || n < limits[0] || n > limits[1] {
				return invalid("%s attribute '%s' must be between '%d' and '%d', not '%s'", thing, key, limits[0], limits[1], value)
			}
		}
	}
	*attributes = next
	return nil
}

// attributes lists what there is, with the defaults, in the order of keys.
func attributes[T any](defaults, own map[string]string, make func(key, value *string) T) []T {
	all := union(defaults, own)
	var list []T
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, make(aws.String(key), aws.String(all[key])))
	}
	return list
}

func balancerAttribute(key, value *string) types.LoadBalancerAttribute {
	return types.LoadBalancerAttribute{Key: key, Value: value}
}

func groupAttribute(key, value *string) types.TargetGroupAttribute {
	return types.TargetGroupAttribute{Key: key, Value: value}
}

func listenerAttribute(key, value *string) types.ListenerAttribute {
	return types.ListenerAttribute{Key: key, Value: value}
}

// pairs reads a list of attributes.
func pairs[T any](list []T, read func(T) (key, value *string)) map[string]string {
	all := map[string]string{}
	for _, one := range list {
		key, value := read(one)
		all[aws.ToString(key)] = aws.ToString(value)
	}
	return all
}

func (e *ELBV2) describeLoadBalancerAttributes(ctx context.Context, in *elb.DescribeLoadBalancerAttributesInput) (*elb.DescribeLoadBalancerAttributesOutput, error) {
	out := &elb.DescribeLoadBalancerAttributesOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), balancers, aBalancer, in.LoadBalancerArn)
		out.Attributes = attributes(found.defaults(), found.Attributes, balancerAttribute)
		return err
	})
	return out, err
}

func (e *ELBV2) modifyLoadBalancerAttributes(ctx context.Context, in *elb.ModifyLoadBalancerAttributesInput) (*elb.ModifyLoadBalancerAttributesOutput, error) {
	out := &elb.ModifyLoadBalancerAttributesOutput{}
	err := e.store.Update(func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), balancers, aBalancer, in.LoadBalancerArn)
		if err != nil {
			return err
		}
		changes := pairs(in.Attributes, func(a types.LoadBalancerAttribute) (*string, *string) { return a.Key, a.Value })
		if err := set("Load balancer", found.defaults(), &found.Attributes, changes); err != nil {
			return err
		}
		out.Attributes = attributes(found.defaults(), found.Attributes, balancerAttribute)
		return balancers.Put(tx, scopeOf(ctx), *in.LoadBalancerArn, found)
	})
	return out, err
}

func (e *ELBV2) describeTargetGroupAttributes(ctx context.Context, in *elb.DescribeTargetGroupAttributesInput) (*elb.DescribeTargetGroupAttributesOutput, error) {
	out := &elb.DescribeTargetGroupAttributesOutput{}
	found, err := e.group(scopeOf(ctx), in.TargetGroupArn)
	if err == nil {
		out.Attributes = attributes(found.defaults(), found.Attributes, groupAttribute)
	}
	return out, err
}

func (e *ELBV2) modifyTargetGroupAttributes(ctx context.Context, in *elb.ModifyTargetGroupAttributesInput) (*elb.ModifyTargetGroupAttributesOutput, error) {
	out := &elb.ModifyTargetGroupAttributesOutput{}
	err := e.store.Update(func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), groups, aGroup, in.TargetGroupArn)
		if err != nil {
			return err
		}
		changes := pairs(in.Attributes, func(a types.TargetGroupAttribute) (*string, *string) { return a.Key, a.Value })
		if err := set("Target group", found.defaults(), &found.Attributes, changes); err != nil {
			return err
		}
		out.Attributes = attributes(found.defaults(), found.Attributes, groupAttribute)
		return groups.Put(tx, scopeOf(ctx), *in.TargetGroupArn, found)
	})
	return out, err
}

func (e *ELBV2) describeListenerAttributes(ctx context.Context, in *elb.DescribeListenerAttributesInput) (*elb.DescribeListenerAttributesOutput, error) {
	out := &elb.DescribeListenerAttributesOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), listeners, aListener, in.ListenerArn)
		out.Attributes = attributes(found.defaults(), found.Attributes, listenerAttribute)
		return err
	})
	return out, err
}

func (e *ELBV2) modifyListenerAttributes(ctx context.Context, in *elb.ModifyListenerAttributesInput) (*elb.ModifyListenerAttributesOutput, error) {
	out := &elb.ModifyListenerAttributesOutput{}
	err := e.store.Update(func(tx *store.Tx) error {
		found, err := lookup(tx, scopeOf(ctx), listeners, aListener, in.ListenerArn)
		if err != nil {
			return err
		}
		changes := pairs(in.Attributes, func(a types.ListenerAttribute) (*string, *string) { return a.Key, a.Value })
		if err := set("Listener", found.defaults(), &found.Attributes, changes); err != nil {
			return err
		}
		out.Attributes = attributes(found.defaults(), found.Attributes, listenerAttribute)
		return listeners.Put(tx, scopeOf(ctx), *in.ListenerArn, found)
	})
	return out, err
}
