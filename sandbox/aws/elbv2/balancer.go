package elbv2

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)

// maxName bounds the names of load balancers and target groups.
const maxName = 32

func checkName(thing, name string) error {
	switch {
	case len(name) > maxName:
		return invalid("The %s name '%s' cannot be longer than '%d' characters", thing, name, maxName)
	case !nameForm.MatchString(name):
		return invalid("The %s name '%s' can only contain alphanumeric characters and hyphens, and must not begin or end with a hyphen", thing, name)
	case strings.HasPrefix(name, "internal-"):
		return invalid("The %s name '%s' must not begin with 'internal-'", thing, name)
	}
	return nil
}

// plan returns the load balancer that an input asks for, without its ARN: it
// looks at the network, and so must be called outside a transaction.
func (e *ELBV2) plan(ctx context.Context, scope store.Scope, in *elb.CreateLoadBalancerInput) (balancer, error) {
	if in.IpamPools != nil || in.CustomerOwnedIpv4Pool != nil {
		return balancer{}, wire.Errorf("InvalidConfigurationRequest", "The sandbox has no IPAM pools and no customer-owned addresses.")
	}
	b := balancer{Attributes: map[string]string{}}
	b.LoadBalancerName, b.Type, b.Scheme, b.IpAddressType = in.Name, in.Type, in.Scheme, in.IpAddressType
	if b.Type == "" {
		b.Type = types.LoadBalancerTypeEnumApplication
	}
	if b.Scheme == "" {
		b.Scheme = types.LoadBalancerSchemeEnumInternetFacing
	}
	if b.IpAddressType == "" {
		b.IpAddressType = types.IpAddressTypeIpv4
	}
	if err := checkName("load balancer", aws.ToString(in.Name)); err != nil {
		return b, err
	}
	if b.Type != types.LoadBalancerTypeEnumApplication && b.Type != types.LoadBalancerTypeEnumNetwork {
		return b, invalid("The sandbox has load balancers of the types 'application' and 'network', not '%s'", b.Type)
	}
	if !slices.Contains(b.Scheme.Values(), b.Scheme) {
		return b, wire.Errorf("InvalidScheme", "The scheme '%s' is not valid", b.Scheme)
	}
	if !slices.Contains(b.IpAddressType.Values(), b.IpAddressType) {
		return b, invalid("The IP address type '%s' is not valid", b.IpAddressType)
	}
	if b.Type == types.LoadBalancerTypeEnumNetwork && len(in.SecurityGroups) > 0 {
		b.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = aws.String("on")
	}
	if err := e.place(ctx, scope, &b, in.Subnets, in.SubnetMappings); err != nil {
		return b, err
	}
	if len(in.SecurityGroups) == 0 && b.Type == types.LoadBalancerTypeEnumNetwork {
		return b, nil
	}
	return b, e.guard(ctx, scope, &b, in.SecurityGroups)
}

