package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// What the lookups of clients read and nobody makes: regions, instance types and DHCP
// options, which are there, and VPN gateways, VPC endpoints, images and key pairs, of
// which there are none.

func (e *EC2) registerCatalog(service *wire.Service) {
	wire.Register(service, "DescribeRegions", e.describeRegions)
	wire.Register(service, "DescribeInstanceTypes", e.describeInstanceTypes)
	wire.Register(service, "DescribeDhcpOptions", e.describeDhcpOptions)
	wire.Register(service, "DescribeVpnGateways", e.describeVpnGateways)
	wire.Register(service, "DescribeVpcEndpoints", e.describeVpcEndpoints)
	wire.Register(service, "DescribeImages", e.describeImages)
	wire.Register(service, "DescribeKeyPairs", e.describeKeyPairs)
}

// regions are those that an account has without asking for them.
var regions = []string{
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
	"eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

func (e *EC2) describeRegions(ctx context.Context, in *ec2.DescribeRegionsInput) (*ec2.DescribeRegionsOutput, error) {
	known := slices.Clone(regions)
	if here := wire.CallOf(ctx).Region; !slices.Contains(known, here) {
		known = append(known, here)
		slices.Sort(known)
	}
	for _, name := range in.RegionNames {
		if !slices.Contains(known, name) {
			return nil, wire.Errorf("InvalidParameterValue", "Invalid region provided: %s", name)
		}
	}
	out := &ec2.DescribeRegionsOutput{}
	for _, name := range known {
		if len(in.RegionNames) > 0 && !slices.Contains(in.RegionNames, name) {
			continue
		}
		region := types.Region{RegionName: aws.String(name), Endpoint: aws.String("ec2." + name + ".amazonaws.com"), OptInStatus: aws.String("opt-in-not-required")}
		ok, err := passes(region, in.Filters)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Regions = append(out.Regions, region)
		}
	}
	return out, nil
}

// machine is an instance type: its virtual processors, memory in MiB, and how many
// network interfaces it may have with how many addresses each.
type machine struct {
	name                              string
	arm                               bool
	processors, memory, cards, perOne int
}

var machines = []machine{
	{"c5.large", false, 2, 4096, 3, 10}, {"c6g.large", true, 2, 4096, 3, 10}, {"c6i.large", false, 2, 4096, 3, 10},
	{"m5.large", false, 2, 8192, 3, 10}, {"m5.xlarge", false, 4, 16384, 4, 15}, {"m6g.large", true, 2, 8192, 3, 10},
	{"m6i.large", false, 2, 8192, 3, 10}, {"m7g.large", true, 2, 8192, 3, 10}, {"m7i.xlarge", false, 4, 16384, 4, 15}, {"r5.large", false, 2, 16384, 3, 10},
	{"t3.large", false, 2, 8192, 3, 12}, {"t3.medium", false, 2, 4096, 3, 6}, {"t3.micro", false, 2, 1024, 2, 2}, {"t3.small", false, 2, 2048, 3, 4},
	{"t4g.large", true, 2, 8192, 3, 12}, {"t4g.medium", true, 2, 4096, 3, 6}, {"t4g.micro", true, 2, 1024, 2, 2}, {"t4g.small", true, 2, 2048, 3, 4},
}

func (m machine) describe() types.InstanceTypeInfo {
	architecture, threads := types.ArchitectureTypeX8664, 2
	if m.arm {
		architecture, threads = types.ArchitectureTypeArm64, 1
	}
	return types.InstanceTypeInfo{
		InstanceType: types.InstanceType(m.name), CurrentGeneration: aws.Bool(true), BareMetal: aws.Bool(false), Hypervisor: types.InstanceTypeHypervisorNitro,
		InstanceStorageSupported: aws.Bool(false), BurstablePerformanceSupported: aws.Bool(strings.HasPrefix(m.name, "t")),
		VCpuInfo: &types.VCpuInfo{
			DefaultVCpus: aws.Int32(int32(m.processors)), DefaultCores: aws.Int32(int32(m.processors / threads)), DefaultThreadsPerCore: aws.Int32(int32(threads)),
		},
		MemoryInfo:    &types.MemoryInfo{SizeInMiB: aws.Int64(int64(m.memory))},
		ProcessorInfo: &types.ProcessorInfo{SupportedArchitectures: []types.ArchitectureType{architecture}},
		NetworkInfo: &types.NetworkInfo{
			MaximumNetworkInterfaces: aws.Int32(int32(m.cards)), Ipv4AddressesPerInterface: aws.Int32(int32(m.perOne)), Ipv6Supported: aws.Bool(true),
		},
	}
}

