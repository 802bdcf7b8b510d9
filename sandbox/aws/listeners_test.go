package aws_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func paths(values ...string) []types.RuleCondition {
	return []types.RuleCondition{{Field: aws.String("path-pattern"), PathPatternConfig: &types.PathPatternConditionConfig{Values: values}}}
}

// ruleOf makes a rule that forwards a path to a group.
func (w *world) ruleOf(t *testing.T, listener, group, path string, priority int32) string {
	t.Helper()
	made, err := w.elb().CreateRule(t.Context(), &elb.CreateRuleInput{
		ListenerArn: aws.String(listener), Priority: aws.Int32(priority), Conditions: paths(path), Actions: forward(group),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.Rules[0].RuleArn
}

// rulesOf are the rules of a listener as "priority path", in their order.
func (w *world) rulesOf(t *testing.T, listener string) []string {
	t.Helper()
	var got []string
	pages := elb.NewDescribeRulesPaginator(w.elb(), &elb.DescribeRulesInput{ListenerArn: aws.String(listener), PageSize: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rules {
			line := *r.Priority
			for _, c := range r.Conditions {
				line += " " + strings.Join(c.Values, ",")
			}
			got = append(got, line)
		}
	}
	return got
}

func TestListenersAndRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	n := w.network(t)
	client := w.elb()
	balancer := *w.balancer(t, n, "blog").LoadBalancerArn
	group, spare := w.group(t, n, "ghost"), w.group(t, n, "spare")
	listener := w.listener(t, balancer, group, 80)
	if again := w.listener(t, balancer, group, 80); again != listener {
		t.Errorf("the repeated call made %s", again)
	}
	shown, err := client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: aws.String(balancer)})
	if err != nil || len(shown.Listeners) != 1 {
		t.Fatalf("listeners = %v, %v", shown, err)
	}
	action := shown.Listeners[0].DefaultActions[0]
	if *action.TargetGroupArn != group || *action.ForwardConfig.TargetGroups[0].Weight != 1 || *action.ForwardConfig.TargetGroupStickinessConfig.Enabled {
		t.Errorf("the action is shown as %+v", action)
	}
	one := w.ruleOf(t, listener, group, "/a*", 1)
	two := w.ruleOf(t, listener, group, "/b*", 20)
	w.ruleOf(t, listener, group, "/c*", 3)
	if diff := cmp.Diff([]string{"1 /a*", "3 /c*", "20 /b*", "default"}, w.rulesOf(t, listener)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	_, err = client.CreateRule(t.Context(), &elb.CreateRuleInput{ListenerArn: aws.String(listener), Priority: aws.Int32(1), Conditions: paths("/x"), Actions: forward(group)})
	wantCode(t, err, "PriorityInUse")
	order := func(pairs ...any) error {
		var list []types.RulePriorityPair
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, types.RulePriorityPair{RuleArn: aws.String(pairs[i].(string)), Priority: aws.Int32(int32(pairs[i+1].(int)))})
		}
		_, err := client.SetRulePriorities(t.Context(), &elb.SetRulePrioritiesInput{RulePriorities: list})
		return err
	}
	wantCode(t, order(one, 3), "PriorityInUse")
	wantCode(t, order(one, 7, two, 7), "PriorityInUse")
	if err := order(one, 20, two, 1); err != nil { // they are exchanged
		t.Error(err)
	}
	if _, err := client.ModifyRule(t.Context(), &elb.ModifyRuleInput{RuleArn: aws.String(two), Conditions: paths("/bb*", "/bbb*")}); err != nil {
		t.Error(err)
	}
	if _, err := client.ModifyListener(t.Context(), &elb.ModifyListenerInput{ListenerArn: aws.String(listener), Port: aws.Int32(8080), DefaultActions: []types.Action{{
		Type: types.ActionTypeEnumForward, ForwardConfig: &types.ForwardActionConfig{TargetGroups: []types.TargetGroupTuple{
			{TargetGroupArn: aws.String(group), Weight: aws.Int32(9)}, {TargetGroupArn: aws.String(spare)},
		}},
	}}}); err != nil {
		t.Fatal(err)
	}

	w.stop() // what follows is read after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = w.elb()
	if diff := cmp.Diff([]string{"1 /bb*,/bbb*", "3 /c*", "20 /a*", "default"}, w.rulesOf(t, listener)); diff != "" {
		t.Errorf("rules after their changes (-want +got):\n%s", diff)
	}
	all, err := client.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: aws.String(listener)})
	if err != nil {
		t.Fatal(err)
	}
	last := all.Rules[3]
	if !*last.IsDefault || len(last.Actions[0].ForwardConfig.TargetGroups) != 2 || last.Actions[0].TargetGroupArn != nil {
		t.Errorf("the default rule = %+v", last)
	}
	_, err = client.DeleteRule(t.Context(), &elb.DeleteRuleInput{RuleArn: last.RuleArn})
	wantCode(t, err, "OperationNotPermitted")
	_, err = client.DeleteTargetGroup(t.Context(), &elb.DeleteTargetGroupInput{TargetGroupArn: aws.String(spare)})
	wantCode(t, err, "ResourceInUse")
	if _, err := client.DeleteRule(t.Context(), &elb.DeleteRuleInput{RuleArn: aws.String(two)}); err != nil {
		t.Error(err)
	}
	_, err = client.DeleteRule(t.Context(), &elb.DeleteRuleInput{RuleArn: aws.String(two)})
	wantCode(t, err, "RuleNotFound")
	if _, err := client.DeleteListener(t.Context(), &elb.DeleteListenerInput{ListenerArn: aws.String(listener)}); err != nil {
		t.Error(err)
	}
	_, err = client.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: aws.String(listener)})
	wantCode(t, err, "ListenerNotFound")
}

func TestListenerRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	n := w.network(t)
	balancer := w.balancer(t, n, "blog").LoadBalancerArn
	group := w.group(t, n, "ghost")
	listener := w.listener(t, *balancer, group, 80)
	streams, err := w.elb().CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{Name: aws.String("tcp"), Protocol: types.ProtocolEnumTcp, Port: aws.Int32(80), VpcId: aws.String(n.vpc)})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		code   string
		change func(*elb.CreateListenerInput)
	}{
		"port taken": {"DuplicateListener", func(in *elb.CreateListenerInput) {
			in.Port = aws.Int32(80)
			in.DefaultActions = []types.Action{redirect("443")}
		}},
		"no such balancer": {"LoadBalancerNotFound", func(in *elb.CreateListenerInput) { in.LoadBalancerArn = aws.String(*balancer + "0") }},
		"no such group":    {"TargetGroupNotFound", func(in *elb.CreateListenerInput) { in.DefaultActions = forward(group + "0") }},
		"other protocol": {"IncompatibleProtocols", func(in *elb.CreateListenerInput) {
			in.DefaultActions = forward(*streams.TargetGroups[0].TargetGroupArn)
		}},
		"network's protocol": {"ValidationError", func(in *elb.CreateListenerInput) { in.Protocol = types.ProtocolEnumTcp }},
		"no certificate":     {"ValidationError", func(in *elb.CreateListenerInput) { in.Protocol = types.ProtocolEnumHttps }},
		"missing certificate": {"CertificateNotFound", func(in *elb.CreateListenerInput) {
			in.Protocol, in.Certificates = types.ProtocolEnumHttps, []types.Certificate{{CertificateArn: aws.String("arn:aws:acm:us-east-1:" + account + ":certificate/x")}}
		}},
		"loop":          {"InvalidLoadBalancerAction", func(in *elb.CreateListenerInput) { in.DefaultActions = []types.Action{redirect("#{port}")} }},
		"two at an end": {"InvalidLoadBalancerAction", func(in *elb.CreateListenerInput) { in.DefaultActions = append(forward(group), redirect("443")) }},
	} {
		in := &elb.CreateListenerInput{LoadBalancerArn: balancer, Port: aws.Int32(81), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(group)}
		test.change(in)
		_, err := w.elb().CreateListener(t.Context(), in)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantCode(t, err, test.code)
	}
	for name, test := range map[string]struct {
		code   string
		change func(*elb.CreateRuleInput)
	}{
		"no condition":    {"ValidationError", func(in *elb.CreateRuleInput) { in.Conditions = []types.RuleCondition{} }},
		"unknown field":   {"ValidationError", func(in *elb.CreateRuleInput) { in.Conditions[0].Field = aws.String("cookie") }},
		"too many values": {"ValidationError", func(in *elb.CreateRuleInput) { in.Conditions = paths("/1", "/2", "/3", "/4", "/5", "/6") }},
		"priority":        {"ValidationError", func(in *elb.CreateRuleInput) { in.Priority = aws.Int32(50001) }},
		"no listener":     {"ListenerNotFound", func(in *elb.CreateRuleInput) { in.ListenerArn = aws.String(listener + "0") }},
	} {
		in := &elb.CreateRuleInput{ListenerArn: aws.String(listener), Priority: aws.Int32(1), Conditions: paths("/x"), Actions: forward(group)}
		test.change(in)
		_, err := w.elb().CreateRule(t.Context(), in)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantCode(t, err, test.code)
	}
}

