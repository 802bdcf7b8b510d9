package ec2

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// rule is one rule of a security group. The rules that a group's template lists
// have IDs of the group's; those of resources of their own have theirs.
type rule struct {
	ID, Group, Protocol, Description   string
	Egress                             bool
	From, To                           int
	CIDR, CIDR6, PeerGroup, PrefixList string
	// Listed is true for rules that the group's own properties list.
	Listed bool
}

func everythingOut(group string) rule {
	return rule{ID: resource.ID("sgr", group+"out"), Group: group, Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0", Listed: true}
}

func newGroup(scope store.Scope, id, vpcID, name, description string, tags []types.Tag) types.SecurityGroup {
	return types.SecurityGroup{
		GroupId: aws.String(id), GroupName: aws.String(name), Description: aws.String(description),
		VpcId: aws.String(vpcID), OwnerId: aws.String(scope.Account), Tags: tags,
		SecurityGroupArn: aws.String("arn:aws:ec2:" + scope.Region + ":" + scope.Account + ":security-group/" + id),
	}
}

// readRule reads the properties of a rule.
func readRule(p resource.Props, egress bool) (rule, error) {
	r := rule{Egress: egress, From: -1, To: -1}
	var err error
	peer := "SourceSecurityGroupId"
	list := "SourcePrefixListId"
	if egress {
		peer, list = "DestinationSecurityGroupId", "DestinationPrefixListId"
	}
	for name, into := range map[string]*string{
		"IpProtocol": &r.Protocol, "Description": &r.Description, "CidrIp": &r.CIDR, "CidrIpv6": &r.CIDR6, peer: &r.PeerGroup, list: &r.PrefixList,
	} {
		if *into, err = p.String(name); err != nil {
			return r, err
		}
	}
	if name, err := p.String("SourceSecurityGroupName"); err != nil || name != "" {
		return r, resource.Invalid("property SourceSecurityGroupName works outside a VPC alone; use SourceSecurityGroupId")
	}
	for name, into := range map[string]*int{"FromPort": &r.From, "ToPort": &r.To} {
		if p.Has(name) {
			if *into, err = p.Int(name); err != nil {
				return r, err
			}
		}
	}
	r.Protocol = strings.ToLower(r.Protocol)
	switch r.Protocol {
	case "":
		return r, resource.Invalid("property IpProtocol is missing")
	case "tcp", "udp", "6", "17":
		if r.From < 0 || r.To > 65535 || r.From > r.To {
			return r, wire.Errorf("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", r.From, r.To)
		}
	}
	peers := 0
	for _, one := range []string{r.CIDR, r.CIDR6, r.PeerGroup, r.PrefixList} {
		if one != "" {
			peers++
		}
	}
	if peers != 1 {
		return r, wire.Errorf("InvalidParameterValue", "A rule must name exactly one of CidrIp, CidrIpv6, %s and %s, not %d.", peer, list, peers)
	}
	for _, cidr := range []string{r.CIDR, r.CIDR6} {
		if _, err := netip.ParsePrefix(cidr); cidr != "" && err != nil {
			return r, wire.Errorf("InvalidParameterValue", "CIDR block %s is malformed", cidr)
		}
	}
	return r, nil
}

// setRules puts the rules that a group's properties list in place of those that
// were listed before.
func setRules(tx *store.Tx, scope store.Scope, group string, properties resource.Props) error {
	var old []string
	err := rules.Walk(tx, scope, "", func(id string, r rule) error {
		if r.Group == group && r.Listed {
			old = append(old, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range old {
		if err := rules.Delete(tx, scope, id); err != nil {
			return err
		}
	}
	for property, egress := range map[string]bool{"SecurityGroupIngress": false, "SecurityGroupEgress": true} {
		list, err := properties.Objects(property)
		if err != nil {
			return err
		}
		for i, p := range list {
			r, err := readRule(p, egress)
			if err != nil {
				return err
			}
			r.ID, r.Group, r.Listed = resource.ID("sgr", fmt.Sprint(group, property, i)), group, true
			if err := putRule(tx, scope, r); err != nil {
				return err
			}
		}
	}
	if !properties.Has("SecurityGroupEgress") {
		return rules.Put(tx, scope, everythingOut(group).ID, everythingOut(group))
	}
	return nil
}

// putRule keeps a rule whose groups are there and which no other rule repeats.
func putRule(tx *store.Tx, scope store.Scope, r rule) error {
	if _, err := lookup(tx, scope, groups, r.Group); err != nil {
		return err
	}
	if r.PeerGroup != "" {
		if _, err := lookup(tx, scope, groups, r.PeerGroup); err != nil {
			return err
		}
	}
	err := rules.Walk(tx, scope, "", func(_ string, other rule) error {
		same := other
		same.ID, same.Listed, same.Description = r.ID, r.Listed, r.Description
		if same == r && other.ID != r.ID {
			return wire.Errorf("InvalidPermission.Duplicate", "the specified rule \"%s, from port %d to %d\" already exists on %s", r.Protocol, r.From, r.To, r.Group)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return rules.Put(tx, scope, r.ID, r)
}

// removeRules deletes all rules of a group.
func removeRules(tx *store.Tx, scope store.Scope, group string) error {
	all, err := rules.List(tx, scope, "")
	for _, r := range all {
		if err == nil && r.Group == group {
			err = rules.Delete(tx, scope, r.ID)
		}
	}
	return err
}

func (e *EC2) groupKind() kind {
	return kind{
		ec2: e, id: byToken("sg"), exists: in(groups),
		make: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			properties := resource.Props(request.Properties)
			description, err := properties.Required("GroupDescription")
			if err != nil {
				return err
			}
			name, err := properties.String("GroupName")
			if err != nil {
				return err
			}
			if name == "" {
				name = resource.Name(request, 255)
			}
			vpcID, err := properties.String("VpcId")
			if err != nil {
				return err
			}
			if vpcID == "" {
				vpcID = resource.ID("vpc", "default/"+scope.Account+"/"+scope.Region)
			}
			if _, err := lookup(tx, scope, vpcs, vpcID); err != nil {
				return err
			}
			err = groups.Walk(tx, scope, "", func(_ string, g types.SecurityGroup) error {
				if aws.ToString(g.VpcId) == vpcID && aws.ToString(g.GroupName) == name {
					return wire.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpcID)
				}
				return nil
			})
			if err != nil {
				return err
			}
			tags, err := tagsOf(request)
			if err != nil {
				return err
			}
			if err := groups.Put(tx, scope, id, newGroup(scope, id, vpcID, name, description, tags)); err != nil {
				return err
			}
			return setRules(tx, scope, id, properties)
		},
		update: func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
			group, err := lookup(tx, scope, groups, id)
			if err != nil {
				return err
			}
			if group.Tags, err = tagsOf(request); err != nil {
				return err
			}
			if err := groups.Put(tx, scope, id, group); err != nil {
				return err
			}
			return setRules(tx, scope, id, request.Properties)
		},
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			err := rules.Walk(tx, scope, "", func(_ string, r rule) error {
				if r.PeerGroup == id && r.Group != id {
					return inUse("security group", id, "a rule of "+r.Group+" names it")
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := removeRules(tx, scope, id); err != nil {
				return err
			}
			return groups.Delete(tx, scope, id)
		},
		state: func(tx *store.Tx, scope store.Scope, id string) (resource.State, error) {
			group, err := lookup(tx, scope, groups, id)
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{
				"GroupId": id, "Id": id, "VpcId": aws.ToString(group.VpcId),
			}}, err
		},
	}
}

// ruleKind drives AWS::EC2::SecurityGroupIngress, or …Egress.
func (e *EC2) ruleKind(egress bool) kind {
	write := func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error {
		r, err := readRule(request.Properties, egress)
		if err != nil {
			return err
		}
		if r.Group, err = resource.Props(request.Properties).Required("GroupId"); err != nil {
			return err
		}
		r.ID = id
		return putRule(tx, scope, r)
	}
	return kind{
		ec2: e, id: byToken("sgr"), exists: in(rules), make: write, update: write,
		remove: func(tx *store.Tx, scope store.Scope, id string, _ resource.Request) error {
			return rules.Delete(tx, scope, id)
		},
		state: func(_ *store.Tx, _ store.Scope, id string) (resource.State, error) {
			return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"Id": id}}, nil
		},
	}
}

// permission is a rule in the form of DescribeSecurityGroups.
func (r rule) permission(account string) types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String(r.Protocol)}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = aws.Int32(int32(r.From)), aws.Int32(int32(r.To))
	}
	var description *string
	if r.Description != "" {
		description = aws.String(r.Description)
	}
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
