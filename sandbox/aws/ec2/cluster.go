package ec2

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Cluster is the network of a Kubernetes cluster, as EKS and those who set it up
// leave it: a VPC that is open to the internet, a public subnet for load balancers
// in each zone that has a node, one security group that the nodes and the control
// plane are in, and the nodes' instances. Its IDs depend on the account, the region
// and the name alone, so that they are known before it is made.
type Cluster struct {
	Account, Region, Name string
	// Block is the VPC's; the subnets of all nodes lie in it.
	Block netip.Prefix
	Nodes []Node
}

// Node is an instance with one network interface. Nodes of one zone have the same
// subnet.
type Node struct {
	InstanceID, Type, Zone string
	Subnet                 netip.Prefix
	Address                netip.Addr
	// Pods is the block of its Pods' addresses. The interface has it as prefixes of
	// 16 addresses, as EC2 gives them, and as many as it takes, which may be more
	// than the real instance type could have.
	Pods netip.Prefix
}

func (c Cluster) token() string { return "cluster/" + c.Account + "/" + c.Region + "/" + c.Name }

// VPC is the ID of the cluster's VPC.
func (c Cluster) VPC() string { return resource.ID("vpc", c.token()) }

// Subnets are the IDs of the subnets, in the order of their zones.
func (c Cluster) Subnets() []string {
	var ids []string
	for _, n := range c.byZone() {
		ids = append(ids, c.subnet(n.Zone))
	}
	return ids
}

// SecurityGroup is the ID of the group that all nodes are in.
func (c Cluster) SecurityGroup() string { return resource.ID("sg", c.token()+"/nodes") }

func (c Cluster) subnet(zone string) string { return resource.ID("subnet", c.token()+zone) }

// byZone is one node of each zone.
func (c Cluster) byZone() []Node {
	nodes := slices.Clone(c.Nodes)
	slices.SortStableFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Zone, b.Zone) })
	return slices.CompactFunc(nodes, func(a, b Node) bool { return a.Zone == b.Zone })
}

func (c Cluster) tags(name, ownership string, more ...types.Tag) []types.Tag {
	return append([]types.Tag{
		{Key: aws.String("Name"), Value: aws.String(name)},
		{Key: aws.String("kubernetes.io/cluster/" + c.Name), Value: aws.String(ownership)},
	}, more...)
}

