package aws_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	ownec2 "github.com/drawbridge-gitops/drawbridge/sandbox/aws/ec2"
	own "github.com/drawbridge-gitops/drawbridge/sandbox/aws/eks"
)

// twoNodes is a cluster with a node in each of two zones.
func twoNodes() ownec2.Cluster {
	at := func(id, zone, subnet, address, pods string) ownec2.Node {
		return ownec2.Node{
			InstanceID: id, Type: "m7i.xlarge", Zone: zone, Subnet: netip.MustParsePrefix(subnet),
			Address: netip.MustParseAddr(address), Pods: netip.MustParsePrefix(pods),
		}
	}
	return ownec2.Cluster{
		Account: account, Region: "us-east-1", Name: "dev", Block: netip.MustParsePrefix("10.0.0.0/16"),
		Nodes: []ownec2.Node{
			at("i-0000000000000000a", "us-east-1a", "10.0.0.0/20", "10.0.0.10", "10.0.1.0/24"),
			at("i-0000000000000000b", "us-east-1b", "10.0.16.0/20", "10.0.16.10", "10.0.17.0/24"),
		},
	}
}

// The AWS Load Balancer Controller finds what it needs of a cluster's network by
// these calls.
func TestNetworkOfCluster(t *testing.T) {
	t.Parallel()
	c := twoNodes()
	w := start(t, sandbox.Options{Networks: []ownec2.Cluster{c}, Clusters: []own.Cluster{{
		Name: c.Name, Account: account, Region: c.Region, VPC: c.VPC(), Subnets: c.Subnets(), SecurityGroup: c.SecurityGroup(),
	}}})
	client := ec2.NewFromConfig(w.Config)

	vpcs := do(t, client.DescribeVpcs, &ec2.DescribeVpcsInput{VpcIds: []string{c.VPC()}}).Vpcs
	if len(vpcs) != 1 || *vpcs[0].CidrBlockAssociationSet[0].CidrBlock != "10.0.0.0/16" || *vpcs[0].IsDefault {
		t.Errorf("VPC = %+v", vpcs)
	}
	byRole := &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("vpc-id", c.VPC()), filter("tag:kubernetes.io/role/elb", "", "1")}}
	var ids, zones []string
	for _, s := range do(t, client.DescribeSubnets, byRole).Subnets {
		ids = append(ids, *s.SubnetId)
		zones = append(zones, *s.AvailabilityZoneId)
		if !slices.ContainsFunc(s.Tags, func(tag types.Tag) bool { return *tag.Key == "kubernetes.io/cluster/dev" }) {
			t.Errorf("%s has no tag of the cluster: %v", *s.SubnetId, s.Tags)
		}
	}
	slices.Sort(zones)
	if diff := cmp.Diff([]string{"use1-az1", "use1-az2"}, zones); diff != "" {
		t.Errorf("zones of the subnets (-want +got):\n%s", diff)
	}
	if want := slices.Sorted(slices.Values(c.Subnets())); !slices.Equal(want, slices.Sorted(slices.Values(ids))) {
		t.Errorf("subnets = %v, want %v", ids, want)
	}
	if got := do(t, client.DescribeAvailabilityZones, &ec2.DescribeAvailabilityZonesInput{ZoneIds: zones}).AvailabilityZones; len(got) != 2 {
		t.Errorf("zones by ID = %v", got)
	}
	gateways := do(t, client.DescribeInternetGateways, &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("attachment.vpc-id", c.VPC())}}).InternetGateways
	tables := do(t, client.DescribeRouteTables, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{filter("vpc-id", c.VPC()), filter("association.main", "true")}}).RouteTables
	if len(gateways) != 1 || len(tables) != 1 || !slices.ContainsFunc(tables[0].Routes, func(r types.Route) bool {
		return *r.DestinationCidrBlock == "0.0.0.0/0" && aws.ToString(r.GatewayId) == *gateways[0].InternetGatewayId
	}) {
		t.Errorf("no route out: gateways %v, main tables %v", gateways, tables)
	}
	var cluster = do(t, eks.NewFromConfig(w.Config).DescribeCluster, &eks.DescribeClusterInput{Name: aws.String("dev")}).Cluster.ResourcesVpcConfig
	if *cluster.VpcId != c.VPC() || !slices.Equal(cluster.SubnetIds, c.Subnets()) || *cluster.ClusterSecurityGroupId != c.SecurityGroup() {
		t.Errorf("the cluster stands in %+v", cluster)
	}
}

