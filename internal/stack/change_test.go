package stack

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

func TestChange(t *testing.T) {
	t.Parallel()
	r := &operation{d: New(nil, Options{}), stack: "s", noEcho: map[string]bool{"Hidden": true}, parameters: map[string]string{"Hidden": "swordfish"}}
	target := func(name, before, after string, recreation types.RequiresRecreation) *types.ResourceTargetDefinition {
		d := &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: &name, RequiresRecreation: recreation}
		if before != "" {
			d.BeforeValue = &before
		}
		if after != "" {
			d.AfterValue = &after
		}
		return d
	}
	resource := func(kind, id string) diff.Resource {
		return diff.Resource{Plane: diff.AWS, Type: kind, Namespace: "s", Name: "X", ID: id}
	}
	const db, parameter = "AWS::RDS::DBInstance", "AWS::SSM::Parameter"
	for _, c := range []struct {
		name  string
		in    types.ResourceChange
		want  diff.Change
		loses bool
	}{
		{"add", types.ResourceChange{Action: "Add", ResourceType: aws.String(parameter), AfterContext: aws.String(`{"Properties":{"Type":"String","List":[{"A":"{{changeSet:KNOWN_AFTER_APPLY}}"}],"Value":"x-{{changeSet:KNOWN_AFTER_APPLY}}"}}`)},
			diff.Change{Resource: resource(parameter, ""), Action: diff.Create, Fields: []diff.Field{
				{Path: "List", After: []any{map[string]any{"A": diff.Later}}, Unknown: true}, {Path: "Type", After: "String"}, {Path: "Value", After: "x-" + diff.Later, Unknown: true}}}, false},
		{"context cut off", types.ResourceChange{Action: "Add", ResourceType: aws.String(parameter), AfterContext: aws.String(`{"Properties":{"Ty`)},
			diff.Change{Resource: resource(parameter, ""), Action: diff.Create}, false},
		{"remove data", types.ResourceChange{Action: "Remove", ResourceType: aws.String(db), PhysicalResourceId: aws.String("db-1"), PolicyAction: "Snapshot"},
			diff.Change{Resource: resource(db, "db-1"), Action: diff.Delete, HoldsData: true}, true},
		{"retain data", types.ResourceChange{Action: "Remove", ResourceType: aws.String(db), PhysicalResourceId: aws.String("db-1"), PolicyAction: "Retain"},
			diff.Change{Resource: resource(db, "db-1"), Action: diff.Delete, HoldsData: true, Reason: "leaves the stack and is retained", Retained: true}, false},
		{"modify", types.ResourceChange{Action: "Modify", Replacement: "False", ResourceType: aws.String(db), PhysicalResourceId: aws.String("db-1"), Details: []types.ResourceChangeDetail{
			{Target: target("MultiAZ", "false", "true", "Never"), ChangeSource: "DirectModification"},
			{Target: target("MultiAZ", "", "", "Never"), ChangeSource: "ParameterReference"}}},
			diff.Change{Resource: resource(db, "db-1"), Action: diff.Update, HoldsData: true, Fields: []diff.Field{{Path: "MultiAZ", Before: "false", After: "true"}}}, false},
		{"replace", types.ResourceChange{Action: "Modify", Replacement: "True", ResourceType: aws.String(db), Details: []types.ResourceChangeDetail{
			{Target: target("Engine", "mysql", "postgres", "Always")}, {Target: target("MultiAZ", "false", "true", "Never")}}},
			diff.Change{Resource: resource(db, ""), Action: diff.Replace, HoldsData: true, Reason: "replaced because of Engine", Causes: []string{"Engine"},
				Fields: []diff.Field{{Path: "Engine", Before: "mysql", After: "postgres"}, {Path: "MultiAZ", Before: "false", After: "true"}}}, true},
		{"may replace", types.ResourceChange{Action: "Modify", Replacement: "Conditional", ResourceType: aws.String(db), Details: []types.ResourceChangeDetail{{Target: target("Port", "1", "2", "Conditionally")}}},
			diff.Change{Resource: resource(db, ""), Action: diff.Replace, HoldsData: true, Reason: "may be replaced because of Port", Causes: []string{"Port"}, Fields: []diff.Field{{Path: "Port", Before: "1", After: "2"}}}, true},
		{"in place, whatever the schema says", types.ResourceChange{Action: "Modify", Replacement: "Conditional", ResourceType: aws.String(db), Details: []types.ResourceChangeDetail{
			{Target: target("MultiAZ", "false", "true", "Conditionally")}, {Target: target("DBInstanceClass", "a", "b", "Never")}}},
			diff.Change{Resource: resource(db, ""), Action: diff.Update, HoldsData: true,
				Fields: []diff.Field{{Path: "DBInstanceClass", Before: "a", After: "b"}, {Path: "MultiAZ", Before: "false", After: "true"}}}, false},
		{"in place, but for another cause", types.ResourceChange{Action: "Modify", Replacement: "Conditional", ResourceType: aws.String(db), Details: []types.ResourceChangeDetail{
			{Target: target("MultiAZ", "false", "true", "Conditionally")}, {Target: target("DBSubnetGroupName", "a", "b", "Always")}}},
			diff.Change{Resource: resource(db, ""), Action: diff.Replace, HoldsData: true, Reason: "may be replaced because of DBSubnetGroupName, MultiAZ", Causes: []string{"DBSubnetGroupName", "MultiAZ"},
				Fields: []diff.Field{{Path: "DBSubnetGroupName", Before: "a", After: "b"}, {Path: "MultiAZ", Before: "false", After: "true"}}}, true},
		{"may replace an engine", types.ResourceChange{Action: "Modify", Replacement: "Conditional", ResourceType: aws.String(db), Details: []types.ResourceChangeDetail{{Target: target("Engine", "mysql", "postgres", "Conditionally")}}},
			diff.Change{Resource: resource(db, ""), Action: diff.Replace, HoldsData: true, Reason: "may be replaced because of Engine", Causes: []string{"Engine"}, Fields: []diff.Field{{Path: "Engine", Before: "mysql", After: "postgres"}}}, true},
		{"replace with the old one retained", types.ResourceChange{Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndRetain", ResourceType: aws.String(db)},
			diff.Change{Resource: resource(db, ""), Action: diff.Replace, HoldsData: true, Reason: "replaced"}, true},
		{"nested stack removed", types.ResourceChange{Action: "Remove", ResourceType: aws.String(nestedStack)},
			diff.Change{Resource: resource(nestedStack, ""), Action: diff.Delete, HoldsData: true}, true},
		{"nested stack that can't be seen into", types.ResourceChange{Action: "Modify", Replacement: "False", ResourceType: aws.String(nestedStack)},
			diff.Change{Resource: resource(nestedStack, ""), Action: diff.Update, HoldsData: true, Reason: unseen}, true},
		{"nested stack", types.ResourceChange{Action: "Modify", Replacement: "False", ResourceType: aws.String(nestedStack), ChangeSetId: aws.String("inner")},
			diff.Change{Resource: resource(nestedStack, ""), Action: diff.Update, HoldsData: true}, false},
		{"dynamic", types.ResourceChange{Action: "Dynamic", ResourceType: aws.String(db)},
			diff.Change{Resource: resource(db, ""), Action: diff.Unknown, HoldsData: true, Reason: "CloudFormation can't tell before it is done"}, true},
		{"secrets", types.ResourceChange{Action: "Modify", Replacement: "False", ResourceType: aws.String(parameter), Details: []types.ResourceChangeDetail{
			{Target: target("A", "x", "y", ""), ChangeSource: "ParameterReference", CausingEntity: aws.String("Hidden")},
			{Target: target("B", "****", "****", "")},
			{Target: target("C", "x", "prefix-swordfish", "")},
			{Target: target("D", `{"url":"x"}`, `{"url":"swordfish"}`, "")},
			{Target: target("MasterUserPassword", "x", "y", "")},
			{Target: target("Z", "x", "{{resolve:secretsmanager:s:SecretString:p}}", "")}}},
			diff.Change{Resource: resource(parameter, ""), Action: diff.Update, Fields: []diff.Field{
				{Path: "A", Sensitive: true}, {Path: "B", Sensitive: true}, {Path: "C", Sensitive: true}, {Path: "D", Sensitive: true},
				{Path: "MasterUserPassword", Sensitive: true}, {Path: "Z", Sensitive: true}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.in.LogicalResourceId = aws.String("X")
			got := r.change(c.in)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if losesData(got) != c.loses {
				t.Errorf("losesData: %v", !c.loses)
			}
		})
	}
}

// sets answers DescribeChangeSet from a map.
type sets struct {
	API
	pages map[string]*cloudformation.DescribeChangeSetOutput
}

func (s sets) DescribeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	return s.pages[*in.ChangeSetName], nil
}

