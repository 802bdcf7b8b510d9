package aws_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// subnetOf makes a subnet and returns its ID.
func (w *world) subnetOf(t *testing.T, vpc, cidr, zone string) string {
	t.Helper()
	return w.create(t, "AWS::EC2::Subnet", "subnet"+cidr, map[string]any{
		"VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": zone, "Tags": []any{map[string]any{"Key": "Name", "Value": "net " + cidr}},
	}).Ref
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := ec2.NewFromConfig(w.Config)
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": "true"})
	a := w.subnetOf(t, vpc.Ref, "10.0.0.0/24", "us-east-1a")
	if again := w.subnetOf(t, vpc.Ref, "10.0.0.0/24", "us-east-1a"); again != a {
		t.Errorf("the repeated call made %s, after %s", again, a)
	}
	b := w.subnetOf(t, vpc.Ref, "10.0.1.0/24", "")
	gateway := w.create(t, "AWS::EC2::InternetGateway", "igw", nil).Ref
	table := w.create(t, "AWS::EC2::RouteTable", "rtb", map[string]any{"VpcId": vpc.Ref}).Ref
	route := map[string]any{"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
	_, err := w.tryCreate(t, "AWS::EC2::Route", "route", route)
	wantHandlerCode(t, err, resource.InvalidRequest) // not attached yet
	attachment := w.create(t, "AWS::EC2::VPCGatewayAttachment", "att", map[string]any{"VpcId": vpc.Ref, "InternetGatewayId": gateway})
	w.create(t, "AWS::EC2::Route", "route", route)
	association := w.create(t, "AWS::EC2::SubnetRouteTableAssociation", "assoc", map[string]any{"RouteTableId": table, "SubnetId": a})
	address := w.create(t, "AWS::EC2::EIP", "eip", map[string]any{"Domain": "vpc"})
	nat := w.create(t, "AWS::EC2::NatGateway", "nat", map[string]any{"SubnetId": a, "AllocationId": address.Attributes["AllocationId"]})
	group := w.create(t, "AWS::EC2::SecurityGroup", "sg", map[string]any{
		"GroupDescription": "db", "VpcId": vpc.Ref,
		"SecurityGroupIngress": []any{map[string]any{"IpProtocol": "tcp", "FromPort": 3306, "ToPort": "3306", "CidrIp": "10.0.0.0/16"}},
	})
	w.create(t, "AWS::EC2::SecurityGroupIngress", "in", map[string]any{
		"GroupId": group.Ref, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "SourceSecurityGroupId": group.Ref,
	})

	vpcs, err := client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("isDefault", "false")}})
	if err != nil || len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].VpcId != vpc.Ref {
		t.Fatalf("DescribeVpcs = %v, %v", vpcs, err)
	}
	for name, test := range map[string]struct {
		filters []types.Filter
		want    []string
	}{
		"by vpc":      {[]types.Filter{filter("vpc-id", vpc.Ref)}, []string{a, b}},
		"by tag":      {[]types.Filter{filter("tag:Name", "net 10.0.1.*")}, []string{b}},
		"by tag key":  {[]types.Filter{filter("tag-key", "aws:cloudformation:stack-name")}, []string{a, b}},
		"by zone":     {[]types.Filter{filter("vpc-id", vpc.Ref), filter("availability-zone", "us-east-1b")}, []string{b}},
		"by nothing":  {[]types.Filter{filter("vpc-id", "vpc-none")}, nil},
		"default net": {[]types.Filter{filter("default-for-az", "true"), filter("availability-zone", "us-east-1a"), filter("vpc-id", vpc.Ref)}, nil},
	} {
		out, err := client.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: test.filters})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, s := range out.Subnets {
			got = append(got, *s.SubnetId)
		}
		slices.Sort(got)
		slices.Sort(test.want)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	_, err = client.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("no-such", "x")}})
	wantCode(t, err, "InvalidParameterValue")
	_, err = client.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-0"}})
	wantCode(t, err, "InvalidSubnetID.NotFound")

	mains, err := client.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{Filters: []types.Filter{filter("vpc-id", vpc.Ref), filter("association.main", "true")}})
	if err != nil || len(mains.RouteTables) != 1 || *mains.RouteTables[0].RouteTableId == table {
		t.Errorf("main route tables = %v, %v", mains, err)
	}
	tables, err := client.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{Filters: []types.Filter{filter("association.subnet-id", a)}})
	if err != nil || len(tables.RouteTables) != 1 || len(tables.RouteTables[0].Routes) != 2 || *tables.RouteTables[0].Routes[1].GatewayId != gateway {
		t.Errorf("route tables of %s = %v, %v", a, tables, err)
	}
	groups, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group.Ref}})
	if err != nil || len(groups.SecurityGroups[0].IpPermissions) != 2 || len(groups.SecurityGroups[0].IpPermissionsEgress) != 1 {
		t.Errorf("security groups = %v, %v", groups, err)
	}
	nats, err := client.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{filter("state", "available")}})
	if err != nil || len(nats.NatGateways) != 1 || *nats.NatGateways[0].NatGatewayAddresses[0].PublicIp != address.Ref {
		t.Errorf("NAT gateways = %v, %v", nats, err)
	}
	zones, err := client.DescribeAvailabilityZones(t.Context(), &ec2.DescribeAvailabilityZonesInput{})
	if err != nil || len(zones.AvailabilityZones) != 2 || *zones.AvailabilityZones[1].ZoneId != "use1-az2" {
		t.Errorf("zones = %v, %v", zones, err)
	}
	if gateways, err := client.DescribeInternetGateways(t.Context(), &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("attachment.vpc-id", vpc.Ref)}}); err != nil || len(gateways.InternetGateways) != 1 {
		t.Errorf("internet gateways = %v, %v", gateways, err)
	}
	if instances, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-state-name", "running")}}); err != nil || len(instances.Reservations) != 0 {
		t.Errorf("instances = %v, %v", instances, err)
	}

	wantHandlerCode(t, w.delete(t, "AWS::EC2::VPC", "x", vpc.Ref, nil), resource.ResourceConflict)
	wantHandlerCode(t, w.delete(t, "AWS::EC2::InternetGateway", "x", gateway, nil), resource.ResourceConflict)
	wantHandlerCode(t, w.delete(t, "AWS::EC2::Subnet", "x", a, nil), resource.ResourceConflict)
	for _, gone := range []struct{ kind, id string }{
		{"NatGateway", nat.PhysicalID}, {"EIP", address.PhysicalID}, {"SubnetRouteTableAssociation", association.PhysicalID},
		{"Route", table + "|0.0.0.0/0"}, {"RouteTable", table}, {"VPCGatewayAttachment", attachment.PhysicalID}, {"InternetGateway", gateway},
		{"SecurityGroup", group.Ref}, {"Subnet", a}, {"Subnet", b}, {"VPC", vpc.Ref}, {"VPC", vpc.Ref}, // the last is repeated
	} {
		if err := w.delete(t, "AWS::EC2::"+gone.kind, "delete "+gone.id, gone.id, nil); err != nil {
			t.Errorf("delete %s: %v", gone.id, err)
		}
	}
}

func TestNetworkRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	w.subnetOf(t, vpc, "10.0.0.0/24", "us-east-1a")
	for name, test := range map[string]struct {
		kind       string
		properties map[string]any
		code, says string
	}{
		"block outside":  {"Subnet", map[string]any{"VpcId": vpc, "CidrBlock": "10.1.0.0/24"}, resource.InvalidRequest, "10.0.0.0/16"},
		"block overlaps": {"Subnet", map[string]any{"VpcId": vpc, "CidrBlock": "10.0.0.128/25"}, resource.InvalidRequest, "conflicts"},
		"block is none":  {"Subnet", map[string]any{"VpcId": vpc, "CidrBlock": "ten"}, resource.InvalidRequest, "CIDR"},
		"no such VPC":    {"Subnet", map[string]any{"VpcId": "vpc-0", "CidrBlock": "10.0.5.0/24"}, resource.NotFound, "vpc-0"},
		"no such zone":   {"Subnet", map[string]any{"VpcId": vpc, "CidrBlock": "10.0.5.0/24", "AvailabilityZone": "us-east-1z"}, resource.InvalidRequest, "us-east-1a, us-east-1b"},
		"block too big":  {"VPC", map[string]any{"CidrBlock": "10.0.0.0/8"}, resource.InvalidRequest, "/16"},
		"missing":        {"VPC", map[string]any{}, resource.InvalidRequest, "CidrBlock"},
		"rule for two": {"SecurityGroup", map[string]any{"VpcId": vpc, "GroupDescription": "x", "SecurityGroupIngress": []any{
			map[string]any{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}}}, resource.InvalidRequest, "exactly one"},
	} {
		_, err := w.tryCreate(t, "AWS::EC2::"+test.kind, name, test.properties)
		wantHandlerCode(t, err, test.code)
		if err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %q does not say %q", name, err, test.says)
		}
	}
}

// TestConcurrentSubnets makes subnets that overlap: one of each block is made.
func TestConcurrentSubnets(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	var group sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for i := range 16 {
		group.Go(func() {
			cidr := []string{"10.0.0.0/24", "10.0.1.0/24"}[i%2]
			_, err := w.tryCreate(t, "AWS::EC2::Subnet", cidr+string(rune('a'+i)), map[string]any{"VpcId": vpc, "CidrBlock": cidr})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			}
		})
	}
	group.Wait()
	if made != 2 {
		t.Errorf("%d subnets were made of two blocks", made)
	}
}
