package cloudformation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

const kept = `
Resources:
  Bucket: {Type: "AWS::S3::Bucket", DeletionPolicy: Retain, Properties: {BucketName: assets}}
`

// leave makes a bucket that no stack has.
func (w *world) leave() {
	w.t.Helper()
	if s := w.create("old", kept); s.StackStatus != types.StackStatusCreateComplete {
		w.t.Fatal(s.StackStatus)
	}
	w.remove("old")
}

// importing is the change set that takes resources in; each is "ID Type name=value".
func importing(stack, body string, resources ...string) *cfn.CreateChangeSetInput {
	in := &cfn.CreateChangeSetInput{StackName: &stack, ChangeSetName: aws.String("import"), ChangeSetType: types.ChangeSetTypeImport, TemplateBody: &body}
	for _, r := range resources {
		f := strings.Fields(r)
		k, v, _ := strings.Cut(f[2], "=")
		in.ResourcesToImport = append(in.ResourcesToImport, types.ResourceToImport{LogicalResourceId: &f[0], ResourceType: &f[1], ResourceIdentifier: map[string]string{k: v}})
	}
	return in
}

const theBucket = "Bucket AWS::S3::Bucket BucketName=assets"

func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leave()
	w.create("s", "Resources:\n  Topic: {Type: 'AWS::SNS::Topic'}")
	for stack, body := range map[string]string{"new": kept, "s": kept + "  Topic: {Type: 'AWS::SNS::Topic'}"} {
		made, err := w.client.CreateChangeSet(t.Context(), importing(stack, body, theBucket))
		if err != nil {
			t.Fatal(err)
		}
		set, changes := w.set(*made.Id)
		if ch := changes["Bucket"]; len(changes) != 1 || ch.Action != types.ChangeActionImport || *ch.PhysicalResourceId != "assets" {
			t.Errorf("%s: changes %+v", stack, changes)
		}
		n := len(w.since(0))
		if s := w.execute(set); s.StackStatus != types.StackStatusImportComplete {
			t.Fatalf("%s: %s %s", stack, s.StackStatus, aws.ToString(s.StackStatusReason))
		}
		want := []string{stack + " IMPORT_IN_PROGRESS", "Bucket IMPORT_IN_PROGRESS", "Bucket IMPORT_COMPLETE", stack + " IMPORT_COMPLETE"}
		if d := cmp.Diff(want, w.since(n)); d != "" {
			t.Errorf("%s: events (-want +got):\n%s", stack, d)
		}
		if w.physical(stack, "Bucket") != "assets" {
			t.Errorf("%s: the bucket is %s", stack, w.physical(stack, "Bucket"))
		}
		if stack == "new" {
			if _, err := w.client.CreateChangeSet(t.Context(), importing("s", kept+"  Topic: {Type: 'AWS::SNS::Topic'}", theBucket)); err == nil || !strings.Contains(err.Error(), "belongs to stack new") {
				t.Errorf("what another stack has: %v", err)
			}
		}
		w.remove(stack) // which keeps the bucket
	}
}