func TestNestedChangeSets(t *testing.T) {
	t.Parallel()
	one := func(action types.ChangeAction, kind, id string, inner *string) []types.Change {
		return []types.Change{{ResourceChange: &types.ResourceChange{Action: action, ResourceType: &kind, LogicalResourceId: &id, ChangeSetId: inner}}}
	}
	api := sets{pages: map[string]*cloudformation.DescribeChangeSetOutput{
		"outer": {Changes: one("Modify", nestedStack, "Storage", aws.String("inner"))},
		"inner": {Changes: one("Remove", "AWS::RDS::DBInstance", "Database", nil)},
	}}
	r := &operation{d: New(api, Options{}), stack: "s"}
	got, err := r.readChanges(t.Context(), "outer", "s")
	if err != nil || len(got) != 2 || got[1].Namespace != "s/Storage" || losesData(got[0]) || !losesData(got[1]) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAsDone(t *testing.T) {
	t.Parallel()
	change := func(name, id string, action diff.Action, reason string) diff.Change {
		return diff.Change{Resource: diff.Resource{Name: name, ID: id}, Action: action, Reason: reason}
	}
	got := asDone([]diff.Change{
		change("created", "", diff.Create, ""),
		change("deleted", "old", diff.Delete, ""),
		change("kept", "old", diff.Replace, "may be replaced because of Port"),
		change("replaced", "old", diff.Replace, "may be replaced because of Port"),
		change("surprise", "old", diff.Update, ""),
	}, []types.StackResourceSummary{
		{LogicalResourceId: aws.String("created"), PhysicalResourceId: aws.String("new")},
		{LogicalResourceId: aws.String("kept"), PhysicalResourceId: aws.String("old")},
		{LogicalResourceId: aws.String("replaced"), PhysicalResourceId: aws.String("new")},
		{LogicalResourceId: aws.String("surprise"), PhysicalResourceId: aws.String("new")},
	})
	want := []diff.Change{
		change("created", "new", diff.Create, ""),
		change("deleted", "old", diff.Delete, ""),
		change("kept", "old", diff.Update, ""),
		change("replaced", "new", diff.Replace, ""),
		change("surprise", "new", diff.Replace, "replaced, though CloudFormation's guide says that it is changed in place"),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
