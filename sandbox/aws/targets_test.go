package aws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

func targets(ids ...string) []types.TargetDescription {
	var list []types.TargetDescription
	for _, id := range ids {
		list = append(list, types.TargetDescription{Id: aws.String(id), Port: aws.Int32(2368)})
	}
	return list
}

// healthOf is the health of a group's targets, as "state reason", by address.
func (w *world) healthOf(t *testing.T, group string, asked ...types.TargetDescription) map[string]string {
	t.Helper()
	out, err := w.elb().DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(group), Targets: asked})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range out.TargetHealthDescriptions {
		got[*d.Target.Id] = string(d.TargetHealth.State) + " " + string(d.TargetHealth.Reason)
	}
	return got
}

// wellAt says that one address is healthy and the others are not.
type wellAt string

func (w wellAt) Health(_, _ string, _ types.TargetGroup, target types.TargetDescription) types.TargetHealth {
	if *target.Id == string(w) {
		return types.TargetHealth{State: types.TargetHealthStateEnumHealthy}
	}
	return types.TargetHealth{State: types.TargetHealthStateEnumUnhealthy, Reason: types.TargetHealthReasonEnumTimeout, Description: aws.String("Request timed out")}
}

func TestHealthOfTargets(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	dir := t.TempDir()
	options := sandbox.Options{Dir: dir, Clock: clock, Durations: simtime.Durations{balancerType: 2 * time.Second}}
	w := start(t, options)
	n := w.network(t)
	group := w.group(t, n, "ghost")
	client := w.elb()
	if _, err := client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: aws.String(group), Targets: targets("10.0.0.1", "10.0.0.2")}); err != nil {
		t.Fatal(err)
	}
	expect := func(when string, want map[string]string, asked ...types.TargetDescription) {
		t.Helper()
		if diff := cmp.Diff(want, w.healthOf(t, group, asked...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	expect("without a listener", map[string]string{"10.0.0.1": "unused Target.NotInUse", "10.0.0.2": "unused Target.NotInUse"})
	w.listener(t, *w.balancer(t, n, "blog").LoadBalancerArn, group, 80)
	expect("while provisioning", map[string]string{"10.0.0.1": "initial Elb.RegistrationInProgress", "10.0.0.2": "initial Elb.RegistrationInProgress"})
	clock.Advance(2 * time.Second)
	expect("with nobody who looks", map[string]string{"10.0.0.1": "initial Elb.InitialHealthChecking", "10.0.0.2": "initial Elb.InitialHealthChecking"})
	w.Balancers().SetHealth(wellAt("10.0.0.1"))
	expect("with somebody who looks", map[string]string{"10.0.0.1": "healthy ", "10.0.0.2": "unhealthy Target.Timeout"})
	expect("asked for one of two and for a stranger", map[string]string{"10.0.0.1": "healthy ", "10.0.0.9": "unused Target.NotRegistered"}, targets("10.0.0.1", "10.0.0.9")...)

	_, err := client.ModifyTargetGroupAttributes(t.Context(), &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: aws.String(group), Attributes: []types.TargetGroupAttribute{
		{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("30")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeregisterTargets(t.Context(), &elb.DeregisterTargetsInput{TargetGroupArn: aws.String(group), Targets: targets("10.0.0.1", "10.0.0.2")}); err != nil {
		t.Fatal(err)
	}
	expect("deregistered", map[string]string{"10.0.0.1": "draining Target.DeregistrationInProgress", "10.0.0.2": "draining Target.DeregistrationInProgress"})
	clock.Advance(29 * time.Second)
	if _, err := client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: aws.String(group), Targets: targets("10.0.0.2")}); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w = start(t, options)
	clock.Advance(time.Second)
	expect("drained", map[string]string{"10.0.0.2": "initial Elb.InitialHealthChecking"})
}

func TestTargetGroups(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	n := w.network(t)
	client := w.elb()
	group := w.group(t, n, "ghost")
	if again := w.group(t, n, "ghost"); again != group {
		t.Errorf("the repeated call made %s", again)
	}
	create := func(change func(*elb.CreateTargetGroupInput)) error {
		in := &elb.CreateTargetGroupInput{Name: aws.String("ghost"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String(n.vpc), TargetType: types.TargetTypeEnumIp}
		change(in)
		_, err := client.CreateTargetGroup(t.Context(), in)
		return err
	}
	wantCode(t, create(func(in *elb.CreateTargetGroupInput) { in.Port = aws.Int32(81) }), "DuplicateTargetGroupName")
	wantCode(t, create(func(in *elb.CreateTargetGroupInput) { in.VpcId = aws.String("vpc-0") }), "ValidationError")
	wantCode(t, create(func(in *elb.CreateTargetGroupInput) { in.Name = aws.String("-x") }), "ValidationError")
	wantCode(t, create(func(in *elb.CreateTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(2) }), "ValidationError")
	changed, err := client.ModifyTargetGroup(t.Context(), &elb.ModifyTargetGroupInput{
		TargetGroupArn: aws.String(group), HealthCheckPath: aws.String("/ghost"), Matcher: &types.Matcher{HttpCode: aws.String("200,301")},
	})
	if err != nil || *changed.TargetGroups[0].HealthCheckPath != "/ghost" || *changed.TargetGroups[0].HealthCheckIntervalSeconds != 30 {
		t.Errorf("changed: %v, %v", changed, err)
	}
	_, err = client.ModifyTargetGroupAttributes(t.Context(), &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: aws.String(group), Attributes: []types.TargetGroupAttribute{
		{Key: aws.String("slow_start.duration_seconds"), Value: aws.String("901")},
	}})
	wantCode(t, err, "ValidationError")
	_, err = client.ModifyTargetGroupAttributes(t.Context(), &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: aws.String(group), Attributes: []types.TargetGroupAttribute{
		{Key: aws.String("proxy_protocol_v2.enabled"), Value: aws.String("true")}, // of network load balancers
	}})
	wantCode(t, err, "ValidationError")
	attributes, err := client.DescribeTargetGroupAttributes(t.Context(), &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(group)})
	if err != nil || len(attributes.Attributes) != 14 || *attributes.Attributes[0].Key != "deregistration_delay.timeout_seconds" || *attributes.Attributes[0].Value != "300" {
		t.Errorf("attributes = %v, %v", attributes, err)
	}
	for _, test := range []struct {
		target types.TargetDescription
		code   string
	}{
		{types.TargetDescription{Id: aws.String("i-1")}, "ValidationError"},
		{types.TargetDescription{Id: aws.String("192.0.2.1")}, "ValidationError"},
		{types.TargetDescription{Id: aws.String("192.0.2.1"), AvailabilityZone: aws.String("all")}, ""},
	} {
		_, err := client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: aws.String(group), Targets: []types.TargetDescription{test.target}})
		if test.code != "" {
			wantCode(t, err, test.code)
		} else if err != nil {
			t.Error(err)
		}
	}
	balancer := *w.balancer(t, n, "blog").LoadBalancerArn
	w.listener(t, balancer, group, 80)
	used, err := client.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{LoadBalancerArn: aws.String(balancer)})
	if err != nil || len(used.TargetGroups) != 1 || used.TargetGroups[0].LoadBalancerArns[0] != balancer {
		t.Errorf("groups of the load balancer = %v, %v", used, err)
	}
	_, err = client.DeleteTargetGroup(t.Context(), &elb.DeleteTargetGroupInput{TargetGroupArn: aws.String(group)})
	wantCode(t, err, "ResourceInUse")
	_, err = client.CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: w.balancer(t, n, "other").LoadBalancerArn, Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(group),
	})
	wantCode(t, err, "TargetGroupAssociationLimit")
	if _, err := client.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: aws.String(balancer)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteTargetGroup(t.Context(), &elb.DeleteTargetGroupInput{TargetGroupArn: aws.String(group)}); err != nil {
		t.Error(err)
	}
	for _, in := range []*elb.DescribeTargetGroupsInput{{Names: []string{"ghost"}}, {TargetGroupArns: []string{group}}} {
		_, err = client.DescribeTargetGroups(t.Context(), in)
		wantCode(t, err, "TargetGroupNotFound")
	}
	_, err = client.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(group)})
	wantCode(t, err, "TargetGroupNotFound")
	_, err = client.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String("ghost")})
	wantCode(t, err, "ValidationError")
}