// A Pod is in reach of a load balancer when a network interface of its node has a
// prefix that holds its address.
func TestPodsAreBehindTheirNodes(t *testing.T) {
	t.Parallel()
	c := twoNodes()
	w := start(t, sandbox.Options{Networks: []ownec2.Cluster{c}})
	client := ec2.NewFromConfig(w.Config)
	for pod, node := range map[string]string{"10.0.1.7": "i-0000000000000000a", "10.0.1.255": "i-0000000000000000a", "10.0.17.0": "i-0000000000000000b"} {
		instance := do(t, client.DescribeInstances, &ec2.DescribeInstancesInput{InstanceIds: []string{node}}).Reservations[0].Instances[0]
		seen := instance.NetworkInterfaces[0]
		if !slices.ContainsFunc(seen.Ipv4Prefixes, func(p types.InstanceIpv4Prefix) bool {
			return netip.MustParsePrefix(*p.Ipv4Prefix).Contains(netip.MustParseAddr(pod))
		}) {
			t.Errorf("no prefix of %s holds %s: %v", node, pod, seen.Ipv4Prefixes)
		}
		interfaces := do(t, client.DescribeNetworkInterfaces, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("attachment.instance-id", node)}}).NetworkInterfaces
		if len(interfaces) != 1 || *interfaces[0].NetworkInterfaceId != *seen.NetworkInterfaceId || len(interfaces[0].Ipv4Prefixes) != 16 {
			t.Errorf("interfaces of %s = %+v", node, interfaces)
		}
		if instance.State.Name != "running" || *instance.VpcId != c.VPC() || len(seen.Groups) != 1 || *seen.Groups[0].GroupId != c.SecurityGroup() {
			t.Errorf("instance %s = %+v", node, instance)
		}
	}
	groups := do(t, client.DescribeSecurityGroups, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("tag:kubernetes.io/cluster/dev", "owned")}}).SecurityGroups
	if len(groups) != 1 || *groups[0].GroupId != c.SecurityGroup() {
		t.Errorf("groups of the cluster = %+v", groups)
	}
}

// What others change of the network stays through a restart, and none of it comes
// twice.
func TestNetworkOfClusterStays(t *testing.T) {
	t.Parallel()
	options := sandbox.Options{Dir: t.TempDir(), Networks: []ownec2.Cluster{twoNodes()}}
	w := start(t, options)
	nodes := aws.String(options.Networks[0].SecurityGroup())
	balancer := do(t, ec2.NewFromConfig(w.Config).CreateSecurityGroup, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("k8s-traffic-dev"), Description: aws.String("[k8s] Shared Backend SecurityGroup for LoadBalancer"), VpcId: aws.String(options.Networks[0].VPC()),
	}).GroupId
	do(t, ec2.NewFromConfig(w.Config).AuthorizeSecurityGroupIngress, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: nodes, IpPermissions: []types.IpPermission{tcp(8080, *balancer)}})
	before := w.networkIDs(t)
	w.stop()

	w = start(t, options)
	if diff := cmp.Diff(before, w.networkIDs(t)); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if got := w.ingress(t, *nodes); !slices.Contains(got, "tcp "+*balancer+" elbv2.k8s.aws/targetGroupBinding=shared") {
		t.Errorf("ingress of the nodes = %v", got)
	}
	do(t, ec2.NewFromConfig(w.Config).RevokeSecurityGroupIngress, &ec2.RevokeSecurityGroupIngressInput{GroupId: nodes, IpPermissions: []types.IpPermission{tcp(8080, *balancer)}})
	do(t, ec2.NewFromConfig(w.Config).DeleteSecurityGroup, &ec2.DeleteSecurityGroupInput{GroupId: balancer})
	_, err := ec2.NewFromConfig(w.Config).DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: nodes})
	wantCode(t, err, "DependencyViolation")
}

// networkIDs lists the IDs of what a region's network is made of.
func (w *world) networkIDs(t *testing.T) []string {
	t.Helper()
	client := ec2.NewFromConfig(w.Config)
	var ids []string
	for _, v := range do(t, client.DescribeVpcs, &ec2.DescribeVpcsInput{}).Vpcs {
		ids = append(ids, *v.VpcId)
	}
	for _, s := range do(t, client.DescribeSubnets, &ec2.DescribeSubnetsInput{}).Subnets {
		ids = append(ids, *s.SubnetId)
	}
	for _, g := range do(t, client.DescribeSecurityGroups, &ec2.DescribeSecurityGroupsInput{}).SecurityGroups {
		ids = append(ids, *g.GroupId)
	}
	for _, r := range do(t, client.DescribeInstances, &ec2.DescribeInstancesInput{}).Reservations {
		ids = append(ids, *r.Instances[0].InstanceId)
	}
	for _, i := range do(t, client.DescribeNetworkInterfaces, &ec2.DescribeNetworkInterfacesInput{}).NetworkInterfaces {
		ids = append(ids, *i.NetworkInterfaceId)
	}
	return ids
}
