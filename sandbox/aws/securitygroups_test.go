package aws_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

// securityGroup makes a group by the API.
func (w *world) securityGroup(t *testing.T, vpc, name string) string {
	t.Helper()
	made, err := ec2.NewFromConfig(w.Config).CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String(name), Description: aws.String("for " + name), VpcId: aws.String(vpc),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blog")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.GroupId
}

// tcp is a permission for a port; peers are blocks or groups.
func tcp(port int32, peers ...string) types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(port), ToPort: aws.Int32(port)}
	for _, peer := range peers {
		if peer[:3] == "sg-" {
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{GroupId: aws.String(peer), Description: aws.String("elbv2.k8s.aws/targetGroupBinding=shared")})
		} else {
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(peer)})
		}
	}
	return p
}

// ingress is what a group lets in, as "from port peer description".
func (w *world) ingress(t *testing.T, id string) []string {
	t.Helper()
	out, err := ec2.NewFromConfig(w.Config).DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range out.SecurityGroups[0].IpPermissions {
		for _, peer := range p.IpRanges {
			got = append(got, *p.IpProtocol+" "+*peer.CidrIp)
		}
		for _, peer := range p.UserIdGroupPairs {
			got = append(got, *p.IpProtocol+" "+*peer.GroupId+" "+aws.ToString(peer.Description))
		}
	}
	slices.Sort(got)
	return got
}

func TestSecurityGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	front, nodes := w.securityGroup(t, vpc, "front"), w.securityGroup(t, vpc, "nodes")
	client := ec2.NewFromConfig(w.Config)
	made, err := client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String(nodes), IpPermissions: []types.IpPermission{tcp(80, "10.0.0.0/16", "192.0.2.0/24"), tcp(8080, front)},
	})
	if err != nil || len(made.SecurityGroupRules) != 3 || !*made.Return {
		t.Fatalf("authorized: %v, %v", made, err)
	}
	want := []string{"tcp " + front + " elbv2.k8s.aws/targetGroupBinding=shared", "tcp 10.0.0.0/16", "tcp 192.0.2.0/24"}
	slices.Sort(want)
	if diff := cmp.Diff(want, w.ingress(t, nodes)); diff != "" {
		t.Errorf("ingress (-want +got):\n%s", diff)
	}
	shown, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("tag:team", "blog"), filter("group-name", "nodes")}})
	if err != nil || len(shown.SecurityGroups) != 1 || len(shown.SecurityGroups[0].IpPermissions) != 2 || len(shown.SecurityGroups[0].IpPermissionsEgress) != 1 {
		t.Errorf("groups = %v, %v; want one permission for each port", shown, err)
	}
	_, err = client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String(nodes), IpPermissions: []types.IpPermission{tcp(81, "10.0.0.0/16"), tcp(80, "10.0.0.0/16")},
	})
	wantCode(t, err, "InvalidPermission.Duplicate")
	_, err = client.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{
		GroupId: aws.String(nodes), IpPermissions: []types.IpPermission{tcp(80, "10.0.0.0/16"), tcp(82, "10.0.0.0/16")},
	})
	wantCode(t, err, "InvalidPermission.NotFound")
	if diff := cmp.Diff(want, w.ingress(t, nodes)); diff != "" {
		t.Errorf("refused calls changed the rules (-want +got):\n%s", diff)
	}
	_, err = client.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String(front)})
	wantCode(t, err, "DependencyViolation")
	for _, bad := range []struct {
		in   *ec2.CreateSecurityGroupInput
		code string
	}{
		{&ec2.CreateSecurityGroupInput{GroupName: aws.String("nodes"), Description: aws.String("x"), VpcId: aws.String(vpc)}, "InvalidGroup.Duplicate"},
		{&ec2.CreateSecurityGroupInput{GroupName: aws.String("x"), Description: aws.String("x"), VpcId: aws.String("vpc-0")}, "InvalidVpcID.NotFound"},
		{&ec2.CreateSecurityGroupInput{GroupName: aws.String("sg-x"), Description: aws.String("x"), VpcId: aws.String(vpc)}, "InvalidParameterValue"},
	} {
		_, err := client.CreateSecurityGroup(t.Context(), bad.in)
		wantCode(t, err, bad.code)
	}
	_, err = client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-0"), IpPermissions: []types.IpPermission{tcp(1, "10.0.0.0/8")}})
	wantCode(t, err, "InvalidGroup.NotFound")

	w.stop() // what follows is read after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = ec2.NewFromConfig(w.Config)
	listed, err := client.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", nodes), filter("is-egress", "false")}})
	if err != nil || len(listed.SecurityGroupRules) != 3 {
		t.Fatalf("rules = %v, %v", listed, err)
	}
	var ids []string
	for _, rule := range listed.SecurityGroupRules {
		if rule.ReferencedGroupInfo != nil {
			ids = append(ids, *rule.SecurityGroupRuleId)
		}
	}
	if _, err := client.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(nodes), SecurityGroupRuleIds: ids}); err != nil {
		t.Error(err)
	}
	out := &ec2.AuthorizeSecurityGroupEgressInput{GroupId: aws.String(nodes), IpPermissions: []types.IpPermission{tcp(443, "192.0.2.0/24")}}
	if _, err := client.AuthorizeSecurityGroupEgress(t.Context(), out); err != nil {
		t.Error(err)
	}
	if _, err := client.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(nodes), IpPermissions: out.IpPermissions}); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String(front)}); err != nil {
		t.Error(err)
	}
	_, err = client.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: aws.String(front)})
	wantCode(t, err, "InvalidGroup.NotFound")
	byDefault, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("vpc-id", vpc), filter("group-name", "default")}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: byDefault.SecurityGroups[0].GroupId})
	wantCode(t, err, "CannotDelete")
}

func TestTagsOfTheNetwork(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ec2.NewFromConfig(w.Config)
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	subnet := w.subnetOf(t, vpc, "10.0.0.0/24", "us-east-1a")
	tag := func(key, value string) types.Tag { return types.Tag{Key: aws.String(key), Value: aws.String(value)} }
	if _, err := client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{vpc, subnet}, Tags: []types.Tag{tag("kubernetes.io/role/elb", "1"), tag("a", "b")}}); err != nil {
		t.Fatal(err)
	}
	found, err := client.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("tag:kubernetes.io/role/elb", "", "1")}})
	if err != nil || len(found.Subnets) != 1 {
		t.Errorf("subnets by tag = %v, %v", found, err)
	}
	_, err = client.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{vpc}, Tags: []types.Tag{tag("a", "other"), {Key: aws.String("kubernetes.io/role/elb")}}})
	if err != nil {
		t.Fatal(err)
	}
	tags, err := client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{filter("resource-id", vpc), filter("key", "a", "kubernetes*")}})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "a" || tags.Tags[0].ResourceType != types.ResourceTypeVpc {
		t.Errorf("tags = %v, %v", tags, err)
	}
	for code, in := range map[string]*ec2.CreateTagsInput{
		"InvalidVpcID.NotFound": {Resources: []string{subnet, "vpc-0"}, Tags: []types.Tag{tag("half", "done")}},
		"InvalidID":             {Resources: []string{"x-1"}, Tags: []types.Tag{tag("a", "b")}},
		"InvalidParameterValue": {Resources: []string{vpc}, Tags: []types.Tag{tag("aws:x", "b")}},
	} {
		_, err := client.CreateTags(t.Context(), in)
		wantCode(t, err, code)
	}
	half, err := client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{filter("key", "half")}})
	if err != nil || len(half.Tags) != 0 {
		t.Errorf("a refused call left %v, %v", half, err)
	}
}
