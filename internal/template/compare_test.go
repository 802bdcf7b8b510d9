package template_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// sketch writes a change in a few words: "Modify Database False: Properties.MultiAZ Never Static DirectModification".
func sketch(changes []template.Change) []string {
	var out []string
	for _, c := range changes {
		line := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", c.Action, c.LogicalID, c.Replacement, c.PolicyAction)), " ")
		for _, d := range c.Details {
			line += "\n  " + strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s %s %v→%v",
				d.Attribute, d.Name, d.RequiresRecreation, d.Evaluation, d.ChangeSource, d.CausingEntity, d.Before, d.After)), " ")
		}
		out = append(out, line)
	}
	return out
}

// before is the state that a stack of the template is in, as the engine keeps
// it: written as JSON and read again.
func before(t *testing.T, tmpl *template.Template, env template.Environment) *template.State {
	t.Helper()
	b, err := tmpl.Bind(env)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.State()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out := new(template.State)
	if err := json.Unmarshal(kept, out); err != nil {
		t.Fatal(err)
	}
	return out
}

const compared = `
Parameters:
  Size: {Type: String, Default: "20"}
  Secret: {Type: String, NoEcho: true, Default: one}
  Name: {Type: String, Default: ghost}
Resources:
  Net:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: g, VpcId: !Ref Net}
  DB:
    Type: AWS::RDS::DBInstance
    UpdateReplacePolicy: Snapshot
    Properties:
      DBInstanceClass: db.t3.micro
      AllocatedStorage: !Ref Size
      MultiAZ: false
      DBName: !Ref Name
      MasterUserPassword: !Ref Secret
      VPCSecurityGroups: [!GetAtt Group.GroupId]
  Param:
    Type: AWS::SSM::Parameter
    DependsOn: Net
    DeletionPolicy: Retain
    Properties: {Type: String, Value: !GetAtt DB.Endpoint.Address}
`

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edits      []string // old, new, old, new, …
		parameters map[string]string
		tags       map[string]string
		want       []string
	}{
		"nothing":          {},
		"DependsOn alone":  {edits: []string{"    DependsOn: Net\n", ""}},
		"another spelling": {edits: []string{"MultiAZ: false", `MultiAZ: "false"`, `"20"`, "20"}},
		"in place": {edits: []string{"DBInstanceClass: db.t3.micro", "DBInstanceClass: db.t3.small"}, want: []string{
			"Modify DB False\n  Properties DBInstanceClass Never Static DirectModification db.t3.micro→db.t3.small",
			"Modify Param False\n  Properties Value Never Dynamic ResourceAttribute DB.Endpoint.Address DB/Endpoint.Address→DB/Endpoint.Address",
		}},
		"conditional": {edits: []string{"MultiAZ: false", "MultiAZ: true"}, want: []string{
			"Modify DB Conditional\n  Properties MultiAZ Conditionally Static DirectModification false→true",
			"Modify Param False\n  Properties Value Never Dynamic ResourceAttribute DB.Endpoint.Address DB/Endpoint.Address→DB/Endpoint.Address",
		}},
		"a parameter": {parameters: map[string]string{"Size": "30"}, want: []string{
			"Modify DB False\n  Properties AllocatedStorage Never Static ParameterReference Size 20→30" +
				"\n  Properties AllocatedStorage Never Dynamic DirectModification 20→30",
			"Modify Param False\n  Properties Value Never Dynamic ResourceAttribute DB.Endpoint.Address DB/Endpoint.Address→DB/Endpoint.Address",
		}},
		"a secret parameter": {parameters: map[string]string{"Secret": "two"}, want: []string{
			"Modify DB False\n  Properties MasterUserPassword Never Static ParameterReference Secret ****→****" +
				"\n  Properties MasterUserPassword Never Dynamic DirectModification ****→****",
			"Modify Param False\n  Properties Value Never Dynamic ResourceAttribute DB.Endpoint.Address DB/Endpoint.Address→DB/Endpoint.Address",
		}},
		"replacement goes on": {edits: []string{"10.0.0.0/16", "10.1.0.0/16"}, want: []string{
			"Modify Net True ReplaceAndDelete\n  Properties CidrBlock Always Static DirectModification 10.0.0.0/16→10.1.0.0/16",
			"Modify Group True ReplaceAndDelete\n  Properties VpcId Always Static ResourceReference Net ref-of-Net→(known after the change)" +
				"\n  Properties VpcId Always Dynamic DirectModification ref-of-Net→(known after the change)",
			"Modify DB False\n  Properties VPCSecurityGroups Never Static ResourceAttribute Group.GroupId [Group/GroupId]→[(known after the change)]" +
				"\n  Properties VPCSecurityGroups Never Dynamic DirectModification [Group/GroupId]→[(known after the change)]",
			"Modify Param False\n  Properties Value Never Dynamic ResourceAttribute DB.Endpoint.Address DB/Endpoint.Address→DB/Endpoint.Address",
		}},
		"policies": {edits: []string{"DeletionPolicy: Retain", "DeletionPolicy: Delete", "    UpdateReplacePolicy: Snapshot\n", ""}, want: []string{
			"Modify DB False\n  UpdateReplacePolicy Never Static DirectModification Snapshot→<nil>",
			"Modify Param False\n  DeletionPolicy Never Static DirectModification Retain→Delete",
		}},
		"replaced data is kept": {parameters: map[string]string{"Name": "blog"}, want: []string{
			"Modify DB True ReplaceAndSnapshot\n  Properties DBName Always Static ParameterReference Name ghost→blog" +
				"\n  Properties DBName Always Dynamic DirectModification ghost→blog",
			"Modify Param False\n  Properties Value Never Static ResourceAttribute DB.Endpoint.Address DB/Endpoint.Address→(known after the change)" +
				"\n  Properties Value Never Dynamic DirectModification DB/Endpoint.Address→(known after the change)",
		}},
		"added and removed": {edits: []string{"  Param:\n", "  Other:\n"}, want: []string{"Add Other", "Remove Param Retain"}},
		"stack tags": {tags: map[string]string{"team": "a"}, want: []string{
			"Modify Net False\n  Tags Never Static DirectModification <nil>→<nil>",
			"Modify Group False\n  Tags Never Static DirectModification <nil>→<nil>",
			"Modify DB False\n  Tags Never Static DirectModification <nil>→<nil>",
			"Modify Param False\n  Tags Never Static DirectModification <nil>→<nil>",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := before(t, parse(t, compared, "old.yaml"), fixed(nil))
			env := fixed(c.parameters)
			env.StackTags = c.tags
			b, err := parse(t, strings.NewReplacer(c.edits...).Replace(compared), "new.yaml").Bind(env)
			if err != nil {
				t.Fatal(err)
			}
			changes, err := template.Compare(old, b)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, sketch(changes)); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
		})
	}
}

