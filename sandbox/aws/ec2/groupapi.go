package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func (e *EC2) createSecurityGroup(ctx context.Context, in *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	scope := scopeOf(ctx)
	name := aws.ToString(in.GroupName)
	switch {
	case name == "":
		return nil, wire.Errorf("MissingParameter", "The request must contain the parameter groupName")
	case aws.ToString(in.Description) == "":
		return nil, wire.Errorf("MissingParameter", "The request must contain the parameter groupDescription")
	case strings.HasPrefix(name, "sg-") || len(name) > 255:
		return nil, wire.Errorf("InvalidParameterValue", "Invalid security group name '%s': up to 255 characters, and not beginning with 'sg-'", name)
	}
	tags, err := tagsFor(types.ResourceTypeSecurityGroup, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	vpcID := aws.ToString(in.VpcId)
	if vpcID == "" {
		vpcID = resource.ID("vpc", "default/"+scope.Account+"/"+scope.Region)
	}
	made := newGroup(scope, resource.ID("sg", uuid.NewString()), vpcID, name, *in.Description, tags)
	err = e.update(scope, func(tx *store.Tx) error {
		if err := putGroup(tx, scope, made); err != nil {
			return err
		}
		all := everythingOut(*made.GroupId)
		return rules.Put(tx, scope, all.ID, all)
	})
	return &ec2.CreateSecurityGroupOutput{GroupId: made.GroupId, SecurityGroupArn: made.SecurityGroupArn, Tags: made.Tags}, err
}

func (e *EC2) deleteSecurityGroup(ctx context.Context, in *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	scope := scopeOf(ctx)
	var id string
	err := e.update(scope, func(tx *store.Tx) error {
		found, err := groupFor(tx, scope, in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		if id = *found.GroupId; *found.GroupName == "default" {
			return wire.Errorf("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", id)
		}
		return e.removeGroup(tx, scope, id)
	})
	return &ec2.DeleteSecurityGroupOutput{Return: aws.Bool(true), GroupId: aws.String(id)}, err
}

// groupFor finds a group by its ID, or by its name in the default VPC.
func groupFor(tx *store.Tx, scope store.Scope, id, name *string) (found types.SecurityGroup, err error) {
	if id != nil {
		return lookup(tx, scope, groups, *id)
	}
	if name == nil {
		return found, wire.Errorf("MissingParameter", "The request must contain the parameter groupName or groupId")
	}
	err = wire.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", *name)
	walked := groups.Walk(tx, scope, "", func(_ string, g types.SecurityGroup) error {
		if *g.GroupName == *name && *g.VpcId == resource.ID("vpc", "default/"+scope.Account+"/"+scope.Region) {
			found, err = g, nil
			return store.Stop
		}
		return nil
	})
	if walked != nil {
		err = walked
	}
	return found, err
}

// maxRules is how many rules a group may have in each direction.
const maxRules = 60

// authorize adds rules to a group, all or none.
func (e *EC2) authorize(ctx context.Context, id, name *string, egress bool, permissions []types.IpPermission, specified []types.TagSpecification) ([]types.SecurityGroupRule, error) {
	scope := scopeOf(ctx)
	tags, err := tagsFor(types.ResourceTypeSecurityGroupRule, specified)
	if err != nil {
		return nil, err
	}
	var made []types.SecurityGroupRule
	err = e.update(scope, func(tx *store.Tx) error {
		group, err := groupFor(tx, scope, id, name)
		if err != nil {
			return err
		}
		list, err := rulesOf(*group.GroupId, egress, permissions)
		if err != nil {
			return err
		}
		for _, r := range list {
			r.ID, r.Tags = resource.ID("sgr", uuid.NewString()), tags
			if err := putRule(tx, scope, r); err != nil {
				return err
			}
			made = append(made, r.answer(scope))
		}
		n := 0
		err = rules.Walk(tx, scope, "", func(_ string, r rule) error {
			if r.Group == *group.GroupId && r.Egress == egress {
				n++
			}
			return nil
		})
		if err == nil && n > maxRules {
			err = wire.Errorf("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
		return err
	})
	return made, err
}

// revoke removes rules from a group, by their IDs or by what they allow, all or
// none.
func (e *EC2) revoke(ctx context.Context, id, name *string, egress bool, ids []string, permissions []types.IpPermission) ([]types.RevokedSecurityGroupRule, error) {
	scope := scopeOf(ctx)
	var gone []types.RevokedSecurityGroupRule
	err := e.update(scope, func(tx *store.Tx) error {
		group, err := groupFor(tx, scope, id, name)
		if err != nil {
			return err
		}
		wanted, err := rulesOf(*group.GroupId, egress, permissions)
		if err != nil {
			return err
		}
		all, err := rules.List(tx, scope, "")
		if err != nil {
			return err
		}
		found := 0
		for _, r := range all {
			named := slices.Contains(ids, r.ID) && r.Group == *group.GroupId && r.Egress == egress
			if !named && !slices.ContainsFunc(wanted, func(w rule) bool { return w.allows() == r.allows() }) {
				continue
			}
			found++
			gone = append(gone, types.RevokedSecurityGroupRule{
				SecurityGroupRuleId: aws.String(r.ID), GroupId: group.GroupId, IsEgress: aws.Bool(egress), IpProtocol: aws.String(r.Protocol),
				FromPort: aws.Int32(int32(r.From)), ToPort: aws.Int32(int32(r.To)), CidrIpv4: optional(r.CIDR), CidrIpv6: optional(r.CIDR6),
				ReferencedGroupId: optional(r.PeerGroup), PrefixListId: optional(r.PrefixList), Description: optional(r.Description),
			})
			if err := rules.Delete(tx, scope, r.ID); err != nil {
				return err
			}
		}
		if found < len(ids)+len(wanted) {
			return wire.Errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		return nil
	})
	return gone, err
}

// single is the permission that a call's own parameters stand for, beside those
// of its list.
func single(list []types.IpPermission, protocol, cidr *string, from, to *int32) []types.IpPermission {
	if protocol == nil && cidr == nil {
		return list
	}
	return append(slices.Clone(list), types.IpPermission{
		IpProtocol: protocol, FromPort: from, ToPort: to, IpRanges: []types.IpRange{{CidrIp: cidr}},
	})
}

func noNames(name *string) error {
	if name == nil {
		return nil
	}
	return wire.Errorf("InvalidParameterCombination", "The sandbox takes security groups of rules by their IDs, in IpPermissions.")
}

func (e *EC2) authorizeSecurityGroupIngress(ctx context.Context, in *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	if err := noNames(in.SourceSecurityGroupName); err != nil {
		return nil, err
	}
	made, err := e.authorize(ctx, in.GroupId, in.GroupName, false, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.TagSpecifications)
	return &ec2.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true), SecurityGroupRules: made}, err
}

func (e *EC2) authorizeSecurityGroupEgress(ctx context.Context, in *ec2.AuthorizeSecurityGroupEgressInput) (*ec2.AuthorizeSecurityGroupEgressOutput, error) {
	if err := noNames(in.SourceSecurityGroupName); err != nil {
		return nil, err
	}
	made, err := e.authorize(ctx, in.GroupId, nil, true, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.TagSpecifications)
	return &ec2.AuthorizeSecurityGroupEgressOutput{Return: aws.Bool(true), SecurityGroupRules: made}, err
}

func (e *EC2) revokeSecurityGroupIngress(ctx context.Context, in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	if err := noNames(in.SourceSecurityGroupName); err != nil {
		return nil, err
	}
	gone, err := e.revoke(ctx, in.GroupId, in.GroupName, false, in.SecurityGroupRuleIds, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort))
	return &ec2.RevokeSecurityGroupIngressOutput{Return: aws.Bool(true), RevokedSecurityGroupRules: gone}, err
}

func (e *EC2) revokeSecurityGroupEgress(ctx context.Context, in *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	if err := noNames(in.SourceSecurityGroupName); err != nil {
		return nil, err
	}
	gone, err := e.revoke(ctx, in.GroupId, nil, true, in.SecurityGroupRuleIds, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort))
	return &ec2.RevokeSecurityGroupEgressOutput{Return: aws.Bool(true), RevokedSecurityGroupRules: gone}, err
}

func (e *EC2) describeSecurityGroupRules(ctx context.Context, in *ec2.DescribeSecurityGroupRulesInput) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	scope := scopeOf(ctx)
	out, next, err := list(ctx, e, rules, query{in.SecurityGroupRuleIds, in.Filters, in.MaxResults, in.NextToken},
		func(_ *store.Tx, r rule) (types.SecurityGroupRule, error) { return r.answer(scope), nil })
	return &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: out, NextToken: next}, err
}