// place puts a load balancer into subnets.
func (e *ELBV2) place(ctx context.Context, scope store.Scope, b *balancer, ids []string, mappings []types.SubnetMapping) error {
	if len(ids) > 0 && len(mappings) > 0 {
		return invalid("You must specify either subnets or subnet mappings, not both")
	}
	addresses := map[string]types.LoadBalancerAddress{}
	for _, m := range mappings {
		if m.AllocationId != nil || m.IPv6Address != nil || m.SourceNatIpv6Prefix != nil {
			return wire.Errorf("InvalidConfigurationRequest", "The sandbox gives load balancers no Elastic addresses and no IPv6 addresses.")
		}
		ids = append(ids, aws.ToString(m.SubnetId))
		if m.PrivateIPv4Address != nil {
			addresses[aws.ToString(m.SubnetId)] = types.LoadBalancerAddress{PrivateIPv4Address: m.PrivateIPv4Address}
		}
	}
	if len(ids) == 0 {
		return invalid("At least one subnet must be specified")
	}
	found, err := e.network.Subnets(ctx, scope.Account, scope.Region, ids)
	if answer, expected := wire.As(err); err != nil && expected {
		return wire.Errorf("SubnetNotFound", "%s", answer.Message)
	}
	if err != nil {
		return err
	}
	vpcID := found[0].VpcId
	if b.VpcId != nil {
		vpcID = b.VpcId
	}
	var zones []types.AvailabilityZone
	for _, subnet := range found {
		if *subnet.VpcId != *vpcID {
			return wire.Errorf("InvalidSubnet", "The subnet '%s' is not in the VPC '%s'", *subnet.SubnetId, *vpcID)
		}
		if slices.ContainsFunc(zones, func(z types.AvailabilityZone) bool { return *z.ZoneName == *subnet.AvailabilityZone }) {
			return wire.Errorf("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		zone := types.AvailabilityZone{ZoneName: subnet.AvailabilityZone, SubnetId: subnet.SubnetId, LoadBalancerAddresses: []types.LoadBalancerAddress{}}
		if address, ok := addresses[*subnet.SubnetId]; ok {
			zone.LoadBalancerAddresses = []types.LoadBalancerAddress{address}
		}
		zones = append(zones, zone)
	}
	if b.Type == types.LoadBalancerTypeEnumApplication && len(zones) < 2 {
		return invalid("At least two subnets in two different Availability Zones must be specified")
	}
	if b.Scheme == types.LoadBalancerSchemeEnumInternetFacing {
		open, err := e.network.Gateway(ctx, scope.Account, scope.Region, *vpcID)
		if err != nil {
			return err
		}
		if !open {
			return wire.Errorf("InvalidSubnet", "VPC %s has no internet gateway", *vpcID)
		}
	}
	slices.SortFunc(zones, func(x, y types.AvailabilityZone) int { return strings.Compare(*x.ZoneName, *y.ZoneName) })
	b.VpcId, b.AvailabilityZones = vpcID, zones
	return nil
}

// guard gives a load balancer its security groups.
func (e *ELBV2) guard(ctx context.Context, scope store.Scope, b *balancer, ids []string) error {
	found, err := e.network.SecurityGroups(ctx, scope.Account, scope.Region, *b.VpcId, ids)
	if answer, expected := wire.As(err); err != nil && expected {
		return wire.Errorf("InvalidSecurityGroup", "%s", answer.Message)
	}
	b.SecurityGroups = found
	return err
}

// keep makes a planned load balancer. One of the same name and settings is the
// same, as the API has it.
func (e *ELBV2) keep(tx *store.Tx, scope store.Scope, b balancer, tags map[string]string, token string) (balancer, error) {
	var twin *balancer
	err := balancers.Walk(tx, scope, "", func(_ string, other balancer) error {
		if *other.LoadBalancerName == *b.LoadBalancerName {
			twin = &other
			return store.Stop
		}
		return nil
	})
	if err != nil {
		return b, err
	}
	if twin != nil {
		same := twin.LoadBalancer
		same.LoadBalancerArn, same.DNSName, same.CanonicalHostedZoneId, same.CreatedTime = nil, nil, nil, nil
		if !reflect.DeepEqual(same, b.LoadBalancer) {
			return b, wire.Errorf("DuplicateLoadBalancerName", "A load balancer with the same name '%s' exists, but with different settings", *b.LoadBalancerName)
		}
		return *twin, nil
	}
	kind := "app"
	if b.Type == types.LoadBalancerTypeEnumNetwork {
		kind = "net"
	}
	id := idOf(token)
	b.LoadBalancerArn = aws.String(arnOf(scope, "loadbalancer/"+kind+"/"+*b.LoadBalancerName+"/"+id))
	b.CreatedTime, b.Tags, b.Ready = aws.Time(e.pace.Now()), tags, e.pace.End(balancerType, simtime.Create)
	named(&b, scope.Region, id)
	return b, balancers.Put(tx, scope, *b.LoadBalancerArn, b)
}

// now is a load balancer as it is shown.
func (e *ELBV2) now(b balancer) types.LoadBalancer {
	b.State = &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive}
	if e.pace.Now().Before(b.Ready) {
		b.State.Code = types.LoadBalancerStateEnumProvisioning
	}
	return b.LoadBalancer
}

func (e *ELBV2) createLoadBalancer(ctx context.Context, in *elb.CreateLoadBalancerInput) (*elb.CreateLoadBalancerOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	planned, err := e.plan(ctx, scopeOf(ctx), in)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(func(tx *store.Tx) (err error) {
		planned, err = e.keep(tx, scopeOf(ctx), planned, tags, uuid.NewString())
		return err
	})
	return &elb.CreateLoadBalancerOutput{LoadBalancers: []types.LoadBalancer{e.now(planned)}}, err
}

func (e *ELBV2) describeLoadBalancers(ctx context.Context, in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
	out := &elb.DescribeLoadBalancersOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		all, err := balancers.List(tx, scopeOf(ctx), "")
		if err != nil {
			return err
		}
		for _, arn := range in.LoadBalancerArns {
			if _, err := lookup(tx, scopeOf(ctx), balancers, aBalancer, &arn); err != nil {
				return err
			}
		}
		for _, name := range in.Names {
			if !slices.ContainsFunc(all, func(b balancer) bool { return *b.LoadBalancerName == name }) {
				return wire.Errorf("LoadBalancerNotFound", "Load balancers '[%s]' not found", strings.Join(in.Names, ", "))
			}
		}
		all = slices.DeleteFunc(all, func(b balancer) bool {
			return len(in.LoadBalancerArns) > 0 && !slices.Contains(in.LoadBalancerArns, *b.LoadBalancerArn) ||
				len(in.Names) > 0 && !slices.Contains(in.Names, *b.LoadBalancerName)
		})
		page, next := wire.Page(all, in.Marker, in.PageSize, maxPage, func(b balancer) string { return *b.LoadBalancerArn })
		for _, b := range page {
			out.LoadBalancers = append(out.LoadBalancers, e.now(b))
		}
		out.NextMarker = next
		return nil
	})
	return out, err
}