func TestImportLeavesNestedStacksAlone(t *testing.T) {
	t.Parallel()
	w := nestedWorld(t)
	w.leave()
	w.create("p", parent)
	n := len(w.since(0))
	made, err := w.client.CreateChangeSet(t.Context(), importing("p", strings.Replace(parent, "Resources:\n", kept, 1), theBucket))
	if err != nil {
		t.Fatal(err)
	}
	set, changes := w.set(*made.Id)
	if len(changes) != 1 || changes["Bucket"].Action != types.ChangeActionImport {
		t.Errorf("changes %+v", changes)
	}
	if s := w.execute(set); s.StackStatus != types.StackStatusImportComplete {
		t.Fatalf("%s %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	for _, e := range w.since(n) {
		if strings.Contains(e, "Child") {
			t.Errorf("the nested stack was touched: %s", e)
		}
	}
}

func TestImportIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leave()
	const topic = "  Topic: {Type: 'AWS::SNS::Topic'}\n"
	w.create("s", "Resources:\n"+topic)
	for name, c := range map[string]struct {
		in   *cfn.CreateChangeSetInput
		want string
	}{
		"no policy":   {importing("s", strings.Replace(kept, "DeletionPolicy: Retain, ", "", 1)+topic, theBucket), "missing DeletionPolicy"},
		"not there":   {importing("s", "Resources:\n"+topic, theBucket), "Resource [Bucket] to import is not in the template"},
		"other type":  {importing("s", kept+topic, "Bucket AWS::S3::AccessPoint BucketName=assets"), "is of type AWS::S3::Bucket in the template"},
		"identifier":  {importing("s", kept+topic, "Bucket AWS::S3::Bucket Name=assets"), "must be [BucketName]; found [Name]"},
		"more":        {importing("s", kept+topic+"  More: {Type: 'AWS::SNS::Topic'}\n", theBucket), "You have modified resources [More] in your template that are not being imported."},
		"less":        {importing("s", kept, theBucket), "You have modified resources [Topic]"},
		"outputs":     {importing("s", kept+topic+"Outputs: {O: {Value: v}}", theBucket), "you cannot modify or add [Outputs]"},
		"nothing":     {importing("s", kept+topic), "ResourcesToImport must be specified"},
		"unsupported": {importing("s", "Resources:\n"+topic+"  W: {Type: 'AWS::CloudFormation::WaitConditionHandle', DeletionPolicy: Retain}", "W AWS::CloudFormation::WaitConditionHandle Id=x"), "ResourceTypes [AWS::CloudFormation::WaitConditionHandle] are not supported for Import"},
	} {
		if _, err := w.client.CreateChangeSet(t.Context(), c.in); err == nil || !strings.Contains(err.Error(), "ValidationError") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestImportRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leave()
	body := kept + `  Other: {Type: "AWS::S3::Bucket", DeletionPolicy: Retain, DependsOn: Bucket, Properties: {BucketName: nowhere}}`
	made, err := w.client.CreateChangeSet(t.Context(), importing("s", body, theBucket, "Other AWS::S3::Bucket BucketName=nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	set, _ := w.set(*made.Id)
	n := len(w.since(0))
	if s := w.execute(set); s.StackStatus != types.StackStatusImportRollbackComplete {
		t.Fatal(s.StackStatus)
	}
	got := w.since(n)
	for _, want := range []string{"Other IMPORT_FAILED", "s IMPORT_ROLLBACK_IN_PROGRESS", "Bucket IMPORT_ROLLBACK_COMPLETE", "s IMPORT_ROLLBACK_COMPLETE"} {
		if !slices.Contains(got, want) {
			t.Errorf("no event %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if left := w.logicalIDs("s"); len(left) != 0 {
		t.Errorf("the stack has %v", left)
	}
	if set, _ := w.deploy("t", kept, types.ChangeSetTypeCreate); set.Status != types.ChangeSetStatusCreateComplete {
		t.Errorf("the bucket can't be imported any more: %s", aws.ToString(set.StatusReason))
	}
}

func TestExistingResourcesAreImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leave()
	set, _ := w.deploy("a", strings.Replace(kept, "DeletionPolicy: Retain, ", "", 1), types.ChangeSetTypeCreate)
	if !strings.HasPrefix(aws.ToString(set.StatusReason), "CloudFormation is attempting to import some resources because they already exist in your account.") ||
		!strings.HasSuffix(*set.StatusReason, "The affected resources are Bucket ({BucketName=assets})") {
		t.Errorf("without a policy: %s %s", set.Status, aws.ToString(set.StatusReason))
	}
	w.forgetSet("a")
	set, changes := w.deploy("a", kept, types.ChangeSetTypeCreate)
	if changes["Bucket"].Action != types.ChangeActionImport {
		t.Fatalf("%s %s, changes %+v", set.Status, aws.ToString(set.StatusReason), changes)
	}
	if s := w.execute(set); s.StackStatus != types.StackStatusCreateComplete || w.physical("a", "Bucket") != "assets" {
		t.Errorf("%s, the bucket is %s", s.StackStatus, w.physical("a", "Bucket"))
	}
	set, _ = w.deploy("b", kept, types.ChangeSetTypeCreate)
	if set.Status != types.ChangeSetStatusFailed || !strings.Contains(*set.StatusReason, "[AWS::EarlyValidation::ResourceExistenceCheck]") {
		t.Errorf("what another stack has: %s %s", set.Status, aws.ToString(set.StatusReason))
	}
}

func TestTemplateSummaryNamesIdentifiers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := w.client.GetTemplateSummary(t.Context(), &cfn.GetTemplateSummaryInput{TemplateBody: aws.String(kept)})
	if err != nil || len(out.ResourceIdentifierSummaries) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	got := out.ResourceIdentifierSummaries[0]
	if *got.ResourceType != "AWS::S3::Bucket" || got.LogicalResourceIds[0] != "Bucket" || got.ResourceIdentifiers[0] != "BucketName" {
		t.Errorf("%v %v %v", *got.ResourceType, got.LogicalResourceIds, got.ResourceIdentifiers)
	}
}
