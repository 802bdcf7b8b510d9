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
	Tags   []types.Tag
}

// allows is what a rule is of; no other of the same may be beside it.
type allows struct {
	Group, Protocol                    string
	Egress                             bool
	From, To                           int
	CIDR, CIDR6, PeerGroup, PrefixList string
}

func (r rule) allows() allows {
	return allows{r.Group, r.Protocol, r.Egress, r.From, r.To, r.CIDR, r.CIDR6, r.PeerGroup, r.PrefixList}
}

// peer is whom a rule lets in or out.
func (r rule) peer() string { return r.CIDR + r.CIDR6 + r.PeerGroup + r.PrefixList }

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
	if r.Protocol == "" {
		return r, resource.Invalid("property IpProtocol is missing")
	}
	return r.checked()
}

// numbers are the protocols that are shown by name.
var numbers = map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}

// checked returns a rule as it is kept, or says what is wrong with it.
func (r rule) checked() (rule, error) {
	r.Protocol = strings.ToLower(r.Protocol)
	if name, ok := numbers[r.Protocol]; ok {
		r.Protocol = name
	}
	switch r.Protocol {
	case "tcp", "udp":
		if r.From < 0 || r.To > 65535 || r.From > r.To {
			return r, wire.Errorf("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", r.From, r.To)
		}
	case "-1":
		r.From, r.To = -1, -1
	}
	peers := 0
	for _, one := range []string{r.CIDR, r.CIDR6, r.PeerGroup, r.PrefixList} {
		if one != "" {
			peers++
		}
	}
	if peers != 1 {
		return r, wire.Errorf("InvalidParameterValue", "A rule must name exactly one of an IPv4 block, an IPv6 block, a security group and a prefix list, not %d.", peers)
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
		if other.allows() == r.allows() && other.ID != r.ID {
			return wire.Errorf("InvalidPermission.Duplicate", "the specified rule \"peer: %s, %s, from port: %d, to port: %d, ALLOW\" already exists",
				r.peer(), strings.ToUpper(r.Protocol), r.From, r.To)
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

// putGroup keeps a new group, whose name must be free in its VPC.
func putGroup(tx *store.Tx, scope store.Scope, made types.SecurityGroup) error {
	if _, err := lookup(tx, scope, vpcs, *made.VpcId); err != nil {
		return err
	}
	err := groups.Walk(tx, scope, "", func(_ string, g types.SecurityGroup) error {
		if *g.VpcId == *made.VpcId && *g.GroupName == *made.GroupName {
			return wire.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", *made.GroupName, *made.VpcId)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return groups.Put(tx, scope, *made.GroupId, made)
}

// removeGroup deletes a group that nothing names and nothing stands behind.
func (e *EC2) removeGroup(tx *store.Tx, scope store.Scope, id string) error {
	err := rules.Walk(tx, scope, "", func(_ string, r rule) error {
		if r.PeerGroup == id && r.Group != id {
			return inUse("security group", id, "a rule of "+r.Group+" names it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = interfaces.Walk(tx, scope, "", func(eni string, i types.NetworkInterface) error {
		for _, group := range i.Groups {
			if aws.ToString(group.GroupId) == id {
				return inUse("security group", id, eni+" is in it")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.held(tx, scope, "security group", id); err != nil {
		return err
	}
	if err := removeRules(tx, scope, id); err != nil {
		return err
	}
	return groups.Delete(tx, scope, id)
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
			tags, err := tagsOf(request)
			if err != nil {
				return err
			}
			if err := putGroup(tx, scope, newGroup(scope, id, vpcID, name, description, tags)); err != nil {
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
			return e.removeGroup(tx, scope, id)
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
