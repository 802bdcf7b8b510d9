package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// withRules gives a group its rules in the form of DescribeSecurityGroups: one
// permission for each protocol and range of ports.
func withRules(tx *store.Tx, scope store.Scope, group *types.SecurityGroup) error {
	group.IpPermissions, group.IpPermissionsEgress = []types.IpPermission{}, []types.IpPermission{}
	return rules.Walk(tx, scope, "", func(_ string, r rule) error {
		switch {
		case r.Group != aws.ToString(group.GroupId):
		case r.Egress:
			group.IpPermissionsEgress = r.addTo(group.IpPermissionsEgress, scope.Account)
		default:
			group.IpPermissions = r.addTo(group.IpPermissions, scope.Account)
		}
		return nil
	})
}

// addTo adds a rule to the permission of its protocol and ports.
func (r rule) addTo(list []types.IpPermission, account string) []types.IpPermission {
	one := r.permission(account)
	i := slices.IndexFunc(list, func(p types.IpPermission) bool {
		return *p.IpProtocol == r.Protocol && aws.ToInt32(p.FromPort) == aws.ToInt32(one.FromPort) && aws.ToInt32(p.ToPort) == aws.ToInt32(one.ToPort)
	})
	if i < 0 {
		return append(list, one)
	}
	into := &list[i]
	into.IpRanges = append(into.IpRanges, one.IpRanges...)
	into.Ipv6Ranges = append(into.Ipv6Ranges, one.Ipv6Ranges...)
	into.UserIdGroupPairs = append(into.UserIdGroupPairs, one.UserIdGroupPairs...)
	into.PrefixListIds = append(into.PrefixListIds, one.PrefixListIds...)
	return list
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}

// permission is a rule by itself as a permission.
func (r rule) permission(account string) types.IpPermission {
	p := types.IpPermission{
		IpProtocol: aws.String(r.Protocol), IpRanges: []types.IpRange{}, Ipv6Ranges: []types.Ipv6Range{},
		UserIdGroupPairs: []types.UserIdGroupPair{}, PrefixListIds: []types.PrefixListId{},
	}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = aws.Int32(int32(r.From)), aws.Int32(int32(r.To))
	}
	description := optional(r.Description)
	switch {
	case r.CIDR != "":
		p.IpRanges = []types.IpRange{{CidrIp: aws.String(r.CIDR), Description: description}}
	case r.CIDR6 != "":
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String(r.CIDR6), Description: description}}
	case r.PeerGroup != "":
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(r.PeerGroup), UserId: aws.String(account), Description: description}}
	default:
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String(r.PrefixList), Description: description}}
	}
	return p
}

// rulesOf are the rules that permissions stand for, one for each peer, without
// their IDs.
func rulesOf(group string, egress bool, permissions []types.IpPermission) ([]rule, error) {
	var out []rule
	for _, p := range permissions {
		base := rule{Group: group, Egress: egress, Protocol: aws.ToString(p.IpProtocol), From: -1, To: -1}
		if base.Protocol == "" {
			return nil, wire.Errorf("MissingParameter", "The request must contain the parameter IpProtocol")
		}
		if p.FromPort != nil {
			base.From = int(*p.FromPort)
		}
		if p.ToPort != nil {
			base.To = int(*p.ToPort)
		}
		before := len(out)
		add := func(r rule, description *string) error {
			r.Description = aws.ToString(description)
			r, err := r.checked()
			out = append(out, r)
			return err
		}
		for _, peer := range p.IpRanges {
			r := base
			r.CIDR = aws.ToString(peer.CidrIp)
			if err := add(r, peer.Description); err != nil {
				return nil, err
			}
		}
		for _, peer := range p.Ipv6Ranges {
			r := base
			r.CIDR6 = aws.ToString(peer.CidrIpv6)
			if err := add(r, peer.Description); err != nil {
				return nil, err
			}
		}
		for _, peer := range p.UserIdGroupPairs {
			r := base
			r.PeerGroup = aws.ToString(peer.GroupId)
			if err := add(r, peer.Description); err != nil {
				return nil, err
			}
		}
		for _, peer := range p.PrefixListIds {
			r := base
			r.PrefixList = aws.ToString(peer.PrefixListId)
			if err := add(r, peer.Description); err != nil {
				return nil, err
			}
		}
		if len(out) == before {
			return nil, wire.Errorf("MissingParameter", "The request must contain a range of addresses, a security group or a prefix list")
		}
	}
	return out, nil
}

// answer is a rule in the form of DescribeSecurityGroupRules.
func (r rule) answer(scope store.Scope) types.SecurityGroupRule {
	answer := types.SecurityGroupRule{
		SecurityGroupRuleId: aws.String(r.ID), GroupId: aws.String(r.Group), GroupOwnerId: aws.String(scope.Account), IsEgress: aws.Bool(r.Egress),
		IpProtocol: aws.String(r.Protocol), FromPort: aws.Int32(int32(r.From)), ToPort: aws.Int32(int32(r.To)), Tags: r.Tags,
		CidrIpv4: optional(r.CIDR), CidrIpv6: optional(r.CIDR6), PrefixListId: optional(r.PrefixList), Description: optional(r.Description),
		SecurityGroupRuleArn: aws.String("arn:aws:ec2:" + scope.Region + ":" + scope.Account + ":security-group-rule/" + r.ID),
	}
	if r.PeerGroup != "" {
		answer.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: aws.String(r.PeerGroup), UserId: aws.String(scope.Account)}
	}
	return answer
}
