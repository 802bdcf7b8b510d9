package wire_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// serve answers with a service, and returns a configuration for its clients.
func serve(t *testing.T, s *wire.Service) aws.Config {
	t.Helper()
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return aws.Config{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(server.URL),
		Credentials:      credentials.NewStaticCredentialsProvider("key", "secret", ""),
		RetryMaxAttempts: 1,
	}
}

// echo registers an operation that keeps its input and answers with out.
func echo[In, Out any](s *wire.Service, name string, out *Out, in *In) {
	wire.Register(s, name, func(_ context.Context, got *In) (*Out, error) {
		*in = *got
		return out, nil
	})
}

func check[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	ignore := cmp.FilterPath(func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		return ok && (field.Name() == "ResultMetadata" || field.Name() == "noSmithyDocumentSerde")
	}, cmp.Ignore())
	if diff := cmp.Diff(want, got, ignore, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var at = time.Date(2026, 11, 23, 21, 0, 0, 123_000_000, time.UTC)

func TestQuery(t *testing.T) {
	t.Parallel()
	in := &cloudformation.CreateChangeSetInput{
		StackName: aws.String("blog & <co>"), ChangeSetName: aws.String("x"),
		Parameters:            []cfntypes.Parameter{{ParameterKey: aws.String("A"), ParameterValue: aws.String("1")}, {ParameterKey: aws.String("B"), UsePreviousValue: aws.Bool(true)}},
		Capabilities:          []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
		RollbackConfiguration: &cfntypes.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(5)},
	}
	var got cloudformation.CreateChangeSetInput
	service := &wire.Service{Name: "cloudformation", Protocol: wire.Query}
	echo(service, "CreateChangeSet", &cloudformation.CreateChangeSetOutput{Id: aws.String("arn <&>")}, &got)
	want := &cloudformation.DescribeStacksOutput{Stacks: []cfntypes.Stack{{
		StackName: aws.String("blog"), CreationTime: &at, StackStatus: cfntypes.StackStatusCreateComplete,
		Outputs: []cfntypes.Output{{OutputKey: aws.String("K"), OutputValue: aws.String("a\n b")}},
	}}}
	echo(service, "DescribeStacks", want, new(cloudformation.DescribeStacksInput))
	client := cloudformation.NewFromConfig(serve(t, service))
	out, err := client.CreateChangeSet(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "input", in, &got)
	check(t, "Id", "arn <&>", aws.ToString(out.Id))
	stacks, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "output", want, stacks)
}

func TestQueryWithNamedLists(t *testing.T) {
	t.Parallel()
	in := &rds.DescribeDBInstancesInput{Filters: []rdstypes.Filter{{Name: aws.String("n"), Values: []string{"a", "b"}}}, MaxRecords: aws.Int32(20)}
	want := &rds.DescribeDBInstancesOutput{DBInstances: []rdstypes.DBInstance{{
		DBInstanceIdentifier: aws.String("db"), MultiAZ: aws.Bool(true), InstanceCreateTime: &at,
		VpcSecurityGroups: []rdstypes.VpcSecurityGroupMembership{{VpcSecurityGroupId: aws.String("sg-1")}},
		Endpoint:          &rdstypes.Endpoint{Port: aws.Int32(3306)},
		DBSubnetGroup:     &rdstypes.DBSubnetGroup{Subnets: []rdstypes.Subnet{{SubnetIdentifier: aws.String("subnet-1")}}},
		TagList:           []rdstypes.Tag{{Key: aws.String("a"), Value: aws.String("")}},
	}}}
	var got rds.DescribeDBInstancesInput
	service := &wire.Service{Name: "rds", Protocol: wire.Query}
	echo(service, "DescribeDBInstances", want, &got)
	out, err := rds.NewFromConfig(serve(t, service)).DescribeDBInstances(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "input", in, &got)
	check(t, "output", want, out)
}