// Provision makes what is missing of a cluster's network, and leaves what is there
// as others have changed it.
func (e *EC2) Provision(c Cluster) error {
	scope := store.Scope{Account: c.Account, Region: c.Region}
	err := e.update(scope, func(tx *store.Tx) error {
		v, err := c.putVPC(tx, scope)
		if err != nil {
			return err
		}
		role := func(name string) types.Tag {
			return types.Tag{Key: aws.String("kubernetes.io/role/" + name), Value: aws.String("1")}
		}
		for _, n := range c.byZone() {
			if _, found, err := subnets.Get(tx, scope, c.subnet(n.Zone)); err != nil {
				return err
			} else if found {
				continue
			}
			if _, err := e.checkBlock(tx, scope, v, n.Subnet.String()); err != nil {
				return err
			}
			made := newSubnet(scope, c.token()+n.Zone, v, n.Subnet.String(), n.Zone, c.tags(c.Name+"/"+n.Zone, "shared", role("elb"), role("internal-elb")))
			made.MapPublicIpOnLaunch = aws.Bool(true)
			if err := subnets.Put(tx, scope, *made.SubnetId, made); err != nil {
				return err
			}
		}
		for _, n := range c.Nodes {
			if err := c.putNode(tx, scope, n, e.pace.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("network of cluster %s in %s: %w", c.Name, c.Region, err)
	}
	return nil
}

// putVPC makes the VPC, its way out and the nodes' security group.
func (c Cluster) putVPC(tx *store.Tx, scope store.Scope) (vpc, error) {
	if v, found, err := vpcs.Get(tx, scope, c.VPC()); err != nil || found {
		return v, err
	}
	v := newVPC(scope, c.token(), c.Block.String(), c.tags(c.Name, "shared"))
	v.DNSHostnames = true
	if err := putVPC(tx, scope, v); err != nil {
		return v, err
	}
	if err := openVPC(tx, scope, c.token(), v); err != nil {
		return v, err
	}
	group := newGroup(scope, c.SecurityGroup(), c.VPC(), c.groupName(), "Of the cluster's control plane and its nodes", c.tags(c.groupName(), "owned",
		types.Tag{Key: aws.String("aws:eks:cluster-name"), Value: aws.String(c.Name)}))
	if err := putGroup(tx, scope, group); err != nil {
		return v, err
	}
	all := rule{ID: resource.ID("sgr", *group.GroupId+"in"), Group: *group.GroupId, Protocol: "-1", From: -1, To: -1, PeerGroup: *group.GroupId}
	if err := putRule(tx, scope, all); err != nil {
		return v, err
	}
	return v, putRule(tx, scope, everythingOut(*group.GroupId))
}

func (c Cluster) groupName() string { return "eks-cluster-sg-" + c.Name }

// putNode makes a node's instance with its network interface.
func (c Cluster) putNode(tx *store.Tx, scope store.Scope, n Node, now time.Time) error {
	if _, found, err := instances.Get(tx, scope, n.InstanceID); err != nil || found {
		return err
	}
	var (
		eni        = resource.ID("eni", c.token()+n.InstanceID)
		attachment = resource.ID("eni-attach", c.token()+n.InstanceID)
		group      = types.GroupIdentifier{GroupId: aws.String(c.SecurityGroup()), GroupName: aws.String(c.groupName())}
		address    = aws.String(n.Address.String())
		dnsName    = aws.String("ip-" + strings.ReplaceAll(n.Address.String(), ".", "-") + ".ec2.internal")
		subnet     = aws.String(c.subnet(n.Zone))
	)
	seen := types.InstanceNetworkInterface{
		NetworkInterfaceId: aws.String(eni), Status: types.NetworkInterfaceStatusInUse, InterfaceType: aws.String("interface"), OwnerId: aws.String(c.Account),
		VpcId: aws.String(c.VPC()), SubnetId: subnet, Groups: []types.GroupIdentifier{group},
		PrivateIpAddress: address, PrivateDnsName: dnsName, SourceDestCheck: aws.Bool(true),
		PrivateIpAddresses: []types.InstancePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: address, PrivateDnsName: dnsName}},
		Attachment: &types.InstanceNetworkInterfaceAttachment{
			AttachmentId: aws.String(attachment), DeviceIndex: aws.Int32(0), NetworkCardIndex: aws.Int32(0),
			AttachTime: aws.Time(now), DeleteOnTermination: aws.Bool(true), Status: types.AttachmentStatusAttached,
		},
	}
	own := types.NetworkInterface{
		NetworkInterfaceId: aws.String(eni), Status: types.NetworkInterfaceStatusInUse, InterfaceType: types.NetworkInterfaceTypeInterface, OwnerId: aws.String(c.Account),
		VpcId: aws.String(c.VPC()), SubnetId: subnet, AvailabilityZone: aws.String(n.Zone), AvailabilityZoneId: aws.String(zoneID(n.Zone)), Groups: []types.GroupIdentifier{group},
		PrivateIpAddress: address, PrivateDnsName: dnsName, SourceDestCheck: aws.Bool(true),
		PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: address, PrivateDnsName: dnsName}},
		Attachment: &types.NetworkInterfaceAttachment{
			AttachmentId: aws.String(attachment), DeviceIndex: aws.Int32(0), NetworkCardIndex: aws.Int32(0), InstanceId: aws.String(n.InstanceID),
			InstanceOwnerId: aws.String(c.Account), AttachTime: aws.Time(now), DeleteOnTermination: aws.Bool(true), Status: types.AttachmentStatusAttached,
		},
		TagSet: c.tags(c.Name+"/"+n.Zone, "owned"),
	}
	for _, p := range prefixes(n.Pods) {
		seen.Ipv4Prefixes = append(seen.Ipv4Prefixes, types.InstanceIpv4Prefix{Ipv4Prefix: aws.String(p)})
		own.Ipv4Prefixes = append(own.Ipv4Prefixes, types.Ipv4PrefixSpecification{Ipv4Prefix: aws.String(p)})
	}
	if err := interfaces.Put(tx, scope, eni, own); err != nil {
		return err
	}
	return instances.Put(tx, scope, n.InstanceID, types.Instance{
		InstanceId: aws.String(n.InstanceID), InstanceType: types.InstanceType(n.Type), LaunchTime: aws.Time(now), Architecture: types.ArchitectureValuesX8664,
		State:     &types.InstanceState{Code: aws.Int32(16), Name: types.InstanceStateNameRunning},
		Placement: &types.Placement{AvailabilityZone: aws.String(n.Zone), Tenancy: types.TenancyDefault},
		VpcId:     aws.String(c.VPC()), SubnetId: subnet, SecurityGroups: []types.GroupIdentifier{group}, SourceDestCheck: aws.Bool(true),
		PrivateIpAddress: address, PrivateDnsName: dnsName, NetworkInterfaces: []types.InstanceNetworkInterface{seen},
		Tags: c.tags(c.Name+"/"+n.Zone, "owned", types.Tag{Key: aws.String("eks:cluster-name"), Value: aws.String(c.Name)}),
	})
}

// prefixes splits a block into those of 16 addresses.
func prefixes(block netip.Prefix) []string {
	const bits = 28
	var out []string
	for at := block.Masked().Addr(); block.Contains(at); {
		out = append(out, netip.PrefixFrom(at, bits).String())
		for range 1 << (32 - bits) {
			at = at.Next()
		}
	}
	return out
}
