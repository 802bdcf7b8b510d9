package aws_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func TestLookupsOfTheNetwork(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := ec2.NewFromConfig(w.Config), t.Context()
	if all := do(t, client.DescribeRegions, &ec2.DescribeRegionsInput{}).Regions; len(all) < 10 {
		t.Errorf("%d regions", len(all))
	}
	if one := do(t, client.DescribeRegions, &ec2.DescribeRegionsInput{Filters: []types.Filter{filter("region-name", "eu-*-1")}}).Regions; len(one) != 3 {
		t.Errorf("regions eu-*-1 = %+v", one)
	}
	_, err := client.DescribeRegions(ctx, &ec2.DescribeRegionsInput{RegionNames: []string{"mars-1"}})
	wantCode(t, err, "InvalidParameterValue")

	vpc := do(t, client.DescribeVpcs, &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("is-default", "true")}}).Vpcs[0]
	options := do(t, client.DescribeDhcpOptions, &ec2.DescribeDhcpOptionsInput{DhcpOptionsIds: []string{*vpc.DhcpOptionsId}}).DhcpOptions
	if len(options) != 1 || *options[0].DhcpConfigurations[0].Values[0].Value != "ec2.internal" {
		t.Errorf("DHCP options = %+v", options)
	}
	_, err = client.DescribeDhcpOptions(ctx, &ec2.DescribeDhcpOptionsInput{DhcpOptionsIds: []string{"dopt-1"}})
	wantCode(t, err, "InvalidDhcpOptionID.NotFound")

	info := do(t, client.DescribeInstanceTypes, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"t4g.medium"}}).InstanceTypes
	if len(info) != 1 || *info[0].MemoryInfo.SizeInMiB != 4096 || info[0].ProcessorInfo.SupportedArchitectures[0] != types.ArchitectureTypeArm64 {
		t.Errorf("t4g.medium = %+v", info)
	}
	_, err = client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"t99.huge"}})
	wantCode(t, err, "InvalidInstanceType")
	n := 0
	pages := ec2.NewDescribeInstanceTypesPaginator(client, &ec2.DescribeInstanceTypesInput{Filters: []types.Filter{filter("processor-info.supported-architectures", "arm64")}, MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.InstanceTypes)
	}
	if n != 7 {
		t.Errorf("%d types of arm64 by pages, want 7", n)
	}
}

// TestNothingIsThere checks that what cannot be made is answered for: an empty list,
// or an error for an ID and for a filter that is none.
func TestNothingIsThere(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := ec2.NewFromConfig(w.Config), t.Context()
	cdk := []types.Filter{filter("attachment.vpc-id", "vpc-1"), filter("attachment.state", "attached"), filter("state", "available")}
	if out := do(t, client.DescribeVpnGateways, &ec2.DescribeVpnGatewaysInput{Filters: cdk}); len(out.VpnGateways) != 0 {
		t.Errorf("VPN gateways = %+v", out)
	}
	_, err := client.DescribeVpnGateways(ctx, &ec2.DescribeVpnGatewaysInput{Filters: []types.Filter{filter("color", "red")}})
	wantCode(t, err, "InvalidParameterValue")
	_, err = client.DescribeVpnGateways(ctx, &ec2.DescribeVpnGatewaysInput{VpnGatewayIds: []string{"vgw-1"}})
	wantCode(t, err, "InvalidVpnGatewayID.NotFound")
	do(t, client.DescribeVpcEndpoints, &ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{filter("vpc-id", "vpc-1"), filter("service-name", "s3")}})
	_, err = client.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{"vpce-1"}})
	wantCode(t, err, "InvalidVpcEndpointId.NotFound")
	do(t, client.DescribeImages, &ec2.DescribeImagesInput{Owners: []string{"amazon"}, Filters: []types.Filter{filter("name", "al2023-*"), filter("architecture", "x86_64")}})
	_, err = client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{"ami-1"}})
	wantCode(t, err, "InvalidAMIID.NotFound")
	do(t, client.DescribeKeyPairs, &ec2.DescribeKeyPairsInput{})
	_, err = client.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{"mine"}})
	wantCode(t, err, "InvalidKeyPair.NotFound")
}