func TestEC2Query(t *testing.T) {
	t.Parallel()
	in := &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-1", "vpc-2"}, Filters: []ec2types.Filter{{Name: aws.String("tag:Name"), Values: []string{"x"}}}}
	want := &ec2.DescribeVpcsOutput{Vpcs: []ec2types.Vpc{{
		VpcId: aws.String("vpc-1"), CidrBlock: aws.String("10.0.0.0/16"), IsDefault: aws.Bool(false),
		Tags:                    []ec2types.Tag{{Key: aws.String("Name"), Value: aws.String("x")}},
		CidrBlockAssociationSet: []ec2types.VpcCidrBlockAssociation{{CidrBlock: aws.String("10.0.0.0/16")}},
	}}}
	var got ec2.DescribeVpcsInput
	service := &wire.Service{Name: "ec2", Protocol: wire.EC2Query}
	echo(service, "DescribeVpcs", want, &got)
	out, err := ec2.NewFromConfig(serve(t, service)).DescribeVpcs(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "input", in, &got)
	check(t, "output", want, out)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	in := &secretsmanager.PutSecretValueInput{
		SecretId: aws.String("s"), SecretBinary: []byte{0, 1, 2}, VersionStages: []string{"AWSCURRENT"}, ClientRequestToken: aws.String(strings.Repeat("t", 36)),
	}
	want := &secretsmanager.DescribeSecretOutput{
		ARN: aws.String("arn"), CreatedDate: &at, RotationEnabled: aws.Bool(false),
		VersionIdsToStages: map[string][]string{"v": {"AWSCURRENT"}},
		Tags:               []smtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	}
	var got secretsmanager.PutSecretValueInput
	service := &wire.Service{Name: "secretsmanager", Protocol: wire.JSON11, Target: "secretsmanager"}
	echo(service, "PutSecretValue", &secretsmanager.PutSecretValueOutput{}, &got)
	echo(service, "DescribeSecret", want, new(secretsmanager.DescribeSecretInput))
	client := secretsmanager.NewFromConfig(serve(t, service))
	if _, err := client.PutSecretValue(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	check(t, "input", in, &got)
	out, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "output", want, out)
}

func TestErrorsReachClientsWithTheirCode(t *testing.T) {
	t.Parallel()
	failure := func(err error) func(*wire.Service) {
		return func(s *wire.Service) {
			wire.Register(s, "DescribeSecret", func(context.Context, *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
				return nil, err
			})
			wire.Register(s, "DescribeStacks", func(context.Context, *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
				return nil, err
			})
			wire.Register(s, "DescribeVpcs", func(context.Context, *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
				return nil, err
			})
		}
	}
	for name, test := range map[string]struct {
		add     func(*wire.Service)
		code    string
		query   string // code in the query protocols, where it differs
		message string
	}{
		"own":      {failure(wire.Errorf("ValidationError", "Stack with id %s does not exist", "x")), "ValidationError", "", "Stack with id x does not exist"},
		"typed":    {failure(&smtypes.ResourceNotFoundException{Message: aws.String("no secret")}), "ResourceNotFoundException", "", "no secret"},
		"internal": {failure(errors.New("path /secret/thing")), "InternalFailure", "", "The sandbox failed to answer; its log says why."},
		"unknown":  {func(*wire.Service) {}, "UnknownOperationException", "InvalidAction", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verify := func(err error, want string) {
				t.Helper()
				var api smithy.APIError
				if !errors.As(err, &api) || api.ErrorCode() != want {
					t.Fatalf("error = %v, want one with code %s", err, want)
				}
				if test.message != "" && api.ErrorMessage() != test.message {
					t.Errorf("message = %q, want %q", api.ErrorMessage(), test.message)
				}
			}
			query := test.query
			if query == "" {
				query = test.code
			}
			services := []*wire.Service{
				{Name: "cloudformation", Protocol: wire.Query},
				{Name: "ec2", Protocol: wire.EC2Query},
				{Name: "secretsmanager", Protocol: wire.JSON11, Target: "secretsmanager"},
			}
			for _, s := range services {
				test.add(s)
			}
			_, err := cloudformation.NewFromConfig(serve(t, services[0])).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
			verify(err, query)
			_, err = ec2.NewFromConfig(serve(t, services[1])).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
			verify(err, query)
			_, err = secretsmanager.NewFromConfig(serve(t, services[2])).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("x")})
			verify(err, test.code)
		})
	}
}

func TestBareListIsEmpty(t *testing.T) {
	t.Parallel()
	var got cloudformation.CreateStackInput
	service := &wire.Service{Name: "cloudformation", Protocol: wire.Query}
	echo(service, "CreateStack", &cloudformation.CreateStackOutput{}, &got)
	config := serve(t, service)
	response, err := http.Post(*config.BaseEndpoint, "application/x-www-form-urlencoded", strings.NewReader("Action=CreateStack&StackName=s&Parameters=&Capabilities="))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", response.StatusCode, body)
	}
	if got.Parameters == nil || len(got.Parameters) != 0 {
		t.Errorf("Parameters = %#v, want an empty list", got.Parameters)
	}
}
