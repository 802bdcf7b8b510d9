package aws_test

import (
	"encoding/base64"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	own "github.com/drawbridge-gitops/drawbridge/sandbox/aws/eks"
)

func TestClusters(t *testing.T) {
	t.Parallel()
	at := func(name, region string) own.Cluster {
		return own.Cluster{Name: name, Account: account, Region: region, Endpoint: "https://127.0.0.1:6443", CA: []byte("PEM"), Version: "1.36"}
	}
	w := start(t, sandbox.Options{Clusters: []own.Cluster{at("two", "us-east-1"), at("one", "us-east-1"), at("three", "us-east-1"), at("far", "eu-west-1")}})
	client := eks.NewFromConfig(w.Config)
	var names []string
	pages := eks.NewListClustersPaginator(client, &eks.ListClustersInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, page.Clusters...)
	}
	if diff := cmp.Diff([]string{"one", "three", "two"}, names); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	c := do(t, client.DescribeCluster, &eks.DescribeClusterInput{Name: aws.String("one")}).Cluster
	ca, _ := base64.StdEncoding.DecodeString(*c.CertificateAuthority.Data)
	if *c.Endpoint != "https://127.0.0.1:6443" || string(ca) != "PEM" || *c.Version != "1.36" || c.Status != "ACTIVE" || *c.Arn != "arn:aws:eks:us-east-1:"+account+":cluster/one" {
		t.Errorf("cluster = %+v", c)
	}
	_, err := client.DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: aws.String("far")})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = client.ListNodegroups(t.Context(), &eks.ListNodegroupsInput{ClusterName: aws.String("one")})
	wantCode(t, err, "UnknownOperationException")
	config := w.Copy()
	config.Credentials = static("test", "wrong")
	_, err = eks.NewFromConfig(config).ListClusters(t.Context(), &eks.ListClustersInput{})
	wantCode(t, err, "InvalidSignatureException")
}