// maxPage is how many results a page has that is asked for no number.
const maxPage = 400

// deleteLoadBalancer succeeds for one that has gone, as the service does.
func (e *ELBV2) deleteLoadBalancer(ctx context.Context, in *elb.DeleteLoadBalancerInput) (*elb.DeleteLoadBalancerOutput, error) {
	if !strings.Contains(aws.ToString(in.LoadBalancerArn), ":loadbalancer/") {
		return nil, invalid("'%s' is not a valid load balancer ARN", aws.ToString(in.LoadBalancerArn))
	}
	return nil, e.store.Update(func(tx *store.Tx) error { return removeBalancer(tx, scopeOf(ctx), *in.LoadBalancerArn) })
}

// removeBalancer deletes a load balancer with its listeners.
func removeBalancer(tx *store.Tx, scope store.Scope, arn string) error {
	b, exists, err := balancers.Get(tx, scope, arn)
	if err != nil || !exists {
		return err
	}
	if b.Attributes["deletion_protection.enabled"] == "true" {
		return wire.Errorf("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn)
	}
	all, err := listeners.List(tx, scope, listenersOf(arn))
	if err != nil {
		return err
	}
	for _, l := range all {
		if err := removeListener(tx, scope, *l.ListenerArn); err != nil {
			return err
		}
	}
	return balancers.Delete(tx, scope, arn)
}

// Holds names the load balancer that a subnet or a security group can't be
// deleted for, or "".
func (e *ELBV2) Holds(tx *store.Tx, account, region, id string) (holder string, err error) {
	scope := store.Scope{Account: account, Region: region}
	err = balancers.Walk(tx, scope, "", func(arn string, b balancer) error {
		in := slices.ContainsFunc(b.AvailabilityZones, func(z types.AvailabilityZone) bool { return *z.SubnetId == id })
		if in || slices.Contains(b.SecurityGroups, id) {
			holder = arn
			return store.Stop
		}
		return nil
	})
	return holder, err
}