// describeInstanceTypes knows the common types; one that it does not know is invalid,
// which real ones are not.
func (e *EC2) describeInstanceTypes(_ context.Context, in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
	for _, name := range in.InstanceTypes {
		if !slices.ContainsFunc(machines, func(m machine) bool { return m.name == string(name) }) {
			return nil, wire.Errorf("InvalidInstanceType", "The following supplied instance types do not exist in the sandbox: [%s]", name)
		}
	}
	var all []types.InstanceTypeInfo
	for _, m := range machines {
		info := m.describe()
		if len(in.InstanceTypes) > 0 && !slices.Contains(in.InstanceTypes, info.InstanceType) {
			continue
		}
		ok, err := passes(info, in.Filters)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, info)
		}
	}
	out := &ec2.DescribeInstanceTypesOutput{}
	out.InstanceTypes, out.NextToken = wire.Page(all, in.NextToken, in.MaxResults, 100, func(i types.InstanceTypeInfo) string { return string(i.InstanceType) })
	return out, nil
}

// describeDhcpOptions shows the one set that all VPCs of a region have.
func (e *EC2) describeDhcpOptions(ctx context.Context, in *ec2.DescribeDhcpOptionsInput) (*ec2.DescribeDhcpOptionsOutput, error) {
	scope := scopeOf(ctx)
	domain := scope.Region + ".compute.internal"
	if scope.Region == "us-east-1" {
		domain = "ec2.internal"
	}
	configure := func(key, value string) types.DhcpConfiguration {
		return types.DhcpConfiguration{Key: aws.String(key), Values: []types.AttributeValue{{Value: aws.String(value)}}}
	}
	options := types.DhcpOptions{
		DhcpOptionsId: aws.String(resource.ID("dopt", scope.Account+scope.Region)), OwnerId: aws.String(scope.Account),
		DhcpConfigurations: []types.DhcpConfiguration{configure("domain-name", domain), configure("domain-name-servers", "AmazonProvidedDNS")},
	}
	for _, id := range in.DhcpOptionsIds {
		if id != *options.DhcpOptionsId {
			return nil, wire.Errorf("InvalidDhcpOptionID.NotFound", "The dhcpOption ID '%s' does not exist", id)
		}
	}
	out := &ec2.DescribeDhcpOptionsOutput{}
	ok, err := passes(options, in.Filters)
	if ok {
		out.DhcpOptions = append(out.DhcpOptions, options)
	}
	return out, err
}

// none checks a query for what there is nothing of: an ID is not found, and a filter
// must be one of T's.
func none[T any](filters []types.Filter, code, thing string, ids ...string) error {
	if len(ids) > 0 {
		return wire.Errorf(code, "The %s '%s' does not exist", thing, ids[0])
	}
	var value T
	_, err := passes(value, filters)
	return err
}

func (e *EC2) describeVpnGateways(_ context.Context, in *ec2.DescribeVpnGatewaysInput) (*ec2.DescribeVpnGatewaysOutput, error) {
	filters := slices.Clone(in.Filters)
	for i, filter := range filters { // their attachments are called otherwise than those of internet gateways
		if rest, ok := strings.CutPrefix(aws.ToString(filter.Name), "attachment."); ok {
			filters[i].Name = aws.String("vpc-attachments." + rest)
		}
	}
	return &ec2.DescribeVpnGatewaysOutput{}, none[types.VpnGateway](filters, "InvalidVpnGatewayID.NotFound", "vpnGateway ID", in.VpnGatewayIds...)
}

func (e *EC2) describeVpcEndpoints(_ context.Context, in *ec2.DescribeVpcEndpointsInput) (*ec2.DescribeVpcEndpointsOutput, error) {
	return &ec2.DescribeVpcEndpointsOutput{}, none[types.VpcEndpoint](in.Filters, "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", in.VpcEndpointIds...)
}

func (e *EC2) describeImages(_ context.Context, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	return &ec2.DescribeImagesOutput{}, none[types.Image](in.Filters, "InvalidAMIID.NotFound", "image id", in.ImageIds...)
}

func (e *EC2) describeKeyPairs(_ context.Context, in *ec2.DescribeKeyPairsInput) (*ec2.DescribeKeyPairsOutput, error) {
	return &ec2.DescribeKeyPairsOutput{}, none[types.KeyPairInfo](in.Filters, "InvalidKeyPair.NotFound", "key pair", slices.Concat(in.KeyNames, in.KeyPairIds)...)
}
