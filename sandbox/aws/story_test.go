package aws_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

// change takes a change set through to its end and returns the stack.
func change(t *testing.T, w *world, in *cloudformation.CreateChangeSetInput) cfn.Stack {
	t.Helper()
	client := cloudformation.NewFromConfig(w.Config)
	in.StackName, in.Capabilities = aws.String("blog"), []cfn.Capability{cfn.CapabilityCapabilityIam}
	made, err := client.CreateChangeSet(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	fast := time.Millisecond
	name := &cloudformation.DescribeChangeSetInput{ChangeSetName: made.Id}
	ready := cloudformation.NewChangeSetCreateCompleteWaiter(client, func(o *cloudformation.ChangeSetCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = fast, 10*fast
	})
	if err := ready.Wait(t.Context(), name, time.Minute); err != nil {
		described, _ := client.DescribeChangeSet(t.Context(), name)
		t.Fatalf("change set: %v: %s", err, aws.ToString(described.StatusReason))
	}
	if _, err := client.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
		t.Fatal(err)
	}
	stack := &cloudformation.DescribeStacksInput{StackName: made.StackId}
	if in.ChangeSetType == cfn.ChangeSetTypeCreate {
		waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay, o.MaxDelay = fast, 10*fast })
		err = waiter.Wait(t.Context(), stack, time.Minute)
	} else {
		waiter := cloudformation.NewStackUpdateCompleteWaiter(client, func(o *cloudformation.StackUpdateCompleteWaiterOptions) { o.MinDelay, o.MaxDelay = fast, 10*fast })
		err = waiter.Wait(t.Context(), stack, time.Minute)
	}
	if err != nil {
		events, _ := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: made.StackId})
		for _, event := range events.StackEvents {
			t.Log(aws.ToString(event.LogicalResourceId), event.ResourceStatus, aws.ToString(event.ResourceStatusReason))
		}
		t.Fatal(err)
	}
	out, err := client.DescribeStacks(t.Context(), stack)
	if err != nil {
		t.Fatal(err)
	}
	return out.Stacks[0]
}

// TestStory takes the example's database through its life, as the product does:
// made from a template in S3, made Multi-AZ, and deleted with a snapshot kept.
func TestStory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	body, err := os.ReadFile("../../examples/ghost/aws/database/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	template := strings.Replace(string(body), "MultiAZ: true", "MultiAZ: false", 1)
	w.create(t, "AWS::S3::Bucket", "bucket", map[string]any{"BucketName": "templates"})
	put(t, s3.NewFromConfig(w.Config, pathStyle), "templates", "v1.yaml", strings.NewReader(template))

	stack := change(t, w, &cloudformation.CreateChangeSetInput{
		ChangeSetName: aws.String("first"), ChangeSetType: cfn.ChangeSetTypeCreate,
		TemplateURL: aws.String(*w.BaseEndpoint + "/templates/v1.yaml"),
	})
	outputs := map[string]string{}
	for _, o := range stack.Outputs {
		outputs[*o.OutputKey] = *o.OutputValue
	}
	databases, err := rds.NewFromConfig(w.Config).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(databases.DBInstances) != 1 {
		t.Fatalf("databases = %v, %v", databases, err)
	}
	db := databases.DBInstances[0]
	if *db.Endpoint.Address != outputs["Endpoint"] || *db.MultiAZ || outputs["Port"] != "3306" {
		t.Errorf("the stack says %v, and RDS %s, Multi-AZ %v", outputs, *db.Endpoint.Address, *db.MultiAZ)
	}
	secret, err := secretsmanager.NewFromConfig(w.Config).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(outputs["SecretArn"])})
	if err != nil {
		t.Fatal(err)
	}
	var details map[string]any
	if err := json.Unmarshal([]byte(*secret.SecretString), &details); err != nil {
		t.Fatal(err)
	}
	if details["host"] != outputs["Endpoint"] || details["username"] != "ghost" || len(details["password"].(string)) != 32 {
		t.Errorf("the secret's host, user or password is wrong: %v, %v", details["host"], details["username"])
	}
	networks, err := ec2.NewFromConfig(w.Config).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{
		Filters: []types.Filter{filter("tag:aws:cloudformation:stack-name", "blog")},
	})
	if err != nil || len(networks.Vpcs) != 1 {
		t.Errorf("VPCs of the stack = %v, %v", networks, err)
	}

	w.stop() // the sandbox is stopped and started
	w = start(t, sandbox.Options{Dir: dir})
	change(t, w, &cloudformation.CreateChangeSetInput{
		ChangeSetName: aws.String("second"), TemplateBody: aws.String(strings.Replace(template, "MultiAZ: false", "MultiAZ: true", 1)),
	})
	databases, err = rds.NewFromConfig(w.Config).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(databases.DBInstances) != 1 {
		t.Fatalf("databases = %v, %v", databases, err)
	}
	if after := databases.DBInstances[0]; !*after.MultiAZ || *after.DbiResourceId != *db.DbiResourceId {
		t.Errorf("the database was not changed in place: Multi-AZ %v, %s, before %s", *after.MultiAZ, *after.DbiResourceId, *db.DbiResourceId)
	}

	client := cloudformation.NewFromConfig(w.Config)
	if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("blog")}); err != nil {
		t.Fatal(err)
	}
	gone := cloudformation.NewStackDeleteCompleteWaiter(client, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	})
	if err := gone.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: stack.StackId}, time.Minute); err != nil {
		t.Fatal(err)
	}
	snapshots, err := rds.NewFromConfig(w.Config).DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{})
	if err != nil || len(snapshots.DBSnapshots) != 1 {
		t.Errorf("snapshots = %v, %v", snapshots, err)
	}
}