func redirect(port string) types.Action {
	return types.Action{Type: types.ActionTypeEnumRedirect, RedirectConfig: &types.RedirectActionConfig{Port: aws.String(port), StatusCode: types.RedirectActionStatusCodeEnumHttp301}}
}

func TestTagsAndLimitsOfLoadBalancing(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	n := w.network(t)
	client := w.elb()
	balancer, group := *w.balancer(t, n, "blog").LoadBalancerArn, w.group(t, n, "ghost")
	listener := w.listener(t, balancer, group, 80)
	rule := w.ruleOf(t, listener, group, "/a", 1)
	arns := []string{balancer, group, listener, rule}
	if _, err := client.AddTags(t.Context(), &elb.AddTagsInput{ResourceArns: arns, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}, {Key: aws.String("c"), Value: aws.String("d")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.RemoveTags(t.Context(), &elb.RemoveTagsInput{ResourceArns: arns[:2], TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeTags(t.Context(), &elb.DescribeTagsInput{ResourceArns: arns})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range out.TagDescriptions {
		for _, tag := range d.Tags {
			got = append(got, fmt.Sprint(*tag.Key, "=", *tag.Value))
		}
	}
	if diff := cmp.Diff([]string{"c=d", "c=d", "a=b", "c=d", "a=b", "c=d"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for arn, code := range map[string]string{balancer + "0": "LoadBalancerNotFound", group + "0": "TargetGroupNotFound", "x": "ValidationError"} {
		_, err := client.DescribeTags(t.Context(), &elb.DescribeTagsInput{ResourceArns: []string{arn}})
		wantCode(t, err, code)
	}
	_, err = client.AddTags(t.Context(), &elb.AddTagsInput{ResourceArns: arns[:1], Tags: []types.Tag{{Key: aws.String("a")}, {Key: aws.String("a")}}})
	wantCode(t, err, "DuplicateTagKeys")
	attributes, err := client.ModifyListenerAttributes(t.Context(), &elb.ModifyListenerAttributesInput{ListenerArn: aws.String(listener), Attributes: []types.ListenerAttribute{
		{Key: aws.String("routing.http.response.server.enabled"), Value: aws.String("false")},
	}})
	if err != nil || len(attributes.Attributes) != 11 {
		t.Errorf("listener attributes = %v, %v", attributes, err)
	}
	if _, err := client.DescribeListenerAttributes(t.Context(), &elb.DescribeListenerAttributesInput{ListenerArn: aws.String(listener)}); err != nil {
		t.Error(err)
	}
	if policies, err := client.DescribeSSLPolicies(t.Context(), &elb.DescribeSSLPoliciesInput{Names: []string{"ELBSecurityPolicy-TLS13-1-2-2021-06"}}); err != nil || len(policies.SslPolicies) != 1 {
		t.Errorf("policies = %v, %v", policies, err)
	}
	_, err = client.DescribeSSLPolicies(t.Context(), &elb.DescribeSSLPoliciesInput{Names: []string{"none"}})
	wantCode(t, err, "SSLPolicyNotFound")
	if limits, err := client.DescribeAccountLimits(t.Context(), &elb.DescribeAccountLimitsInput{}); err != nil || len(limits.Limits) == 0 {
		t.Errorf("limits = %v, %v", limits, err)
	}
	if _, err := client.DescribeCapacityReservation(t.Context(), &elb.DescribeCapacityReservationInput{LoadBalancerArn: aws.String(balancer)}); err != nil {
		t.Error(err)
	}
}