func TestCompareCreatesAndRemovesInOrder(t *testing.T) {
	t.Parallel()
	tmpl := parse(t, compared, "t.yaml")
	b, err := tmpl.Bind(fixed(nil))
	if err != nil {
		t.Fatal(err)
	}
	created, err := template.Compare(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"Add Net", "Add Group", "Add DB", "Add Param"}, sketch(created)); d != "" {
		t.Errorf("created (-want +got):\n%s", d)
	}
	empty, err := parse(t, "Resources: {X: {Type: 'AWS::S3::Bucket'}}", "x.yaml").Bind(fixed(nil))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := template.Compare(before(t, tmpl, fixed(nil)), empty)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"Add X", "Remove Param Retain", "Remove DB Delete", "Remove Group Delete", "Remove Net Delete"}, sketch(changes)); d != "" {
		t.Errorf("removed (-want +got):\n%s", d)
	}
	if !changes[2].HoldsData || changes[3].HoldsData {
		t.Error("of the database and the security group, the database alone holds data")
	}
}

func TestCompareRefusesAnotherType(t *testing.T) {
	t.Parallel()
	b, err := parse(t, strings.NewReplacer("AWS::SSM::Parameter", "Custom::P", "{Type: String, Value", "{ServiceToken: t, Value").Replace(compared), "n.yaml").Bind(fixed(nil))
	if err == nil {
		_, err = template.Compare(before(t, parse(t, compared, "o.yaml"), fixed(nil)), b)
	}
	want := "n.yaml:24: Update of resource type is not permitted. The new template modifies resource type of the following resources: [Param]"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
