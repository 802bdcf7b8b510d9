package aws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

const readable = `
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: drift-bucket
      Tags: [{Key: a, Value: b}]
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: "true", IgnorePublicAcls: true, RestrictPublicBuckets: true}
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: /drift, Type: String, Value: one, Description: d, Tags: {a: b}}}
  Secret: {Type: AWS::SecretsManager::Secret, Properties: {Name: drift, Description: d, SecretString: '{"password": "hush-hush"}', Tags: [{Key: a, Value: b}]}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Path: /drift/
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
      Policies: [{PolicyName: p, PolicyDocument: {Version: "2012-10-17", Statement: []}}]
  Network: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16, EnableDnsHostnames: true, Tags: [{Key: a, Value: b}]}}
  SubnetA: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Network, CidrBlock: 10.1.0.0/24, AvailabilityZone: us-east-1a}}
  SubnetB: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Network, CidrBlock: 10.1.1.0/24, AvailabilityZone: us-east-1b}}
  Group: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: d, SubnetIds: [!Ref SubnetA, !Ref SubnetB]}}
  Database:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: mysql, DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", MasterUsername: ghost, DBSubnetGroupName: !Ref Group,
      MasterUserPassword: '{{resolve:secretsmanager:drift:SecretString:password}}', MultiAZ: false, BackupRetentionPeriod: 1}
    DependsOn: Secret
`

// What a service reads back is what the template said, until others change it.
func TestServicesReadWhatTheyMade(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{Durations: simtime.Durations{}})
	client := cfn.NewFromConfig(w.Config)
	stack := aws.String("drift")
	_, err := client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: stack, TemplateBody: aws.String(readable),
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam}})
	if err != nil {
		t.Fatal(err)
	}
	ready := cfn.NewStackCreateCompleteWaiter(client, func(o *cfn.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	})
	if err := ready.Wait(t.Context(), &cfn.DescribeStacksInput{StackName: stack}, time.Minute); err != nil {
		events, _ := client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: stack})
		for _, e := range events.StackEvents {
			t.Log(*e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
		}
		t.Fatal(err)
	}
	checked := []string{"Bucket", "Parameter", "Secret", "Role", "Network", "Database"}
	drifts := func() map[string][]string {
		found := map[string][]string{}
		for _, id := range checked {
			out, err := client.DetectStackResourceDrift(t.Context(), &cfn.DetectStackResourceDriftInput{StackName: stack, LogicalResourceId: aws.String(id)})
			if err != nil {
				t.Fatal(id, err)
			}
			for _, d := range out.StackResourceDrift.PropertyDifferences {
				found[id] = append(found[id], *d.PropertyPath+" "+*d.ExpectedValue+" "+*d.ActualValue)
			}
		}
		return found
	}
	if d := cmp.Diff(map[string][]string{}, drifts()); d != "" {
		t.Errorf("as they were made (-want +got):\n%s", d)
	}
	database, err := client.DescribeStackResource(t.Context(), &cfn.DescribeStackResourceInput{StackName: stack, LogicalResourceId: aws.String("Database")})
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := s3.NewFromConfig(w.Config, pathStyle).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String("drift-bucket"),
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusSuspended}})
	_, err2 := ssm.NewFromConfig(w.Config).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/drift"), Value: aws.String("two"), Overwrite: aws.Bool(true), Description: aws.String("d")})
	_, err3 := secretsmanager.NewFromConfig(w.Config).UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: aws.String("drift"), Description: aws.String("other")})
	_, err4 := rds.NewFromConfig(w.Config).ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{DBInstanceIdentifier: database.StackResourceDetail.PhysicalResourceId,
		BackupRetentionPeriod: aws.Int32(7), ApplyImmediately: aws.Bool(true)})
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]string{"Bucket": {"/VersioningConfiguration/Status Enabled Suspended"}, "Parameter": {"/Value one two"},
		"Secret": {"/Description d other"}, "Database": {"/BackupRetentionPeriod 1 7"}}
	if d := cmp.Diff(want, drifts()); d != "" {
		t.Errorf("after changes by hand (-want +got):\n%s", d)
	}
}
