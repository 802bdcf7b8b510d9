package wire

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"
)

func newEKS() *Service {
	s := &Service{Name: "eks", Protocol: RestJSON}
	RegisterREST(s, schemas.ListNodegroups, func(_ context.Context, in *eks.ListNodegroupsInput) (*eks.ListNodegroupsOutput, error) {
		return &eks.ListNodegroupsOutput{Nodegroups: []string{aws.ToString(in.ClusterName)}, NextToken: in.NextToken}, nil
	})
	RegisterREST(s, schemas.CreateCluster, func(_ context.Context, in *eks.CreateClusterInput) (*eks.CreateClusterOutput, error) {
		return &eks.CreateClusterOutput{Cluster: &types.Cluster{Name: in.Name, Tags: in.Tags, RoleArn: in.RoleArn}}, nil
	})
	RegisterREST(s, schemas.DescribeCluster, func(_ context.Context, in *eks.DescribeClusterInput) (*eks.DescribeClusterOutput, error) {
		return nil, &types.ResourceNotFoundException{Message: in.Name}
	})
	RegisterREST(s, schemas.UntagResource, func(_ context.Context, in *eks.UntagResourceInput) (*eks.UntagResourceOutput, error) {
		if diff := cmp.Diff([]string{"a", "b c"}, in.TagKeys); diff != "" || aws.ToString(in.ResourceArn) != "arn:aws:eks:us-east-1:1:cluster/x" {
			return nil, Errorf("BadRequestException", "%s of %s", diff, aws.ToString(in.ResourceArn))
		}
		return nil, nil
	})
	return s
}

// TestRESTJSON sends what the official client sends: labels, a query, lists in it, and
// a body; and reads the answers.
func TestRESTJSON(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newEKS())
	defer server.Close()
	client := eks.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	groups, err := client.ListNodegroups(t.Context(), &eks.ListNodegroupsInput{ClusterName: aws.String("a/b c"), NextToken: aws.String("n&1"), MaxResults: aws.Int32(5)})
	if err != nil || groups.Nodegroups[0] != "a/b c" || *groups.NextToken != "n&1" {
		t.Errorf("ListNodegroups = %+v, %v", groups, err)
	}
	made, err := client.CreateCluster(t.Context(), &eks.CreateClusterInput{
		Name: aws.String("c"), RoleArn: aws.String("r"), ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"s"}}, Tags: map[string]string{"k": "v"},
	})
	if err != nil || *made.Cluster.Name != "c" || *made.Cluster.RoleArn != "r" || made.Cluster.Tags["k"] != "v" {
		t.Errorf("CreateCluster = %+v, %v", made, err)
	}
	if _, err := client.UntagResource(t.Context(), &eks.UntagResourceInput{ResourceArn: aws.String("arn:aws:eks:us-east-1:1:cluster/x"), TagKeys: []string{"a", "b c"}}); err != nil {
		t.Errorf("UntagResource: %v", err)
	}
	response, err := http.Get(server.URL + "/clusters/none")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound || response.Header.Get("X-Amzn-Errortype") != "ResourceNotFoundException" {
		t.Errorf("a cluster that is not there: status %d, %v", response.StatusCode, response.Header)
	}
}
